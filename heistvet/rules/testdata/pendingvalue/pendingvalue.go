package pendingvalue

import (
	"errors"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

var last error

type keeper struct {
	task.Frame
	in    *chans.Chan[int]
	v     int
	err   error
	state struct{ err error }
}

func (k *keeper) compares(cx *task.Cx) error {
	_, err := k.in.Recv(cx)
	if err == task.Pending { // want `Pending may be wrapped: ask task.IsPending`
		return err
	}
	if err != nil && err != task.Pending { // want `Pending may be wrapped`
		return err
	}
	if !errors.Is(err, task.Pending) { // want `Pending may be wrapped`
		return err
	}
	switch err {
	case nil:
	case task.Pending: // want `Pending may be wrapped`
	}
	return nil
}

func (k *keeper) keeps(cx *task.Cx) error {
	_, err := k.in.Recv(cx)
	k.err = err // want `k.err may hold Pending in the next poll, when it is not true any more`
	if err != nil {
		last = err // want `last may hold Pending`
		return err
	}
	return nil
}

func (k *keeper) straight(cx *task.Cx) error {
	k.v, k.state.err = k.in.Recv(cx) // want `k.state.err may hold Pending`
	if k.state.err != nil {
		return nil
	}
	k.err = task.Pending // want `k.err may hold Pending`
	return cx.Yield()
}

func (k *keeper) ignores(cx *task.Cx) error {
	cx.Yield()            // want `the error of cx.Yield is ignored: it may be Pending`
	v, _ := k.in.Recv(cx) // want `the error of k.in.Recv is ignored, and with Pending it returns nothing`
	k.v = v
	return nil
}

func (k *keeper) with(cx *task.Cx, f func() error) error { return task.All(cx.Yield(), f()) }

func (k *keeper) literal(cx *task.Cx) error {
	if k.with(cx, func() error { return nil }) == task.Pending { // want `Pending may be wrapped`
		return task.Pending
	}
	return nil
}

func (k *keeper) joins(cx *task.Cx) error {
	_, err := k.in.Recv(cx)
	k.err = errors.Join(err, cx.Err()) // want `k.err may hold Pending`
	return nil
}

// ---- what is right -----------------------------------------------------------

func (k *keeper) waives(cx *task.Cx) error {
	_ = cx.Yield()
	_, _ = k.in.Recv(cx)
	return nil
}

func (k *keeper) settles(cx *task.Cx) error {
	v, err := k.in.Recv(cx)
	if task.IsPending(err) {
		return err
	}
	k.v, k.err = v, err
	return nil
}

func (k *keeper) onlyFailures(cx *task.Cx) (err error) {
	if k.v, err = k.in.Recv(cx); err != nil && !task.IsPending(err) {
		k.err = err
	}
	if errors.Is(err, task.ErrClosed) {
		last = err
	}
	return err
}

func (k *keeper) anew(cx *task.Cx) error {
	k.v, k.err = k.in.Recv(cx)
	return k.err
}

func (k *keeper) others(cx *task.Cx) error {
	k.err = cx.Err()
	k.in.Close(cx)
	return k.err
}
