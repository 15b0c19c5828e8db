// Package prometheus shows pools to Prometheus.
//
//	c, err := prometheus.NewCollector(p, prometheus.Options{})
//	...
//	registry.MustRegister(c)
//
// The metrics are named by Prometheus's conventions: base units, and _total at the end of what only grows. dashboard.json
// beside this file is a dashboard for Grafana.
package prometheus

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/heist-go/heist/histogram"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// Options say what is collected. The zero value has the figures of the pool, and of its workers.
type Options struct {
	// Pool is the value of the label "pool". Two collectors of one registry need two. Default: "default".
	Pool string
	// Tasks adds heist_tasks_suspended by the kind of the tasks and what they wait for, heist_deadlocks and heist_quiescent,
	// by a dump at each collection: some hundred nanoseconds for each task, but a twentieth of the time at most; in
	// between, the last one stands.
	Tasks bool
	// Kinds is how many kinds of tasks have metrics of their own: see [pool.KindFilter], whose default is the default.
	Kinds int
	// Shapes is how many pairs of a kind and a wait are told apart with Tasks; the rest are called "other". Default: 50.
	Shapes int
	// Jobs are the limiters of jobs that are shown one by one, and Calls those of blocking functions, both by their names,
	// which differ.
	Jobs  []*pool.Limiter
	Calls []*task.Limiter
}

const (
	defaultShapes = 50
	// dumpShare is by how much longer than a dump it is, at least, until the next one.
	dumpShare = 20
	// maxLabel is how many bytes of a name are shown.
	maxLabel = 200
	other    = "other"
)

// ErrNames is what [NewCollector] returns if limiters have no names, or have the same.
var ErrNames = errors.New("prometheus: limiters have to have names that differ")

// Collector implements prometheus.Collector.
type Collector struct {
	pool    *pool.Pool
	options Options
	stats   []figure
	workers []workerFigure
	jobs    []limiterFigure[pool.JobStats]
	calls   []limiterFigure[callStats]
	times   []times
	cpu     *prometheus.Desc // of workers
	kinds   [4]*prometheus.Desc
	waits   *prometheus.Desc
	dead    *prometheus.Desc
	quiet   *prometheus.Desc

	told pool.KindFilter
	mu   sync.Mutex // guards what follows
	dump *pool.Dump
	next time.Time // no dump before
}

// figure is a metric of pool.Stats.
type figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(s *pool.Stats) float64
}

type workerFigure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(a *pool.Activity) float64
}

type limiterFigure[T any] struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(s *T) float64
}

// times is a histogram of a pool, or one for each limiter.
type times struct {
	desc *prometheus.Desc
	of   func(m *pool.Metrics, add func(h *histogram.Histogram, limiter ...string))
}

