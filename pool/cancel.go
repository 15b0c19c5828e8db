package pool

import (
	"context"

	"github.com/heist-go/heist/task"
)

// control is what may end a computation early. It belongs to the seat where that has
// begun; whatever is a part of the computation points to it.
type control struct {
	ctx   context.Context
	task  task.Cancellation // in whose poll it has begun
	owner task.Cancellation // who awaits it, perhaps not polled meanwhile
}

// Err returns why the computation is to end early, or nil: the context of [CallContext] is
// done, or the task in whose poll it has begun was canceled. Nobody ends it but itself: a
// computation that takes long asks now and then, and returns whatever it has, which
// nobody will look at. All functions of package par do so.
func (s Scope) Err() error { return s.of.control.err() }

func (c *control) err() error {
	if c.ctx != nil {
		if c.ctx.Err() == nil {
			return nil
		}
		return context.Cause(c.ctx)
	}
	if err := c.owner.Err(); err != nil {
		return err
	}
	return c.task.Err()
}

// CallContext is [Call] on a pool with a context: when that is done, [Scope.Err] says so
// inside of the computation, and its cause is the error here, if it was done before the
// computation was.
func CallContext[A, R any](ctx context.Context, on *Pool, fn func(Fork[A, R], A) R, a A) (R, error) {
	if err := context.Cause(ctx); err != nil {
		return *new(R), err
	}
	x, g := on.welcome()
	x.control.ctx = ctx
	r := begin(x, g, fn, a)
	return r, context.Cause(ctx)
}

// Job is a computation that a task awaits while its worker polls others: for what takes
// longer than a poll should. Keep it in the task.
//
//	func (t *report) Poll(cx *task.Cx) error {
//		sum, err := t.job.Do(cx, func(s pool.Scope) int { return par.Sum(s, t.numbers) })
//		if err != nil {
//			return err
//		}
//		...
//	}
type Job[R any] struct {
	handle *task.Handle[R]
	of     task.Waker // the life of the task in which it was begun
}

// Do computes f, and returns Pending until it is done. Called again after that it begins
// anew. If the task is canceled, so is the computation (see [Scope.Err]), which is waited
// for before the task ends. It raises f's panic as a *task.PanicError.
func (j *Job[R]) Do(cx *task.Cx, f func(Scope) R) (R, error) {
	if self := cx.Self(); j.of != self { // what a former life has left behind
		j.of, j.handle = self, nil
	}
	if j.handle == nil {
		if err := cx.Err(); err != nil {
			return *new(R), err
		}
		owner := cx.Cancellation()
		j.handle = task.Go(cx, func(cx *task.Cx) (R, error) {
			x, g := admit(cx)
			x.control.owner = owner
			r := begin(x, g, function[R], f)
			if err := owner.Err(); err != nil {
				return r, err
			}
			return r, cx.Err()
		})
	}
	r, err := j.handle.Wait(cx)
	switch {
	case err == nil:
		j.handle = nil
	case !task.IsPending(err):
		j.handle.Cancel(err)
		j.handle = nil
	}
	return r, err
}
