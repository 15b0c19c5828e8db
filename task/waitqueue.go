package task

import (
	"context"
	"fmt"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/park"
)

// WaitQueue is a FIFO wait queue: a ring of tasks and goroutines that wait for something that is
// given to one at a time. Locks and channels are made of it, and those are what a program uses; a
// new kind of object is two or three fields, a WaitQueue, and a [Policy] that decides. The zero
// value is empty.
//
// A WaitQueue belongs to an object with a lock, which guards it and is passed along; the lock
// is held for a few instructions and never while anybody is woken. An object may have
// several queues.
//
//	newcomer -> Enqueue -> | newest | ... | oldest | -> TryGrant -> setGrant, wake -> Collect
//	                                   \                               \
//	                                    `- withdraw -> Revoke ----------'-> the next is asked
//
// # Invariants
//
//	Q1  A waiter is in the ring until somebody has decided about it, or its wait is over.
//	Q2  Who takes a waiter out of the ring for a decision writes that down under the lock
//	    (setGrant). From the unlocking on the waiter is its task's: nobody else touches it.
//	Q3  A decision counts for one use of a waiter: the word says in which use it was made.
//	Q4  A waiter that is marked as notified is taken out as Notified, by whoever comes first.
//	Q5  What is revoked is offered again: Revoke is followed by a dispatch.
//
// # Order
//
// A task reads the decision without the lock. That it sees no decision too early follows from Q2
// and Q3, and that it sees one when it was woken from the order of setGrant and wake.
//
// # Price
//
// A wait is two critical sections and a wake-up. Nothing is allocated, unless a
// goroutine waits.
type WaitQueue struct {
	oldest *waiter
	n      int // how many are in it
}

// Policy decides who is next in the queues of an object.
//
// A grant is the waiting task's from the moment of the decision, before the task
// is polled: nobody can come in between. If the task does not want it any more, because
// it was canceled, has ended, or has won another branch of a select, the grant comes back
// through Revoke and goes to the next in the queue.
//
// An object with several queues is a [Dispatcher], too.
type Policy interface {
	// TryGrant is asked whether the oldest in q, who asks for n, may go on, and sets
	// aside what it grants. The lock is held.
	TryGrant(q *WaitQueue, n int64) GrantState
	// Revoke takes back what was set aside for a waiter that has asked for n, if state is
	// Granted, and otherwise only learns that one less waits. The lock is held.
	Revoke(q *WaitQueue, n int64, state GrantState)
}

// Dispatcher is a [Policy] that sees by itself who may go on when something was revoked: in other
// queues of the object than the one of that wait, or by other means. Without it, Grant is called
// for that queue.
type Dispatcher interface {
	// Dispatch calls Grant for each queue. The lock is not held. cx is the caller's poll, or
	// nil.
	Dispatch(cx *Cx)
}

// GrantState is what has become of a wait.
type GrantState uint8

const (
	Waiting  GrantState = iota // not yet
	Granted                    // it has what it asked for
	Notified                   // it may go on, with all others; nothing was set aside for it
	Refused                    // it will never get it: the object is closed
)

// err is what an operation returns in that state.
func (state GrantState) err() error {
	if state == Refused {
		return ErrClosed
	}
	return nil
}

// Empty reports whether nobody waits. The lock is held.
func (q *WaitQueue) Empty() bool { return q.oldest == nil }

// Len returns how many wait. The lock is held.
func (q *WaitQueue) Len() int { return q.n }

// Alone reports whether exactly one waits. The lock is held.
func (q *WaitQueue) Alone() bool { return q.n == 1 }

// add puts w at the end. The lock is held.
func (q *WaitQueue) add(w *waiter) {
	q.n++
	q.oldest = w.push(q.oldest)
}

// remove takes w out, if it is in the queue. The lock is held.
func (q *WaitQueue) remove(w *waiter) {
	if w.next != nil {
		q.n--
		q.oldest = w.cut(q.oldest)
	}
}

// Wait waits in the queue: the task asks policy for n, behind all others. It returns nil when that
// is granted, and ErrClosed when it is refused. Called again after Pending it goes on in the same
// place.
//
// A canceled task gives up its place, and what was granted to it. The lock is not held.
func (q *WaitQueue) Wait(cx *Cx, mu *park.Mutex, policy Policy, n int64) error {
	Point(cx)
	w := cx.waiterIn(nil, q)
	if w != nil && w.asks != n && !cx.misses(w) { // another question
		q.withdraw(cx, w)
		w = nil
	}
	if w == nil {
		if err := cx.Err(); err != nil {
			return err
		}
		mu.Lock()
		if q.Empty() {
			if state := policy.TryGrant(q, n); state != Waiting {
				mu.Unlock()
				return state.err()
			}
		}
		return q.Enqueue(cx, mu, policy, n, Waiting)
	}
	return q.collect(cx, w, n)
}

