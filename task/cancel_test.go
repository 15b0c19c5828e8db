package task_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
)

func TestCancelBeforeTheFirstPoll(t *testing.T) {
	r := &recorder{poll: returns(nil)}
	var g task.Group
	err := runSteps(start(&g, r), once(func(*task.Cx) { r.Cancel(errBoom) }), g.Wait)
	require.ErrorIs(t, err, errBoom)
	require.Zero(t, r.polls)
	require.Len(t, r.finished, 1)
	require.Equal(t, r.Err(), r.finished[0])
}

func TestCancelWhileParked(t *testing.T) {
	var never task.Promise[int]
	r := &recorder{poll: does(await(&never))}
	var g task.Group
	err := runSteps(start(&g, r), rounds(2), once(func(*task.Cx) { r.Cancel(errBoom) }), g.Wait)
	require.ErrorIs(t, err, errBoom)
	require.Equal(t, 2, r.polls)
	require.Len(t, r.finished, 1)
}

func TestWhatACancellationIs(t *testing.T) {
	for name, cause := range map[string]error{"with a cause": errBoom, "without": nil, "by a cancellation": task.ErrCanceled} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{poll: suspended}
			var g task.Group
			err := runSteps(start(&g, r), rounds(1), once(func(*task.Cx) { r.Cancel(cause) }), g.Wait)
			require.ErrorIs(t, err, task.ErrCanceled)
			require.ErrorIs(t, err, context.Canceled)
			if cause == errBoom {
				require.ErrorIs(t, err, cause)
				require.EqualError(t, err, "task: canceled: boom")
			} else {
				require.EqualError(t, err, "task: canceled")
			}
			require.False(t, task.IsPending(err))
		})
	}
}

// The cause may be any error, even one that should not have been an error.
func TestCancelBecauseOfPending(t *testing.T) {
	r := &recorder{poll: suspended}
	var g task.Group
	err := runSteps(start(&g, r), rounds(1), once(func(*task.Cx) { r.Cancel(task.Pending) }), g.Wait)
	require.ErrorIs(t, err, task.ErrCanceled)
	require.False(t, task.IsPending(err))
}

func TestFirstCauseCounts(t *testing.T) {
	r := &recorder{poll: suspended}
	var g task.Group
	require.ErrorIs(t, runSteps(
		start(&g, r), rounds(1),
		once(func(*task.Cx) {
			r.Cancel(errBoom)
			r.Cancel(errors.New("later"))
			g.Cancel(errors.New("last"))
		}),
		ignoring(g.Wait),
		func(*task.Cx) error { return r.Err() },
	), errBoom)
	require.Equal(t, 2, r.polls)
}

func TestEveryOperationReturnsTheCancellation(t *testing.T) {
	var never task.Promise[int]
	var handle *task.Handle[int]
	other := &recorder{poll: suspended}
	var others task.Group
	for name, op := range map[string]step{
		"Err":     func(cx *task.Cx) error { return cx.Err() },
		"Yield":   func(cx *task.Cx) error { return cx.Yield() },
		"Promise": await(&never),
		"Frame":   other.Wait,
		"Group":   others.Wait, // somebody else's
		"Handle":  func(cx *task.Cx) error { _, err := handle.Wait(cx); return err },
	} {
		t.Run(name, func(t *testing.T) {
			others, handle = task.Group{}, nil
			var g task.Group
			r := &recorder{poll: func(r *recorder, cx *task.Cx) error {
				if r.polls == 1 {
					cx.Waker()
					return task.Pending
				}
				return op(cx)
			}}
			require.NoError(t, runSteps(
				start(&others, other),
				once(func(cx *task.Cx) {
					handle = task.Go(cx, func(cx *task.Cx) (int, error) { return 0, await(&never)(cx) })
				}),
				start(&g, r),
				rounds(1),
				once(func(*task.Cx) { r.Cancel(errBoom) }),
				ignoring(g.Wait),
			))
			require.ErrorIs(t, r.Err(), errBoom)
			require.Equal(t, 2, r.polls)
		})
	}
}

// What is there already is still handed out to a task that is canceled.
func TestWaitThatIsOverAnswersACanceledTask(t *testing.T) {
	var there task.Promise[int]
	there.Resolve(7, nil)
	r := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if r.polls == 1 {
			return cx.Yield()
		}
		v, err := there.Wait(cx)
		require.Equal(t, 7, v)
		return err
	}}
	var g task.Group
	require.NoError(t, runSteps(start(&g, r), rounds(1), once(func(*task.Cx) { r.Cancel(nil) }), g.Wait))
}

