package lock

import (
	"context"

	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// Cond is a condition variable: tasks wait until the data that a [Mutex] guards are as they want them.
// Set L, and leave the rest zero.
//
// There is no Wait that gives up the lock on the way, as sync.Cond has: a poll would come
// back to it without knowing whether it has the lock. A task waits for lock and condition
// together:
//
//	if err := q.nonempty.LockWhen(cx, func() bool { return len(q.items) > 0 }); err != nil {
//		return err
//	}
//	item := q.items[0]
//	q.items = q.items[1:]
//	q.mu.Unlock(cx)
type Cond struct {
	L *Mutex

	mu      park.Mutex // guards what follows
	queue   task.WaitQueue
	signals int // signals that nobody has been given yet
}

// LockWhen locks L when condition holds, and returns with the lock held. The condition is
// called with the lock held; if it panics, the lock is given up. While the condition does not hold it
// waits in the queue of those that Signal wakes.
func (c *Cond) LockWhen(cx *task.Cx, condition func() bool) error {
	task.Point(cx)
	if c.queue.Contains(cx) {
		if err := cx.Spend(); err != nil {
			return err
		}
		if err := c.queue.Resume(cx, 1); err != nil {
			if !task.IsPending(err) {
				c.L.p.queue.Quit(cx) // signaled, and canceled in the queue for the lock
			}
			return err
		}
	}
	// With a signal, which is the next one's if we are canceled before we have the lock.
	if err := c.L.Lock(cx); err != nil {
		if !task.IsPending(err) {
			c.queue.Quit(cx)
		}
		return err
	}
	if c.queue.Contains(cx) {
		c.queue.Leave(cx)
	}
	if c.holds(cx, condition) {
		return nil
	}
	c.mu.Lock() // in the queue before the lock is free: whoever changes something signals us
	err := c.queue.Enqueue(cx, &c.mu, (*condPolicy)(c), 1, task.Waiting)
	c.L.Unlock(cx)
	return err
}

// LockWhenContext is LockWhen for goroutines: it blocks until it has the lock and the
// condition holds, or until ctx is done; then its error wraps ctx's cause.
func (c *Cond) LockWhenContext(ctx context.Context, condition func() bool) error {
	for signaled := false; ; signaled = true {
		if err := c.L.LockContext(ctx); err != nil {
			if signaled {
				c.Signal(nil) // it is the next one's
			}
			return err
		}
		if c.holds(nil, condition) {
			return nil
		}
		held := true
		err := c.queue.EnqueueContext(ctx, &c.mu, (*condPolicy)(c), 1, func() task.GrantState {
			c.L.Unlock(nil) // as good as in the queue already: c.mu is held
			held = false
			return task.Waiting
		})
		if held {
			c.L.Unlock(nil)
		}
		if err != nil {
			return err
		}
	}
}

// holds asks the condition. The lock is held, and the caller has not heard of that yet.
func (c *Cond) holds(cx *task.Cx, condition func() bool) (yes bool) {
	panics := true
	defer func() {
		if panics {
			c.Signal(cx) // if we were given one
			c.L.Unlock(cx)
		}
	}()
	yes = condition()
	panics = false
	return yes
}

// Signal wakes the one that has waited longest, to look again. It is
// called with L held or after. cx is the poll in progress, or nil outside of one. It never
// blocks.
func (c *Cond) Signal(cx *task.Cx) {
	task.Point(cx)
	c.mu.Lock()
	if !c.queue.Empty() {
		c.signals++
	}
	c.queue.Grant(cx, &c.mu, (*condPolicy)(c))
}

// Broadcast wakes all, as Signal wakes one.
func (c *Cond) Broadcast(cx *task.Cx) {
	task.Point(cx)
	c.mu.Lock()
	c.queue.NotifyAll(cx, &c.mu)
}

// condPolicy is the Cond as the policy of its queue.
type condPolicy Cond

// WaitObject is what [task.Inspect] calls a Cond.
func (p *condPolicy) WaitObject() string { return "lock.Cond" }

func (p *condPolicy) TryGrant(*task.WaitQueue, int64) task.GrantState {
	if p.signals == 0 {
		return task.Waiting
	}
	p.signals--
	return task.Granted
}

func (p *condPolicy) Revoke(q *task.WaitQueue, _ int64, state task.GrantState) {
	if state == task.Granted && !q.Empty() {
		p.signals++
	}
}
