package task

import (
	"context"
	"fmt"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
)

// WaitLock is the lock of an object that tasks wait for: a [WaitQueue] or a [WaitSet] is given its
// address, with the object's other fields under it. The zero value is unlocked. Lock blocks the
// thread until the lock is free, TryLock reports whether it was, and Unlock panics if the lock is
// not held. Any thread may call them.
//
// It is for critical sections of a few instructions: a thread that waits for it spins for a moment
// and then sleeps in the kernel. Nothing that may suspend, block or wake is done under it. The lock
// that a task holds while it waits for something is [github.com/heist-go/heist/task/lock.Mutex].
type WaitLock = park.Mutex

// waiter is the place of a task or a goroutine in a WaitSet or a WaitQueue.
type waiter struct {
	attachment attachment // in the waiting task's list; its worker's
	set        *WaitSet   // or queue, whose lock is mu
	queue      *WaitQueue
	mu         *park.Mutex
	what       any     // the Policy of the queue; of a set, the object that it is in, or nil: for Inspect
	prev, next *waiter // guarded by mu; next is nil when it is in no ring
	wake       wakeup
	part       uint32 // which operation of a branch waits; its worker's
	asked      bool   // the poll in progress has called its operation; its worker's
	mayAbandon bool   // debug builds: another of the task's waits is over, so this one may be left alone
	limited    bool   // a goroutine's, whose context has a deadline

	use   uint32         // how often the waiter was used; a decision counts if it was made in this use
	grant atomicx.Uint32 // what was decided, and in which use; written under mu. Of a WaitSet: Notified

	// Of a WaitQueue.
	notified bool  // guarded by mu: it is Notified as soon as it is taken out
	asks     int64 // what it wants of the policy
}

// begin begins another use of the waiter, about which nothing is decided.
func (w *waiter) begin() {
	if w.use++; w.use<<2 == 0 {
		// Initialisation, once in a full circle: a decision of a round ago counts no more (Q3).
		w.grant.Store(uint32(Waiting))
	}
}

// waiterIn returns the waiter of the polled task, or of its branch in progress, in a set or in a
// queue; the other one is nil.
func (cx *Cx) waiterIn(s *WaitSet, q *WaitQueue) *waiter {
	for a := *cx.attachments(); a != nil; a = a.next {
		w := a.waiter()
		if w == nil || w.set == s && w.queue == q && w.part == cx.part {
			return w
		}
	}
	return nil
}

// newWaiter gives the polled task a waiter, which is not listed yet.
func (cx *Cx) newWaiter(mu *park.Mutex) *waiter {
	w := cx.run.takeWaiter()
	w.mu, w.part = mu, cx.part
	w.wake = wakeup{frame: cx.frame, gen: gen(cx.frame.state.bits.Load())}
	cx.attach(&w.attachment, w)
	return w
}

// over reports whether the waiter is in no ring any more, or may be.
func (w *waiter) over(held *park.Mutex) bool {
	if w.mu != held && !w.mu.TryLock() { // two locks: never wait for the second
		return true // perhaps
	}
	over := w.next == nil
	if w.mu != held {
		w.mu.Unlock()
	}
	return over
}

func (w *waiter) rank() rank { return waits }

// release takes the waiter out: its wait is abandoned.
func (w *waiter) release(cx *Cx, _ error) bool {
	if w.queue != nil {
		w.queue.withdraw(cx, w)
	} else {
		w.set.quit(cx, w)
	}
	return true
}

func (w *waiter) called(*Cx, bool) bool {
	asked := w.asked
	w.asked = false
	return asked
}

func (w *waiter) drain() {}

// wakeup is a task in one of its lives, or a goroutine, that will be woken.
type wakeup struct {
	frame *Frame
	gen   uint32
	token chan struct{} // of a goroutine
}

// do wakes it. cx is the caller's, or nil outside of a poll.
func (w *wakeup) do(cx *Cx) {
	if w.token == nil {
		wakeTask(cx, w.frame, w.gen)
		return
	}
	select {
	case w.token <- struct{}{}: // one token is enough, and a worker must not block
	default:
	}
}

// wakeMany wakes several: the first runs next, and the others in their turn.
func wakeMany(woken []wakeup, cx *Cx) {
	for i := range woken {
		w := &woken[i]
		if i == 0 || cx == nil || w.token != nil {
			w.do(cx)
			continue
		}
		switch f := w.frame; {
		case !f.state.wake(w.gen, 0): // or it is in its next life, and not to be looked at
			if s := cx.run.sim; s != nil {
				s.NoChange(Waker{f, w.gen})
			}
		case f.rt == cx.run.rt:
			cx.run.queue.Push(f)
		default:
			f.rt.submit(f)
		}
	}
}

// takeWaiter and freeWaiter are the worker's free list: a waiter is allocated
// once and used over and over. The list is short, because tasks may always begin
// to wait on one worker and end it on another.
func (r *Runner) takeWaiter() *waiter {
	w := r.waiters
	if w == nil {
		return new(waiter)
	}
	r.waiters, w.next = w.next, nil
	r.spares--
	return w
}

// freeWaiter takes w back, which is in no ring and known to nobody else.
func (r *Runner) freeWaiter(w *waiter) {
	w.set, w.queue, w.mu, w.prev, w.next = nil, nil, nil, nil, nil
	w.wake = wakeup{}
	w.asked, w.mayAbandon = false, false
	if w.what != nil {
		w.what, w.notified = nil, false
	}
	if r.spares < maxSpares {
		w.next, r.waiters = r.waiters, w
		r.spares++
	}
}

// maxSpares bounds a worker's free lists.
const maxSpares = 256

// interrupted returns the error of a goroutine's wait that ctx has ended.
func interrupted(ctx context.Context) error { return fmt.Errorf("task: wait: %w", context.Cause(ctx)) }
