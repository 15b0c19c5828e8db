package task_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
)

// call starts f in a step and puts its handle into h.
func call[T any](h **task.Handle[T], f func(*task.Cx) (T, error)) step {
	return once(func(cx *task.Cx) { *h = task.Go(cx, f) })
}

// answer is the step that waits for h and puts its result into v.
func answer[T any](h **task.Handle[T], v *T) step {
	return func(cx *task.Cx) (err error) {
		*v, err = (*h).Wait(cx)
		return err
	}
}

// after returns a function for Go that takes n rounds.
func after[T any](n int, v T, err error) func(*task.Cx) (T, error) {
	wait := rounds(n)
	return func(cx *task.Cx) (T, error) {
		if pending := wait(cx); pending != nil {
			return v, pending
		}
		return v, err
	}
}

func TestHandle(t *testing.T) {
	var h *task.Handle[string]
	var v string
	require.NoError(t, runSteps(
		call(&h, after(3, "done", nil)),
		answer(&h, &v),
		once(func(cx *task.Cx) {
			again, err := h.Wait(cx)
			require.NoError(t, err)
			require.Equal(t, "done", again, "sticky")
		}),
	))
	require.Equal(t, "done", v)
	v, err := h.WaitContext(background)
	require.NoError(t, err)
	require.Equal(t, "done", v)
}

func TestHandleOfAnError(t *testing.T) {
	var h *task.Handle[int]
	v := -1
	require.Equal(t, errBoom, runSteps(call(&h, after(1, 7, errBoom)), answer(&h, &v)))
	require.Zero(t, v, "no value with an error")
}

func TestHandleOfAPanic(t *testing.T) {
	var h *task.Handle[int]
	var v int
	bad := func(*task.Cx) (int, error) { return 0, oops("oh") }
	p := panicOf(t, func() { _ = runSteps(call(&h, bad), answer(&h, &v)) })
	require.Equal(t, "oh", p.Value)
	require.Contains(t, string(p.Stack), "task_test.oops")
	require.True(t, panicOf(t, func() { _, _ = h.WaitContext(background) }) == p, "for goroutines, too")
}

// The spawning task may deal with a panic that it has seen.
func TestHandleOfAPanicThatIsRecovered(t *testing.T) {
	var h *task.Handle[int]
	bad := func(*task.Cx) (int, error) { return 0, oops("oh") }
	var seen any
	require.NoError(t, runSteps(call(&h, bad), rounds(2), once(func(cx *task.Cx) {
		seen = caught(func() { _, _ = h.Wait(cx) })
	})))
	require.IsType(t, (*task.PanicError)(nil), seen)
}

func TestHandleOfAPanicThatNobodySees(t *testing.T) {
	var h *task.Handle[int]
	p := panicOf(t, func() {
		_ = runSteps(call(&h, func(*task.Cx) (int, error) { return 0, oops("oh") }), rounds(2))
	})
	require.Equal(t, "oh", p.Value)
}

func TestHandleCancel(t *testing.T) {
	var never task.Promise[int]
	var h *task.Handle[int]
	var v int
	err := runSteps(
		call(&h, never.Wait), rounds(2),
		once(func(*task.Cx) { h.Cancel(errBoom) }),
		answer(&h, &v),
	)
	require.ErrorIs(t, err, task.ErrCanceled)
	require.ErrorIs(t, err, errBoom)
}

func TestHandleIsOwnedByTheSpawningTask(t *testing.T) {
	for name, result := range map[string]error{"well": nil, "badly": errBoom} {
		t.Run("which ends "+name, func(t *testing.T) {
			var h *task.Handle[int]
			polls := 0
			var last error
			child := func(cx *task.Cx) (int, error) {
				polls++
				last = cx.Err()
				if polls < 5 {
					cx.Shield() // it takes its time
					cx.Waker().Wake()
					return 0, task.Pending
				}
				return 0, last
			}
			owner := &recorder{}
			owner.poll = does(call(&h, child), rounds(1), func(*task.Cx) error {
				require.Less(t, polls, 5)
				return result
			})
			require.Equal(t, result, task.Run(background, owner))
			require.Equal(t, 5, polls)
			require.Len(t, owner.finished, 1)
			require.ErrorIs(t, last, task.ErrCanceled)
			if result != nil {
				require.ErrorIs(t, last, result)
			} else {
				require.ErrorContains(t, last, "has ended")
			}
		})
	}
}

// Whoever waits is canceled alone.
func TestHandleWaitOfACanceledTask(t *testing.T) {
	var h *task.Handle[int]
	var v, other int
	var g task.Group
	g.Failed = forget
	waiter := &recorder{}
	waiter.poll = does(answer(&h, &other))
	require.NoError(t, runSteps(
		call(&h, after(9, 7, nil)),
		start(&g, waiter), rounds(1),
		once(func(*task.Cx) { waiter.Cancel(errBoom) }),
		g.Wait,
		answer(&h, &v),
	))
	require.ErrorIs(t, waiter.Err(), errBoom)
	require.Equal(t, 7, v)
}

func TestHandleWaitContext(t *testing.T) {
	var h *task.Handle[int]
	var g task.Group
	var v, late int
	ctx, cancel := context.WithCancelCause(background)
	cancel(errBoom)
	require.NoError(t, runSteps(
		call(&h, after(3, 7, nil)),
		once(func(cx *task.Cx) {
			g.Goroutine(cx, func(ctx context.Context) (err error) {
				v, err = h.WaitContext(ctx)
				return err
			})
		}),
		g.Wait,
		once(func(*task.Cx) { late, _ = h.WaitContext(ctx) }),
	))
	require.Equal(t, 7, v)
	require.Equal(t, 7, late, "it is over, so the context does not matter")
}

// Two runs are two threads: each has a task that waits for the same handle, and
// one of them has started it.
func TestHandleSharedByTwoThreads(t *testing.T) {
	for range 50 {
		var h *task.Handle[int]
		var mine, yours int
		there := make(chan struct{})
		done := make(chan error)
		go func() {
			<-there
			done <- runSteps(answer(&h, &yours))
		}()
		require.NoError(t, runSteps(
			call(&h, after(1, 7, nil)), rounds(3),
			once(func(*task.Cx) { close(there) }),
			answer(&h, &mine),
		))
		require.NoError(t, <-done)
		require.Equal(t, 7, mine)
		require.Equal(t, 7, yours)
	}
}

// A handle's panic reaches the task that has started it, unless its Wait has raised it.
func TestHandlePanicsWhenTheBudgetIsUsedUp(t *testing.T) {
	l := rig.NewLab()
	var h *task.Handle[int]
	polls := 0
	owner := task.Func(func(cx *task.Cx) error {
		switch polls++; polls {
		case 1:
			h = task.Go(cx, func(*task.Cx) (int, error) { panic("lost") })
			return cx.Yield()
		case 2:
			for !cx.Spent() {
				_ = cx.Spend()
			}
			_, err := h.Wait(cx) // Pending: nothing observable has happened
			require.True(t, task.IsPending(err))
			return err
		}
		return nil // another wait was over
	})
	var g task.Group
	g.Go(&l.Runtime, owner)
	l.Work()
	var p *task.PanicError
	require.ErrorAs(t, g.Err(), &p)
}