// callStats are the figures of a limiter of blocking functions.
type callStats struct {
	now   task.LimiterStats
	total task.LimiterHistory
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// NewCollector returns a collector of p. It returns an error that is [ErrNames] if the names of limiters are not right.
func NewCollector(p *pool.Pool, o Options) (*Collector, error) {
	o.Pool = cmp.Or(o.Pool, "default")
	if o.Shapes <= 0 {
		o.Shapes = defaultShapes
	}
	if err := namesDiffer(o); err != nil {
		return nil, err
	}
	c := &Collector{pool: p, options: o, told: pool.KindFilter{Most: o.Kinds}}
	labels := prometheus.Labels{"pool": label(o.Pool)}
	desc := func(name, help string, variable ...string) *prometheus.Desc {
		return prometheus.NewDesc("heist_"+name, help, variable, labels)
	}
	stat := func(kind prometheus.ValueType, name, help string, of func(s *pool.Stats) float64) {
		c.stats = append(c.stats, figure{desc(name, help), kind, of})
	}
	stat(gauge, "workers", "Workers that are configured.", func(s *pool.Stats) float64 { return float64(s.Workers) })
	stat(gauge, "workers_spare", "Workers that take part because others compute, or are in long polls.", func(s *pool.Stats) float64 { return float64(s.Spares) })
	stat(gauge, "workers_idle", "Workers that are parked, or not started.", func(s *pool.Stats) float64 { return float64(s.Idle) })
	stat(gauge, "workers_searching", "Workers that look for work.", func(s *pool.Stats) float64 { return float64(s.Searching) })
	stat(gauge, "threads", "Threads of workers that have started, and the monitor.", func(s *pool.Stats) float64 { return float64(s.Threads) })
	stat(gauge, "threads_computing", "Threads in computations.", func(s *pool.Stats) float64 { return float64(s.Computing) })
	stat(gauge, "tasks", "Tasks that were started, and have not ended.", func(s *pool.Stats) float64 { return float64(s.Live) })
	stat(counter, "tasks_spawned_total", "Tasks started.", func(s *pool.Stats) float64 { return float64(s.Spawned) })
	stat(counter, "tasks_finished_total", "Tasks finished.", func(s *pool.Stats) float64 { return float64(s.Finished) })
	stat(counter, "polls_total", "Calls of Poll.", func(s *pool.Stats) float64 { return float64(s.Polls) })
	stat(counter, "frames_injected_total", "Frames that came through an inbox: started or woken from other threads.", func(s *pool.Stats) float64 { return float64(s.Injected) })
	stat(counter, "steals_total", "Successful steals.", func(s *pool.Stats) float64 { return float64(s.Thefts) })
	stat(counter, "steals_lost_total", "Steals that were lost to another thread.", func(s *pool.Stats) float64 { return float64(s.Lost) })
	stat(counter, "frames_stolen_total", "Frames taken by steals.", func(s *pool.Stats) float64 { return float64(s.Stolen) })
	stat(counter, "frames_rescued_total", "Frames moved away from a worker in a long poll.", func(s *pool.Stats) float64 { return float64(s.Rescued) })
	stat(counter, "parts_total", "Parts of computations that a worker has taken over.", func(s *pool.Stats) float64 { return float64(s.Parts) })
	stat(counter, "parks_total", "Times a worker went to sleep.", func(s *pool.Stats) float64 { return float64(s.Parks) })
	stat(gauge, "timers", "Timers that are armed.", func(s *pool.Stats) float64 { return float64(s.Timers) })
	stat(counter, "timers_fired_total", "Timers that have fired.", func(s *pool.Stats) float64 { return float64(s.Fired) })
	stat(counter, "events_total", "Reports of the kernel that descriptors are ready.", func(s *pool.Stats) float64 { return float64(s.Events) })
	stat(counter, "stalls_total", "Polls that took longer than Config.StallLimit.", func(s *pool.Stats) float64 { return float64(s.Stalls) })
	stat(counter, "threads_short_total", "Times that something waited, and Config.MaxThreads were in long polls.", func(s *pool.Stats) float64 { return float64(s.Short) })
	stat(counter, "panics_total", "Panics and Goexits in tasks, and in goroutines of groups.", func(s *pool.Stats) float64 { return float64(s.Panics) })
	stat(gauge, "jobs_running", "Jobs that compute.", func(s *pool.Stats) float64 { return float64(s.Jobs.Running) })
	stat(gauge, "jobs_waiting", "Jobs that wait for their turn.", func(s *pool.Stats) float64 { return float64(s.Jobs.Waiting) })
	stat(counter, "jobs_started_total", "Jobs that have begun.", func(s *pool.Stats) float64 { return float64(s.Jobs.Started) })
	stat(counter, "jobs_withdrawn_total", "Jobs that were canceled before they have begun.", func(s *pool.Stats) float64 { return float64(s.Jobs.Withdrawn) })
	stat(counter, "jobs_refused_total", "Jobs that were refused, because too many waited.", func(s *pool.Stats) float64 { return float64(s.Jobs.Refused) })
	stat(gauge, "backlog_waiting", "Tasks from outside that wait for their first poll, if Config.Backlog bounds them.", func(s *pool.Stats) float64 { return float64(s.Backlog.Waiting) })
	stat(gauge, "backlog_blocked", "Goroutines that wait for room in the backlog.", func(s *pool.Stats) float64 { return float64(s.Backlog.Blocked) })
	stat(counter, "backlog_refused_total", "Tasks that the backlog has refused.", func(s *pool.Stats) float64 { return float64(s.Backlog.Refused) })

	worker := func(kind prometheus.ValueType, name, help string, of func(a *pool.Activity) float64) {
		c.workers = append(c.workers, workerFigure{desc(name, help, "worker"), kind, of})
	}
	worker(counter, "worker_polls_total", "Calls of Poll by a worker.", func(a *pool.Activity) float64 { return float64(a.Polls) })
	worker(counter, "worker_parks_total", "Times the worker went to sleep.", func(a *pool.Activity) float64 { return float64(a.Parks) })
	worker(counter, "worker_steals_total", "Successful steals by the worker.", func(a *pool.Activity) float64 { return float64(a.Thefts) })
	worker(gauge, "worker_queued", "Frames in the worker's queue.", func(a *pool.Activity) float64 { return float64(a.Queued) })
	worker(gauge, "worker_stuck", "Whether the worker has been in one poll for longer than Config.StallLimit.", func(a *pool.Activity) float64 { return number(a.State == pool.Stuck) })

	job := func(kind prometheus.ValueType, name, help string, of func(s *pool.JobStats) float64) {
		c.jobs = append(c.jobs, limiterFigure[pool.JobStats]{desc(name, help, "limiter"), kind, of})
	}
	job(gauge, "limiter_jobs_running", "Jobs of the limiter that compute.", func(s *pool.JobStats) float64 { return float64(s.Running) })
	job(gauge, "limiter_jobs_waiting", "Jobs of the limiter that wait.", func(s *pool.JobStats) float64 { return float64(s.Waiting) })
	job(counter, "limiter_jobs_started_total", "Jobs of the limiter that have begun.", func(s *pool.JobStats) float64 { return float64(s.Started) })
	job(counter, "limiter_jobs_refused_total", "Jobs of the limiter that were refused.", func(s *pool.JobStats) float64 { return float64(s.Refused) })

	call := func(kind prometheus.ValueType, name, help string, of func(s *callStats) float64) {
		c.calls = append(c.calls, limiterFigure[callStats]{desc(name, help, "limiter"), kind, of})
	}
	call(gauge, "limiter_calls_running", "Blocking functions of the limiter that run.", func(s *callStats) float64 { return float64(s.now.Running) })
	call(gauge, "limiter_calls_waiting", "Blocking functions of the limiter that wait.", func(s *callStats) float64 { return float64(s.now.Waiting) })
	call(counter, "limiter_calls_started_total", "Blocking functions of the limiter that have begun.", func(s *callStats) float64 { return float64(s.total.Started) })
	call(counter, "limiter_calls_refused_total", "Blocking functions that the limiter has refused.", func(s *callStats) float64 { return float64(s.total.Refused) })

	whole := func(name, help string, of func(m *pool.Metrics) *histogram.Histogram) {
		c.times = append(c.times, times{desc(name, help), func(m *pool.Metrics, add func(*histogram.Histogram, ...string)) { add(of(m)) }})
	}
	whole("poll_seconds", "How long polls take. Estimated from samples.", func(m *pool.Metrics) *histogram.Histogram { return &m.Poll })
	whole("runnable_seconds", "How long tasks are runnable until their poll. Of samples.", func(m *pool.Metrics) *histogram.Histogram { return &m.Runnable })
	whole("inbox_seconds", "How long tasks that other threads have started or woken wait in an inbox. Of samples.", func(m *pool.Metrics) *histogram.Histogram { return &m.Inbox })
	whole("timer_lateness_seconds", "How long after their deadlines timers are fired.", func(m *pool.Metrics) *histogram.Histogram { return &m.Late })
	each := func(name, help string, all func(m *pool.Metrics) []pool.CallMetrics, of func(m *pool.CallMetrics) *histogram.Histogram) {
		c.times = append(c.times, times{desc(name, help, "limiter"), func(m *pool.Metrics, add func(*histogram.Histogram, ...string)) {
			list := all(m)
			for i := range list {
				add(of(&list[i]), list[i].Limiter)
			}
		}})
	}
	jobs := func(m *pool.Metrics) []pool.CallMetrics { return m.Jobs }
	calls := func(m *pool.Metrics) []pool.CallMetrics { return m.Blocking }
	wait := func(m *pool.CallMetrics) *histogram.Histogram { return &m.Wait }
	run := func(m *pool.CallMetrics) *histogram.Histogram { return &m.Run }
	each("job_wait_seconds", "How long jobs wait for their turn.", jobs, wait)
	each("job_run_seconds", "How long jobs compute.", jobs, run)
	each("call_wait_seconds", "How long blocking functions wait for their turn.", calls, wait)
	each("call_run_seconds", "How long blocking functions run.", calls, run)

	c.cpu = desc("worker_cpu_seconds_total", "Processor time of the worker's thread. Of samples.", "worker")
	c.kinds = [...]*prometheus.Desc{
		desc("kind_cpu_seconds_total", "Processor time of the polls of a kind of tasks. Of samples.", "kind", "source"),
		desc("kind_polls_total", "Calls of Poll, by kind of tasks. Estimated from samples.", "kind", "source"),
		desc("kind_polls_futile_total", "Polls that have found nothing of what their task waits for. Estimated from samples.", "kind", "source"),
		desc("kind_polls_requeued_total", "Polls that have left their task runnable. Estimated from samples.", "kind", "source"),
	}
	c.waits = desc("tasks_suspended", "Tasks that wait, by their kind and what they wait for.", "kind", "waits_for")
	c.dead = desc("deadlocks", "Circles of tasks each of which waits for the next.")
	c.quiet = desc("quiescent", "Whether all tasks wait, and nothing of the pool can make any go on.")
	return c, nil
}

// namesDiffer returns an error if the names of limiters are not right.
func namesDiffer(o Options) error {
	seen := map[string]bool{}
	for _, l := range o.Jobs {
		if l.Name == "" || seen["job "+label(l.Name)] {
			return fmt.Errorf("%w: %q is not one", ErrNames, l.Name)
		}
		seen["job "+label(l.Name)] = true
	}
	for _, l := range o.Calls {
		if l.Name == "" || seen["call "+label(l.Name)] {
			return fmt.Errorf("%w: %q is not one", ErrNames, l.Name)
		}
		seen["call "+label(l.Name)] = true
	}
	return nil
}

// number is a truth as a number.
func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// label is a name as the value of a label.
func label(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "?")
	}
	if len(s) > maxLabel {
		s = strings.ToValidUTF8(s[:maxLabel], "") + "..."
	}
	return s
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	for i := range c.stats {
		to <- c.stats[i].desc
	}
	for i := range c.workers {
		to <- c.workers[i].desc
	}
	for i := range c.jobs {
		to <- c.jobs[i].desc
	}
	for i := range c.calls {
		to <- c.calls[i].desc
	}
	for i := range c.times {
		to <- c.times[i].desc
	}
	for _, d := range append([]*prometheus.Desc{c.cpu, c.waits, c.dead, c.quiet}, c.kinds[:]...) {
		to <- d
	}
}

