package task

import (
	"context"
	"fmt"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/park"
)

// Crowd is who waits for something that happens, and that all are told of: a list of tasks
// and goroutines. It is what promises and events are made of, and those are what a program
// uses; for what is given to one at a time see [Line]. The zero value is empty.
//
// A task calls Wait; or, where there is more to say, it calls Listen, looks once more
// whether it has happened, and suspends. Whoever makes it happen calls WakeAll then.
//
// A Crowd belongs to an object with a lock, which guards it and is passed along; the lock
// is held for a few instructions and never while anybody is woken.
type Crowd struct{ head atomicx.Pointer[waiter] }

// add lists w as the newest. The lock is held.
func (c *Crowd) add(w *waiter) {
	h := c.head.Load()
	if h == nil {
		w.prev, w.next = w, w
		// Publish. To the finisher's look without the lock.
		// Pairs with: (*Crowd).Empty.
		c.head.Store(w)
		return
	}
	w.prev, w.next = h.prev, h
	h.prev.next = w
	h.prev = w
}

// remove takes w off the list, if it is on it. The lock is held.
func (c *Crowd) remove(w *waiter) {
	if w.next == nil {
		return
	}
	if w.next == w {
		c.head.Store(nil)
	} else {
		w.prev.next, w.next.prev = w.next, w.prev
		if c.head.Load() == w {
			c.head.Store(w.next)
		}
	}
	w.prev, w.next = nil, nil
}

// Empty reports whether nobody waits. Any thread, without the lock: whoever has
// made the awaited condition true before this look cannot miss a waiter that
// does not see the condition.
func (c *Crowd) Empty() bool { return c.head.Load() == nil }

// batch is how many are taken off a list under its lock at a time.
const batch = 32

// crowdful is batch for a crowd, when there is memory for it: the lock is held for longer,
// but those who are woken do not come back to it meanwhile, and wait for it.
const crowdful = 256

// WakeAll takes everybody off the list who is on it now, and wakes them, oldest
// first. Those that wait for something else by now poll once for nothing. cx is the
// caller's poll, or nil outside of one. Any thread, without the lock.
func (c *Crowd) WakeAll(mu *park.Mutex, cx *Cx) {
	if cx == nil {
		var few [batch]wakeup
		c.wakeAll(mu, nil, few[:])
		return
	}
	r := cx.run
	if r.wakes == nil {
		r.wakes = make([]wakeup, crowdful)
	}
	c.wakeAll(mu, cx, r.wakes)
}

// wakeAll is WakeAll with room for so many at a time. If there are more, a mark says where
// the crowd ended when it began: those who are woken may come back at once, and would be
// woken for ever.
func (c *Crowd) wakeAll(mu *park.Mutex, cx *Cx, woken []wakeup) {
	var mark *waiter
	for more := true; more; {
		n := 0
		mu.Lock()
		if mark != nil && mark.next == nil { // another call has come by it, and woken all before it
			mu.Unlock()
			return
		}
		for n < len(woken) {
			w := c.head.Load()
			if w == nil {
				break
			}
			if c.remove(w); w == mark {
				break
			}
			if w.wake != (wakeup{}) { // else it is another call's mark
				woken[n] = w.wake
				n++
			}
		}
		if more = n == len(woken) && !c.Empty(); more && mark == nil {
			mark = new(waiter)
			c.add(mark)
		}
		mu.Unlock()
		wakeMany(woken[:n], cx)
		clear(woken[:n])
	}
}

// Listen lists the polled task, unless it is listed already. The caller looks at the
// awaited condition once more afterwards, and then either suspends or calls Forget.
func (c *Crowd) Listen(cx *Cx, mu *park.Mutex) {
	w := cx.waiter(c)
	if w == nil {
		if invariant.Enabled {
			cx.checkStage(nil)
		}
		w = cx.newWaiter(mu)
		w.on = c
	}
	cx.visit(w)
	mu.Lock()
	if w.next == nil {
		c.add(w)
	}
	mu.Unlock()
}

// Forget ends the polled task's wait, if there is one.
func (c *Crowd) Forget(cx *Cx) {
	if *cx.holdings() == nil {
		return
	}
	cx.moveOn()
	if w := cx.waiter(c); w != nil {
		c.quit(cx, w)
	}
}

// end ends the polled task's wait for a result, which is there. That costs an operation. If
// there is no such wait the task asks again, from the top of its Poll, and that is free: or
// the results of many others, before this one, would use up the budget in each poll.
func (c *Crowd) end(cx *Cx) error {
	if *cx.holdings() == nil || cx.waiter(c) == nil {
		cx.moveOn()
		return nil
	}
	if err := cx.Spend(); err != nil {
		return err
	}
	c.Forget(cx)
	return nil
}

// quit ends the wait w of the polled task.
func (c *Crowd) quit(cx *Cx, w *waiter) {
	w.mu.Lock()
	c.remove(w)
	w.mu.Unlock()
	cx.unhold(&w.hold)
	cx.run.freeWaiter(w)
}

// Wait is how a task waits for something that happens, and stays so: until done reports
// true. It is sticky. The lock is not held.
func (c *Crowd) Wait(cx *Cx, mu *park.Mutex, done func() bool) error {
	if !done() {
		if err := cx.Err(); err != nil {
			return err
		}
		c.Listen(cx, mu)
		if !done() { // whoever makes it happen looks at the crowd afterwards
			return cx.Suspend()
		}
	}
	if err := cx.Spend(); err != nil { // also when it has been so for long: a loop may go through a gate
		return err
	}
	c.Forget(cx)
	return nil
}

// Block is Wait for goroutines: it blocks until done reports true, or until ctx is over; then
// its error wraps ctx's cause.
func (c *Crowd) Block(ctx context.Context, mu *park.Mutex, done func() bool) error {
	if done() {
		return nil
	}
	forbidOnWorker()
	w := waiter{on: c, mu: mu, wake: wakeup{bell: make(chan struct{}, 1)}}
	defer func() {
		mu.Lock()
		c.remove(&w)
		mu.Unlock()
	}()
	for {
		mu.Lock()
		if w.next == nil {
			c.add(&w)
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
