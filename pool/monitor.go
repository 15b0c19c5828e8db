package pool

import (
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/messages"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// monitor is the watchdog of long polls, as sysmon is in Go's runtime: a goroutine that lets one
// long poll hold up nothing but its own task. While any worker is awake it looks at
// all of them once a period:
//
//		worker   poll . poll . . . . . . . . . . . . . . . . long poll . . . .
//		              |                     |                       |
//		monitor     probe                 still pending: stuck    more than Config.StallLimit:
//		                                  moves what it holds up  reports it
//
//	 1. A worker whose probe of the last look is pending (see [task.Runner.Probe])
//	    has been in one poll all that time: it is stuck.
//	 2. The monitor does what a stuck worker should have done. It fires its timers that are due,
//	    and moves what waits in its LIFO slot, its deque and its inbox to a worker
//	    that is not stuck.
//	 3. If all active workers are stuck and something waits, it activates a spare, one more at each look. It
//	    retires the last one when two have not been stuck for a while.
//	 4. It reports a poll that lasts longer than Config.StallLimit.
//
// The period is minPeriod at first, and after a look that found a stuck worker that has not said
// that it computes (see active.go). While polls are short it doubles
// up to maxPeriod. When all workers have been parked for sleepAfter the monitor parks, until
// one of them unparks it.
//
// # Invariants
//
//	M1  Whoever takes a frame out of a LIFO slot swaps the slot: the owner, or the monitor. So a frame runs
//	    once.
//	M2  moves is odd while frames are in the monitor's hands.
//	M3  The monitor sleeps only while all workers are parked.
//
// # Order
//
// Asleep is set before the last look at the workers' bits, and a worker clears its bit before it looks at
// asleep (Store-load): M3.
//
// # Price
//
// A timer, or a task beside a long poll, waits for two periods at most: of minPeriod
// if there was a long poll just before, of maxPeriod if not. (A LIFO slot is left
// alone in between. Thieves that take from it lightly cost tokio 30 % of its
// throughput.)
//
// It sleeps by the runtime's timers, and not on a thread of its own in the kernel, which would
// be more precise: a system call that ends every few milliseconds, beside threads that
// compute, has the runtime's sysmon look again and again for processors to take back, and that
// costs 10 to 20 % of one.
type monitor struct {
	pool    *Pool
	started atomicx.Bool
	done    chan struct{} // closed at the end of the pool
	parker  park.Parker
	asleep  atomicx.Bool  // set by the monitor, cleared by the worker that unparks it
	tid     atomicx.Int64 // of the thread on which it sleeps; for tests

	seen          []observed
	moved         task.Batch // frames on their way to another worker
	period        int64
	idleSince     int64 // since when all workers have been parked, or 0
	easedSince    int64 // since when there have been two that were not stuck, or 0
	noSparesSince int64 // since when no spare has been active, or 0
	holdsSpares   bool  // a spare was activated, and is not retired and gone yet
	saidShort     int64 // when it was said last that threads are short
	stalls        stalls
	moves         atomicx.Uint64 // odd while frames are on their way; written by the monitor

	rescued atomicx.Uint64 // for Stats
	short   atomicx.Uint64 // for Stats
	fired   atomicx.Uint64 // for Stats
	events  atomicx.Uint64 // for Stats
}

// observed is what the monitor knows of a worker.
type observed struct {
	probed   bool
	stuck    bool
	reported bool
	known    bool  // it was found stuck, and at is what the kernel said then
	since    int64 // when it was probed, and has not answered since
	last     int64 // when it was stuck last
	from     int64 // when it was found stuck first
	at       schedule
	latest   schedule // what the kernel said last
}

const (
	minPeriod  = int64(time.Millisecond)
	maxPeriod  = int64(5 * time.Millisecond)
	sleepAfter = int64(20 * time.Millisecond)
	// retireAfter is for how long a worker must not have been stuck before a spare goes.
	retireAfter = int64(100 * time.Millisecond)
	// shrinkProcsAfter is for how long no spare must have been active before GOMAXPROCS follows.
	shrinkProcsAfter = int64(time.Second)
	// maxMoves is how many frames the monitor takes from a deque at a look.
	maxMoves = 256
)

// start starts the goroutine. The caller has counted it.
func (g *monitor) start() {
	g.seen = make([]observed, len(g.pool.workers))
	go g.main()
}

// main is the goroutine's life.
func (g *monitor) main() {
	g.period = minPeriod
	timer := time.NewTimer(0)
	for !g.pool.stopped.Load() {
		now := clock.Now()
		if g.checkAll(now) {
			g.idleSince = 0
		} else if g.idleSince == 0 {
			g.idleSince = now
		}
		if g.idleSince != 0 && now-g.idleSince >= sleepAfter && !g.holdsSpares && g.pool.procs.extra == 0 {
			g.sleep()
			continue
		}
		timer.Reset(time.Duration(g.period))
		select {
		case <-timer.C:
		case <-g.done:
		}
	}
	timer.Stop()
	g.pool.threadEnded()
}

// sleep parks until a worker is awake.
func (g *monitor) sleep() {
	// Store-load: asleep first, then a look at the workers. They clear their bit
	// first and look at asleep then (M3).
	// Pairs with: (*monitor).unpark.
	g.asleep.Store(true)
	if g.pool.allParked() && !g.pool.stopped.Load() {
		g.tid.Store(int64(gettid())) // the monitor's; for tests
		g.parker.Park()
	}
	g.asleep.Store(false) // the owner's: nobody has to unpark it
	g.idleSince, g.period = 0, minPeriod
}

// unpark unparks the monitor if it sleeps. A worker that is no longer parked calls it.
func (g *monitor) unpark() {
	// Claim. The right to unpark. Pairs with: (*monitor).sleep.
	if g.asleep.Load() && g.asleep.CompareAndSwap(true, false) {
		g.parker.Unpark()
	}
}

// checkAll looks at all workers, and does what has to be done. It reports whether any
// of them is awake.
func (g *monitor) checkAll(now int64) (awake bool) {
	p := g.pool
	g.pollReactors(now)
	stuck, long, free := 0, 0, 0
	for i, w := range p.active() {
		l := &g.seen[i]
		switch {
		case p.parking.isParked(i):
			g.freed(w, l, now)
			*l = observed{last: l.last}
			if p.parking.isActive(i) {
				free++
			}
			continue
		case g.check(w, l, now):
			stuck++
			if !w.departed.Load() {
				long++
			}
		case p.parking.isActive(i):
			free++
		}
		awake = true
	}
	g.balance(now, free)
	g.period = min(2*g.period, maxPeriod)
	if long > 0 {
		g.period = minPeriod
	}
	if stuck > 0 {
		g.relieve(now)
	}
	return awake
}

// check reports whether w has been in one poll since the last look.
func (g *monitor) check(w *worker, l *observed, now int64) bool {
	if l.probed && w.runner.ProbePending() {
		if !l.stuck {
			w.stuck.Store(l.since) // Hint. For Dump
		}
		l.stuck, l.last = true, now
		return true
	}
	g.freed(w, l, now)
	*l = observed{probed: true, since: now, last: l.last}
	w.runner.Probe()
	return false
}

// freed notes that the poll that w was stuck in, if it was, has ended.
func (g *monitor) freed(w *worker, l *observed, now int64) {
	if l.stuck {
		w.stuck.Store(0) // Hint. For Dump
	}
	if l.reported {
		g.stalls.ended(w, time.Duration(now-l.since))
	}
}

// balance activates a spare when all active workers are stuck and something waits, and retires one when two
// workers have been free for a while. free: how many active workers are not stuck.
func (g *monitor) balance(now int64, free int) {
	p := g.pool
	spares := p.activated.Load()
	most := p.mostAway.Swap(p.away.Load()) // Hint.
	switch {
	case free == 0:
		g.easedSince = 0
		if p.parking.lowest() < 0 && g.pending() {
			g.activate(now)
		}
	case free == 1 || spares == 0 || most >= int64(p.config.Workers)+spares-1: // it has been the last one
		g.easedSince = 0
	case g.easedSince == 0:
		g.easedSince = now
	case now-g.easedSince >= retireAfter:
		p.retire()
	}
	g.holdsSpares = p.activated.Load() > 0
	if int(p.size.Load()) > p.config.Workers+int(p.activated.Load()) && p.shrink() {
		g.holdsSpares = true
	}
	g.follow(now, int(p.activated.Load()))
}

// activate activates a spare, and unparks it.
func (g *monitor) activate(now int64) {
	p := g.pool
	g.follow(now, int(p.activated.Load())+1) // first: nobody should wait for a processor of Go
	if p.activateAndUnpark() {
		return
	}
	g.short.Add(1) // the monitor's
	if log := p.config.Logger; log != nil && p.config.StallLimit > 0 && (g.saidShort == 0 || now-g.saidShort >= reportEvery) {
		g.saidShort = now
		g.stalls.writes.Go(func() {
			log.Warn(messages.NoThreads, "threads", p.config.MaxThreads)
		})
	}
}

// follow has GOMAXPROCS follow the active spares. What was there before the pool is enough for
// the first of them. It stops the world, so it takes large steps up, and one down.
func (g *monitor) follow(now int64, spares int) {
	p := g.pool
	if !p.procs.taken.Load() { // Pairs with: (*procs).takeOnce.
		return
	}
	switch want := spares - p.procs.slack; {
	case want > p.procs.extra:
		p.procs.follow(max(want, 2*p.procs.extra, p.config.Workers))
		g.noSparesSince = 0
	case spares > 0 || p.procs.extra == 0:
		g.noSparesSince = 0
	case g.noSparesSince == 0:
		g.noSparesSince = now
	case now-g.noSparesSince >= shrinkProcsAfter:
		p.procs.follow(0)
		g.noSparesSince = 0
	}
}

// pending reports whether stuck workers hold up anything.
func (g *monitor) pending() bool {
	now := g.pool.runtime.Nanos()
	for i, w := range g.pool.active() {
		if g.seen[i].stuck && (w.lifo.Load() != nil || w.deque.Len() > 0 || !w.inbox.Empty() || w.runner.Due() <= now) {
			return true
		}
	}
	return false
}

// relieve takes from stuck workers what others can do, and reports those that have been stuck
// for too long.
func (g *monitor) relieve(now int64) {
	p := g.pool
	for i, w := range p.active() {
		l := &g.seen[i]
		if !l.stuck {
			continue
		}
		if w.departed.Load() {
			p.watchTimers(w)
		}
		if to := g.receiver(now); to >= 0 {
			// Store-load: odd before the frames are out of sight, even when they are in an inbox (M2).
			// Pairs with: (*Pool).isIdle.
			g.moves.Add(1)
			g.unload(w)
			g.deliver(p.workers[to])
			g.moves.Add(1)
		}
		if limit := int64(p.config.StallLimit); limit > 0 && !l.reported && !w.computes() && (!l.known || now-l.since >= limit) && l.stalled(w, now) >= limit {
			l.reported = true
			g.stalls.began(w, time.Duration(now-l.since))
		}
	}
}

// receiver returns a worker that can do what a stuck one holds up: a parked one if there is
// one, else one that has not been stuck for a while; or -1. (Between two that are stuck
// now and then frames would go to and fro, and never be polled.)
func (g *monitor) receiver(now int64) int {
	p := g.pool
	if i := p.parking.lowest(); i >= 0 {
		return i
	}
	for i := range p.active() {
		if l := &g.seen[i]; !l.stuck && now-l.last >= retireAfter && p.parking.isActive(i) {
			return i
		}
	}
	return -1
}

// unload takes from a stuck worker what it holds up.
func (g *monitor) unload(w *worker) {
	if now := clock.Now(); g.pool.config.Clock == nil && w.runner.Due() <= now {
		g.fired.Add(uint64(w.runner.Expire(now, g))) // the monitor's
	}
	// Claim. The frame: the thread that empties the slot (M1).
	// Pairs with: (*worker).find, (*worker).Next, (*worker).depart, (*worker).handOver, (*worker).fireOverdue.
	if f := w.lifo.Swap(nil); f != nil {
		g.Later(f)
	}
	for range maxMoves {
		f, _ := w.deque.Steal()
		if f == nil {
			break
		}
		g.Later(f)
	}
	w.inbox.Take(g.Later)
}

// Later implements task.Queue, for what the timers wake: it stays with g until
// deliver.
func (g *monitor) Later(f *task.Frame) { g.moved.Add(f) }

// Push and Next complete task.Queue.
func (g *monitor) Push(f *task.Frame) { g.Later(f) }
func (g *monitor) Next(f *task.Frame) { g.Later(f) }

// deliver passes on what was moved.
func (g *monitor) deliver(w *worker) {
	if b := g.moved; b.N > 0 {
		g.moved = task.Batch{}
		g.rescued.Add(uint64(b.N)) // the monitor's
		w.inbox.Put(b)
		g.pool.notifyFor(w.id)
	}
}
