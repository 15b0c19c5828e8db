package pool

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/heist-go/heist/histogram"
	"github.com/heist-go/heist/task"
)

// Metrics is how long things take in a pool, and what its workers have done, all since its beginning: what came
// between two of them is their difference. The counts of a histogram never shrink.
//
// What is said to be sampled is an estimate: see Config.Samples for how often. The rest is exact.
type Metrics struct {
	At      time.Time
	Stats   Stats
	Workers []WorkerMetrics
	Kinds   []KindMetrics // of tasks, those that have used the most processor time first

	// Poll is how long polls take. Sampled: a poll that was timed stands for all of its worker since the last one,
	// so the count is about that of all polls.
	Poll histogram.Histogram
	// Runnable is how long tasks are runnable, from their start or what wakes them up to their poll. Sampled: the count is that of
	// the samples.
	Runnable histogram.Histogram
	// Inbox is how long tasks that other threads have started or woken wait in a worker's inbox. Sampled: the
	// count is that of the samples.
	Inbox histogram.Histogram
	// Late is how long after their deadlines timers are fired.
	Late histogram.Histogram

	Jobs     []CallMetrics // by pool.Limiter
	Blocking []CallMetrics // by task.Limiter: functions of this pool's tasks
}

// WorkerMetrics is what a worker has done. A worker in a long poll publishes its counts after that.
type WorkerMetrics struct {
	Worker   int
	Spare    bool          // it takes part when others compute, or are in long polls
	Parked   bool          // at the moment, or not started
	Queued   int           // frames in its deque at the moment
	CPU      time.Duration // of its thread. Sampled
	Polls    uint64        // and the rest as in Stats
	Spawned  uint64
	Finished uint64
	Injected uint64
	Thefts   uint64
	Stolen   uint64
	Lost     uint64
	Fired    uint64
	Events   uint64
	Parts    uint64
	Parks    uint64
	Panics   uint64
	Inboxes  uint64 // its own or another's, that were not empty when it has taken what was in them: Injected frames in all
	Longest  uint64 // of them, in frames, since the pool's beginning
}

// KindMetrics is what is known of a kind of tasks, by samples. Tasks of more kinds than a worker tells apart are "others";
// what it computes for others, outside of polls, has the kind "parts of computations" and no polls.
type KindMetrics struct {
	Kind   string        // see task.Kind
	Source string        // where the function is that the tasks are made of, or ""
	CPU    time.Duration // of the workers
	Polls  uint64        // estimated
	// Futile is how many polls found nothing of what their task waits for: it was woken in vain. See
	// [task.Runner.StepSampled].
	Futile uint64
	// Requeued is how many polls left their task runnable: it has yielded, has used up its budget, or was woken while
	// it was polled, mostly by itself.
	Requeued uint64
	Poll     histogram.Histogram // as in Metrics
	Runnable histogram.Histogram
}

// CallMetrics is how long functions have waited for their turn at a limiter, and how long they have run. Of
// jobs those that have got their turn are in Wait, and those that have ended in Run; of blocking functions both are
// of those that have ended.
type CallMetrics struct {
	Limiter   string // its name
	Wait, Run histogram.Histogram
}

// Metrics returns how long things take, and what workers have done. It does not block and does not disturb the workers,
// and takes some microseconds for each worker and each kind of tasks. Any goroutine.
func (p *Pool) Metrics() *Metrics {
	m := &Metrics{At: time.Now(), Stats: p.Stats(), Late: task.Lateness(&p.runtime)}
	index := map[string]int{}
	for i, w := range p.everybody() {
		m.Workers = append(m.Workers, w.metrics(i))
		worker := &m.Workers[i]
		w.sampler.list(func(k *kind) {
			of, known := index[k.name+k.source]
			if !known {
				of = len(m.Kinds)
				index[k.name+k.source] = of
				m.Kinds = append(m.Kinds, KindMetrics{Kind: k.name, Source: k.source})
			}
			worker.CPU += k.addTo(&m.Kinds[of])
		})
		w.sampler.inbox.AddTo(&m.Inbox)
	}
	m.Kinds = slices.DeleteFunc(m.Kinds, func(k KindMetrics) bool { return k.Polls == 0 && k.CPU == 0 && k.Runnable.Count() == 0 })
	for i := range m.Kinds {
		m.Poll.Merge(&m.Kinds[i].Poll)
		m.Runnable.Merge(&m.Kinds[i].Runnable)
	}
	slices.SortFunc(m.Kinds, mostProcessorTime)
	m.Jobs = p.jobs.metrics()
	for _, c := range task.Calls(&p.runtime) {
		name := othersKind
		if c.Limiter != nil {
			name = c.Limiter.Name
		}
		m.Blocking = append(m.Blocking, CallMetrics{name, c.Wait, c.Run})
	}
	return m
}

