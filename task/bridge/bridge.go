// Package bridge lets tasks wait for what goroutines do: for a Go channel, for the end of a
// context, for goroutines to finish.
//
// There is more of it elsewhere: a [task.Promise] is resolved by any callback,
// [task.Blocking] runs a function that blocks on a goroutine, [task.Group] has goroutines as
// members, and what packages chans and lock have connects tasks and goroutines in both
// directions. Prefer a chans.Chan to a Go channel where both sides are yours: a task that
// waits for a Go channel has a goroutine wait for it.
package bridge

import (
	"context"
	"fmt"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// Chan receives from a Go channel. Set C before the first use, and leave the rest zero. It
// must not be copied after that.
//
// While a task waits, a goroutine does so in its place, and no longer: it ends when no task
// waits any more. A value that it has received at that very moment is kept for the next
// Recv.
type Chan[T any] struct {
	C <-chan T

	mu     park.Mutex // guards what follows
	queue  task.WaitQueue
	quit   chan struct{} // of the goroutine that receives, or nil
	value  T
	full   bool // there is a value
	taken  bool // and it is promised to the oldest in the queue
	closed bool // C is
}

// errClosed is task.ErrClosed, and says whose.
var errClosed = fmt.Errorf("bridge: %w", task.ErrClosed)

// Recv receives from the channel, and waits until there is a value. It returns an error that
// is [task.ErrClosed] if the channel is closed. Any number of tasks may receive; each value
// goes to one, first come, first served.
func (c *Chan[T]) Recv(cx *task.Cx) (v T, err error) {
	if err := cx.Spend(); err != nil {
		return v, err
	}
	k := (*chanPolicy[T])(c)
	if err := c.queue.Wait(cx, &c.mu, k, 1); err == task.ErrClosed {
		return v, errClosed
	} else if err != nil {
		return v, err
	}
	c.mu.Lock()
	var none T
	v, c.value = c.value, none
	c.full, c.taken = false, false
	c.queue.Grant(cx, &c.mu, k)
	return v, nil
}

// look receives a value without waiting for it, if there is none yet. The lock is held.
func (c *Chan[T]) look() {
	if c.full || c.closed || c.quit != nil {
		return
	}
	select {
	case v, ok := <-c.C:
		c.value, c.full, c.closed = v, ok, !ok
	default:
	}
}

// fetch is the goroutine that waits.
func (c *Chan[T]) fetch(quit chan struct{}) {
	select {
	case v, ok := <-c.C:
		c.mu.Lock()
		c.value, c.full, c.closed = v, ok, !ok
		c.quit = nil
	case <-quit:
		c.mu.Lock()
		c.quit = nil
	}
	c.queue.Grant(nil, &c.mu, (*chanPolicy[T])(c)) // those that have come meanwhile need another one
}

// chanPolicy is the Chan as the policy of its queue.
type chanPolicy[T any] Chan[T]

// WaitObject is what [task.Inspect] calls a Chan.
func (p *chanPolicy[T]) WaitObject() string { return "bridge.Chan" }

func (p *chanPolicy[T]) TryGrant(*task.WaitQueue, int64) task.GrantState {
	c := (*Chan[T])(p)
	c.look()
	switch {
	case c.full && !c.taken:
		c.taken = true
		return task.Granted
	case c.full:
		return task.Waiting
	case c.closed:
		return task.Refused
	}
	if c.quit == nil {
		c.quit = make(chan struct{})
		go c.fetch(c.quit)
	}
	return task.Waiting
}

func (p *chanPolicy[T]) Revoke(q *task.WaitQueue, _ int64, state task.GrantState) {
	if state == task.Granted {
		p.taken = false
	}
	if q.Empty() && p.quit != nil {
		select {
		case <-p.quit: // closed before
		default:
			close(p.quit)
		}
	}
}

// Context is the end of a [context.Context] as something that a task waits for. The zero
// value is ready. It must not be copied.
//
// A group that is to end with a context is task.WithContext's business; this is for one
// wait among others.
type Context struct {
	mu    park.Mutex // guards what follows
	queue task.WaitQueue
	stop  func() bool // ends the watch on the context, or nil
	over  bool        // the context of the wait in progress
	wait  int         // which wait that is: the end of an earlier one's context may be late
}

// Done waits until ctx is done, and returns nil then; [context.Cause] says why. It is
// sticky. Called again after Pending, ctx must be the same. One task at a time may wait.
//
//heist:sticky
func (c *Context) Done(cx *task.Cx, ctx context.Context) error {
	if err := cx.Spend(); err != nil {
		return err
	}
	if c.queue.Contains(cx) {
		return c.queue.Collect(cx, 1)
	}
	if ctx.Err() != nil {
		return nil
	}
	c.mu.Lock()
	c.wait++
	this := c.wait
	c.over = false
	err := c.queue.Enqueue(cx, &c.mu, (*contextPolicy)(c), 1, task.Waiting)
	if !task.IsPending(err) {
		return err
	}
	stop := context.AfterFunc(ctx, func() {
		c.mu.Lock()
		c.over = c.over || c.wait == this
		c.queue.Grant(nil, &c.mu, (*contextPolicy)(c))
	})
	c.mu.Lock()
	c.stop = stop
	c.mu.Unlock()
	return err
}

// contextPolicy is the Context as the policy of its queue.
type contextPolicy Context

// WaitObject is what [task.Inspect] calls the wait for a context.
func (p *contextPolicy) WaitObject() string { return "bridge.Context" }

func (p *contextPolicy) TryGrant(*task.WaitQueue, int64) task.GrantState {
	if p.over {
		return task.Notified
	}
	return task.Waiting
}

// Revoke ends the watch: the context would keep it.
func (p *contextPolicy) Revoke(*task.WaitQueue, int64, task.GrantState) {
	if p.stop != nil {
		p.stop()
		p.stop = nil
	}
}

// Goroutines are goroutines that tasks wait for: what [sync.WaitGroup] is among goroutines.
// The zero value is ready. It must not be copied.
//
// A group whose goroutines are to be canceled with it, or whose errors count, is a
// [task.Group]; see its method Goroutine.
type Goroutines struct {
	mu  park.Mutex // guards set
	set task.WaitSet
	n   atomicx.Int64
}

// Go runs f on a goroutine.
func (g *Goroutines) Go(f func()) {
	g.n.Add(1) // Initialisation: before it can be counted out
	go func() {
		defer g.done()
		f()
	}()
}

func (g *Goroutines) done() {
	// Store-load: the count, then a look for waiters; they list themselves, and then look at the count.
	// One that neither sees would sleep for ever.
	// Pairs with: (*Goroutines).ended.
	if g.n.Add(-1) == 0 && !g.set.Empty() {
		g.set.WakeAll(&g.mu, nil)
	}
}

// Len returns how many goroutines have not ended. A hint.
func (g *Goroutines) Len() int { return int(g.n.Load()) }

// Wait waits until all goroutines have ended. It is sticky.
//
//heist:sticky
func (g *Goroutines) Wait(cx *task.Cx) error {
	return g.set.WaitFor(cx, &g.mu, g, g.ended)
}

// WaitContext is Wait for goroutines: it blocks until all have ended, or until ctx is done;
// then its error wraps ctx's cause.
func (g *Goroutines) WaitContext(ctx context.Context) error {
	return g.set.Block(ctx, &g.mu, g.ended)
}

// ended reports whether no goroutine is left. A waiter asks after it has listed itself.
//
// Pairs with: (*Goroutines).done.
func (g *Goroutines) ended() bool { return g.n.Load() == 0 }
