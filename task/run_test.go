package task_test

import (
	"context"
	"testing"

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

func TestRunCancelsDetachedTasksWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(background)
	r := &recorder{poll: parked}
	require.ErrorIs(t, task.Run(ctx, steps(
		once(func(cx *task.Cx) { task.Detach(cx, r) }),
		rounds(2),
		once(func(*task.Cx) { cancel(errBoom) }),
		func(cx *task.Cx) error { return parked(nil, cx) },
	)), errBoom)
	require.Len(t, r.finished, 1)
	require.ErrorIs(t, r.finished[0], errBoom)
}