func TestShield(t *testing.T) {
	var open, never task.Promise[int]
	r := &recorder{poll: does(
		func(cx *task.Cx) error {
			cx.Shield()
			return await(&open)(cx)
		},
		rounds(1), // the shield ends with the poll
		await(&never),
	)}
	var g task.Group
	err := runSteps(
		start(&g, r), rounds(1),
		once(func(*task.Cx) { r.Cancel(errBoom) }),
		rounds(3),
		once(func(*task.Cx) {
			require.Empty(t, r.finished)
			open.Resolve(1, nil)
		}),
		g.Wait,
	)
	require.ErrorIs(t, err, errBoom, "the stage after it is canceled")
	require.Len(t, r.finished, 1)
}

// Shield does not help a task that has not begun.
func TestShieldBeforeTheFirstPoll(t *testing.T) {
	r := &recorder{poll: func(_ *recorder, cx *task.Cx) error {
		cx.Shield()
		return nil
	}}
	var g task.Group
	require.ErrorIs(t, runSteps(start(&g, r), once(func(*task.Cx) { r.Cancel(nil) }), g.Wait), task.ErrCanceled)
	require.Zero(t, r.polls)
}

func TestCancelOfADoneTask(t *testing.T) {
	r := &recorder{poll: returns(nil)}
	r.Cancel(errBoom) // never spawned
	require.NoError(t, task.Run(background, r))
	r.Cancel(errBoom)
	require.NoError(t, r.Err())
	require.NoError(t, task.Run(background, r), "the next life is not canceled")
	require.Len(t, r.finished, 2)
}

// A canceled life leaves nothing behind for the next one.
func TestStaleCancel(t *testing.T) {
	ended := false
	r := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if ended {
			return cx.Err()
		}
		return suspended(r, cx)
	}}
	var g task.Group
	g.Failed = func(task.Task, error) error { return nil }
	require.NoError(t, runSteps(
		start(&g, r), rounds(1),
		once(func(*task.Cx) { r.Cancel(errBoom) }),
		g.Wait,
		once(func(*task.Cx) { ended = true }),
		start(&g, r),
		g.Wait,
	))
	require.Len(t, r.finished, 2)
	require.ErrorIs(t, r.finished[0], errBoom)
	require.NoError(t, r.finished[1])
}

func TestCancelFromAnotherGoroutine(t *testing.T) {
	r := &recorder{poll: suspended}
	var g task.Group
	require.NoError(t, runSteps(
		start(&g, r), rounds(1),
		once(func(cx *task.Cx) {
			g.Goroutine(cx, func(context.Context) error {
				r.Cancel(errBoom)
				return nil
			})
		}),
		ignoring(g.Wait),
	))
	require.ErrorIs(t, r.Err(), errBoom)
	require.Len(t, r.finished, 1)
}

// Cancel against the whole life of a task, in each of its lives.
func TestCancelAgainstEverything(t *testing.T) {
	const lives = 300
	r := &recorder{poll: func(_ *recorder, cx *task.Cx) error {
		for {
			if err := cx.Yield(); err != nil {
				return err
			}
			runtime.Gosched() // or the other goroutine would wait for its preemption
		}
	}}
	for range lives {
		begun := make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			<-begun
			for !errors.Is(r.Err(), errBoom) {
				r.Cancel(errBoom)
				runtime.Gosched()
			}
		}()
		var g task.Group
		require.ErrorIs(t, runSteps(start(&g, r), once(func(*task.Cx) { close(begun) }), g.Wait), errBoom)
		<-done
	}
	require.Len(t, r.finished, lives)
}

func TestRunIsCanceledWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(background)
	r := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if r.polls == 1 {
			go cancel(errBoom)
		}
		return suspended(r, cx)
	}}
	err := task.Run(ctx, r)
	require.ErrorIs(t, err, task.ErrCanceled)
	require.ErrorIs(t, err, errBoom)
	require.Len(t, r.finished, 1)

	polls := r.polls
	require.ErrorIs(t, task.Run(ctx, r), errBoom)
	require.Equal(t, polls, r.polls, "the context was done before")
	require.Len(t, r.finished, 2)
}
