package lock

import (
	"context"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// Notify is a wake-up for tasks: there may be something to do. It carries no value: a task that is
// notified looks for itself. The zero value is ready.
type Notify struct {
	mu      park.Mutex     // guards what follows, but for reads of gen
	queue   task.WaitQueue // of those that One notifies
	pending bool           // One has found nobody
	set     task.WaitSet   // of those in WaitPast
	gen     atomicx.Uint64
}

// One notifies the one that has waited longest in Wait; if nobody waits, the next that comes. It
// is not a counter: of two calls before anybody comes, one counts. If the notified one does not
// want it any more, it goes to the next. cx is the poll in progress, or nil outside of one.
// Any thread; it never blocks.
func (n *Notify) One(cx *task.Cx) {
	task.Point(cx)
	n.mu.Lock()
	n.pending = true
	n.queue.Grant(cx, &n.mu, (*notifyPolicy)(n))
}

// All notifies all that wait now, in Wait and WaitPast, and none that come later. cx is the
// poll in progress, or nil outside of one. Any thread; it never blocks.
func (n *Notify) All(cx *task.Cx) {
	task.Point(cx)
	n.mu.Lock()
	// Store-load: the generation, then a look for waiters: one that neither sees would sleep for ever.
	// Pairs with: (*Notify).WaitPast, (*Notify).WaitPastContext.
	n.gen.Add(1)
	n.queue.NotifyAll(cx, &n.mu)
	n.set.WakeAll(&n.mu, cx)
}

// Wait waits for a notification, and consumes it.
func (n *Notify) Wait(cx *task.Cx) error {
	if err := cx.Spend(); err != nil {
		return err
	}
	return n.queue.Wait(cx, &n.mu, (*notifyPolicy)(n), 1)
}

// WaitContext is Wait for goroutines: it blocks until it is notified, or until ctx is done;
// then its error wraps ctx's cause.
func (n *Notify) WaitContext(ctx context.Context) error {
	return n.queue.WaitContext(ctx, &n.mu, (*notifyPolicy)(n), 1)
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
//
//heist:sticky
func (n *Notify) WaitPast(cx *task.Cx, gen uint64) error {
	// Pairs with: (*Notify).All.
	return n.set.Wait(cx, &n.mu, func() bool { return n.gen.Load() != gen })
}

// WaitPastContext is WaitPast for goroutines, as WaitContext is Wait.
func (n *Notify) WaitPastContext(ctx context.Context, gen uint64) error {
	// Pairs with: (*Notify).All.
	return n.set.Block(ctx, &n.mu, func() bool { return n.gen.Load() != gen })
}

// notifyPolicy is the Notify as the policy of its queue.
type notifyPolicy Notify

// WaitObject is what [task.Inspect] calls a Notify.
func (p *notifyPolicy) WaitObject() string { return "lock.Notify" }

func (p *notifyPolicy) TryGrant(*task.WaitQueue, int64) task.GrantState {
	if !p.pending {
		return task.Waiting
	}
	p.pending = false
	return task.Granted
}

func (p *notifyPolicy) Revoke(_ *task.WaitQueue, _ int64, state task.GrantState) {
	if state == task.Granted {
		p.pending = true
	}
}

// Event is an event: before Set tasks wait for it, afterwards they do not.
// The zero value has not happened. For an event with a value, see [task.Promise].
type Event struct {
	mu    park.Mutex // guards set
	set   task.WaitSet
	isSet atomicx.Bool
}

// Set says that it has happened, and wakes all who wait. cx is the poll in progress, or
// nil outside of one. Any thread; it never blocks.
func (e *Event) Set(cx *task.Cx) {
	task.Point(cx)
	// Publish. What was done before the event.
	// Store-load: the flag, then a look for waiters: one that neither sees would sleep for ever.
	// Pairs with: (*Event).Wait, (*Event).WaitContext.
	if !e.isSet.Swap(true) && !e.set.Empty() {
		e.set.WakeAll(&e.mu, cx)
	}
}

// Clear says that it has not happened, from now on. Who was woken by Set and has not been
// polled yet waits on. Any thread.
func (e *Event) Clear() {
	task.Point(nil)
	e.isSet.Store(false) // Hint. Who has seen it set goes on.
}

// IsSet reports whether it has happened. Any thread.
func (e *Event) IsSet() bool { return e.isSet.Load() }

// Wait waits until it has happened. It is sticky.
//
//heist:sticky
func (e *Event) Wait(cx *task.Cx) error {
	return e.set.WaitFor(cx, &e.mu, e, e.isSet.Load) // Pairs with: (*Event).Set.
}

// WaitContext is Wait for goroutines: it blocks until it has happened, or until ctx is
// done; then its error wraps ctx's cause.
func (e *Event) WaitContext(ctx context.Context) error {
	return e.set.Block(ctx, &e.mu, e.isSet.Load) // Pairs with: (*Event).Set.
}
