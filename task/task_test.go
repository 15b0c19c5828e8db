package task_test

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
)

// run is the shortest way to run a poll function.
func run(f func(cx *task.Cx) error) error { return task.Run(context.Background(), task.Func(f)) }

type recorder struct {
	task.Frame
	poll     func(*recorder, *task.Cx) error
	polls    int
	finished []error
}

func (r *recorder) Poll(cx *task.Cx) error {
	r.polls++
	return r.poll(r, cx)
}

func (r *recorder) Finish(err error) { r.finished = append(r.finished, err) }

func TestRunReturnsTheResult(t *testing.T) {
	require.NoError(t, run(func(*task.Cx) error { return nil }))
	boom := errors.New("boom")
	require.Equal(t, boom, run(func(*task.Cx) error { return boom }))
}

func TestYield(t *testing.T) {
	var log []string
	step := func(name string) task.Task {
		n := 0
		return task.Func(func(cx *task.Cx) error {
			for n < 3 {
				if err := cx.Yield(); err != nil {
					return err
				}
				n++
				log = append(log, name)
			}
			return nil
		})
	}
	var g task.Group
	started := false
	require.NoError(t, run(func(cx *task.Cx) error {
		if !started {
			started = true
			g.Go(cx, step("a"))
			g.Go(cx, step("b"))
		}
		return g.Wait(cx)
	}))
	require.Equal(t, "a b a b a b", strings.Join(log, " "))
}

func TestPanicReachesTheWaiterWithItsStack(t *testing.T) {
	defer func() {
		p := recover().(*task.PanicError)
		require.Equal(t, "boom", p.Value)
		require.Contains(t, string(p.Stack), "TestPanicReachesTheWaiterWithItsStack")
		require.Contains(t, p.Error(), "boom")
	}()
	_ = run(func(*task.Cx) error { panic("boom") })
	t.Fatal("no panic")
}

func TestChildrenAreSettledBeforeTheOwnerIsDone(t *testing.T) {
	child := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if err := cx.Err(); err != nil {
			return err
		}
		cx.Waker()
		return task.Pending
	}}
	var g task.Group
	owner := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if r.polls == 1 {
			g.Go(cx, child)
			return cx.Yield()
		}
		return errors.New("gone")
	}}
	require.EqualError(t, task.Run(context.Background(), owner), "gone")
	require.Len(t, child.finished, 1)
	require.ErrorIs(t, child.finished[0], task.ErrCanceled)
	require.ErrorIs(t, child.finished[0], context.Canceled)
	require.ErrorContains(t, child.finished[0], "gone")
	require.Equal(t, 2, child.polls)
}

func TestFrameSize(t *testing.T) {
	if runtime.GOOS == "linux" && runtime.GOARCH == "amd64" && !debugBuild {
		require.LessOrEqual(t, reflect.TypeFor[task.Frame]().Size(), uintptr(96))
		require.LessOrEqual(t, reflect.TypeFor[task.Timer]().Size(), uintptr(80))
	}
}
