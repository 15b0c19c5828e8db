package otel

import (
	"cmp"
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/heist-go/heist/histogram"
	"github.com/heist-go/heist/pool"
)

// NewProducer returns the histograms of p: how long polls take, and how long tasks, frames, jobs and blocking functions wait.
// A pool has them counted already, and instruments that are read when they are collected have no histogram; so they come as
// an external source of a reader:
//
//	reader := metric.NewPeriodicReader(exporter, metric.WithProducer(otel.NewProducer(p, otel.Options{})))
//
// They count what has come since the call. o.Jobs does not matter: limiters with the same name are one. Any
// goroutine may call it, and the producer's method.
func NewProducer(p *pool.Pool, o Options) sdk.Producer {
	x := &producer{pool: p, name: attribute.String("heist.pool.name", name(cmp.Or(o.Pool, "default")))}
	m := x.metrics()
	x.start, x.before = m.At, make([]series, len(durations))
	for i := range durations {
		x.before[i] = durations[i].read(m)
	}
	return x
}

type producer struct {
	pool   *pool.Pool
	name   attribute.KeyValue
	start  time.Time
	before []series // at the start
}

// series are the histograms of an instrument: one, or one for each name of a limiter.
type series map[string]*histogram.Histogram

// duration is an instrument with histograms.
type duration struct {
	name, help string
	limiters   bool // one for each limiter
	of         func(m *pool.Metrics, add func(limiter string, h *histogram.Histogram))
}

// whole is of a histogram of the pool.
func whole(h func(m *pool.Metrics) *histogram.Histogram) func(*pool.Metrics, func(string, *histogram.Histogram)) {
	return func(m *pool.Metrics, add func(string, *histogram.Histogram)) { add("", h(m)) }
}

// each is of a histogram of each limiter.
func each(all func(m *pool.Metrics) []pool.CallMetrics, h func(*pool.CallMetrics) *histogram.Histogram) func(*pool.Metrics, func(string, *histogram.Histogram)) {
	return func(m *pool.Metrics, add func(string, *histogram.Histogram)) {
		list := all(m)
		for i := range list {
			add(list[i].Limiter, h(&list[i]))
		}
	}
}

func jobs(m *pool.Metrics) []pool.CallMetrics                { return m.Jobs }
func calls(m *pool.Metrics) []pool.CallMetrics               { return m.Blocking }
func waitOf(c *pool.CallMetrics) *histogram.Histogram        { return &c.Wait }
func runOf(c *pool.CallMetrics) *histogram.Histogram         { return &c.Run }
func pollsOf(m *pool.Metrics) *histogram.Histogram           { return &m.Poll }
func runnableOf(m *pool.Metrics) *histogram.Histogram        { return &m.Runnable }
func inboxOf(m *pool.Metrics) *histogram.Histogram           { return &m.Inbox }
func latenessOf(m *pool.Metrics) (late *histogram.Histogram) { return &m.Late }

var durations = []duration{
	{"heist.poll.duration", "How long polls take. Estimated from samples.", false, whole(pollsOf)},
	{"heist.task.runnable.duration", "How long tasks are runnable until their poll. Of samples.", false, whole(runnableOf)},
	{"heist.inbox.duration", "How long tasks that other threads have started or woken wait in an inbox. Of samples.", false, whole(inboxOf)},
	{"heist.timer.lateness.duration", "How long after their deadlines timers are fired.", false, whole(latenessOf)},
	{"heist.job.wait.duration", "How long jobs wait for their turn.", true, each(jobs, waitOf)},
	{"heist.job.run.duration", "How long jobs compute.", true, each(jobs, runOf)},
	{"heist.call.wait.duration", "How long blocking functions wait for their turn.", true, each(calls, waitOf)},
	{"heist.call.run.duration", "How long blocking functions run.", true, each(calls, runOf)},
}

// metrics returns the metrics of the pool, with limiters as they are shown.
func (x *producer) metrics() *pool.Metrics {
	m := x.pool.Metrics()
	m.MergeLimiters(name)
	return m
}

// read reads the histograms of an instrument.
func (d *duration) read(m *pool.Metrics) series {
	s := series{}
	d.of(m, func(limiter string, h *histogram.Histogram) { s[limiter] = h })
	return s
}

// Produce implements [sdk.Producer].
func (x *producer) Produce(ctx context.Context) ([]metricdata.ScopeMetrics, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m := x.metrics()
	scope := metricdata.ScopeMetrics{Scope: instrumentation.Scope{Name: Scope}}
	for i := range durations {
		d := &durations[i]
		var points []metricdata.HistogramDataPoint[float64]
		for limiter, h := range d.read(m) {
			if before := x.before[i][limiter]; before != nil {
				h.Sub(before)
			}
			at := attribute.NewSet(x.name)
			if d.limiters {
				at = attribute.NewSet(x.name, attribute.String("heist.limiter.name", limiter))
			}
			p := metricdata.HistogramDataPoint[float64]{Attributes: at, StartTime: x.start, Time: m.At, Sum: h.Sum.Seconds()}
			p.Count, p.Bounds, p.BucketCounts = buckets(h)
			points = append(points, p)
		}
		if len(points) == 0 {
			continue
		}
		slices.SortFunc(points, func(a, b metricdata.HistogramDataPoint[float64]) int {
			return cmp.Compare(a.Attributes.Encoded(attribute.DefaultEncoder()), b.Attributes.Encoded(attribute.DefaultEncoder()))
		})
		scope.Metrics = append(scope.Metrics, metricdata.Metrics{Name: d.name, Description: d.help, Unit: "s",
			Data: metricdata.Histogram[float64]{DataPoints: points, Temporality: metricdata.CumulativeTemporality}})
	}
	return []metricdata.ScopeMetrics{scope}, nil
}

// buckets returns a histogram as OpenTelemetry has it. What is as long as a bound is in the bucket above it, where
// OpenTelemetry has it below: a histogram's buckets begin with their lower bound.
func buckets(h *histogram.Histogram) (count uint64, bounds []float64, counts []uint64) {
	count, durations, counts := h.Coarse()
	for _, bound := range durations {
		bounds = append(bounds, bound.Seconds())
	}
	return count, bounds, counts
}