// MergeLimiters makes one of the limiters in Jobs, and in Blocking, that have the same name: what is shown by name has to be
// one. name says under which name a limiter is shown; nil: its own. Both are sorted by name then. It changes m, which is the
// caller's.
func (m *Metrics) MergeLimiters(name func(limiter string) string) {
	for _, list := range []*[]CallMetrics{&m.Jobs, &m.Blocking} {
		index := map[string]int{}
		var merged []CallMetrics
		for i := range *list {
			c := &(*list)[i]
			if name != nil {
				c.Limiter = name(c.Limiter)
			}
			of, known := index[c.Limiter]
			if !known {
				index[c.Limiter] = len(merged)
				merged = append(merged, *c)
				continue
			}
			merged[of].Wait.Merge(&c.Wait)
			merged[of].Run.Merge(&c.Run)
		}
		slices.SortFunc(merged, func(a, b CallMetrics) int { return cmp.Compare(a.Limiter, b.Limiter) })
		*list = merged
	}
}

// KindFilter has figures by kind be few, for what keeps a time series of each: the kinds that it sees first are told apart,
// as many as Most, and stay so; all others are one kind, whose name is Others. The zero value is a good choice. Any
// goroutine may use it; it must not be copied.
type KindFilter struct {
	Most   int    // default: 50
	Others string // default: "other"

	mu   sync.Mutex
	told map[[2]string]bool // names and sources
}

// Merge makes one of the kinds of m that are not told apart, and of those that have the same name and source. name says under
// which names both are shown; nil: their own. It changes m, which is the caller's.
func (f *KindFilter) Merge(m *Metrics, name func(kind string) string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.told == nil {
		f.told = map[[2]string]bool{}
		f.Others = cmp.Or(f.Others, "other")
		if f.Most <= 0 {
			f.Most = 50
		}
	}
	index := map[[2]string]int{}
	var merged []KindMetrics
	for i := range m.Kinds {
		k := &m.Kinds[i]
		if name != nil {
			k.Kind, k.Source = name(k.Kind), name(k.Source)
		}
		key := [2]string{k.Kind, k.Source}
		if !f.told[key] {
			if len(f.told) < f.Most {
				f.told[key] = true
			} else {
				k.Kind, k.Source = f.Others, ""
				key = [2]string{f.Others, ""}
			}
		}
		of, known := index[key]
		if !known {
			index[key] = len(merged)
			merged = append(merged, *k)
			continue
		}
		sum := &merged[of]
		sum.CPU += k.CPU
		sum.Polls += k.Polls
		sum.Futile += k.Futile
		sum.Requeued += k.Requeued
		sum.Poll.Merge(&k.Poll)
		sum.Runnable.Merge(&k.Runnable)
	}
	slices.SortFunc(merged, mostProcessorTime)
	m.Kinds = merged
}

func mostProcessorTime(a, b KindMetrics) int {
	return cmp.Or(cmp.Compare(b.CPU, a.CPU), cmp.Compare(a.Kind, b.Kind))
}

// addTo adds what is known of the kind, and returns its processor time.
//
// Pairs with: add.
func (k *kind) addTo(m *KindMetrics) time.Duration {
	m.Polls += k.polls.Load()
	m.Futile += k.futile.Load()
	m.Requeued += k.requeued.Load()
	cpu := time.Duration(k.cpu.Load())
	m.CPU += cpu
	k.poll.AddTo(&m.Poll)
	k.runnable.AddTo(&m.Runnable)
	return cpu
}

// metrics returns what the worker has published.
func (w *worker) metrics(i int) WorkerMetrics {
	p := w.pool
	m := WorkerMetrics{Worker: w.id, Spare: i >= p.config.Workers, Parked: p.parking.isParked(i), Queued: w.deque.Len()}
	for of, count := range map[int]*uint64{
		polls: &m.Polls, spawned: &m.Spawned, finished: &m.Finished, injected: &m.Injected, thefts: &m.Thefts, stolen: &m.Stolen,
		lost: &m.Lost, fired: &m.Fired, events: &m.Events, parts: &m.Parts, parks: &m.Parks, panics: &m.Panics,
		inboxes: &m.Inboxes, longest: &m.Longest,
	} {
		*count = w.public[of].Load() // Pairs with: (*worker).publish.
	}
	return m
}

// metrics returns the times of all lanes.
func (q *jobs) metrics() (all []CallMetrics) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.lanes {
		all = append(all, CallMetrics{l.limiter.Name, l.wait, l.run})
	}
	return all
}
