// Package ops has functions that may suspend, and some that only look like it.
package ops

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
)

type t struct {
	task.Frame
	in       *chans.Chan[int]
	out      *chans.Broadcast[int]
	promise  task.Promise[int]
	deadline task.Deadline
	sel      combine.Select
	v        int
	held     bool
	last     error
	news     interface{ News(*task.Cx) error }
	permit   chans.Permit[int]
}

func (t *t) recv(cx *task.Cx) error { // want recv:"op: pends consumes"
	v, err := t.in.Recv(cx)
	t.v = v
	return err
}

func (t *t) stage(cx *task.Cx) error { // want stage:"op: pends$"
	if t.held {
		return nil
	}
	if err := t.recv(cx); err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	t.held = true
	return nil
}

func (t *t) await(cx *task.Cx) (v int, err error) { // want await:"op: pends$"
	v, err = t.promise.Wait(cx)
	return
}

func (t *t) own(cx *task.Cx) error { // want own:"op: pends perhaps"
	if t.held {
		return nil
	}
	return cx.Suspend()
}

func (t *t) bare(*task.Cx) (int, error) { // want bare:"op: pends perhaps"
	return 0, task.Pending
}

func (t *t) any(cx *task.Cx) error { // want any:"op: pends consumes"
	_, err := t.sel.Wait(cx, t.recv)
	if errors.Is(err, task.ErrCanceled) {
		return nil
	}
	return err
}

func (t *t) foreign(cx *task.Cx) error { // want foreign:"op: pends perhaps"
	return t.news.News(cx)
}

// remote waits for the news.
//
//heist:sticky
func (t *t) remote(cx *task.Cx) error { // want remote:"op: pends$" remote:"is: sticky"
	return t.any(cx)
}

func generic[T any](cx *task.Cx, c *chans.Chan[T]) (T, error) { // want generic:"op: pends consumes"
	return c.Recv(cx)
}

func instance(cx *task.Cx, c *chans.Chan[int]) error { // want instance:"op: pends consumes"
	_, err := generic(cx, c)
	return err
}

func (t *t) field(cx *task.Cx) error { // want field:"op: pends consumes"
	t.v, t.last = t.in.Recv(cx)
	return t.last
}

// next returns bytes of the worker's: nobody has to say so.
func (t *t) next(cx *task.Cx) ([]byte, error) { // want next:"is: lends"
	return cx.Scratch(10), nil
}

// What does not suspend.

func (t *t) err(cx *task.Cx) error { return cx.Err() }

func (t *t) check(cx *task.Cx) error { return t.deadline.Check(cx, time.Second) }

func (t *t) try(cx *task.Cx) error { return t.in.TrySend(cx, 1) }

func (t *t) tell(cx *task.Cx) error { return t.out.Send(cx, 1) }

func (t *t) swallows(cx *task.Cx) error {
	if err := t.recv(cx); task.IsPending(err) {
		return nil
	}
	return nil
}

func (t *t) asserts(cx *task.Cx) error { return task.MustReady(t.recv(cx)) }

func (t *t) elsewhere(cx *task.Cx) error {
	t.v++
	_ = func(cx *task.Cx) error { return t.recv(cx) }
	return nil
}

func (t *t) blocks(ctx context.Context) error { return t.WaitContext(ctx) } // want blocks:`is: blocks by t.WaitContext`
