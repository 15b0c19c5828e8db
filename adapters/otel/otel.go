// Package otel shows a pool by OpenTelemetry's metrics.
//
//	r, err := otel.Register(meterProvider, p, otel.Options{})
//	...
//	defer r.Unregister()
//
// The instruments are asynchronous: they cost nothing but when they are collected. They are named by OpenTelemetry's
// conventions, with units of UCUM: heist.task.count in {task}, heist.job.wait.time in s. Histograms come by [NewProducer].
package otel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/heist-go/heist/pool"
)

// Scope is the name of the instrumentation.
const Scope = "github.com/heist-go/heist/adapters/otel"

// Options say what is observed. The zero value has the figures of the pool and of its workers.
type Options struct {
	// Pool is the attribute heist.pool.name. Default: "default".
	Pool string
	// Jobs are the limiters of jobs that are shown one by one, by their names, which differ.
	Jobs []*pool.Limiter
	// Kinds is how many kinds of tasks have attributes of their own: see [pool.KindFilter], whose default is the default.
	Kinds int
}

// ErrNames is what [Register] returns if limiters have no names, or have the same.
var ErrNames = errors.New("otel: limiters have to have names that differ")

// instrument is a figure of a pool.
type instrument struct {
	name, unit, help string
	counts           bool // it only grows
	of               func(s *pool.Stats) int64
}

var instruments = []instrument{
	{"heist.worker.limit", "{worker}", "Workers that are configured.", false, func(s *pool.Stats) int64 { return int64(s.Workers) }},
	{"heist.worker.spare.count", "{worker}", "Workers that take part because others compute, or are in long polls.", false, func(s *pool.Stats) int64 { return int64(s.Spares) }},
	{"heist.worker.idle.count", "{worker}", "Workers that are parked, or not started.", false, func(s *pool.Stats) int64 { return int64(s.Idle) }},
	{"heist.worker.searching.count", "{worker}", "Workers that look for work.", false, func(s *pool.Stats) int64 { return int64(s.Searching) }},
	{"heist.thread.count", "{thread}", "Threads of workers that have started, and the monitor.", false, func(s *pool.Stats) int64 { return int64(s.Threads) }},
	{"heist.thread.computing.count", "{thread}", "Threads in computations.", false, func(s *pool.Stats) int64 { return int64(s.Computing) }},
	{"heist.task.count", "{task}", "Tasks that were started, and have not ended.", false, func(s *pool.Stats) int64 { return s.Live }},
	{"heist.task.spawned", "{task}", "Tasks started.", true, func(s *pool.Stats) int64 { return int64(s.Spawned) }},
	{"heist.task.finished", "{task}", "Tasks finished.", true, func(s *pool.Stats) int64 { return int64(s.Finished) }},
	{"heist.task.panics", "{panic}", "Panics and Goexits in tasks, and in goroutines of groups.", true, func(s *pool.Stats) int64 { return int64(s.Panics) }},
	{"heist.frame.injected", "{frame}", "Frames that came through an inbox: started or woken from other threads.", true, func(s *pool.Stats) int64 { return int64(s.Injected) }},
	{"heist.frame.stolen", "{frame}", "Frames taken by steals.", true, func(s *pool.Stats) int64 { return int64(s.Stolen) }},
	{"heist.frame.rescued", "{frame}", "Frames moved away from a worker in a long poll.", true, func(s *pool.Stats) int64 { return int64(s.Rescued) }},
	{"heist.poll.stalls", "{poll}", "Polls that took longer than Config.StallLimit.", true, func(s *pool.Stats) int64 { return int64(s.Stalls) }},
	{"heist.thread.shortages", "{shortage}", "Times that something waited, and Config.MaxThreads were in long polls.", true, func(s *pool.Stats) int64 { return int64(s.Short) }},
	{"heist.timer.count", "{timer}", "Timers that are armed.", false, func(s *pool.Stats) int64 { return int64(s.Timers) }},
	{"heist.timer.fired", "{timer}", "Timers that have fired.", true, func(s *pool.Stats) int64 { return int64(s.Fired) }},
	{"heist.descriptor.events", "{event}", "Reports of the kernel that descriptors are ready.", true, func(s *pool.Stats) int64 { return int64(s.Events) }},
	{"heist.backlog.count", "{task}", "Tasks from outside that wait for their first poll, if Config.Backlog bounds them.", false, func(s *pool.Stats) int64 { return int64(s.Backlog.Waiting) }},
	{"heist.backlog.refused", "{task}", "Tasks that the backlog has refused.", true, func(s *pool.Stats) int64 { return int64(s.Backlog.Refused) }},
}

// workerInstrument is a figure of a worker.
type workerInstrument struct {
	name, unit, help string
	counts           bool
	of               func(a *pool.Activity) int64
}

var workerInstruments = []workerInstrument{
	{"heist.worker.polls", "{poll}", "Calls of Poll.", true, func(a *pool.Activity) int64 { return int64(a.Polls) }},
	{"heist.worker.parks", "{park}", "Times the worker went to sleep.", true, func(a *pool.Activity) int64 { return int64(a.Parks) }},
	{"heist.worker.steals", "{steal}", "Successful steals.", true, func(a *pool.Activity) int64 { return int64(a.Thefts) }},
	{"heist.worker.queue.length", "{frame}", "Frames in the worker's queue.", false, func(a *pool.Activity) int64 { return int64(a.Queued) }},
}

// kindInstrument is a figure of a kind of tasks. Processor time is one more.
type kindInstrument struct {
	name, unit, help string
	of               func(k *pool.KindMetrics) uint64
}

