package combine

import (
	"fmt"
	"time"

	"github.com/heist-go/heist/task"
)

// Timeout bounds how long an operation may take. The zero value is ready. For all that a
// task does, there is [task.Deadline].
type Timeout struct {
	timer  task.Timer
	branch task.Branch
}

// Wait waits until op is over, and returns its error; or until d has passed since Wait was
// called first: then op is let go of, and the error is [task.ErrTimeout]. If both have
// happened, op has won. Called again after Pending, it does not look at d.
func (t *Timeout) Wait(cx *task.Cx, d time.Duration, op Op) error {
	if t.branch.Begins(cx) {
		t.timer.Stop(cx)
	}
	err := t.branch.Poll(cx, op)
	switch {
	case !task.IsPending(err):
	case t.timer.Armed():
		return err
	case t.timer.Fired() && cx.Spent(): // op was not asked, perhaps
		return cx.Spend()
	case t.timer.Fired():
		err = task.ErrTimeout
	default:
		t.timer.Reset(cx, d)
		return err
	}
	t.timer.Stop(cx)
	t.branch.End(cx)
	return err
}

// Retry tries an operation again until it succeeds. The zero value does so for ever,
// whatever the error.
type Retry struct {
	// Backoff is the pause between two attempts: it grows, and is shortened at random. Its
	// Limit is how often the operation is tried again.
	Backoff task.Backoff
	// If decides which errors are worth another try; nil: all.
	If func(error) bool

	branch task.Branch
	last   error // of the attempt that has failed, during the pause
}

// Do waits until op has succeeded. It returns the first error that is not worth another
// try, and when the limit is reached one that is [task.ErrLimit] and wraps the last. If the
// task is canceled there is no other try.
func (r *Retry) Do(cx *task.Cx, op Op) error {
	if r.branch.Begins(cx) {
		r.last = nil
		r.Backoff.Reset()
	}
	for {
		if r.last == nil {
			err := r.branch.Poll(cx, op)
			if task.IsPending(err) {
				return err
			}
			r.branch.End(cx)
			if err == nil || cx.Err() != nil || r.If != nil && !r.If(err) {
				r.Backoff.Reset()
				return err
			}
			r.last = err
		}
		err := r.Backoff.Wait(cx)
		if task.IsPending(err) {
			return err
		}
		last := r.last
		r.last = nil
		if err != nil {
			r.Backoff.Reset()
			return fmt.Errorf("combine: retry: %w: %w", err, last)
		}
	}
}
