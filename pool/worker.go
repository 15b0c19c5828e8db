package pool

import (
	"context"
	"math/rand/v2"
	"runtime"
	"runtime/pprof"
	"time"

	"go.uber.org/atomic"

	"github.com/heist-go/heist/deque"
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/pad"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/internal/stack"
	"github.com/heist-go/heist/pool/fork"
	"github.com/heist-go/heist/task"
)

// worker is a thread that polls tasks. Its fields are its own but for the atomic ones, parker,
// inbox, deque, participant and runner, which others look at, set or take from; the runner's timers
// have a lock of their own. searching is also written by the thread that starts the worker's.
type worker struct {
	pool   *Pool
	id     int
	runner task.Runner

	tick        uint32 // polls
	due         uint32 // the tick at which the inbox comes first
	always      bool   // labels, or a hook: each poll is special
	special     bool   // the next poll is not an ordinary one: see stepSpecial
	fresh       bool   // it has had nothing to do yet
	streak      int    // polls in a row that came from lifo
	pace        pace
	rng         rand.PCG
	friend      int // whom the last theft was from
	participant *fork.Participant
	spins       bool        // its last job was long enough to look on for the next
	tails       []task.Tail // of the poll in progress
	yielded     int64       // when Go's scheduler has scheduled the goroutine last; see yieldP

	observer *observer // what is done around polls while somebody looks; else nil
	sampler  *sampler

	count      [counters]uint64
	searching  bool
	publishing bool // the pool closes, and every count is published at once

	parker    park.Parker
	started   atomicx.Bool
	retired   atomicx.Bool            // a spare that is not needed any more; see (*Pool).activate
	departed  atomicx.Bool            // it computes, and others fire its timers; see watchTimers
	until     atomicx.Int64           // it sleeps, and looks at all timers then; else never
	tid       atomicx.Int64           // of the thread, or 0: that thread may rely on it (afterPoll, Runs), to others it is a hint
	goroutine atomic.String           // its number, for reports
	stuck     atomicx.Int64           // since when it has been in one poll, as far as the monitor knows; else 0
	polled    atomicx.Pointer[string] // the kind of task that is polled, while it is observed

	_      pad.Line
	lifo   atomicx.Pointer[task.Frame] // woken by the poll in progress; runs next
	_      pad.Line
	inbox  task.Inbox   // frames from other threads
	wants  atomicx.Bool // the next one of them gets the stamp: see sampler.go
	stamp  task.Stamp
	_      pad.Line
	deque  deque.Deque[task.Frame]
	public [counters]atomicx.Uint64 // count, as published
	_      pad.Line
}

const (
	// maxStreak is how many polls in a row may come from the LIFO slot.
	maxStreak = 3
	// maxTheft is how many frames a thief takes at a time.
	maxTheft = 32
	// passes is how often a searcher looks at everybody.
	passes = 3
	// soon is after how many polls a worker that has kept frames for itself looks
	// at the clock again.
	soon = 8
	// overdue is how late another worker's timers must be for a searcher to fire
	// them: its owner has had time enough to do it, and is in a long poll.
	overdue = int64(time.Millisecond)
	// keptTails is for how many tails of polls a worker keeps the memory.
	keptTails = 1024
	// unseen is for how long a worker may not have been scheduled by Go's scheduler, which
	// minds it after 10 ms.
	unseen = int64(8 * time.Millisecond)
)

// main is the thread's life.
func (w *worker) main() {
	runtime.LockOSThread() // for good: the thread dies with the goroutine
	park.Prepare()
	w.tid.Store(int64(gettid())) // the owner's, as the next; others read hints
	w.goroutine.Store(stack.ID())
	w.pool.monitor.unpark()
	pprof.SetGoroutineLabels(context.Background()) // not those of the thread that has started this one
	if w.pool.config.Labels {
		w.observer, w.special = &observer{worker: w, labels: newLabels(w.id)}, true
	}
	w.fresh, w.special = true, true
	w.observe()
	defer task.Polling()()
	w.hook(w.pool.config.Hooks.ThreadStarted)
	ended := false
	defer func() {
		w.hook(w.pool.config.Hooks.ThreadStopped)
		if ended {
			w.pool.threadEnded()
		} else { // a task has called runtime.Goexit: go on with a new goroutine
			go w.main()
		}
	}()
	for !w.runner.RunRecovering(w.run) {
	}
	ended = true
}

