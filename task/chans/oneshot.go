package chans

import (
	"context"

	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// Oneshot carries one value, once: an answer. The zero value is ready. For a value that
// many may look at, again and again, see [task.Promise].
type Oneshot[T any] struct {
	mu    park.Mutex // guards what follows
	state progress
	line  task.Line
	value T
}

// progress is what has become of a Oneshot.
type progress uint8

const (
	open    progress = iota
	sent             // the value is there
	claimed          // and is promised to one who has waited
	over             // it was received, or it is closed
)

// Send sends v. It returns an error that is [task.ErrClosed] if nobody will receive it:
// it was closed, or a value was sent before. cx is the poll in progress, or nil outside of
// one. Any thread; it never blocks.
func (o *Oneshot[T]) Send(cx *task.Cx, v T) error {
	o.mu.Lock()
	if o.state != open {
		o.mu.Unlock()
		return errClosed
	}
	o.value, o.state = v, sent
	if o.line.Empty() {
		o.mu.Unlock()
		return nil
	}
	o.line.Serve(cx, &o.mu, (*answer[T])(o))
	return nil
}

// Recv receives the value, and waits until it is there. It returns an error that is
// [task.ErrClosed] if none will come, or if it was received.
func (o *Oneshot[T]) Recv(cx *task.Cx) (v T, err error) {
	if err := cx.Spend(); err != nil {
		return v, err
	}
	if o.line.Holds(cx) {
		if err := o.line.Collect(cx, 1); err != nil {
			return v, named(err)
		}
		o.mu.Lock()
	} else {
		if err := cx.Err(); err != nil {
			return v, err
		}
		o.mu.Lock()
		if o.state != sent || !o.line.Empty() {
			verdict := task.Waiting
			if o.state == over {
				verdict = task.Refused
			}
			return v, named(o.line.Hold(cx, &o.mu, (*answer[T])(o), 1, verdict))
		}
	}
	v = o.take()
	o.line.Serve(cx, &o.mu, (*answer[T])(o)) // nobody else gets it
	return v, nil
}

// RecvContext is Recv for goroutines: it blocks until the value is there, or until ctx is
// done; then its error wraps ctx's cause.
func (o *Oneshot[T]) RecvContext(ctx context.Context) (v T, err error) {
	if v, err = o.TryRecv(); err != ErrEmpty {
		return v, err
	}
	if err := o.line.WaitContext(ctx, &o.mu, (*answer[T])(o), 1); err != nil {
		return v, named(err)
	}
	o.mu.Lock()
	v = o.take()
	o.line.Serve(nil, &o.mu, (*answer[T])(o))
	return v, nil
}

// TryRecv receives the value if it is there, and returns [ErrEmpty] otherwise. Any thread.
func (o *Oneshot[T]) TryRecv() (v T, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.state == sent && o.line.Empty(): // else it is the next one's in line
		return o.take(), nil
	case o.state == over:
		return v, errClosed
	}
	return v, ErrEmpty
}

// Close says that no value is sent any more, or wanted: who waits for it gets an error
// that is [task.ErrClosed], and so does Send. A value that was sent is still received. cx
// is the poll in progress, or nil outside of one. Any thread; it never blocks.
func (o *Oneshot[T]) Close(cx *task.Cx) {
	o.mu.Lock()
	if o.state == open {
		o.state = over
	}
	o.line.Serve(cx, &o.mu, (*answer[T])(o))
}

// Reset makes a Oneshot that is over ready for the next value. It is a mistake, and panics,
// if it is not over or somebody waits.
func (o *Oneshot[T]) Reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state != over || !o.line.Empty() {
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

// answer is the Oneshot as the keeper of its line.
type answer[T any] Oneshot[T]

func (o *answer[T]) Decide(*task.Line, int64) task.Verdict {
	switch o.state {
	case sent:
		o.state = claimed
		return task.Granted
	case over:
		return task.Refused
	}
	return task.Waiting
}

func (o *answer[T]) Withdraw(_ *task.Line, _ int64, v task.Verdict) {
	if v == task.Granted {
		o.state = sent
	}
}

func (o *answer[T]) Attend(cx *task.Cx) {
	o.mu.Lock()
	o.line.Serve(cx, &o.mu, o)
}
