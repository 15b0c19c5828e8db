package task

import (
	"context"
	"fmt"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/park"
)

// waitlist is who waits for one event: a ring of waiters, oldest first. Each
// list belongs to an object with a lock, which is passed along with it; the lock
// is held for a few instructions and never while anybody is woken.
type waitlist struct{ head atomicx.Pointer[waiter] }

// waiter is a place in a waitlist: a task's, or a goroutine's.
type waiter struct {
	hold       holding // in the waiting task's list; its worker's
	on         *waitlist
	mu         *park.Mutex // the lock of on
	prev, next *waiter     // guarded by mu; next is nil when not listed
	wake       wakeup
	visit      uint64 // debug builds: the poll that called last, or left
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
func (l *waitlist) add(w *waiter) {
	h := l.head.Load()
	if h == nil {
		w.prev, w.next = w, w
		// Publish. To the finisher's look without the lock.
		// Pairs with: (*waitlist).empty.
		l.head.Store(w)
		return
	}
	w.prev, w.next = h.prev, h
	h.prev.next = w
	h.prev = w
}

// remove takes w off the list, if it is on it. The lock is held.
func (l *waitlist) remove(w *waiter) {
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

// empty reports whether nobody waits. Any thread, without the lock: whoever has
// made the awaited condition true before this look cannot miss a waiter that
// does not see the condition.
func (l *waitlist) empty() bool { return l.head.Load() == nil }

// batch is how many are taken off a list under its lock at a time.
const batch = 32

// wakeAll takes everybody off the list who is on it now, and wakes them, oldest
// first. Those that wait for something else by now poll once for nothing.
func (l *waitlist) wakeAll(mu *park.Mutex, cx *Cx) {
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

// block is the goroutine's wait: until done, or until ctx is.
func block(ctx context.Context, mu *park.Mutex, l *waitlist, done func() bool) error {
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
			return fmt.Errorf("task: wait: %w", context.Cause(ctx))
		}
	}
}

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
func (f *Frame) hold(h *holding, what held) {
	h.what, h.next = what, f.held
	f.held = h
}

// unhold removes h.
func (f *Frame) unhold(h *holding) {
	for p := &f.held; *p != nil; p = &(*p).next {
		if *p == h {
			*p = h.next
			h.next, h.what = nil, nil
			return
		}
	}
}

// waiterOn finds the task's waiter in l.
func (f *Frame) waiterOn(l *waitlist) *waiter {
	for h := f.held; h != nil; h = h.next {
		if w, ok := h.what.(*waiter); ok && w.on == l {
			return w
		}
	}
	return nil
}

// listen lists the polled task in l, unless it is listed already. The caller
// looks at the awaited condition once more afterwards.
func (cx *Cx) listen(mu *park.Mutex, l *waitlist) {
	f := cx.frame
	w := f.waiterOn(l)
	if w == nil {
		w = cx.run.takeWaiter()
		w.on, w.mu = l, mu
		w.wake = wakeup{frame: f, of: gen(f.state.bits.Load())}
		if invariant.Enabled {
			cx.checkStage()
		}
		f.hold(&w.hold, w)
	}
	if invariant.Enabled {
		w.visit = cx.run.Count.Polls
	}
	mu.Lock()
	if w.next == nil {
		l.add(w)
	}
	mu.Unlock()
}

// forget ends the polled task's wait in l, if there is one.
func (cx *Cx) forget(l *waitlist) {
	if cx.frame.held == nil {
		return
	}
	if invariant.Enabled {
		for h := cx.frame.held; h != nil; h = h.next {
			if w, ok := h.what.(*waiter); ok {
				w.visit = left
			}
		}
	}
	if w := cx.frame.waiterOn(l); w != nil {
		cx.frame.unhold(&w.hold)
		cx.run.giveWaiter(w)
	}
}

// release unlists the waiter. It is called when its task finishes.
func (w *waiter) release(cx *Cx, _ error) bool {
	cx.frame.unhold(&w.hold)
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
	if r.spares == maxSpares {
		*w = waiter{}
		return
	}
	*w = waiter{next: r.waiters}
	r.waiters = w
	r.spares++
}

// maxSpares bounds a worker's free list.
const maxSpares = 256
