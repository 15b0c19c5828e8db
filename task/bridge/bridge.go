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
	line   task.Line
	quit   chan struct{} // of the goroutine that receives, or nil
	value  T
	full   bool // there is a value
	taken  bool // and it is promised to the oldest in line
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
	k := (*receiver[T])(c)
	if err := c.line.Wait(cx, &c.mu, k, 1); err == task.ErrClosed {
		return v, errClosed
	} else if err != nil {
		return v, err
	}
	c.mu.Lock()
	var none T
	v, c.value = c.value, none
	c.full, c.taken = false, false
	c.line.Serve(cx, &c.mu, k)
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
	c.line.Serve(nil, &c.mu, (*receiver[T])(c)) // who has come meanwhile needs another one
}

// receiver is the Chan as the keeper of its line.
type receiver[T any] Chan[T]

func (r *receiver[T]) Decide(*task.Line, int64) task.Verdict {
	c := (*Chan[T])(r)
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

func (r *receiver[T]) Withdraw(l *task.Line, _ int64, v task.Verdict) {
	if v == task.Granted {
		r.taken = false
	}
	if l.Empty() && r.quit != nil {
		select {
		case <-r.quit: // told before
		default:
			close(r.quit)
		}
	}
}

func (r *receiver[T]) Attend(cx *task.Cx) {
	r.mu.Lock()
	r.line.Serve(cx, &r.mu, r)
}

// Context is the end of a [context.Context] as something that a task waits for. The zero
// value is ready. It must not be copied.
//
// A group that is to end with a context is task.WithContext's business; this is for one
// wait among others.
type Context struct {
	mu   park.Mutex // guards what follows
	line task.Line
	stop func() bool // ends the watch on the context, or nil
	over bool        // the context of the wait in progress
	wait int         // which wait that is: the end of an earlier one's context may be late
}

// Done waits until ctx is done, and returns nil then; [context.Cause] says why. It is
// sticky. Called again after Pending, ctx must be the same. One task at a time may wait.
func (c *Context) Done(cx *task.Cx, ctx context.Context) error {
	if err := cx.Spend(); err != nil {
		return err
	}
	if c.line.Holds(cx) {
		return c.line.Collect(cx, 1)
	}
	if ctx.Err() != nil {
		return nil
	}
	c.mu.Lock()
	c.wait++
	this := c.wait
	c.over = false
	err := c.line.Hold(cx, &c.mu, (*watch)(c), 1, task.Waiting)
	if !task.IsPending(err) {
		return err
	}
	stop := context.AfterFunc(ctx, func() {
		c.mu.Lock()
		c.over = c.over || c.wait == this
		c.line.Serve(nil, &c.mu, (*watch)(c))
	})
	c.mu.Lock()
	c.stop = stop
	c.mu.Unlock()
	return err
}

// watch is the Context as the keeper of its line.
type watch Context

func (w *watch) Decide(*task.Line, int64) task.Verdict {
	if w.over {
		return task.Told
	}
	return task.Waiting
}

// Withdraw ends the watch: the context would keep it.
func (w *watch) Withdraw(*task.Line, int64, task.Verdict) {
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
}

func (w *watch) Attend(*task.Cx) {}

// Goroutines are goroutines that tasks wait for: what [sync.WaitGroup] is among goroutines.
// The zero value is ready. It must not be copied.
//
// A group whose goroutines are to be canceled with it, or whose errors count, is a
// [task.Group]; see its method Goroutine.
type Goroutines struct {
	mu    park.Mutex // guards crowd
	crowd task.Crowd
	n     atomicx.Int64
}

// Go runs f on a goroutine.
func (g *Goroutines) Go(f func()) {
	g.n.Add(1)
	go func() {
		defer g.done()
		f()
	}()
}

func (g *Goroutines) done() {
	// Store-load: count first, look for who waits second; they list themselves first and
	// look at the count then.
	// Pairs with: (*Goroutines).Wait.
	if g.n.Add(-1) == 0 && !g.crowd.Empty() {
		g.crowd.WakeAll(&g.mu, nil)
	}
}

// Len returns how many goroutines have not ended. A hint.
func (g *Goroutines) Len() int { return int(g.n.Load()) }

// Wait waits until all goroutines have ended. It is sticky.
func (g *Goroutines) Wait(cx *task.Cx) error {
	return g.crowd.Wait(cx, &g.mu, g.ended)
}

// WaitContext is Wait for goroutines: it blocks until all have ended, or until ctx is done;
// then its error wraps ctx's cause.
func (g *Goroutines) WaitContext(ctx context.Context) error {
	return g.crowd.Block(ctx, &g.mu, g.ended)
}

func (g *Goroutines) ended() bool { return g.n.Load() == 0 }