// Collect implements prometheus.Collector. Goroutines only.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	m := c.pool.Metrics()
	m.MergeLimiters(label)
	for _, f := range c.stats {
		to <- prometheus.MustNewConstMetric(f.desc, f.kind, f.of(&m.Stats))
	}
	for _, w := range m.Workers {
		to <- prometheus.MustNewConstMetric(c.cpu, counter, w.CPU.Seconds(), strconv.Itoa(w.Worker))
	}
	for _, t := range c.times {
		t.collect(m, to)
	}
	c.told.Merge(m, label)
	for i := range m.Kinds {
		k := &m.Kinds[i]
		for of, v := range []float64{k.CPU.Seconds(), float64(k.Polls), float64(k.Futile), float64(k.Requeued)} {
			to <- prometheus.MustNewConstMetric(c.kinds[of], counter, v, k.Kind, k.Source)
		}
	}
	for _, a := range c.pool.Activity(nil) {
		for _, f := range c.workers {
			to <- prometheus.MustNewConstMetric(f.desc, f.kind, f.of(&a), strconv.Itoa(a.Worker))
		}
	}
	for _, l := range c.options.Jobs {
		s := c.pool.JobStats(l)
		for _, f := range c.jobs {
			to <- prometheus.MustNewConstMetric(f.desc, f.kind, f.of(&s), label(l.Name))
		}
	}
	for _, l := range c.options.Calls {
		s := callStats{l.Stats(), l.History()}
		for _, f := range c.calls {
			to <- prometheus.MustNewConstMetric(f.desc, f.kind, f.of(&s), label(l.Name))
		}
	}
	if c.options.Tasks {
		c.tasks(to)
	}
}

