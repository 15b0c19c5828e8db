package pool

import (
	"math/rand/v2"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/task"
)

// Which workers are active, beside those that compute or are stuck. (ForkJoinPool calls it compensation.)
//
// Beside its own workers a pool has spares, up to Config.MaxThreads in all, which are made when
// they are first activated. A spare that is not active is parked, as far as its bit says, and claimFor does
// not choose it.
//
//	             activate                                   departs: it computes
//	 (parked) --------------> active worker 0 1 2 ... n  -----------------------> away
//	          <--------------                            <-----------------------
//	             retire                                     reenters
//
// # Who activates a spare
//
//	departs  A worker that begins to compute, in a poll or a job that it has stolen, counts
//	         itself away. If it was the last active one that was not away, it activates a spare
//	         first, and looks at all queues then: whoever has queued something
//	         since relied on the worker that is away now.
//	stuck    When all active workers are in polls that take long, and something waits, the monitor
//	         activates a spare at each of its looks.
//
// The former unparks nobody, unless something waits. What the worker holds back goes to
// where thieves take it: the frame of its LIFO slot into its deque.
//
// The monitor retires the last spare when two active workers have not been stuck for a while,
// and the spare was not needed: not all others have been away at a time. A spare that is retired while it is
// awake gives away what it has, and parks. On the way there it keeps to the rules of parking, with one
// change to P3: if it finds something at its second look it does not go on, but has
// another worker unparked in its place. Its timers stay with it: it wakes for them, and gives
// away what they make runnable. Without timers its thread ends.
//
// # Invariants
//
//	A1  Some active worker is not away, as long as there is a spare left.
//	A2  activated changes under the lock activating. The active workers are the first Workers+activated.
//	A3  size is at least Workers+activated, and no worker from size on is awake or has a frame.
//
// # Order
//
// A worker that departs counts itself first, and looks at the number of active ones then. The monitor, which retires
// a spare, counts it off first, and looks at the number away then (Store-load). One of them sees the other, and
// activates a spare: A1.
//
// # Price
//
// To depart and to reenter are two atomic writes and a read-modify-write each. A lock only if it was the last.

// stumbles is called in tests of debug builds between the steps of all this: a thread may lose its
// processor there.
var stumbles func()

func stumble() {
	if invariant.Enabled && stumbles != nil {
		stumbles()
	}
}

// active returns the workers that others have to look at: up to the last one
// that is active, awake, or has been a moment ago (A3).
//
// Pairs with: (*Pool).activate, (*Pool).add.
func (p *Pool) active() []*worker { return p.workers[:p.size.Load()] }

// everybody returns all workers that there have ever been.
//
// Pairs with: (*Pool).add.
func (p *Pool) everybody() []*worker { return p.workers[:p.made.Load()] }

// add makes a worker: the first ones before the pool is used, spares under the lock.
func (p *Pool) add() {
	i := int(p.made.Load())
	w := &worker{pool: p, id: i, due: 1, friend: i + 1}
	w.until.Store(never) // initialisation
	w.rng.Seed(rand.Uint64(), uint64(i))
	w.runner.Init(w)
	w.sampler = newSampler(w)
	w.participant = p.team.Join()
	if i >= p.config.Workers {
		task.AddSpare(&p.runtime, &w.runner)
	}
	p.workers[i] = w
	// Publish. The worker.
	// Pairs with: (*Pool).everybody, (*Pool).active.
	p.made.Store(int64(i + 1))
}

// activate activates the next spare. It reports false if there is none. The lock is held.
func (p *Pool) activate() bool {
	i := p.config.Workers + int(p.activated.Load())
	if i >= len(p.workers) {
		return false
	}
	if i >= int(p.made.Load()) {
		p.add()
	}
	if n := int64(i + 1); p.size.Load() < n {
		// Publish. The worker counts for who looks at all (A3). Pairs with: (*Pool).active.
		p.size.Store(n)
	}
	p.workers[i].retired.Store(false) // Hint. The worker sees it sooner or later.
	stumble()
	p.parking.activate(i)
	stumble()
	// Store-load: the caller has looked at away; whoever departs later looks at this.
	// Pairs with: (*worker).depart.
	p.activated.Add(1)
	return true
}

// activateAndUnpark activates the next spare and unparks it. It reports false if there is none. The
// monitor's.
func (p *Pool) activateAndUnpark() bool {
	p.activating.Lock()
	ok := p.activate()
	i := p.config.Workers + int(p.activated.Load()) - 1
	p.activating.Unlock()
	stumble()
	if ok && p.parking.claim(i) {
		p.unparkOrStart(p.workers[i])
	}
	return ok
}

