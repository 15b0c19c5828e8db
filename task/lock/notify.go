package lock

import (
	"context"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// Notify tells tasks that there may be something to do. It carries no value: who is told
// looks for itself. The zero value is ready.
type Notify struct {
	mu      park.Mutex // guards what follows, but for reads of gen
	line    task.Line  // of those that One tells
	pending bool       // One has found nobody
	crowd   task.Crowd // of those in WaitPast
	gen     atomicx.Uint64
}

// One tells the one who has waited longest in Wait; if nobody waits, the next who comes. It
// is not a counter: told twice before anybody comes, one is told. If who was told does not
// want it any more, the next is told. cx is the poll in progress, or nil outside of one.
// Any thread; it never blocks.
func (n *Notify) One(cx *task.Cx) {
	n.mu.Lock()
	n.pending = true
	n.line.Serve(cx, &n.mu, (*told)(n))
}

// All tells all who wait now, in Wait and WaitPast, and nobody who comes later. cx is the
// poll in progress, or nil outside of one. Any thread; it never blocks.
func (n *Notify) All(cx *task.Cx) {
	n.mu.Lock()
	// Publish. First the generation, then a look at who waits.
	// Pairs with: (*Notify).WaitPast.
	n.gen.Add(1)
	n.line.ServeAll(cx, &n.mu)
	n.crowd.WakeAll(&n.mu, cx)
}

// Wait waits to be told, and consumes that.
func (n *Notify) Wait(cx *task.Cx) error {
	if err := cx.Spend(); err != nil {
		return err
	}
	return n.line.Wait(cx, &n.mu, (*told)(n), 1)
}

// WaitContext is Wait for goroutines: it blocks until it is told, or until ctx is done;
// then its error wraps ctx's cause.
func (n *Notify) WaitContext(ctx context.Context) error {
	return n.line.WaitContext(ctx, &n.mu, (*told)(n), 1)
}

// Generation returns how often All was called. Any thread.
func (n *Notify) Generation() uint64 { return n.gen.Load() }

// WaitPast waits until All was called since Generation has returned gen. It is sticky. So
// a task that waits for a condition cannot miss a change of it:
//
//	for {
//		gen := t.changed.Generation()
//		if condition() {
//			break
//		}
//		if err := t.changed.WaitPast(cx, gen); err != nil {
//			return err
//		}
//	}
func (n *Notify) WaitPast(cx *task.Cx, gen uint64) error {
	return n.crowd.Wait(cx, &n.mu, func() bool { return n.gen.Load() != gen })
}

// WaitPastContext is WaitPast for goroutines, as WaitContext is Wait.
func (n *Notify) WaitPastContext(ctx context.Context, gen uint64) error {
	return n.crowd.Block(ctx, &n.mu, func() bool { return n.gen.Load() != gen })
}

// told is the Notify as the keeper of its line.
type told Notify

func (n *told) Decide(*task.Line, int64) task.Verdict {
	if !n.pending {
		return task.Waiting
	}
	n.pending = false
	return task.Granted
}

func (n *told) Withdraw(_ *task.Line, _ int64, v task.Verdict) {
	if v == task.Granted {
		n.pending = true
	}
}

func (n *told) Attend(cx *task.Cx) {
	n.mu.Lock()
	n.line.Serve(cx, &n.mu, n)
}

// Event is something that happens: before Set tasks wait for it, afterwards they do not.
// The zero value has not happened. For an event with a value, see [task.Promise].
type Event struct {
	mu    park.Mutex // guards crowd
	crowd task.Crowd
	set   atomicx.Bool
}

// Set says that it has happened, and wakes all who wait. cx is the poll in progress, or
// nil outside of one. Any thread; it never blocks.
func (e *Event) Set(cx *task.Cx) {
	// Publish. First the flag, then a look at who waits.
	// Pairs with: (*Event).Wait.
	if !e.set.Swap(true) && !e.crowd.Empty() {
		e.crowd.WakeAll(&e.mu, cx)
	}
}

// Clear says that it has not happened, from now on. Who was woken by Set and has not been
// polled yet waits on. Any thread.
func (e *Event) Clear() { e.set.Store(false) }

// IsSet reports whether it has happened. Any thread.
func (e *Event) IsSet() bool { return e.set.Load() }

// Wait waits until it has happened. It is sticky.
func (e *Event) Wait(cx *task.Cx) error {
	return e.crowd.Wait(cx, &e.mu, e.set.Load)
}

// WaitContext is Wait for goroutines: it blocks until it has happened, or until ctx is
// done; then its error wraps ctx's cause.
func (e *Event) WaitContext(ctx context.Context) error {
	return e.crowd.Block(ctx, &e.mu, e.set.Load)
}
