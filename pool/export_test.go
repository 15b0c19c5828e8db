package pool

import (
	"context"
	"testing"
)

// What the external tests see of the inside.

const (
	MaxStreak = maxStreak
	MaxEvery  = maxEvery
	GroupSize = groupSize
)

// ThreadIDs returns the kernel's ids of the threads of the workers that have
// started. One that is just starting may be missing.
func (p *Pool) ThreadIDs() (ids []int) {
	for _, w := range p.everybody() {
		if id := w.tid.Load(); id != 0 {
			ids = append(ids, int(id))
		}
	}
	return ids
}

// MonitorThread returns the id of the thread on which the monitor sleeps.
func (p *Pool) MonitorThread() int { return int(p.monitor.tid.Load()) }

// MonitorSleeps reports whether the monitor has nothing to monitor.
func (p *Pool) MonitorSleeps() bool { return p.monitor.asleep.Load() }

// Computing returns how many threads are in computations, how many goroutines have a participant,
// and how many participants are in a scope. When nothing runs all are 0.
func (p *Pool) Computing() (threads, externals, scopes int) { return p.team.Census() }

// ContextOf returns the context that ends with the pool.
func ContextOf(p *Pool) context.Context { return p.runtime.Context() }

// TimersOf returns how many timers are armed.
func TimersOf(p *Pool) int { return p.runtime.Timers() }

// Labeled reports whether the workers label the samples of profiles.
func (p *Pool) Labeled() bool { return p.config.Labels }

// Away returns how many workers are away, to compute.
func (p *Pool) Away() int64 { return p.away.Load() }

// GuardFired returns how many timers the monitor has fired.
func (p *Pool) GuardFired() uint64 { return p.monitor.fired.Load() }

// Trip has f called between the steps of who activates a spare, departs and exits, in debug builds, until
// the end of the test. It comes before the pool.
func Trip(t testing.TB, f func()) {
	stumbles = f
	t.Cleanup(func() { stumbles = nil })
}

// LimitThreads is the system's limit of threads until the end of the test.
func LimitThreads(t testing.TB, n int) {
	old := threadLimit
	threadLimit = func() int { return n }
	t.Cleanup(func() { threadLimit = old })
}

// Reading is what the kernel says of a thread at a time.
type Reading struct {
	Now, Ran, Delay int64
	Runnable        bool
}

// Stalled returns for how long a poll counts as stalled at each of the readings, the first of
// which is made when it has taken 1 ms.
func Stalled(readings ...Reading) (stalled []int64) {
	defer func() { threadTimes = waiting }()
	l := observed{since: readings[0].Now - 1e6}
	for _, r := range readings {
		threadTimes = func(int) (schedule, bool) { return schedule{r.Ran, r.Delay, r.Runnable}, r.Ran > 0 }
		stalled = append(stalled, l.stalled(&worker{}, r.Now))
	}
	return stalled
}

// Traced returns how many tasks of a trace there are.
func (p *Pool) Traced() int {
	p.traces.mu.Lock()
	defer p.traces.mu.Unlock()
	return len(p.traces.tasks)
}
