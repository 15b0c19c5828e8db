package task

import (
	"context"
	"fmt"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/park"
)

// Line is who waits for an object: a ring of tasks and goroutines, oldest first. It is
// what locks and channels are made of, and those are what a program uses; a new kind of
// object is two or three fields and a Line. The zero value is empty.
//
// There are two ways to wait. For something that happens, and that all are told of, a
// task calls Listen, looks once more whether it has happened, and suspends; whoever
// makes it happen calls WakeAll. For something that is given to one, the oldest first, a
// task calls Wait, and a [Keeper] decides.
//
// A Line belongs to an object with a lock, which guards it and is passed along; the lock
// is held for a few instructions and never while anybody is woken. An object may have
// several lines.
type Line struct{ head atomicx.Pointer[waiter] }

// waiter is a place in a Line: a task's, or a goroutine's.
type waiter struct {
	hold       holding // in the waiting task's list; its worker's
	on         *Line
	mu         *park.Mutex // the lock of on
	prev, next *waiter     // guarded by mu; next is nil when not listed
	wake       wakeup
	keeper     Keeper         // nil: it waits for something that happens
	asks       int64          // what it wants of keeper
	verdict    atomicx.Uint32 // what keeper has said; written under mu, when it is off the list
	going      bool           // guarded by mu: the verdict is Told, as soon as it is off the list
	visit      uint64         // debug builds: the poll that called last, or left
}

// left is the visit of waiters that their task may leave alone: another of its
// waits is over.
const left = ^uint64(0)

// wakeup is who is to be woken: a task in one of its lives, or a goroutine.
type wakeup struct {
	frame *Frame
	of    uint32
	bell  chan struct{}
}

// do wakes it. cx is the caller's, or nil outside of a poll.
func (w *wakeup) do(cx *Cx) {
	if w.bell == nil {
		wakeTask(cx, w.frame, w.of)
		return
	}
	select {
	case w.bell <- struct{}{}: // one token is enough, and a worker must not block
	default:
	}
}

// add lists w as the newest. The lock is held.
func (l *Line) add(w *waiter) {
	h := l.head.Load()
	if h == nil {
		w.prev, w.next = w, w
		// Publish. To the finisher's look without the lock.
		// Pairs with: (*Line).Empty.
		l.head.Store(w)
		return
	}
	w.prev, w.next = h.prev, h
	h.prev.next = w
	h.prev = w
}

// remove takes w off the list, if it is on it. The lock is held.
func (l *Line) remove(w *waiter) {
	if w.next == nil {
		return
	}
	if w.next == w {
		l.head.Store(nil)
	} else {
		w.prev.next, w.next.prev = w.next, w.prev
		if l.head.Load() == w {
			l.head.Store(w.next)
		}
	}
	w.prev, w.next = nil, nil
}

// Empty reports whether nobody waits. Any thread, without the lock: whoever has
// made the awaited condition true before this look cannot miss a waiter that
// does not see the condition.
func (l *Line) Empty() bool { return l.head.Load() == nil }

// batch is how many are taken off a list under its lock at a time.
const batch = 32

// WakeAll takes everybody off the list who is on it now, and wakes them, oldest
// first. Those that wait for something else by now poll once for nothing. cx is the
// caller's poll, or nil outside of one. Any thread, without the lock.
func (l *Line) WakeAll(mu *park.Mutex, cx *Cx) {
	var last *waiter
	for more := true; more; {
		var woken [batch]wakeup
		n := 0
		mu.Lock()
		for more && n < batch {
			w := l.head.Load()
			if w == nil {
				more = false
				break
			}
			if last == nil {
				last = w.prev
			}
			more = w != last
			l.remove(w)
			woken[n] = w.wake
			n++
		}
		mu.Unlock()
		for i := range n {
			woken[i].do(cx)
		}
	}
}

// Block is how a goroutine waits for something that happens: until done reports true,
// or until ctx is over; then its error wraps ctx's cause.
func (l *Line) Block(ctx context.Context, mu *park.Mutex, done func() bool) error {
	if done() {
		return nil
	}
	forbidOnWorker()
	w := waiter{on: l, mu: mu, wake: wakeup{bell: make(chan struct{}, 1)}}
	defer func() {
		mu.Lock()
		l.remove(&w)
		mu.Unlock()
	}()
	for {
		mu.Lock()
		if w.next == nil {
			l.add(&w)
		}
		mu.Unlock()
		if done() {
			return nil
		}
		select {
		case <-w.wake.bell:
		case <-ctx.Done():
			return interrupted(ctx)
		}
	}
}

// interrupted is the error of a goroutine's wait that ctx has ended.
func interrupted(ctx context.Context) error { return fmt.Errorf("task: wait: %w", context.Cause(ctx)) }

