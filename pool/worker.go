package pool

import (
	"context"
	"math/rand/v2"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/heist-go/heist/deque"
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/pad"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/internal/stack"
	"github.com/heist-go/heist/task"
)

// worker is a thread that polls tasks. Its fields are its own but for lifo,
// deque, inbox, parker, dismissed and public, which others look at, set or take
// from; the runner's timers have a lock of their own.
type worker struct {
	pool   *Pool
	id     int
	runner task.Runner

	tick   uint32 // polls
	due    uint32 // the tick at which the inbox comes first
	streak int    // polls in a row that came from lifo
	pace   pace
	rng    rand.PCG
	friend int // whom the last theft was from
	seat   *seat
	keen   bool  // its last part of a computation was worth it
	seen   int64 // when Go's scheduler has scheduled the goroutine last; see reappear

	labels *labels // of profiles, or nil

	count      [counters]uint64
	searching  bool
	publishing bool // the pool closes, and every count is published at once

	parker    park.Parker
	started   atomicx.Bool
	dismissed atomicx.Bool            // a spare that is not needed any more; see (*Pool).hire
	tid       atomicx.Int64           // of the thread; for tests
	goroutine atomicx.Pointer[string] // its number, for reports

	_      pad.Line
	lifo   atomicx.Pointer[task.Frame] // woken by the poll in progress; runs next
	_      pad.Line
	inbox  task.Inbox // frames from other threads
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
	// unseen is for how long a worker may not have been scheduled by Go's scheduler, which
	// minds it after 10 ms.
	unseen = int64(8 * time.Millisecond)
)

// main is the thread's life.
func (w *worker) main() {
	if !w.pool.config.Unlocked {
		runtime.LockOSThread() // for good: the thread dies with the goroutine
		park.Prepare()
	}
	w.tid.Store(int64(gettid()))
	id := stack.ID()
	w.goroutine.Store(&id)
	w.pool.guard.rouse()
	pprof.SetGoroutineLabels(context.Background()) // not those of whoever woke us
	if w.pool.config.Labels {
		w.labels = newLabels(w.id)
	}
	defer task.Polling()()
	ended := false
	defer func() {
		if ended {
			w.pool.ended()
		} else { // a task has called runtime.Goexit: go on with a new goroutine
			go w.main()
		}
	}()
	for !w.runner.Guard(w.run) {
	}
	ended = true
}

