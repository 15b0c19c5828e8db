package task

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
)

// Class bounds how many blocking functions of a kind run at a time, each on a
// goroutine of its own. The others wait for their turn, first come, first served. Make
// a class for each thing that is scarce: a database, a disk.
type Class struct {
	Name  string // for diagnostics
	Limit int    // how many at a time; 0 or less: as many as the default class

	mu      park.Mutex // guards what follows; held for a few instructions
	running int
	waiting int
	oldest  *job
	newest  *job
}

// DefaultClass is the class of those that name none. Its limit suits functions that
// wait most of the time; 0 or less is that, too.
var DefaultClass = &Class{Name: "default", Limit: defaultLimit}

var defaultLimit = 16 * runtime.NumCPU()

// ClassStats is what a class does at the moment.
type ClassStats struct {
	Name    string
	Limit   int
	Running int // functions on a goroutine
	Waiting int // functions that wait for their turn
}

// Stats returns what the class does at the moment. Any thread.
func (c *Class) Stats() ClassStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return ClassStats{c.Name, c.limit(), c.running, c.waiting}
}

func (c *Class) limit() int {
	switch {
	case c.Limit > 0:
		return c.Limit
	case DefaultClass.Limit > 0:
		return DefaultClass.Limit
	}
	return defaultLimit
}

// job is a function on its way through a class.
type job struct {
	run        func()
	prev, next *job
	queued     bool
}

// submit starts j, or puts it in the queue.
func (c *Class) submit(j *job) {
	c.mu.Lock()
	if c.running < c.limit() {
		c.running++
		c.mu.Unlock()
		go c.work(j)
		return
	}
	j.queued, j.prev = true, c.newest
	if c.newest == nil {
		c.oldest = j
	} else {
		c.newest.next = j
	}
	c.newest = j
	c.waiting++
	c.mu.Unlock()
}

// work runs j, and what waits behind it.
func (c *Class) work(j *job) {
	ended := false
	defer func() {
		if !ended { // runtime.Goexit: the next one needs another goroutine
			c.pass()
		}
	}()
	for j != nil {
		j.run()
		c.mu.Lock()
		if j = c.oldest; j != nil {
			c.unlink(j)
		} else {
			c.running--
		}
		c.mu.Unlock()
	}
	ended = true
}

// pass gives the place of a goroutine that ends to the next in the queue.
func (c *Class) pass() {
	c.mu.Lock()
	j := c.oldest
	if j != nil {
		c.unlink(j)
	} else {
		c.running--
	}
	c.mu.Unlock()
	if j != nil {
		go c.work(j)
	}
}

// unlink takes j out of the queue. The lock is held.
func (c *Class) unlink(j *job) {
	if j.prev == nil {
		c.oldest = j.next
	} else {
		j.prev.next = j.next
	}
	if j.next == nil {
		c.newest = j.prev
	} else {
		j.next.prev = j.prev
	}
	j.prev, j.next, j.queued = nil, nil, false
	c.waiting--
}

// withdraw takes j back, if it has not begun.
func (c *Class) withdraw(j *job) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !j.queued {
		return false
	}
	c.unlink(j)
	return true
}

// Blocking lets a task wait for a function that blocks. It is a field of the task;
// the zero value is ready.
type Blocking[T any] struct {
	Class *Class  // nil: DefaultClass
	Drop  func(T) // called with a result that the task did not live to take; may be nil

	hold holding
	call *blockingCall[T]
}

type blockingCall[T any] struct {
	job
	class  *Class
	cancel context.CancelCauseFunc
	done   atomicx.Bool // value and err stand
	value  atomicx.Plain[T]
	err    atomicx.Plain[error]
}

// Do runs f on a goroutine and returns its result. Called again after Pending, it
// does not look at f. f's context has the values of [Cx.Context], and is done when the
// task is canceled: a function that has not begun is then taken back, and one that
// runs is waited for, because it may use what is the task's. If it has failed then, its
// error is ErrCanceled, too; a result is a result. f's panic is raised in the task.
func (b *Blocking[T]) Do(cx *Cx, f func(context.Context) (T, error)) (v T, err error) {
	if b.call == nil {
		if err := cx.Err(); err != nil {
			return v, err
		}
		b.start(cx, f)
		return v, cx.Suspend()
	}
	c := b.call
	if !c.done.Load() {
		if err := cx.Err(); err != nil {
			c.cancel(err)
			if c.class.withdraw(&c.job) {
				b.forget(cx)
				return v, err
			}
		}
		return v, cx.Suspend()
	}
	if err := cx.Spend(); err != nil {
		return v, err
	}
	b.forget(cx)
	return c.value.Get(), raise(c.err.Get())
}

// start gives f to the class.
func (b *Blocking[T]) start(cx *Cx, f func(context.Context) (T, error)) {
	class := b.Class
	if class == nil {
		class = DefaultClass
	}
	ctx, cancel := context.WithCancelCause(cx.Context())
	c := &blockingCall[T]{class: class, cancel: cancel}
	w := cx.Self()
	c.run = func() {
		var v T
		err := fmt.Errorf("task: blocking: %w", ErrGoexit)
		defer func() {
			if p := recover(); p != nil {
				err = newPanic("blocking function", p)
			} else if err != nil {
				err = because(ctx, err)
			}
			c.value.Set(v)
			c.err.Set(err)
			// Publish. The result.
			// Pairs with: (*Blocking).Do.
			c.done.Store(true)
			cancel(nil)
			w.Wake()
		}()
		v, err = f(ctx)
	}
	b.call = c
	cx.frame.hold(&b.hold, b)
	class.submit(&c.job)
}

// because makes of the error of a function whose context is done one that is ErrCanceled and
// wraps why, too. It does not ask the task: the context may know before the task does.
func because(ctx context.Context, err error) error {
	why := context.Cause(ctx)
	if why == nil || errors.Is(err, ErrCanceled) {
		return err
	}
	if !errors.Is(why, ErrCanceled) {
		why = &canceled{why}
	}
	return fmt.Errorf("task: blocking: %w: %w", why, err)
}

// forget ends the call.
func (b *Blocking[T]) forget(cx *Cx) {
	b.call.cancel(nil)
	b.call = nil
	cx.frame.unhold(&b.hold)
}

// release cancels the call, and waits for it: the task ends.
func (b *Blocking[T]) release(cx *Cx, err error) bool {
	c := b.call
	if err == nil {
		err = errOwner
	}
	c.cancel(err)
	if !c.class.withdraw(&c.job) && !c.done.Load() {
		return false
	}
	if c.done.Load() {
		if p, ok := c.err.Get().(*PanicError); ok {
			cx.run.orphan = p
		} else if b.Drop != nil && c.err.Get() == nil {
			b.Drop(c.value.Get())
		}
	}
	b.forget(cx)
	return true
}

func (b *Blocking[T]) drain() {}
