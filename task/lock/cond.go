package lock

import (
	"context"

	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// Cond is how tasks wait until what a [Mutex] guards is as they want it. Set L, and leave
// the rest zero.
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

	mu   park.Mutex // guards what follows
	line task.Line
	told int // signals that nobody has been given yet
}

// LockWhen locks L when condition holds, and returns with the lock held. The condition is
// called with the lock held; if it panics, the lock is given up. It waits in the line of
// those that Signal tells while the condition does not hold.
func (c *Cond) LockWhen(cx *task.Cx, condition func() bool) error {
	if c.line.Holds(cx) {
		if err := cx.Spend(); err != nil {
			return err
		}
		if err := c.line.Resume(cx, 1); err != nil {
			if !task.IsPending(err) {
				c.L.p.line.Quit(cx) // told, and canceled in line for the lock
			}
			return err
		}
	}
	// With a signal, which is the next one's if we are canceled before we have the lock.
	if err := c.L.Lock(cx); err != nil {
		if !task.IsPending(err) {
			c.line.Quit(cx)
		}
		return err
	}
	if c.line.Holds(cx) {
		c.line.Leave(cx)
	}
	if c.holds(cx, condition) {
		return nil
	}
	c.mu.Lock() // in line before the lock is free: whoever changes something tells us
	err := c.line.Hold(cx, &c.mu, (*signals)(c), 1, task.Waiting)
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
		err := c.line.HoldContext(ctx, &c.mu, (*signals)(c), 1, func() task.Verdict {
			c.L.Unlock(nil) // as good as in line already: c.mu is held
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

// Signal tells the one who has waited longest to look again, if anybody waits. It is
// called with L held or after. cx is the poll in progress, or nil outside of one. It never
// blocks.
func (c *Cond) Signal(cx *task.Cx) {
	c.mu.Lock()
	if !c.line.Empty() {
		c.told++
	}
	c.line.Serve(cx, &c.mu, (*signals)(c))
}

// Broadcast tells all who wait, as Signal tells one.
func (c *Cond) Broadcast(cx *task.Cx) {
	c.mu.Lock()
	c.line.ServeAll(cx, &c.mu)
}

// signals is the Cond as the keeper of its line.
type signals Cond

func (c *signals) Decide(*task.Line, int64) task.Verdict {
	if c.told == 0 {
		return task.Waiting
	}
	c.told--
	return task.Granted
}

func (c *signals) Withdraw(l *task.Line, _ int64, v task.Verdict) {
	if v == task.Granted && !l.Empty() {
		c.told++
	}
}

func (c *signals) Attend(cx *task.Cx) {
	c.mu.Lock()
	c.line.Serve(cx, &c.mu, (*signals)(c))
}