// compensate activates a spare in the place of the last active worker, which is away: when it
// returns A1 holds.
func (p *Pool) compensate() {
	p.activating.Lock()
	for p.away.Load() >= int64(p.config.Workers)+p.activated.Load() && p.activate() {
	}
	p.activating.Unlock()
	stumble()
	// Store-load: the spare is active first, then a look at the queues, once more.
	// Pairs with: (*parking).claimFor.
	if p.anyFrame() {
		p.notify()
	}
}

// depart counts the worker away, until reenter: it is about to compute. Others take what it holds
// back.
func (w *worker) depart() {
	p := w.pool
	w.departed.Store(true) // Hint. Others look at its timers from now on; see watchTimers.
	if w.lifo.Load() != nil {
		// Claim. The frame: who empties the slot. Pairs with: (*monitor).unload.
		if f := w.lifo.Swap(nil); f != nil {
			w.deque.Push(f)
		}
	}
	stumble()
	// Store-load: away first, then a look at who is active.
	// Pairs with: (*Pool).retire, (*Pool).activate.
	n := p.away.Add(1)
	stumble()
	if n > p.mostAway.Load() {
		p.mostAway.Store(n) // Hint.
	}
	if n >= int64(p.config.Workers)+p.activated.Load() {
		p.compensate()
	} else if w.deque.Len() > 0 || !w.inbox.Empty() {
		p.notify()
	}
	p.watchTimers(w)
}

// reenter ends depart.
func (w *worker) reenter() {
	w.departed.Store(false) // Hint.
	w.pool.away.Add(-1)     // Hint. Too high a count keeps a spare active.
}

// retire retires the last spare, unless it is needed. The monitor's.
func (p *Pool) retire() {
	p.activating.Lock()
	defer p.activating.Unlock()
	i := p.config.Workers + int(p.activated.Load()) - 1
	// Store-load: counted off first, then a look at who is away.
	// Pairs with: (*worker).depart.
	p.activated.Add(-1)
	stumble()
	if p.away.Load() >= int64(i) {
		p.activated.Add(1) // as it was
		return
	}
	p.parking.deactivate(i)
	stumble()
	// Hint. The worker sees it sooner or later.
	p.workers[i].retired.Store(true)
}

// shrink takes parked spares that are not active out of what others look at: they have nothing to
// take. It has those end their threads that have no timers. It reports whether that
// goes on. The monitor's.
func (p *Pool) shrink() (more bool) {
	p.activating.Lock()
	defer p.activating.Unlock()
	last := true
	for i := int(p.size.Load()) - 1; i >= p.config.Workers+int(p.activated.Load()); i-- {
		// Nobody but the monitor puts anything into a spare's inbox.
		w := p.workers[i]
		switch {
		case !p.parking.isParked(i) || !w.inbox.Empty() || w.deque.Len() > 0:
			last, more = false, true
		case !w.started.Load():
			if last {
				p.size.Store(int64(i)) // Hint. A look more finds nothing (A3).
			}
		case w.runner.Due() != never:
			last = false
		default:
			last, more = false, true
			if p.parking.claim(i) {
				p.unpark(w) // it comes by exits
			}
		}
	}
	return more
}

// exits reports whether the worker's thread should end, and has prepared that: it is a retired spare
// without timers.
func (w *worker) exits() bool {
	p := w.pool
	if !w.retired.Load() || w.runner.Due() != never || p.closing.Load() {
		return false
	}
	w.deque.Tidy()
	w.participant.Tidy()
	w.runner.Rest()
	w.publish()
	if w.publishing {
		w.publishing = false
		p.acks.Add(-1) // the worker's own, as the next: C2 compares the two
	}
	stumble()
	p.started.Add(-1)
	searching := w.searching
	w.searching, w.tick, w.due = false, 0, 1
	w.tid.Store(0) // the worker's own
	stumble()
	// Publish. All that is the worker's. Whoever claims it from here on starts a thread.
	// Pairs with: (*Pool).unparkOrStart.
	w.started.Store(false)
	stumble()
	if p.parking.beginPark(w.id, searching) && p.anyWork() {
		p.notify() // another worker in its place
	}
	p.monitor.unpark()
	p.tryFinish() // the count of those that acknowledge has changed
	return true
}

// handOver gives away what the retired worker has.
func (w *worker) handOver() {
	var b task.Batch
	// Claim. The frame: who empties the slot. Pairs with: (*monitor).unload.
	if f := w.lifo.Swap(nil); f != nil {
		b.Add(f)
	}
	for f := w.deque.Take(); f != nil; f = w.deque.Take() {
		b.Add(f)
	}
	w.inbox.Take(b.Add)
	stumble()
	if b.N > 0 {
		(*seam)(w.pool).Submit(b)
	}
}
