package task_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
)

func TestIsPending(t *testing.T) {
	wrapped := fmt.Errorf("read: %w", task.Pending)
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nil":                   {nil, false},
		"Pending":               {task.Pending, true},
		"another":               {errBoom, false},
		"wrapped":               {wrapped, true},
		"wrapped twice":         {fmt.Errorf("get: %w", wrapped), true},
		"joined":                {errors.Join(task.Pending, wrapped), true},
		"joined, with an error": {errors.Join(task.Pending, errBoom), false},
		"wrapped, joined":       {fmt.Errorf("all: %w", errors.Join(wrapped, nil)), true},
		"two of %w":             {fmt.Errorf("%w and %w", task.Pending, task.Pending), true},
		"an error and Pending":  {fmt.Errorf("%w and %w", errBoom, task.Pending), false},
		"deep in a join":        {errors.Join(wrapped, fmt.Errorf("x: %w", errors.Join(errBoom, wrapped))), false},
		"in the text only":      {fmt.Errorf("read: %v", task.Pending), false},
		"a panic with Pending":  {&task.PanicError{Value: task.Pending}, false},
	} {
		require.Equal(t, c.want, task.IsPending(c.err), name)
	}
	require.NotErrorIs(t, task.Pending, task.ErrCanceled)
}

func TestMustReady(t *testing.T) {
	require.NoError(t, task.MustReady(nil))
	require.Equal(t, errBoom, task.MustReady(errBoom))
	for _, err := range []error{task.Pending, fmt.Errorf("read: %w", task.Pending)} {
		require.PanicsWithValue(t, "task: MustReady: the operation has returned Pending", func() { _ = task.MustReady(err) })
	}
}

func TestAll(t *testing.T) {
	later := errors.New("later")
	wrapped := fmt.Errorf("read: %w", task.Pending)
	require.NoError(t, task.All())
	require.NoError(t, task.All(nil, nil))
	require.Equal(t, task.Pending, task.All(nil, task.Pending, nil))
	require.True(t, task.IsPending(task.All(wrapped, nil)))
	require.Equal(t, errBoom, task.All(nil, errBoom, later))
	require.Equal(t, errBoom, task.All(task.Pending, wrapped, errBoom), "an error does not wait")
}

func TestFirst(t *testing.T) {
	wrapped := fmt.Errorf("read: %w", task.Pending)
	for _, c := range []struct {
		waits []error
		i     int
		err   error
	}{
		{nil, -1, task.Pending},
		{[]error{task.Pending, wrapped}, -1, task.Pending},
		{[]error{task.Pending, nil, errBoom}, 1, nil},
		{[]error{wrapped, errBoom, nil}, 1, errBoom},
		{[]error{nil, nil}, 0, nil},
	} {
		i, err := task.First(c.waits...)
		require.Equal(t, c.i, i)
		require.Equal(t, c.err, err)
	}
}

func TestAllAndFirstOverWaits(t *testing.T) {
	var a, b task.Promise[int]
	var both, any task.Group
	polls := 0
	require.NoError(t, runSteps(
		start(&both, steps(func(cx *task.Cx) error {
			polls++
			return task.All(await(&a)(cx), await(&b)(cx))
		})),
		start(&any, steps(func(cx *task.Cx) error {
			i, err := task.First(await(&a)(cx), await(&b)(cx))
			if err == nil {
				require.Equal(t, 1, i)
			}
			return err
		})),
		rounds(2), resolve(&b),
		any.Wait, // although a has not happened
		once(func(*task.Cx) { require.Equal(t, 2, polls) }),
		resolve(&a),
		both.Wait,
	))
	require.Equal(t, 3, polls)
}

func TestErrors(t *testing.T) {
	require.ErrorIs(t, task.ErrTimeout, context.DeadlineExceeded)
	require.EqualError(t, task.ErrTimeout, "task: timed out: context deadline exceeded")
	require.ErrorIs(t, task.ErrCanceled, context.Canceled)
	require.NotErrorIs(t, task.ErrCanceled, context.DeadlineExceeded)
	require.NotErrorIs(t, task.ErrTimeout, task.ErrCanceled)
	for _, err := range []error{task.ErrClosed, task.ErrLimit, task.ErrGoexit} {
		require.NotErrorIs(t, err, task.ErrCanceled)
		require.Regexp(t, "^task: ", err.Error())
	}
}