// collect collects the histograms.
func (t *times) collect(m *pool.Metrics, to chan<- prometheus.Metric) {
	t.of(m, func(h *histogram.Histogram, limiter ...string) {
		count, buckets := cumulative(h)
		to <- prometheus.MustNewConstHistogram(t.desc, count, h.Sum.Seconds(), buckets, limiter...)
	})
}

// cumulative returns a histogram as Prometheus has it.
func cumulative(h *histogram.Histogram) (count uint64, buckets map[float64]uint64) {
	count, bounds, counts := h.Coarse()
	buckets = map[float64]uint64{}
	below := uint64(0)
	for i, bound := range bounds {
		below += counts[i]
		buckets[bound.Seconds()] = below
	}
	return count, buckets
}

// looked returns a dump that is not too old.
func (c *Collector) looked() *pool.Dump {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); c.dump == nil || now.After(c.next) {
		c.dump = c.pool.Dump(pool.DumpOptions{Samples: 1})
		end := time.Now()
		c.next = end.Add(dumpShare * end.Sub(now))
	}
	return c.dump
}

// tasks collects what tasks wait for.
func (c *Collector) tasks(to chan<- prometheus.Metric) {
	d := c.looked()
	to <- prometheus.MustNewConstMetric(c.dead, gauge, float64(len(d.Deadlocks)))
	to <- prometheus.MustNewConstMetric(c.quiet, gauge, number(d.Quiescent))
	type pair struct{ kind, waits string }
	counts := map[pair]int{}
	for i := range d.Shapes {
		s := &d.Shapes[i]
		if s.State == "active" {
			continue
		}
		counts[pair{label(s.Kind), label(strings.Join(s.Waits, ", "))}] += s.Count
	}
	if d.Omitted > 0 {
		counts[pair{other, other}] += d.Omitted
	}
	pairs := make([]pair, 0, len(counts))
	for p := range counts {
		pairs = append(pairs, p)
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a.kind, b.kind), cmp.Compare(a.waits, b.waits))
	})
	rest := 0
	for i, p := range pairs {
		if i >= c.options.Shapes || p == (pair{other, other}) {
			rest += counts[p]
			continue
		}
		to <- prometheus.MustNewConstMetric(c.waits, gauge, float64(counts[p]), p.kind, p.waits)
	}
	if rest > 0 {
		to <- prometheus.MustNewConstMetric(c.waits, gauge, float64(rest), other, other)
	}
}
