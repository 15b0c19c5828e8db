package task_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
)

func TestFunc(t *testing.T) {
	polls := 0
	f := task.Func(func(cx *task.Cx) error {
		polls++
		if polls%2 == 1 {
			return cx.Yield()
		}
		return errBoom
	})
	require.Equal(t, errBoom, task.Run(background, f))
	require.Equal(t, 2, polls)
	require.Equal(t, errBoom, task.Run(background, f), "it may be spawned again, as any task")
	require.Equal(t, 4, polls)
}

func TestFuncsAreTasksOfTheirOwn(t *testing.T) {
	n := 0
	f := func(*task.Cx) error { n++; return nil }
	var g task.Group
	require.NoError(t, runSteps(start(&g, task.Func(f), task.Func(f)), g.Wait))
	require.Equal(t, 2, n)
}

func named(*task.Cx) error { return nil }

// christened is a task with a name.
type christened struct{ recorder }

func (*christened) TaskName() string { return "Otto" }

func TestName(t *testing.T) {
	require.Equal(t, "*task_test.recorder", task.Name(&recorder{}))
	require.Equal(t, "Otto", task.Name(&christened{}))
	require.Equal(t, "github.com/heist-go/heist/task_test.named", task.Name(task.Func(named)))
	require.Contains(t, task.Name(task.Func(func(*task.Cx) error { return nil })), "task_test.TestName.func1")

	p := panicOf(t, func() {
		_ = task.Run(background, &christened{recorder{poll: func(*recorder, *task.Cx) error { return oops("oh") }}})
	})
	require.Equal(t, "Otto", p.Task)
}

func TestNowStandsStillDuringAPoll(t *testing.T) {
	var before, after int64
	require.NoError(t, runSteps(
		once(func(cx *task.Cx) {
			first := cx.Now()
			for range 1000 {
				require.Equal(t, first, cx.Now())
			}
			before = first.UnixNano()
		}),
		rounds(1),
		once(func(cx *task.Cx) { after = cx.Now().UnixNano() }),
	))
	require.Positive(t, before)
	require.GreaterOrEqual(t, after, before)
}