// run is the life of a worker. Start reading here.
func (w *worker) run() {
	w.pace.begin(clock.Now())
	for {
		f, inherit := w.find()
		if f == nil {
			if w.assist() {
				continue
			}
			if w.pool.stopped.Load() {
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
		if w.labels != nil {
			w.labels.poll(f)
		}
		w.runner.Step(f, inherit)
		if w.publishing {
			w.report()
		}
	}
}

// find looks for a frame, nearest first. inherit says that the frame was woken by
// the poll before and shares its budget.
func (w *worker) find() (f *task.Frame, inherit bool) {
	// 1. Now and then the timers and the inbox first, or they would starve.
	if w.tick++; w.tick == w.due {
		w.rhythm()
		if w.dismissed.Load() {
			w.handOver()
			return nil, false
		}
		w.collect(w)
	}
	// 2. What the last poll has woken, its data in our cache; but a pair of tasks
	// that wake each other must not keep the others out.
	if w.lifo.Load() != nil {
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
	if w.collect(w) > 0 {
		if f = w.deque.Take(); f != nil {
			return f, false
		}
	}
	// 5. Other workers.
	return w.steal(), false
}

// collect moves the frames of v's inbox to our deque.
func (w *worker) collect(v *worker) int {
	n := v.inbox.Take(w.deque.Push)
	if n > 1 || n == 1 && w.lifo.Load() != nil { // more than what w runs next
		w.share()
	}
	w.count[injected] += uint64(n)
	return n
}

// rhythm is what is done every so often: it measures the polls since the last
// time, sets the next, and fires timers.
func (w *worker) rhythm() {
	now := clock.Now()
	w.due = w.tick + w.pace.next(now, w.tick)
	w.expire(now)
	w.glance(now)
	if n := w.deque.Size(); n > 0 && w.pace.worth(n) {
		w.pool.notify()
	}
	w.report()
}

// steal looks at the other workers, from a random one on, but first at the one
// where it found something last.
func (w *worker) steal() *task.Frame {
	crew := w.pool.crew()
	n := len(crew)
	if n == 1 {
		return nil
	}
	if !w.searching {
		if !w.pool.parking.search(w.id) {
			return nil
		}
		w.searching = true
	}
	if f := w.rob(crew[w.friend%n]); f != nil {
		return f
	}
	for range passes {
		first := int(w.rng.Uint64() % uint64(n))
		for i := range n {
			v := crew[(first+i)%n]
			if f := w.rob(v); f != nil {
				w.friend = v.id
				return f
			}
		}
	}
	return w.rescue(crew)
}

// rob takes frames from v's deque, or all of its inbox.
func (w *worker) rob(v *worker) *task.Frame {
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
	if w.collect(v) > 0 {
		return w.deque.Take()
	}
	return nil
}

// rest parks the worker until there may be something to do.
func (w *worker) rest() {
	if w.pool.config.Clock != nil && w.expire(0) > 0 {
		return // what it has armed late itself: it is not idle before that
	}
	w.deque.Tidy()
	w.seat.deque.Tidy()
	w.runner.Rest()
	w.report()
	p := &w.pool.parking
	look := p.idle(w.id, w.searching)
	if w.pool.computing.Load() > 0 { // Store-load: after the bit. Pairs with: (*head).trip.
		w.beg()
	}
	if look && w.pool.anyWork() {
		if !w.dismissed.Load() {
			p.rouse(w.id) // unless somebody else just has
			w.searching = true
			w.pool.guard.rouse() // it may have seen the bit
			return
		}
		w.pool.notify() // another one in its place
	}
	if w.called() {
		w.searching = p.leave(w.id)
		w.pool.guard.rouse()
		return
	}
	w.count[parks]++
	w.reappear()
	w.park()
	w.searching = p.leave(w.id) // P4
	w.pool.guard.rouse()
	now := clock.Now()
	w.pace.begin(now)
	w.expire(now)
	w.due = w.tick + 1
}

// reappear has the Go scheduler schedule the worker's goroutine anew, if it has not done so
// for a while. Otherwise its monitor takes the goroutine for one that computes without end,
// whatever system calls it sleeps in: it takes away its processor at each of them, and
// having done that looks again every 20 µs, at 10 to 20 % of a processor. The idle bit is
// set, so nobody waits for a worker that is away.
func (w *worker) reappear() {
	if now := clock.Now(); now-w.seen >= unseen {
		w.seen = now
		runtime.Gosched()
	}
}

// Push implements task.Queue: a frame that the poll in progress has spawned.
func (w *worker) Push(f *task.Frame) {
	if w.publishing {
		w.publish() // the spawn before anybody can see its end
	}
	w.deque.Push(f)
	w.share()
}

// share lets another worker come for frames that this one has queued, if they
// are worth it: waking a thread costs the time of many short polls, and moves
// what they touch to another cache. No frame is lost by keeping quiet, because
// this worker does not park while its own deque has any. But polls may turn out
// to be longer than they used to be, so the next look is due soon.
func (w *worker) share() {
	switch {
	case w.pace.worth(w.deque.Size()):
		w.pool.notify()
	case w.due-w.tick > soon:
		w.due = w.tick + soon
	}
}

// Answered implements task.Watched. The polls may be longer than they were when the
// next look at the inbox was set: it is due now.
func (w *worker) Answered() { w.due = w.tick + 1 }

// Next implements task.Queue: a frame that the poll in progress has woken.
func (w *worker) Next(f *task.Frame) {
	if old := w.lifo.Swap(f); old != nil {
		w.deque.Push(old)
		w.share()
	}
}

// Later implements task.Queue: a frame that has had its turn. If the inbox is due it
// goes first: what has come during a long poll does not wait for another of the kind.
func (w *worker) Later(f *task.Frame) {
	if w.due == w.tick+1 {
		w.collect(w)
	}
	w.deque.Push(f)
	if w.lifo.Load() != nil { // that runs first, and f may run elsewhere meanwhile
		w.share()
	}
}
