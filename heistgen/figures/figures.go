//go:build heistgen

package figures

import (
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

// yields suspends n times.
//
//heist:task
func yields(cx *task.Cx, n int) error {
	for range n {
		if err := cx.Yield(); err != nil {
			return err
		}
	}
	return nil
}

// returns sends back what it gets, n times: one of two that wake each other.
//
//heist:task
func returns(cx *task.Cx, in, out *chans.Chan[int], n int) error {
	for range n {
		v, err := in.Recv(cx)
		if err != nil {
			return err
		}
		if err := out.Send(cx, v+1); err != nil {
			return err
		}
	}
	return nil
}

// stage is one of a pipeline: it hands on what it gets until there is no more.
//
//heist:task
func stage(cx *task.Cx, in, out *chans.Chan[int]) error {
	for {
		v, err := in.Recv(cx)
		if err != nil {
			out.Close(cx)
			return nil
		}
		if err := out.Send(cx, v+1); err != nil {
			return err
		}
	}
}

// deep awaits itself, and yields n times at the bottom.
//
//heist:task
func deep(cx *task.Cx, depth, n int) error {
	if depth > 1 {
		err := deep(cx, depth-1, n)
		return err // to return the call itself would need no frame
	}
	for range n {
		if err := cx.Yield(); err != nil {
			return err
		}
	}
	return nil
}

// count yields 0 to n-1.
//
//heist:task
func count(cx *task.Cx, n int, yield func(int) bool) error {
	for i := range n {
		if !yield(i) {
			return nil
		}
	}
	return nil
}

// walk yields the values of a tree in order.
//
//heist:task
func walk(cx *task.Cx, t *tree, yield func(int) bool) error {
	if t == nil {
		return nil
	}
	if err := walk(cx, t.left, yield); err != nil {
		return err
	}
	if !yield(t.value) {
		return nil
	}
	return walk(cx, t.right, yield)
}
