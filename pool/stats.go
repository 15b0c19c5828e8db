package pool

import (
	"math/bits"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/task"
)

// Stats is what a pool has done so far. Each number is right at some moment
// during the call, or, for a worker in a long poll, shortly before.
type Stats struct {
	Workers   int    // configured
	Spares    int    // more that take part, because workers compute, or are in long polls
	Threads   int    // of workers that have started, and the monitor
	Idle      int    // workers that are parked, or not started
	Searching int    // looking for work
	Live      int64  // tasks spawned and not finished
	Spawned   uint64 // tasks started, from outside and from within
	Finished  uint64 // tasks finished
	Polls     uint64 // calls of Poll
	Injected  uint64 // frames that came through an inbox: spawned or woken from other threads
	Thefts    uint64 // successful steals
	Stolen    uint64 // frames taken by them
	Lost      uint64 // steals lost to another thread
	Timers    int    // armed
	Fired     uint64 // timers that have fired
	Events    uint64 // reports of the kernel that descriptors are ready
	Rescued   uint64 // frames moved away from a worker in a long poll
	Stalls    uint64 // polls that took longer than Config.StallLimit
	Short     uint64 // times that something waited, and Config.MaxThreads were in long polls
	Computing int    // threads in computations
	Jobs      JobStats
	Backlog   task.BacklogStats // of Config.Backlog; zeros without
	Parts     uint64            // of computations that a worker has taken over
	Parks     uint64            // times a worker went to sleep
	Wrapped   uint64            // Pending errors that were wrapped before they were returned
	Panics    uint64            // panics and Goexits in tasks, and in goroutines of groups
}

// What a worker counts. They are published in the opposite order, and summed up in
// this one: finished first, spawned next.
const (
	finished = iota
	spawned
	polls
	wrapped
	panics
	injected
	thefts
	stolen
	lost
	fired
	events
	parts
	parks
	inboxes // that were not empty when the worker has taken what was in them
	longest // of them, in frames

	counters // how many there are
)

// publish makes the worker's counts visible to others. Each has a single writer,
// so there is no contention; a load is cheaper than a store of the same.
//
// What is spawned comes before what is finished: a task that has ended may have
// let another one in (a group's limit), and whoever sees the end must see that.
func (w *worker) publish() {
	c := &w.runner.Count
	w.count[finished], w.count[spawned] = c.Finished, c.Spawned
	w.count[polls], w.count[wrapped], w.count[panics] = c.Polls, c.Wrapped, c.Panics
	for i := counters - 1; i >= 0; i-- {
		switch n := w.count[i]; {
		case w.public[i].Load() == n:
		case w.publishing:
			// Store-load: the counts first, then a look whether this was the end. Pairs with: (*Pool).tryFinish.
			w.public[i].Store(n)
		default:
			// Publish. Pairs with: (*Pool).Stats, (*worker).metrics.
			atomicx.StoreReleaseUint64(&w.public[i], n)
		}
	}
}

// Stats returns what the pool has done so far. It does not block and does not
// disturb the workers.
func (p *Pool) Stats() Stats {
	s := Stats{Workers: p.config.Workers, Threads: int(p.threads.Load())}
	for i := range s.Workers {
		if p.parking.isParked(i) {
			s.Idle++
		}
	}
	for i := range p.parking.groups {
		g := &p.parking.groups[i]
		s.Searching += int(g.word.Load() >> groupSize)
		s.Spares += bits.OnesCount64(g.active.Load())
	}
	s.Spares -= s.Workers
	var sum [counters]uint64
	for i := range sum {
		for _, w := range p.everybody() {
			sum[i] += w.public[i].Load() // Pairs with: (*worker).publish.
		}
	}
	s.Finished = sum[finished]
	s.Spawned = sum[spawned] + uint64(p.admitted.Load())
	// A task may end on one worker before another one has published its spawn.
	s.Live = max(int64(s.Spawned-s.Finished), 0)
	s.Polls, s.Wrapped, s.Panics = sum[polls], sum[wrapped], sum[panics]+task.GoroutinePanics(&p.runtime)
	s.Injected, s.Parts, s.Parks, s.Fired = sum[injected], sum[parts], sum[parks], sum[fired]+p.monitor.fired.Load()
	s.Events = sum[events] + p.monitor.events.Load()
	s.Timers, s.Rescued, s.Stalls = p.runtime.Timers(), p.monitor.rescued.Load(), p.monitor.stalls.number.Load()
	s.Short, s.Computing, s.Jobs = p.monitor.short.Load(), p.team.Computing(), p.jobs.all()
	s.Backlog = task.Backlog(&p.runtime)
	s.Thefts, s.Stolen, s.Lost = sum[thefts], sum[stolen], sum[lost]
	return s
}