// run is the life of a worker. Start reading here.
func (w *worker) run() {
	w.pace.begin(clock.Now())
	w.sampler.settle() // if the poll before has panicked, as next
	w.runTails()
	if w.observer != nil {
		w.observer.end()
	}
	for {
		f, inherit := w.find()
		if f == nil {
			if w.assist() {
				continue
			}
			if w.pool.stopped.Load() || w.exits() {
				return
			}
			w.rest()
			continue
		}
		if w.searching {
			w.searching = false
			if w.pool.parking.found(w.id) {
				w.pool.notify() // P2
			}
		}
		delays.step.Pass()
		if w.special {
			w.stepSpecial(f, inherit)
		} else {
			w.runner.Step(f, inherit)
		}
		delays.stepped.Pass()
		if len(w.tails) > 0 {
			w.runTails()
		}
		if w.publishing {
			w.report()
		}
	}
}

// works notes that the worker has something to do.
func (w *worker) works() {
	if w.fresh {
		w.fresh = false
		w.pool.procs.takeOnce(w.pool.config)
	}
}

// afterPoll is for [task.SetTails].
func (p *Pool) afterPoll(t task.Tail) bool {
	id := int64(gettid())
	if id == 0 {
		return false
	}
	for _, w := range p.active() {
		if w.tid.Load() == id { // so it is this thread's
			if w.runner.Polls() {
				w.tails = append(w.tails, t)
				return true
			}
			return false
		}
	}
	return false
}

// runTails does what the poll has put off.
func (w *worker) runTails() {
	for i, t := range w.tails {
		w.tails[i] = nil
		t.Tail()
	}
	if w.tails = w.tails[:0]; cap(w.tails) > keptTails {
		w.tails = nil
	}
}

// find looks for a frame, nearest first. inherit says that the frame was woken by
// the poll before and shares its budget.
func (w *worker) find() (f *task.Frame, inherit bool) {
	// 1. Now and then the timers and the inbox first, or they would starve.
	if w.tick++; w.tick == w.due {
		w.periodic()
		if w.retired.Load() {
			w.handOver()
			return nil, false
		}
		w.drainInbox(w)
	}
	// 2. What the last poll has woken, its data in our cache; but a pair of tasks
	// that wake each other must not keep the others out.
	if w.lifo.Load() != nil {
		// Claim. The frame: the thread that empties the slot. Pairs with: (*monitor).unload.
		if f = w.lifo.Swap(nil); f != nil {
			if w.streak++; w.streak <= maxStreak {
				return f, true
			}
			w.deque.Push(f)
		}
	}
	w.streak = 0
	// 3. Our own deque, from the thieves' end: the oldest, so that it is fair.
	if f = w.deque.Take(); f != nil {
		return f, false
	}
	// 4. Our inbox.
	if w.drainInbox(w) > 0 {
		if f = w.deque.Take(); f != nil {
			return f, false
		}
	}
	// 5. Other workers.
	return w.steal(), false
}

// drainInbox moves the frames of v's inbox to our deque.
func (w *worker) drainInbox(v *worker) int {
	delays.drain.Pass()
	n := v.inbox.Take(w.arrive)
	if n > 1 || n == 1 && w.lifo.Load() != nil { // more than what w runs next
		w.share()
	}
	if n > 0 {
		w.count[injected] += uint64(n)
		w.count[inboxes]++
		w.count[longest] = max(w.count[longest], uint64(n))
	}
	return n
}

// periodic is what is done every so often: it measures the polls since the last
// time, sets the next, and fires timers.
func (w *worker) periodic() {
	now := clock.Now()
	w.due = w.tick + w.pace.next(now, w.tick)
	w.observe()
	w.sampler.look(now)
	w.expire(now)
	w.fireForAway(now)
	w.pollReactors(now)
	if n := w.deque.Size(); n > 0 && w.pace.worth(n) {
		w.deque.Flush() // as in share
		w.pool.notify()
	}
	w.report()
}

// steal looks at the other workers, from a random one on, but first at the one
// where it found something last.
func (w *worker) steal() *task.Frame {
	all := w.pool.active()
	n := len(all)
	if n == 1 {
		return nil
	}
	if !w.searching {
		if !w.pool.parking.search(w.id) {
			return nil
		}
		w.searching = true
	}
	if f := w.stealFrom(all[w.friend%n]); f != nil {
		return f
	}
	for range passes {
		first := int(w.rng.Uint64() % uint64(n))
		for i := range n {
			v := all[(first+i)%n]
			if f := w.stealFrom(v); f != nil {
				w.friend = v.id
				return f
			}
		}
	}
	return w.fireOverdue(all)
}

