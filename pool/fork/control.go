package fork

import (
	"context"

	"github.com/heist-go/heist/task"
)

// control is what may end a computation early. It belongs to the participant on which the computation
// has begun; all parts of the computation point to it.
type control struct {
	ctx   context.Context
	task  task.Cancellation // of the poll in which it has begun
	owner task.Cancellation // of the task that awaits it, perhaps not polled meanwhile
	frame *task.Frame       // of the task in whose poll it has begun, or nil
}

// Begun returns where the computation has begun that the job is a part of: with a context, or in a poll of f, which
// goes on until the job is done; or neither. For who computes the job.
func (j *Job) Begun() (ctx context.Context, f *task.Frame) { return j.control.ctx, j.control.frame }

// Err returns why the computation should end early, or nil: the context of pool.CallContext is
// done, or the task in whose poll it has begun was canceled. Nothing interrupts a
// computation: one that takes long asks now and then, and returns whatever it has, which
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

// inPoll sets what ends a computation that begins in a poll.
func (c *control) inPoll(o Origin) {
	c.task = o.Cx.Cancellation()
	c.frame, _ = o.Cx.Self().Life()
	if o.Terms != nil {
		c.owner = o.Terms.Owner
	}
}