// holding is a place in the list of what a task owns or waits in. The list
// belongs to the worker that polls the task.
type holding struct {
	next *holding
	what held
}

// held is something that must not outlive the task that holds it.
type held interface {
	// release lets go of the task, which ends with err. It reports false if that
	// has to wait: then the task will be woken, and release called again.
	release(cx *Cx, err error) bool
	// drain passes on that the task is to come to an end.
	drain()
}

// hold adds h to what the task holds.
func (f *Frame) hold(h *holding, what held) { h.link(&f.held, what) }

// link puts h at the front of list.
func (h *holding) link(list **holding, what held) {
	h.what, h.next = what, *list
	*list = h
}

// unlink takes h out of list, and reports whether it was there.
func (h *holding) unlink(list **holding) bool {
	for p := list; *p != nil; p = &(*p).next {
		if *p == h {
			*p = h.next
			h.next, h.what = nil, nil
			return true
		}
	}
	return false
}

// unhold removes h, which the task itself holds and none of its branches.
func (f *Frame) unhold(h *holding) { h.unlink(&f.held) }

// waiter finds the waiter in l of the polled task, or of its branch in progress.
func (cx *Cx) waiter(l *Line) *waiter {
	for h := *cx.holdings(); h != nil; h = h.next {
		if w, ok := h.what.(*waiter); ok && w.on == l {
			return w
		}
	}
	return nil
}

// newWaiter gives the polled task a waiter in l, which is not listed yet.
// held says that the caller has the lock.
func (cx *Cx) newWaiter(mu *park.Mutex, l *Line, held bool) *waiter {
	w := cx.run.takeWaiter()
	w.on, w.mu = l, mu
	w.wake = wakeup{frame: cx.frame, of: gen(cx.frame.state.bits.Load())}
	if invariant.Enabled {
		var mine *park.Mutex
		if held {
			mine = mu
		}
		cx.checkStage(mine)
	}
	cx.hold(&w.hold, w)
	return w
}

// Listen lists the polled task, unless it is listed already. The caller looks at the
// awaited condition once more afterwards, and then either suspends or calls Forget.
func (l *Line) Listen(cx *Cx, mu *park.Mutex) {
	w := cx.waiter(l)
	if w == nil {
		w = cx.newWaiter(mu, l, false)
	}
	cx.visit(w)
	mu.Lock()
	if w.next == nil {
		l.add(w)
	}
	mu.Unlock()
}

// visit says that the poll in progress has called what w waits for.
func (cx *Cx) visit(w *waiter) {
	if invariant.Enabled {
		w.visit = cx.run.Count.Polls
	}
}

// Forget ends the polled task's wait, if there is one.
func (l *Line) Forget(cx *Cx) {
	if *cx.holdings() == nil {
		return
	}
	cx.moveOn()
	if w := cx.waiter(l); w != nil {
		cx.unhold(&w.hold)
		cx.run.giveWaiter(w)
	}
}

// moveOn says that one of the task's waits is over, so that it may leave others alone.
func (cx *Cx) moveOn() {
	if invariant.Enabled {
		for h := *cx.holdings(); h != nil; h = h.next {
			if w, ok := h.what.(*waiter); ok {
				w.visit = left
			}
		}
	}
}

// release unlists the waiter. It is called when its task, or a branch of it, ends.
func (w *waiter) release(cx *Cx, _ error) bool {
	if w.keeper != nil {
		w.on.withdraw(cx, w)
		return true
	}
	cx.unhold(&w.hold)
	cx.run.giveWaiter(w)
	return true
}

func (w *waiter) drain() {}

// takeWaiter and giveWaiter are the worker's free list: a waiter is allocated
// once and used over and over. The list is short, because tasks may always begin
// to wait on one worker and end it on another.
func (r *Runner) takeWaiter() *waiter {
	w := r.waiters
	if w == nil {
		return new(waiter)
	}
	r.waiters = w.next
	r.spares--
	w.next = nil
	return w
}

func (r *Runner) giveWaiter(w *waiter) {
	w.mu.Lock()
	w.on.remove(w)
	w.mu.Unlock()
	r.freeWaiter(w)
}

// freeWaiter is giveWaiter for one that is listed nowhere.
func (r *Runner) freeWaiter(w *waiter) {
	w.reset()
	if r.spares < maxSpares {
		w.next, r.waiters = r.waiters, w
		r.spares++
	}
}

// reset makes w as good as new. No other thread knows it any more.
func (w *waiter) reset() {
	w.on, w.mu, w.prev, w.next = nil, nil, nil, nil
	w.wake = wakeup{}
	w.visit = 0
	if w.keeper != nil {
		w.keeper, w.asks, w.going = nil, 0, false
		w.verdict.Store(uint32(Waiting))
	}
}

// maxSpares bounds a worker's free list.
const maxSpares = 256