// Collect is [WaitQueue.Resume] for a task that gives up its place as soon as it has what it asks for.
func (q *WaitQueue) Collect(cx *Cx, n int64) error { return q.collect(cx, cx.waiterIn(nil, q), n) }

func (q *WaitQueue) collect(cx *Cx, w *waiter, n int64) error {
	err := q.look(cx, w, n)
	if err == nil {
		q.leave(cx, w)
	}
	return err
}

// Enqueue puts a task that has no place yet into the queue. The caller has decided about it: that is
// state. It returns nil if state is not Waiting. Then, or when a later call of Resume returns nil, the
// task has what was granted to it until it calls Leave, or Quit, or ends; its end counts as Quit. The
// lock is held, and is not any more when Enqueue returns.
func (q *WaitQueue) Enqueue(cx *Cx, mu *park.Mutex, policy Policy, n int64, state GrantState) error {
	err := state.err()
	if err == nil {
		err = cx.Err()
	}
	if err != nil {
		policy.Revoke(q, n, state)
		mu.Unlock()
		q.dispatch(cx, mu, policy)
		return err
	}
	q.check(cx, mu, policy, n, state)
	w := cx.newWaiter(mu)
	w.queue, w.what, w.asks = q, policy, n
	w.begin()
	w.asked = true
	if state != Waiting {
		w.setGrant(state)
		mu.Unlock()
		return nil
	}
	q.add(w)
	mu.Unlock()
	return cx.suspendUnspent()
}

// check is checkStage, in debug builds. If that panics, what Enqueue was called with is given back:
// the object is not only this task's.
func (q *WaitQueue) check(cx *Cx, mu *park.Mutex, policy Policy, n int64, state GrantState) {
	if !invariant.Enabled {
		return
	}
	sound := false
	defer func() {
		if !sound {
			policy.Revoke(q, n, state)
			mu.Unlock()
			q.dispatch(nil, mu, policy)
		}
	}()
	cx.checkStage(mu)
	sound = true
}

// dispatch offers what was revoked to the next (Q5). The lock is not held.
func (q *WaitQueue) dispatch(cx *Cx, mu *park.Mutex, policy Policy) {
	if d, ok := policy.(Dispatcher); ok {
		d.Dispatch(cx)
		return
	}
	mu.Lock()
	q.Grant(cx, mu, policy)
}

// Resume goes on with the wait of a task that has a place in the queue. It returns nil as long as the
// task has what it has asked for. The lock is not held.
func (q *WaitQueue) Resume(cx *Cx, n int64) error { return q.look(cx, cx.waiterIn(nil, q), n) }

// misses reports, in debug builds, whether the task has no reason to give up w and ask for
// something else: see checkStage.
func (cx *Cx) misses(w *waiter) bool {
	return invariant.Enabled && !w.mayAbandon && !cx.mayTurn() && !happened(cx.frame.attached, nil)
}

// look returns what has become of the wait w.
func (q *WaitQueue) look(cx *Cx, w *waiter, n int64) error {
	if invariant.Enabled && w.asks != n {
		panic(fmt.Sprintf("task: %s waits for %d of an object, and now asks for %d: call the same operation again", Name(cx.frame.self), w.asks, n))
	}
	w.asked = true
	state := w.grantState()
	if state == Refused {
		q.leave(cx, w)
		return ErrClosed
	}
	if state == Notified { // nothing to give back: it has happened
		return nil
	}
	if err := cx.Err(); err != nil {
		q.withdraw(cx, w)
		return err
	}
	if state == Waiting {
		return cx.suspendUnspent()
	}
	return nil
}

// setGrant writes down a decision (Q2). The lock is held. From here on the waiter is its task's.
func (w *waiter) setGrant(state GrantState) {
	// Publish. What the policy has set aside.
	// Pairs with: (*waiter).grantState.
	atomicx.StoreReleaseUint32(&w.grant, w.use<<2|uint32(state))
}

// grantState returns the decision, without the lock.
func (w *waiter) grantState() GrantState {
	// Pairs with: (*waiter).setGrant.
	if g := w.grant.Load(); g>>2 == w.use<<2>>2 {
		return GrantState(g & 3)
	}
	return Waiting
}

// finalGrant returns the decision about a waiter that was taken out before it was notified (Q4). The
// lock is held.
func (w *waiter) finalGrant() GrantState {
	if w.notified {
		return Notified
	}
	return w.grantState()
}