// stealFrom takes frames from v's deque, or all of its inbox.
func (w *worker) stealFrom(v *worker) *task.Frame {
	if v == w {
		return nil
	}
	f, n, r := v.deque.StealBatch(&w.deque, maxTheft)
	if r == deque.Stolen {
		w.count[stolen] += uint64(n)
		w.count[thefts]++
		return f
	}
	if r == deque.Lost {
		w.count[lost]++
	}
	if w.drainInbox(v) > 0 {
		return w.deque.Take()
	}
	return nil
}

// rest parks the worker until there may be something to do.
func (w *worker) rest() {
	if w.pool.config.Clock != nil && w.expire(0) > 0 {
		return // what it has armed late itself: it does not park before that
	}
	delays.rest.Pass()
	w.deque.Tidy()
	w.participant.Tidy()
	w.runner.Rest()
	if w.observer != nil && w.observer.labels != nil {
		w.observer.labels.rest()
	}
	w.report()
	p := &w.pool.parking
	look := p.beginPark(w.id, w.searching)
	// Store-load: the bit first, then the requests of work.
	// Pairs with: (*seam).Parked.
	if w.pool.team.Computing() > 0 {
		w.pool.team.RequestWork(w.participant)
	}
	if look && w.pool.anyWork() {
		if !w.retired.Load() {
			p.claim(w.id) // unless another thread just has
			w.searching = true
			w.pool.monitor.unpark() // it may have seen the bit
			return
		}
		w.pool.notify() // another worker in its place
	}
	if w.called() {
		w.searching = p.endPark(w.id)
		w.pool.monitor.unpark()
		return
	}
	w.count[parks]++
	w.hook(w.pool.config.Hooks.Parking)
	asleep := w.yieldP()
	w.park()
	w.hook(w.pool.config.Hooks.Unparked)
	w.searching = p.endPark(w.id) // P4
	w.pool.monitor.unpark()
	now := clock.Now()
	w.sampler.awake += now - asleep
	w.until.Store(never) // Hint. See watchTimers.
	w.pace.begin(now)
	w.observe()
	w.expire(now)
	if !w.retired.Load() {
		w.fireForAway(now)
	}
	w.due = w.tick + 1
}

// yieldP yields the worker's P to the Go scheduler, if it has not done so
// for a while. Otherwise Go's sysmon takes the goroutine for one that computes without end,
// whatever system calls it sleeps in: it takes away its processor at each of them, and
// having done that looks again every twenty microseconds, at 10 to 20 % of a processor. The parked bit is
// set, so nobody waits for the worker meanwhile.
//
// It returns the time.
func (w *worker) yieldP() (now int64) {
	if now = clock.Now(); now-w.yielded >= unseen {
		w.yielded = now
		runtime.Gosched()
	}
	return now
}

// Push implements task.Queue: a frame that the poll in progress has spawned.
func (w *worker) Push(f *task.Frame) {
	if w.publishing {
		w.publish() // the spawn before anybody can see its end
	}
	w.deque.Push(f)
	w.share()
}

// share has another worker unparked for frames that this one has queued, if they
// are worth it: unparking a thread costs the time of many short polls, and moves
// what they touch to another cache. No frame is lost by keeping quiet, because
// this worker does not park while its own deque has any. But polls may turn out
// to be longer than they used to be, so the next look is due soon.
func (w *worker) share() {
	switch {
	case w.pace.worth(w.deque.Size()):
		w.deque.Flush() // S1 before S2. See parking.go.
		w.pool.notify()
	case w.due-w.tick > soon:
		w.due = w.tick + soon
	}
}

// Answered implements task.Watched. The polls may be longer than they were when the
// next look at the inbox was set: it is due now.
func (w *worker) Answered(f *task.Frame) {
	w.due = w.tick + 1
	w.sampler.charge(f)
}

// Next implements task.Queue: a frame that the poll in progress has woken.
func (w *worker) Next(f *task.Frame) {
	if w.publishing {
		w.publish() // it may be a spawn
	}
	if w.lifo.Load() == nil { // and stays so: others only empty it
		// Publish. The frame, as in a queue. Pairs with: (*monitor).unload.
		atomicx.StoreReleasePointer(&w.lifo, f)
		return
	}
	// Claim. What was there, against who empties the slot; and the frame is published. Pairs with: (*monitor).unload.
	if old := w.lifo.Swap(f); old != nil {
		w.deque.Push(old)
		w.share()
	}
}

// Later implements task.Queue: a frame that has had its turn. If the inbox is due it
// goes first: what has come during a long poll does not wait for another of the kind.
func (w *worker) Later(f *task.Frame) {
	if w.due == w.tick+1 {
		w.drainInbox(w)
	}
	w.deque.Push(f)
	if w.lifo.Load() != nil { // that runs first, and f may run elsewhere meanwhile
		w.share()
	}
}
