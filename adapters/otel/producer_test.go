package otel_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/heist-go/heist/adapters/otel"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// The SDK's reader has the histograms of what has come since the producer was made, beside the instruments.
func TestProducer(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 1, Samples: 1})
	require.NoError(t, err)
	defer p.Close()
	call := func(l *task.Limiter, n int) {
		b := task.Blocking[int]{Limiter: l}
		for range n {
			require.NoError(t, p.Run(background, task.Func(func(cx *task.Cx) error {
				_, err := b.Do(cx, func(context.Context) (int, error) { return 1, nil })
				return err
			})))
		}
	}
	disk, twin, old := &task.Limiter{Name: "disk"}, &task.Limiter{Name: "disk"}, &task.Limiter{Name: "old"}
	call(old, 7)
	reader := sdk.NewManualReader(sdk.WithProducer(otel.NewProducer(p, otel.Options{Pool: "main"})))
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))
	r, err := otel.Register(provider, p, otel.Options{Pool: "main"})
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Unregister()) }()
	call(disk, 2)
	call(twin, 1)
	call(old, 1)
	var timer task.Timer
	require.NoError(t, p.Run(background, task.Func(func(cx *task.Cx) error { return timer.Sleep(cx, 0) })))

	collect := func() map[string]metricdata.Histogram[float64] {
		var all metricdata.ResourceMetrics
		require.NoError(t, reader.Collect(background, &all))
		found := map[string]metricdata.Histogram[float64]{}
		others := 0
		for _, s := range all.ScopeMetrics {
			require.Equal(t, otel.Scope, s.Scope.Name)
			for _, m := range s.Metrics {
				h, ok := m.Data.(metricdata.Histogram[float64])
				if !ok {
					others++
					continue
				}
				require.Equal(t, "s", m.Unit)
				require.NotEmpty(t, m.Description)
				require.Regexp(t, `^heist(\.[a-z]+)+\.duration$`, m.Name)
				require.Equal(t, metricdata.CumulativeTemporality, h.Temporality)
				for _, point := range h.DataPoints {
					require.Len(t, point.BucketCounts, len(point.Bounds)+1)
					sum := uint64(0)
					for _, n := range point.BucketCounts {
						sum += n
					}
					require.Equal(t, point.Count, sum)
					require.IsIncreasing(t, point.Bounds)
					require.False(t, point.Time.Before(point.StartTime))
					name, _ := point.Attributes.Value("heist.pool.name")
					require.Equal(t, "main", name.AsString())
				}
				found[m.Name] = h
			}
		}
		require.Positive(t, others, "the instruments are there, too")
		return found
	}
	counts := func(h metricdata.Histogram[float64]) map[string]uint64 {
		m := map[string]uint64{}
		for _, point := range h.DataPoints {
			limiter, _ := point.Attributes.Value(attribute.Key("heist.limiter.name"))
			m[limiter.AsString()] = point.Count
		}
		return m
	}
	seen := collect()
	require.Len(t, seen, 6, "there were no jobs")
	require.Equal(t, map[string]uint64{"disk": 3, "old": 1}, counts(seen["heist.call.run.duration"]))
	require.Equal(t, map[string]uint64{"disk": 3, "old": 1}, counts(seen["heist.call.wait.duration"]))
	require.Positive(t, seen["heist.poll.duration"].DataPoints[0].Count)
	require.Positive(t, seen["heist.poll.duration"].DataPoints[0].Sum)

	// What takes 5 ms is above the bound of 4.2 ms.
	slow := task.Blocking[int]{Limiter: disk}
	require.NoError(t, p.Run(background, task.Func(func(cx *task.Cx) error {
		_, err := slow.Do(cx, func(context.Context) (int, error) {
			for begin := time.Now(); time.Since(begin) < 5*time.Millisecond; {
			}
			return 1, nil
		})
		return err
	})))
	for _, point := range collect()["heist.call.run.duration"].DataPoints {
		if limiter, _ := point.Attributes.Value("heist.limiter.name"); limiter.AsString() == "disk" {
			above := uint64(0)
			for i, n := range point.BucketCounts {
				if i > 0 && point.Bounds[i-1] >= 0.004 {
					above += n
				}
			}
			require.Positive(t, above)
			require.GreaterOrEqual(t, point.Sum, 0.005)
		}
	}
	ctx, cancel := context.WithCancel(background)
	cancel()
	require.ErrorIs(t, reader.Collect(ctx, new(metricdata.ResourceMetrics)), context.Canceled)
}
