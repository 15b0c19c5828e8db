package combine

import (
	"errors"
	"fmt"
	"time"

	"github.com/heist-go/heist/task"
)

// Timeout bounds how long an operation may take. The zero value is ready. For all that a
// task does, there is [task.Deadline].
type Timeout struct {
	op     task.Operation
	timer  task.Timer
	branch task.Branch
}

// Wait waits until op is over, and returns its error; or until d has passed since Wait was
// called first: then op is let go of, and the error is [task.ErrTimeout]. If both have
// happened, op has won. Called again after Pending, it does not look at d.
func (t *Timeout) Wait(cx *task.Cx, d time.Duration, op Op) error {
	if t.op.Enter(cx) == task.Occupied {
		return cx.Suspend()
	}
	err := t.branch.Poll(cx, op)
	switch {
	case !task.IsPending(err):
	case !t.op.InProgress():
		t.timer.Reset(cx, d)
		t.op.Join(cx, t)
		return err
	case !t.timer.Fired():
		t.op.Join(cx, t)
		return err
	case cx.Spent(): // op was not asked, perhaps
		return cx.Spend()
	default:
		err = task.ErrTimeout
	}
	t.op.Done(cx)
	t.Abandon(cx)
	return err
}

// Abandon lets go of the operation: see [task.Abandoner].
func (t *Timeout) Abandon(cx *task.Cx) {
	t.timer.Stop(cx)
	t.branch.End(cx)
}

// End lets go of what is in progress: for who will not call again in this poll, because an operation has panicked. It
// does not block. Nothing is in progress when the wait is over.
func (t *Timeout) End(cx *task.Cx) {
	defer t.Abandon(cx) // it may have panicked in the first poll
	t.op.End(cx)
}

// Retry tries an operation again until it succeeds. The zero value does so for ever,
// whatever the error.
type Retry struct {
	// Backoff is the pause between two attempts: it grows, and is shortened at random. Its
	// Limit is how often the operation is tried again.
	Backoff task.Backoff
	// If decides which errors are worth another try; nil: all.
	If func(error) bool

	op       task.Operation
	branch   task.Branch
	last     error // of the attempt that has failed, during the pause
	trying   bool  // an attempt is in progress
	attempts int
}

// Do waits until op has succeeded. It returns the first error that is not worth another
// try, and when the limit is reached one that is [task.ErrLimit], wraps the last, and says how
// many attempts there were. If the task is canceled there is no other try.
func (r *Retry) Do(cx *task.Cx, op Op) error {
	switch r.op.Enter(cx) {
	case task.Occupied:
		return cx.Suspend()
	case task.Begins:
		r.last, r.trying, r.attempts = nil, false, 0
		r.Backoff.Reset()
	}
	err := r.try(cx, op)
	if task.IsPending(err) {
		r.op.Join(cx, r)
		return err
	}
	r.op.Done(cx)
	r.last = nil
	r.Backoff.Reset()
	return err
}

func (r *Retry) try(cx *task.Cx, op Op) error {
	for {
		if r.last == nil {
			if !r.trying {
				r.trying = true
				r.attempts++
			}
			err := r.branch.Poll(cx, op)
			if task.IsPending(err) {
				return err
			}
			r.branch.End(cx)
			r.trying = false
			if err == nil || cx.Err() != nil || r.If != nil && !r.If(err) {
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
		switch {
		case err == nil:
		case errors.Is(err, last): // the attempt has ended by the same cancellation, say
			return fmt.Errorf("combine: retry: after %d attempts: %w", r.attempts, err)
		case errors.Is(last, err):
			return fmt.Errorf("combine: retry: after %d attempts: %w", r.attempts, last)
		default:
			return fmt.Errorf("combine: retry: after %d attempts: %w: %w", r.attempts, err, last)
		}
	}
}

// Attempts returns how many attempts the Do in progress, or the last one, has made.
func (r *Retry) Attempts() int { return r.attempts }

// Abandon lets go of the attempt, or of the pause: see [task.Abandoner].
func (r *Retry) Abandon(cx *task.Cx) {
	r.Backoff.Stop(cx)
	r.last, r.trying = nil, false
	r.branch.End(cx)
}

// End lets go of what is in progress: see [Timeout.End].
func (r *Retry) End(cx *task.Cx) {
	defer r.Abandon(cx)
	r.op.End(cx)
}
