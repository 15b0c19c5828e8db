package pool

import (
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// guard is a goroutine that sees to it that one long poll holds up nobody but its
// own task. It sleeps most of the time. While any worker is awake it naps, and
// after each nap looks at the workers:
//
//  1. A worker that still owes the answer to the question of the last look (see
//     [task.Runner.Ask]) has been in one poll all that time: it is stuck.
//  2. What a stuck worker should have done is done for it. Its timers that are due
//     fire. What waits in its LIFO slot, its deque and its inbox goes to a worker
//     that is not stuck.
//  3. If there is none, a spare worker takes part, until there has been one for a
//     while.
//  4. A poll that lasts longer than Config.StallLimit is reported.
//
// The first naps last minNap, and so do those after a look that found somebody
// stuck. While polls are short the naps double up to maxNap. When all workers have
// been idle for drowsy the guard sleeps, until one of them wakes it.
//
// So a timer, or a task beside a long poll, waits for two naps at most: of minNap
// if there was a long poll just before, of maxNap if not. (A LIFO slot is left
// alone in between. Thieves that take from it lightly cost tokio 30 % of its
// throughput.)
//
// It naps by the runtime's timers, and not on a thread of its own in the kernel, which would
// be more precise: a system call that ends every few milliseconds, beside threads that
// compute, has the runtime's monitor look every 20 µs for processors to take back, and that
// costs 10 to 20 % of one.
type guard struct {
	pool    *Pool
	started atomicx.Bool
	over    chan struct{} // closed at the end of the pool
	parker  park.Parker
	asleep  atomicx.Bool  // set by the guard, cleared by who wakes it
	tid     atomicx.Int64 // of the thread on which it sleeps; for tests

	looks  []look
	moved  task.Batch // frames on their way to another worker
	nap    int64
	idle   int64 // since when all workers have been idle, or 0
	eased  int64 // since when some worker has not been stuck, or 0
	hired  int   // spares that take part
	stalls stalls
	moves  atomicx.Uint64 // odd while frames are on their way; written by the guard

	rescued atomicx.Uint64 // for Stats
	fired   atomicx.Uint64 // for Stats
	events  atomicx.Uint64 // for Stats
}

// look is what the guard knows of a worker.
type look struct {
	asked    bool
	stuck    bool
	reported bool
	since    int64 // when it was asked first without an answer
	last     int64 // when it was stuck last
}

const (
	minNap = int64(time.Millisecond)
	maxNap = int64(5 * time.Millisecond)
	drowsy = int64(100 * time.Millisecond)
	// notice is for how long a worker must not have been stuck before a spare goes.
	notice = int64(100 * time.Millisecond)
	// maxMoves is how many frames the guard takes from a deque at a look.
	maxMoves = 256
)

// start starts the goroutine. The caller has counted it.
func (g *guard) start() {
	g.looks = make([]look, len(g.pool.workers))
	go g.main()
}

// main is the goroutine's life.
func (g *guard) main() {
	g.nap = minNap
	timer := time.NewTimer(0)
	for !g.pool.stopped.Load() {
		now := clock.Now()
		if g.look(now) {
			g.idle = 0
		} else if g.idle == 0 {
			g.idle = now
		}
		if g.idle != 0 && now-g.idle >= drowsy {
			g.sleep()
			continue
		}
		timer.Reset(time.Duration(g.nap))
		select {
		case <-timer.C:
		case <-g.over:
		}
	}
	timer.Stop()
	g.pool.ended()
}

// sleep parks until a worker is awake.
func (g *guard) sleep() {
	// Store-load: asleep first, then a look at the workers. They clear their bit
	// first and look at asleep then.
	// Pairs with: (*guard).rouse.
	g.asleep.Store(true)
	if g.pool.allIdle() && !g.pool.stopped.Load() {
		g.tid.Store(int64(gettid()))
		g.parker.Park()
	}
	g.asleep.Store(false)
	g.idle, g.nap = 0, minNap
}

// rouse wakes the guard if it sleeps. Whoever is no longer idle calls it, or ends
// the pool.
func (g *guard) rouse() {
	if g.asleep.Load() && g.asleep.CompareAndSwap(true, false) {
		g.parker.Unpark()
	}
}

// look looks at all workers, and does what has to be done. It reports whether any
// of them is awake.
func (g *guard) look(now int64) (awake bool) {
	p := g.pool
	g.glance(now)
	stuck, free := 0, false
	for i, w := range p.crew() {
		l := &g.looks[i]
		switch {
		case p.parking.isIdle(i):
			if l.reported {
				g.stalls.over(w, time.Duration(now-l.since))
			}
			*l = look{last: l.last}
			free = free || i < p.config.Workers
			continue
		case g.check(w, l, now):
			stuck++
		case i < p.config.Workers:
			free = true
		}
		awake = true
	}
	g.staff(now, free)
	g.nap = min(2*g.nap, maxNap)
	if stuck > 0 {
		g.nap = minNap
		g.relieve(now)
	}
	return awake
}

// check reports whether w has been in one poll since the last look.
func (g *guard) check(w *worker, l *look, now int64) bool {
	if l.asked && w.runner.Owes() {
		l.stuck, l.last = true, now
		return true
	}
	if l.reported {
		g.stalls.over(w, time.Duration(now-l.since))
	}
	*l = look{asked: true, since: now, last: l.last}
	w.runner.Ask()
	return false
}

// staff lets a spare take part when all others are stuck and something waits, and
// go when it has not been needed for a while. free: one of the pool's own workers
// is not stuck.
func (g *guard) staff(now int64, free bool) {
	p := g.pool
	if free {
		if g.eased == 0 {
			g.eased = now
		}
		if g.hired > 0 && now-g.eased >= notice {
			g.hired--
			p.dismiss(p.config.Workers + g.hired)
		}
		return
	}
	g.eased = 0
	for _, l := range g.looks[:len(p.crew())] {
		if l.asked && !l.stuck {
			return // a spare
		}
	}
	if p.config.Workers+g.hired < len(p.workers) && p.parking.lowest() < 0 && g.pending() {
		p.hire(p.config.Workers + g.hired)
		g.hired++
	}
}

// pending reports whether stuck workers hold up anything.
func (g *guard) pending() bool {
	now := g.pool.Nanos()
	for i, w := range g.pool.crew() {
		if g.looks[i].stuck && (w.lifo.Load() != nil || w.deque.Len() > 0 || !w.inbox.Empty() || w.runner.Due() <= now) {
			return true
		}
	}
	return false
}

// relieve takes from stuck workers what others can do, and reports who is stuck
// for too long.
func (g *guard) relieve(now int64) {
	p := g.pool
	for i, w := range p.crew() {
		l := &g.looks[i]
		if !l.stuck {
			continue
		}
		if to := g.able(now); to >= 0 {
			g.moves.Add(1)
			g.unload(w)
			g.deliver(p.workers[to])
			g.moves.Add(1)
		}
		if limit := int64(p.config.StallLimit); limit > 0 && !l.reported && now-l.since >= limit && !w.computes() {
			l.reported = true
			g.stalls.begun(w, time.Duration(now-l.since))
		}
	}
}

// able returns a worker that can do what a stuck one holds up: an idle one if there is
// one, else one that has not been stuck for a while; or -1. (Between two that are stuck
// now and then frames would go to and fro, and never be polled.)
func (g *guard) able(now int64) int {
	p := g.pool
	if i := p.parking.lowest(); i >= 0 {
		return i
	}
	for i := range p.crew() {
		if l := &g.looks[i]; !l.stuck && now-l.last >= notice && p.parking.takes(i) {
			return i
		}
	}
	return -1
}

// unload takes from a stuck worker what it holds up.
func (g *guard) unload(w *worker) {
	if now := clock.Now(); g.pool.config.Clock == nil && w.runner.Due() <= now {
		g.fired.Add(uint64(w.runner.Expire(now, g)))
	}
	// Claim. The frame: whoever empties the slot.
	// Pairs with: (*worker).find, (*worker).Next.
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
func (g *guard) Later(f *task.Frame) { g.moved.Add(f) }

// Push and Next complete task.Queue.
func (g *guard) Push(f *task.Frame) { g.Later(f) }
func (g *guard) Next(f *task.Frame) { g.Later(f) }

// deliver passes on what was moved.
func (g *guard) deliver(w *worker) {
	if b := g.moved; b.N > 0 {
		g.moved = task.Batch{}
		g.rescued.Add(uint64(b.N))
		w.inbox.Put(b)
		g.pool.notify()
	}
}