// Contains reports whether the polled task has a place in the queue.
func (q *WaitQueue) Contains(cx *Cx) bool {
	return *cx.attachments() != nil && cx.waiterIn(nil, q) != nil
}

// Asks returns what the polled task has asked for, if it has a place in the queue.
func (q *WaitQueue) Asks(cx *Cx) (n int64, waits bool) {
	if w := cx.waiterIn(nil, q); w != nil {
		return w.asks, true
	}
	return 0, false
}

// Leave ends the wait of a task that has what it has asked for.
func (q *WaitQueue) Leave(cx *Cx) { q.leave(cx, cx.waiterIn(nil, q)) }

// leave is Leave for w, which is in the ring no more.
func (q *WaitQueue) leave(cx *Cx, w *waiter) {
	cx.moveOn()
	w.attachment.detach()
	cx.run.freeWaiter(w)
}

// Quit ends the wait of a task, if it waits or has a grant: that goes to the next. The
// lock is not held.
func (q *WaitQueue) Quit(cx *Cx) {
	if w := cx.waiterIn(nil, q); w != nil {
		q.withdraw(cx, w)
	}
}

// withdraw takes w out of the queue, and its grant back.
func (q *WaitQueue) withdraw(cx *Cx, w *waiter) {
	mu, policy := w.mu, w.what.(Policy)
	mu.Lock()
	q.remove(w)
	policy.Revoke(q, w.asks, w.finalGrant())
	mu.Unlock()
	w.attachment.detach()
	cx.run.freeWaiter(w)
	q.dispatch(cx, mu, policy)
}

// Grant lets the oldest go on, and those behind it, as long as policy agrees. The lock is
// held, and is not any more when Grant returns: nobody is woken under it. cx is the
// caller's poll, or nil.
func (q *WaitQueue) Grant(cx *Cx, mu *park.Mutex, policy Policy) {
	for {
		w := q.oldest
		if w == nil {
			break
		}
		state := Notified
		if !w.notified { // else NotifyAll is about to tell it (Q4)
			state = policy.TryGrant(q, w.asks)
		}
		if state == Waiting {
			break
		}
		q.remove(w)
		wake, more := w.wake, !q.Empty()
		w.setGrant(state)
		mu.Unlock() // Q2
		wake.do(cx)
		if !more {
			return // who comes now asks for itself
		}
		mu.Lock()
	}
	mu.Unlock()
}

// NotifyAll lets all go on who are in the queue now. The lock is held, and is not any
// more when NotifyAll returns. cx is the caller's poll, or nil.
func (q *WaitQueue) NotifyAll(cx *Cx, mu *park.Mutex) {
	first := q.oldest
	for w := first; w != nil; {
		w.notified = true
		if w = w.next; w == first {
			break
		}
	}
	for more := first != nil; more; {
		var woken [batch]wakeup
		n := 0
		for n < batch {
			w := q.oldest
			if more = w != nil && w.notified; !more { // who came since is behind them
				break
			}
			q.remove(w)
			woken[n] = w.wake
			w.setGrant(Notified)
			n++
		}
		mu.Unlock()
		wakeMany(woken[:n], cx)
		mu.Lock()
	}
	mu.Unlock()
}

// WaitContext is Wait for goroutines: it blocks until the request is granted or
// refused, or ctx is done; then its error wraps ctx's cause.
func (q *WaitQueue) WaitContext(ctx context.Context, mu *park.Mutex, policy Policy, n int64) error {
	return q.EnqueueContext(ctx, mu, policy, n, func() GrantState {
		if q.Empty() {
			return policy.TryGrant(q, n)
		}
		return Waiting
	})
}

// EnqueueContext is WaitContext with a decision of the caller's: decide says whether the
// goroutine has to wait at all, with the lock held.
func (q *WaitQueue) EnqueueContext(ctx context.Context, mu *park.Mutex, policy Policy, n int64, decide func() GrantState) error {
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	helper := forbidOnWorker()
	w := waiter{queue: q, mu: mu, what: policy, asks: n, use: 1, wake: wakeup{token: make(chan struct{}, 1)}}
	mu.Lock()
	state := decide()
	if state == Waiting {
		q.add(&w)
		mu.Unlock()
		stands(helper, &w, ctx)
		select {
		case <-w.wake.token:
		case <-ctx.Done():
		}
		goesOn(helper)
		mu.Lock()
		q.remove(&w)
		if state = w.finalGrant(); state == Waiting || state == Granted && ctx.Err() != nil {
			policy.Revoke(q, n, state)
			mu.Unlock()
			q.dispatch(nil, mu, policy)
			return interrupted(ctx)
		}
	}
	mu.Unlock()
	return state.err()
}
