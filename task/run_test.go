package task_test

import (
	"context"
	"runtime"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
)

// Nothing that was started is left when Run returns, not even what was detached.
func TestRunEndsWithTheLastTask(t *testing.T) {
	var late, later finisher
	late.poll = func(f *finisher, cx *task.Cx) error {
		if f.polls < 5 {
			cx.Waker().Wake()
			return task.Pending
		}
		task.Detach(cx, &later)
		return nil
	}
	later.poll = func(*finisher, *task.Cx) error { return errBoom }
	require.NoError(t, runSteps(once(func(cx *task.Cx) { task.DetachAll(cx, &late) })))
	require.Equal(t, []error{nil}, late.results)
	require.Equal(t, []error{errBoom}, later.results)
}

// A panic that is not a task's ends Run at once, whoever is still waiting.
func TestRunPassesOnPanicsThatAreNotATasks(t *testing.T) {
	g := task.WithContext(brokenContext{newCountedContext()})
	p := caught(func() { _ = runSteps(start(g, &recorder{poll: returns(nil)}), g.Wait) })
	require.Equal(t, "broken context", p)
}

// brokenContext panics when a group does not watch it any more.
type brokenContext struct{ *countedContext }

func (c brokenContext) AfterFunc(func()) (stop func() bool) {
	return func() bool { panic("broken context") }
}

// Nothing keeps a task that is done, however long the others run.
func TestRetention(t *testing.T) {
	var done []weak.Pointer[recorder]
	var g task.Group
	g.Failed = forget
	g.SetLimit(3)
	var over task.Promise[int]
	begin := func(poll func(*recorder, *task.Cx) error, cx *task.Cx) {
		r := &recorder{poll: poll}
		done = append(done, weak.Make(r))
		g.Go(cx, r)
	}
	require.NoError(t, runSteps(
		once(func(cx *task.Cx) {
			begin(does(rounds(2)), cx)
			begin(does(await(&over)), cx)
			begin(returns(errBoom), cx)
			begin(func(_ *recorder, cx *task.Cx) error { cx.Waker(); return nil }, cx)
		}),
		rounds(1), resolve(&over), g.Wait, rounds(1),
		once(func(*task.Cx) {
			runtime.GC()
			for i, r := range done {
				require.Nil(t, r.Value(), "task %d", i)
			}
		}),
	))
}

// What is started on the runtime of a Run that has returned is refused, as on a closed pool.
func TestRunIsClosedAtItsEnd(t *testing.T) {
	var rt *task.Runtime
	require.NoError(t, runSteps(once(func(cx *task.Cx) { rt = cx.Runtime() })))
	late := &recorder{poll: returns(nil)}
	task.Detach(rt, late)
	require.Zero(t, late.polls)
	require.Equal(t, []error{task.ErrClosed}, late.finished)

	p := caught(func() {
		g := task.WithContext(brokenContext{newCountedContext()})
		_ = runSteps(once(func(cx *task.Cx) { rt = cx.Runtime() }), start(g, &recorder{poll: returns(nil)}), g.Wait)
	})
	require.Equal(t, "broken context", p)
	late = &recorder{poll: returns(nil)}
	task.Detach(rt, late)
	require.Equal(t, []error{task.ErrClosed}, late.finished)
}

// What is started while Run comes to its end is either refused, or ends before Run returns.
func TestRunBesideItsEnd(t *testing.T) {
	for ran, i := 0, 0; i < 300 || ran == 0; i++ {
		homes, over := make(chan *task.Runtime), make(chan error)
		go func() {
			rt := <-homes
			for {
				_, err := task.Go(rt, func(*task.Cx) (int, error) { return 0, nil }).WaitContext(background)
				if err != nil {
					over <- err
					return
				}
				ran++
			}
		}()
		require.NoError(t, runSteps(once(func(cx *task.Cx) { homes <- cx.Runtime() }), rounds(i%100)))
		require.ErrorIs(t, <-over, task.ErrClosed)
	}
}

func TestRunCancelsDetachedTasksWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(background)
	r := &recorder{poll: suspended}
	require.ErrorIs(t, task.Run(ctx, steps(
		once(func(cx *task.Cx) { task.Detach(cx, r) }),
		rounds(2),
		once(func(*task.Cx) { cancel(errBoom) }),
		func(cx *task.Cx) error { return suspended(nil, cx) },
	)), errBoom)
	require.Len(t, r.finished, 1)
	require.ErrorIs(t, r.finished[0], errBoom)
}
