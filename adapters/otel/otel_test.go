package otel_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric/noop"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/heist-go/heist/adapters/otel"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

var background = context.Background()

// values are the points of a metric, by their attributes.
func values(t *testing.T, m metricdata.Metrics) map[string]float64 {
	t.Helper()
	points := map[string]float64{}
	switch d := m.Data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range d.DataPoints {
			points[p.Attributes.Encoded(attribute.DefaultEncoder())] = float64(p.Value)
		}
	case metricdata.Sum[float64]:
		for _, p := range d.DataPoints {
			points[p.Attributes.Encoded(attribute.DefaultEncoder())] = p.Value
		}
	default:
		require.FailNow(t, "a kind of data", "%T", d)
	}
	return points
}

func TestRegister(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 1})
	require.NoError(t, err)
	defer p.Close()
	var g task.Group
	var event lock.Event
	for range 5 {
		g.Go(p, task.Func(event.Wait))
	}
	limiter := &pool.Limiter{Name: "hashes" + strings.Repeat("\xff", 1<<10)}
	work := func(l *pool.Limiter) {
		var job pool.Job[int]
		job.Limiter = l
		require.NoError(t, p.Run(background, task.Func(func(cx *task.Cx) error {
			_, err := job.Do(cx, func(pool.Scope) int { return 1 })
			return err
		})))
	}
	work(limiter)
	work(nil)
	work(nil)

	reader := sdk.NewManualReader()
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))
	r, err := otel.Register(provider, p, otel.Options{Jobs: []*pool.Limiter{limiter}})
	require.NoError(t, err)
	collect := func() map[string]metricdata.Metrics {
		var all metricdata.ResourceMetrics
		require.NoError(t, reader.Collect(background, &all))
		metrics := map[string]metricdata.Metrics{}
		for _, s := range all.ScopeMetrics {
			require.Equal(t, otel.Scope, s.Scope.Name)
			for _, m := range s.Metrics {
				metrics[m.Name] = m
			}
		}
		return metrics
	}
	seen := collect()
	require.Equal(t, map[string]float64{"heist.pool.name=default": 5}, values(t, seen["heist.task.count"]))
	require.Equal(t, map[string]float64{"heist.pool.name=default": 1}, values(t, seen["heist.worker.limit"]))
	jobs := values(t, seen["heist.job.started"])
	require.EqualValues(t, 2, jobs["heist.limiter.name=,heist.pool.name=default"])
	require.EqualValues(t, 1, jobs["heist.limiter.name="+"hashes?"+",heist.pool.name=default"])
	require.Contains(t, values(t, seen["heist.worker.polls"]), "heist.pool.name=default,heist.worker.id=0")
	conventional := regexp.MustCompile(`^heist(\.[a-z]+)+$`)
	unit := regexp.MustCompile(`^(s|\{[a-z]+\})$`)
	for name, m := range seen {
		require.Regexp(t, conventional, name)
		require.Regexp(t, unit, m.Unit, name)
		require.NotEmpty(t, m.Description)
		if d, ok := m.Data.(metricdata.Sum[int64]); ok {
			require.Equal(t, !strings.HasSuffix(name, ".count") && !strings.HasSuffix(name, ".limit") && !strings.HasSuffix(name, ".length"), d.IsMonotonic, name)
		}
	}
	require.GreaterOrEqual(t, len(seen), 32)

	require.NoError(t, r.Unregister())
	require.Empty(t, collect())
	g.Cancel(errors.New("the test is over"))
	require.Error(t, g.WaitContext(background))
}

func TestNames(t *testing.T) {
	for _, jobs := range [][]*pool.Limiter{{{}}, {{Name: "a"}, {Name: "a"}}} {
		_, err := otel.Register(noop.NewMeterProvider(), nil, otel.Options{Jobs: jobs})
		require.ErrorIs(t, err, otel.ErrNames)
	}
}

type poller struct{ task.Frame }

func (*poller) Poll(*task.Cx) error { return nil }

type other struct{ task.Frame }

func (*other) Poll(*task.Cx) error { return nil }

func TestKinds(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 1, Samples: 1})
	require.NoError(t, err)
	defer p.Close()
	reader := sdk.NewManualReader()
	r, err := otel.Register(sdk.NewMeterProvider(sdk.WithReader(reader)), p, otel.Options{Kinds: 1})
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Unregister()) }()
	polls := func() map[string]float64 {
		var all metricdata.ResourceMetrics
		require.NoError(t, reader.Collect(background, &all))
		for _, m := range all.ScopeMetrics[0].Metrics {
			if m.Name == "heist.task.polls" {
				return values(t, m)
			}
		}
		return nil
	}
	begin := time.Now()
	run := func(make func() task.Task, kind string) {
		for polls()["heist.pool.name=default,heist.task.kind="+kind+",heist.task.source="] == 0 {
			require.Less(t, time.Since(begin), time.Minute)
			require.NoError(t, p.Run(background, make()))
		}
	}
	run(func() task.Task { return new(poller) }, "otel_test.poller")
	run(func() task.Task { return new(other) }, "other")
	require.Len(t, polls(), 2)
}
