package task

import (
	"context"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/park"
)

// WaitSet is a set of tasks and goroutines that wait for something that happens, and that wakes them
// all. Promises and events are made of it, and those are what a program uses; for what is given to
// one at a time there is [WaitQueue]. The zero value is empty.
//
// A task calls Wait; or, where there is more to say, it calls Listen, looks once more
// whether it has happened, and suspends. Whoever makes it happen calls WakeAll then.
//
// A WaitSet belongs to an object with a lock, which guards it and is passed along; the lock
// is held for a few instructions and never while anybody is woken.
//
//	waiter                                finisher
//	Listen: into the ring (lock)          makes the condition true
//	looks at the condition                looks whether the ring is empty (no lock)
//	suspends, or Forget                   WakeAll: takes all out (lock), wakes them
//
// # Invariants
//
//	E1  A waiter is in the ring until it is woken, or its wait is over.
//	E2  Who takes a waiter out copies whom to wake under the lock, and then writes down that it is out:
//	    from there on the waiter is its task's, and may have another use.
//	E3  One WakeAll wakes those that were there when it began, and no others: they might come back at
//	    once, for ever. A mark in the ring says where they end.
//
// # Order
//
// A waiter lists itself, and then looks at the condition; the finisher makes it true, and then looks at
// the ring. At least one of them sees the other.
//
// # Price
//
// A wait is a critical section and a wake-up, and another section if the task gives up; without waiters
// the finisher pays one load. The stores of the ring's first are release stores: unlocking is a fence.
type WaitSet struct{ head atomicx.Pointer[waiter] }

// add puts w at the end of the ring. The lock is held.
func (s *WaitSet) add(w *waiter) {
	if first := s.head.Load(); w.push(first) != first {
		// Publish. That somebody waits.
		// Store-load: the ring, then, with the unlocking in between, the waiter's look at the
		// condition: a waiter would sleep for ever.
		// Pairs with: (*WaitSet).Empty, (*Runner).retire.
		atomicx.StoreReleasePointer(&s.head, w)
	}
}

// remove takes w out of the ring, if it is in it. The lock is held.
func (s *WaitSet) remove(w *waiter) {
	if w.next == nil {
		return
	}
	first := s.head.Load()
	if then := w.cut(first); then != first {
		// Hint. Who still finds somebody by a look without the lock finds nobody with it.
		atomicx.StoreReleasePointer(&s.head, then)
	}
}

// each calls yield for each waiter, until that reports false, and reports whether it never did. The lock is held.
func (s *WaitSet) each(yield func(*waiter) bool) bool {
	first := s.head.Load()
	for w := first; w != nil; {
		if !yield(w) {
			return false
		}
		if w = w.next; w == first {
			break
		}
	}
	return true
}

// Empty reports whether nobody waits. Any thread, without the lock: whoever has
// made the awaited condition true before this look cannot miss a waiter that
// does not see the condition.
//
// Pairs with: (*WaitSet).add.
func (s *WaitSet) Empty() bool { return s.head.Load() == nil }

// batch is how many are taken out of a ring under its lock at a time.
const batch = 32

// manyBatch is batch for a set, where there is memory for it: the lock is held for longer,
// but the tasks that are woken do not come back to it meanwhile, and wait for it.
const manyBatch = 256

// WakeAll empties the set, and wakes all who have been in it, oldest first; it returns how many. A task
// that waits for something else by now polls once for nothing. cx is the caller's poll, or nil outside
// of one. Any thread, without the lock.
func (s *WaitSet) WakeAll(mu *park.Mutex, cx *Cx) int {
	if cx == nil {
		var few [batch]wakeup
		return s.wakeAll(mu, nil, few[:])
	}
	r := cx.run
	if r.wakes == nil {
		r.wakes = make([]wakeup, manyBatch)
	}
	return s.wakeAll(mu, cx, r.wakes)
}

// wakeAll is WakeAll with room for len(woken) at a time.
func (s *WaitSet) wakeAll(mu *park.Mutex, cx *Cx, woken []wakeup) (all int) {
	var mark *waiter
	for more := true; more; {
		n := 0
		mu.Lock()
		if mark != nil && mark.next == nil { // another call has taken it out, and woken all before it
			mu.Unlock()
			return all
		}
		for n < len(woken) {
			w := s.head.Load()
			if w == nil {
				break
			}
			if s.remove(w); w == mark {
				break
			}
			if w.wake != (wakeup{}) { // else it is another call's mark (E3)
				woken[n] = w.wake
				w.setGrant(Notified)
				n++
			}
		}
		if more = n == len(woken) && !s.Empty(); more && mark == nil {
			mark = new(waiter)
			s.add(mark)
		}
		mu.Unlock()
		wakeMany(woken[:n], cx)
		clear(woken[:n])
		all += n
	}
	return all
}