var kindInstruments = []kindInstrument{
	{"heist.task.polls", "{poll}", "Calls of Poll, estimated from samples.", func(k *pool.KindMetrics) uint64 { return k.Polls }},
	{"heist.task.futile", "{poll}", "Polls that found nothing of what their task waits for, estimated.", func(k *pool.KindMetrics) uint64 { return k.Futile }},
	{"heist.task.requeued", "{poll}", "Polls that left their task runnable, estimated.", func(k *pool.KindMetrics) uint64 { return k.Requeued }},
}

// Register registers the instruments of p with a meter of the provider. They are observed until Unregister is called
// on what it returns. It returns an error that is [ErrNames] if the names of limiters are not right, or the meter's.
func Register(provider metric.MeterProvider, p *pool.Pool, o Options) (metric.Registration, error) {
	seen := map[string]bool{}
	for _, l := range o.Jobs {
		if l.Name == "" || seen[name(l.Name)] {
			return nil, fmt.Errorf("%w: %q is not one", ErrNames, l.Name)
		}
		seen[name(l.Name)] = true
	}
	m := maker{meter: provider.Meter(Scope)}
	stats := make([]metric.Int64Observable, len(instruments))
	for i, x := range instruments {
		stats[i] = m.make(x.name, x.unit, x.help, x.counts)
	}
	workers := make([]metric.Int64Observable, len(workerInstruments))
	for i, x := range workerInstruments {
		workers[i] = m.make(x.name, x.unit, x.help, x.counts)
	}
	kinds := make([]metric.Int64Observable, len(kindInstruments))
	for i, x := range kindInstruments {
		kinds[i] = m.make(x.name, x.unit, x.help, true)
	}
	cpu := m.seconds("heist.task.cpu.time", "Processor time of workers in the polls of tasks.")
	running := m.make("heist.job.running.count", "{job}", "Jobs that compute.", false)
	waiting := m.make("heist.job.waiting.count", "{job}", "Jobs that wait for their turn.", false)
	started := m.make("heist.job.started", "{job}", "Jobs that have begun.", true)
	refused := m.make("heist.job.refused", "{job}", "Jobs that were refused, because too many waited.", true)
	waited := m.seconds("heist.job.wait.time", "Time from the call to the beginning of jobs, of all together.")
	if m.err != nil {
		return nil, fmt.Errorf("otel: register: %w", m.err)
	}

	base := attribute.String("heist.pool.name", name(cmp.Or(o.Pool, "default")))
	whole := metric.WithAttributeSet(attribute.NewSet(base))
	told := &pool.KindFilter{Most: o.Kinds}
	r, err := m.meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		figures := p.Metrics()
		s := figures.Stats
		for i, x := range instruments {
			to.ObserveInt64(stats[i], x.of(&s), whole)
		}
		told.Merge(figures, name)
		for i := range figures.Kinds {
			k := &figures.Kinds[i]
			at := metric.WithAttributes(base, attribute.String("heist.task.kind", k.Kind), attribute.String("heist.task.source", k.Source))
			for of, x := range kindInstruments {
				to.ObserveInt64(kinds[of], int64(x.of(k)), at)
			}
			to.ObserveFloat64(cpu, k.CPU.Seconds(), at)
		}
		for _, a := range p.Activity(nil) {
			at := metric.WithAttributes(base, attribute.Int("heist.worker.id", a.Worker))
			for i, x := range workerInstruments {
				to.ObserveInt64(workers[i], x.of(&a), at)
			}
		}
		job := func(s *pool.JobStats, at metric.ObserveOption) {
			to.ObserveInt64(running, int64(s.Running), at)
			to.ObserveInt64(waiting, int64(s.Waiting), at)
			to.ObserveInt64(started, int64(s.Started), at)
			to.ObserveInt64(refused, int64(s.Refused), at)
			to.ObserveFloat64(waited, s.Waited.Seconds(), at)
		}
		rest := s.Jobs // those of other limiters; sums over the attribute are those of the pool
		for _, l := range o.Jobs {
			s := p.JobStats(l)
			rest = without(rest, s)
			job(&s, metric.WithAttributes(base, attribute.String("heist.limiter.name", name(l.Name))))
		}
		job(&rest, metric.WithAttributes(base, attribute.String("heist.limiter.name", "")))
		return nil
	}, m.all...)
	if err != nil {
		return nil, fmt.Errorf("otel: register: %w", err)
	}
	return r, nil
}

// without returns what is left of the figures of several limiters. They were read at different moments.
func without(s, of pool.JobStats) pool.JobStats {
	sub := func(a, b uint64) uint64 { return a - min(a, b) }
	s.Running, s.Waiting = max(s.Running-of.Running, 0), max(s.Waiting-of.Waiting, 0)
	s.Started, s.Refused = sub(s.Started, of.Started), sub(s.Refused, of.Refused)
	s.Waited = max(s.Waited-of.Waited, 0)
	return s
}

// name is a name as an attribute: of valid text, and not without end.
func name(s string) string {
	const most = 200
	s = strings.ToValidUTF8(s, "?")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}

// maker makes instruments, and keeps the first error.
type maker struct {
	meter metric.Meter
	all   []metric.Observable
	err   error
}

func (m *maker) make(name, unit, help string, counts bool) (x metric.Int64Observable) {
	var err error
	if counts {
		x, err = m.meter.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(help))
	} else {
		x, err = m.meter.Int64ObservableUpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(help))
	}
	m.err = errors.Join(m.err, err)
	m.all = append(m.all, x)
	return x
}

func (m *maker) seconds(name, help string) metric.Float64Observable {
	x, err := m.meter.Float64ObservableCounter(name, metric.WithUnit("s"), metric.WithDescription(help))
	m.err = errors.Join(m.err, err)
	m.all = append(m.all, x)
	return x
}
