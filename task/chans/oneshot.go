package chans

import (
	"context"

	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// Oneshot is a channel for one value, once: an answer. The zero value is ready. For a value that
// many may look at, again and again, see [task.Promise].
type Oneshot[T any] struct {
	mu    park.Mutex // guards what follows
	state progress
	queue task.WaitQueue
	value T
}

// progress is the state of a Oneshot.
type progress uint8

const (
	open    progress = iota
	sent             // the value is there
	claimed          // and is promised to one that has waited
	over             // it was received, or it is closed
)

// Send sends v. It returns an error that is [task.ErrClosed] if nobody will receive it:
// it was closed, or a value was sent before. cx is the poll in progress, or nil outside of
// one. Any thread; it never blocks.
//
//heist:keeps
func (o *Oneshot[T]) Send(cx *task.Cx, v T) error {
	task.Point(cx)
	task.MustOwn(v, errBorrowed)
	o.mu.Lock()
	if o.state != open {
		o.mu.Unlock()
		return errClosed
	}
	o.value, o.state = v, sent
	if o.queue.Empty() {
		o.mu.Unlock()
		return nil
	}
	o.queue.Grant(cx, &o.mu, (*oneshotPolicy[T])(o))
	return nil
}

// Recv receives the value, and waits until it is there. It returns an error that is
// [task.ErrClosed] if none will come, or if it was received.
func (o *Oneshot[T]) Recv(cx *task.Cx) (v T, err error) {
	if err := cx.Spend(); err != nil {
		return v, err
	}
	if o.queue.Contains(cx) {
		if err := o.queue.Collect(cx, 1); err != nil {
			return v, named(err)
		}
		o.mu.Lock()
	} else {
		if err := cx.Err(); err != nil {
			return v, err
		}
		o.mu.Lock()
		if o.state != sent || !o.queue.Empty() {
			return v, named(o.queue.Enqueue(cx, &o.mu, (*oneshotPolicy[T])(o), 1, refusedIf(o.state == over)))
		}
	}
	v = o.take()
	o.queue.Grant(cx, &o.mu, (*oneshotPolicy[T])(o)) // nobody else gets it
	return v, nil
}

// RecvContext is Recv for goroutines: it blocks until the value is there, or until ctx is
// done; then its error wraps ctx's cause.
func (o *Oneshot[T]) RecvContext(ctx context.Context) (v T, err error) {
	if v, err = o.TryRecv(); err != ErrEmpty {
		return v, err
	}
	if err := o.queue.WaitContext(ctx, &o.mu, (*oneshotPolicy[T])(o), 1); err != nil {
		return v, named(err)
	}
	o.mu.Lock()
	v = o.take()
	o.queue.Grant(nil, &o.mu, (*oneshotPolicy[T])(o))
	return v, nil
}

// TryRecv receives the value if it is there, and returns [ErrEmpty] otherwise. Any thread.
func (o *Oneshot[T]) TryRecv() (v T, err error) {
	task.Point(nil)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.state == sent && o.queue.Empty(): // else it is the next one's in the queue
		return o.take(), nil
	case o.state == over:
		return v, errClosed
	}
	return v, ErrEmpty
}

// Close says that no value is sent any more, or wanted: receivers get an error
// that is [task.ErrClosed], and so does Send. A value that was sent is still received. cx
// is the poll in progress, or nil outside of one. Any thread; it never blocks.
func (o *Oneshot[T]) Close(cx *task.Cx) {
	task.Point(cx)
	o.mu.Lock()
	if o.state == open {
		o.state = over
	}
	o.queue.Grant(cx, &o.mu, (*oneshotPolicy[T])(o))
}

// Reset makes a Oneshot that is over ready for the next value. It is a mistake, and panics,
// if it is not over or somebody waits.
func (o *Oneshot[T]) Reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state != over || !o.queue.Empty() {
		panic("chans: Reset of a Oneshot that is not over")
	}
	o.state = open
}

// take receives the value. The lock is held.
func (o *Oneshot[T]) take() (v T) {
	var none T
	v, o.value = o.value, none
	o.state = over
	return v
}

// oneshotPolicy is the Oneshot as the policy of its queue.
type oneshotPolicy[T any] Oneshot[T]

// WaitObject is what [task.Inspect] calls a Oneshot.
func (p *oneshotPolicy[T]) WaitObject() string { return "chans.Oneshot" }

func (p *oneshotPolicy[T]) TryGrant(*task.WaitQueue, int64) task.GrantState {
	switch p.state {
	case sent:
		p.state = claimed
		return task.Granted
	case over:
		return task.Refused
	}
	return task.Waiting
}

func (p *oneshotPolicy[T]) Revoke(_ *task.WaitQueue, _ int64, state task.GrantState) {
	if state == task.Granted {
		p.state = sent
	}
}