// Listen lists the polled task, unless it is listed already. The caller looks at the
// awaited condition once more afterwards, and then either suspends or calls Forget.
func (s *WaitSet) Listen(cx *Cx, mu *park.Mutex) { s.ListenFor(cx, mu, nil) }

// ListenFor is Listen for an object, a pointer, that [Inspect] names as what the task waits for.
func (s *WaitSet) ListenFor(cx *Cx, mu *park.Mutex, object any) {
	Point(cx)
	w := cx.waiterIn(s, nil)
	if w == nil {
		if invariant.Enabled {
			cx.checkStage(nil)
		}
		w = cx.newWaiter(mu)
		w.set, w.what = s, object
	}
	w.asked = true
	mu.Lock()
	if w.next == nil {
		w.begin() // it may have been out of the ring before (E2)
		s.add(w)
	}
	mu.Unlock()
}

// Forget ends the polled task's wait, if there is one.
func (s *WaitSet) Forget(cx *Cx) {
	if *cx.attachments() == nil {
		return
	}
	cx.moveOn()
	if w := cx.waiterIn(s, nil); w != nil {
		s.quit(cx, w)
	}
}

// end ends the polled task's wait for a result, which is there. That costs one operation of the budget.
// A task that does not wait, and asks for the result again from the top of its Poll, pays nothing:
// the results of many others, before this one, would use up the budget in each poll.
func (s *WaitSet) end(cx *Cx) error {
	if *cx.attachments() == nil || cx.waiterIn(s, nil) == nil {
		cx.moveOn()
		return nil
	}
	if err := cx.Spend(); err != nil {
		return err
	}
	s.Forget(cx)
	return nil
}

// quit ends the wait w of the polled task.
func (s *WaitSet) quit(cx *Cx, w *waiter) {
	if w.grantState() == Waiting { // else it is out (E2)
		w.mu.Lock()
		s.remove(w)
		w.mu.Unlock()
	}
	w.attachment.detach()
	cx.run.freeWaiter(w)
}

// Wait waits for something that happens, and stays so: until done reports true. It is sticky. The lock
// is not held.
//
//heist:sticky
func (s *WaitSet) Wait(cx *Cx, mu *park.Mutex, done func() bool) error {
	return s.WaitFor(cx, mu, nil, done)
}

// WaitFor is Wait for an object: see [WaitSet.ListenFor].
//
//heist:sticky
func (s *WaitSet) WaitFor(cx *Cx, mu *park.Mutex, object any, done func() bool) error {
	Point(cx)
	if !done() {
		if err := cx.Err(); err != nil {
			return err
		}
		s.ListenFor(cx, mu, object)
		if !done() { // whoever makes it happen looks at the set afterwards
			return cx.Suspend()
		}
	}
	if err := cx.Spend(); err != nil { // also when it has been so for long: a loop may go through a gate
		return err
	}
	s.Forget(cx)
	return nil
}

// Block is Wait for goroutines: it blocks until done reports true, or until ctx is over; then
// its error wraps ctx's cause.
func (s *WaitSet) Block(ctx context.Context, mu *park.Mutex, done func() bool) error {
	return s.blockFor(ctx, mu, nil, done)
}

// blockFor is Block for an object: see [WaitSet.ListenFor].
func (s *WaitSet) blockFor(ctx context.Context, mu *park.Mutex, object any, done func() bool) error {
	if done() {
		return nil
	}
	helper := forbidOnWorker()
	w := waiter{set: s, mu: mu, what: object, wake: wakeup{token: make(chan struct{}, 1)}}
	_, w.limited = ctx.Deadline()
	defer func() {
		mu.Lock()
		s.remove(&w)
		mu.Unlock()
	}()
	for {
		mu.Lock()
		if w.next == nil {
			s.add(&w)
		}
		mu.Unlock()
		if done() {
			return nil
		}
		stands(helper, &w, ctx)
		select {
		case <-w.wake.token:
			goesOn(helper)
		case <-ctx.Done():
			goesOn(helper)
			return interrupted(ctx)
		}
	}
}
