package task_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/task"
)

func TestSpawnAgainAfterDone(t *testing.T) {
	r := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if r.polls%2 == 1 {
			return cx.Yield()
		}
		return errBoom
	}}
	for life := 1; life <= 3; life++ {
		require.Equal(t, errBoom, task.Run(background, r))
		require.Equal(t, 2*life, r.polls)
		require.Len(t, r.finished, life)
	}
}

func TestSpawnAgainWithinOneRun(t *testing.T) {
	r := &recorder{poll: returns(nil)}
	var first, second task.Group
	require.NoError(t, runSteps(start(&first, r), first.Wait, start(&second, r), second.Wait))
	require.Len(t, r.finished, 2)
}

// The panic is the spawning task's; the group has not counted a member that it
// does not have, or the run would never end.
func TestSpawnWhileLive(t *testing.T) {
	tryGo := func(g *task.Group, r task.Task) step {
		return func(cx *task.Cx) error { return g.TryGo(cx, r) }
	}
	for name, again := range map[string]func(*task.Group, task.Task) step{
		"Go":     func(g *task.Group, r task.Task) step { return start(g, r) },
		"TryGo":  tryGo,
		"GoAll":  func(g *task.Group, r task.Task) step { return once(func(cx *task.Cx) { g.GoAll(cx, r) }) },
		"Detach": func(_ *task.Group, r task.Task) step { return once(func(cx *task.Cx) { task.Detach(cx, r) }) },
	} {
		for _, limit := range []int{0, 3} {
			t.Run(name, func(t *testing.T) {
				r := &recorder{poll: suspended}
				var g task.Group
				g.SetLimit(limit)
				text := mistake(t, start(&g, r), rounds(1), again(&g, r), g.Wait)
				require.Contains(t, text, "*task_test.recorder, which is still in use: wait for it first")
				require.Len(t, r.finished, 1)
				require.ErrorIs(t, r.finished[0], task.ErrCanceled)
			})
		}
	}
}

// A slot that a mistake has taken would keep the backlog waiting for ever.
func TestSpawnWhileLiveKeepsNoSlot(t *testing.T) {
	r, next := &recorder{poll: does(rounds(3))}, &recorder{poll: returns(nil)}
	var g task.Group
	g.SetLimit(2)
	require.NoError(t, runSteps(
		start(&g, r),
		once(func(cx *task.Cx) { require.Panics(t, func() { _ = g.TryGo(cx, r) }) }),
		start(&g, next),
		rounds(1),
		once(func(*task.Cx) { require.Len(t, next.finished, 1) }),
		g.Wait,
	))
}

func TestSpawnOfNil(t *testing.T) {
	var g task.Group
	require.Contains(t, mistake(t, once(func(cx *task.Cx) { g.Go(cx, nil) })), "nil pointer")
}

func TestSpawnWhileLiveNamesTheSite(t *testing.T) {
	if !invariant.Debug {
		t.Skip("sites are kept in debug builds")
	}
	r := &recorder{poll: suspended}
	var g task.Group
	require.Regexp(t, `spawned at .*kit_test\.go:\d+`, mistake(t, start(&g, r), start(&g, r)))
}

func TestCopiedFramePanics(t *testing.T) {
	r := &recorder{poll: suspended}
	var g task.Group
	text := mistake(t, start(&g, r), rounds(1), once(func(cx *task.Cx) {
		var double recorder // copied by reflection: vet finds the plain assignment
		reflect.ValueOf(&double).Elem().Set(reflect.ValueOf(r).Elem())
		g.Go(cx, &double)
	}))
	require.Contains(t, text, "*task_test.recorder: its frame is a copy of one that is in use: frames must not be copied")
}

func TestWaitForWhatWasNeverSpawned(t *testing.T) {
	var r recorder
	require.NoError(t, r.Err())
	require.Equal(t, "task: Wait for a task that was never spawned", mistake(t, r.Wait))
	require.PanicsWithValue(t, "task: WaitContext for a task that was never spawned", func() { _ = r.WaitContext(background) })
}

func TestFrameErr(t *testing.T) {
	failed, panicked := &recorder{poll: does(rounds(1), func(*task.Cx) error { return errBoom })},
		&recorder{poll: func(*recorder, *task.Cx) error { panic("oh") }}
	var g task.Group
	g.Failed = func(task.Task, error) error { return nil }
	_ = caught(func() {
		_ = runSteps(
			start(&g, failed),
			once(func(*task.Cx) { assert.NoError(t, failed.Err(), "not done yet") }),
			g.Wait,
			start(&g, panicked), g.Wait,
		)
	})
	require.Equal(t, errBoom, failed.Err())
	var p *task.PanicError
	require.ErrorAs(t, panicked.Err(), &p)
	require.Equal(t, "oh", p.Value)
}

func TestResultOfAnEarlierLifeIsForgotten(t *testing.T) {
	var result error
	r := &recorder{poll: func(*recorder, *task.Cx) error { return result }}
	result = errBoom
	require.Equal(t, errBoom, task.Run(background, r))
	result = nil
	require.NoError(t, task.Run(background, r))
	require.NoError(t, r.Err())
}

func TestWaitIsSticky(t *testing.T) {
	r := &recorder{poll: does(rounds(2), func(*task.Cx) error { return errBoom })}
	var g task.Group
	g.Failed = func(task.Task, error) error { return nil }
	require.NoError(t, runSteps(start(&g, r), ignoring(r.Wait), once(func(cx *task.Cx) {
		for range 3 {
			require.Equal(t, errBoom, r.Wait(cx))
		}
	})))
	require.NoError(t, runSteps(once(func(cx *task.Cx) {
		require.Equal(t, errBoom, r.Wait(cx), "in another run")
	})))
}

func TestSeveralTasksWaitForOne(t *testing.T) {
	r := &recorder{poll: does(rounds(3), func(*task.Cx) error { return errBoom })}
	var served, waiters task.Group
	served.Failed = func(task.Task, error) error { return nil }
	var order []int
	all := []step{start(&served, r)}
	for i := range 100 { // several batches of wake-ups
		all = append(all, start(&waiters, steps(func(cx *task.Cx) error {
			if err := r.Wait(cx); !errors.Is(err, errBoom) {
				return err
			}
			order = append(order, i)
			return nil
		})))
	}
	require.NoError(t, runSteps(append(all, waiters.Wait)...))
	require.Len(t, order, 100)
	require.IsIncreasing(t, order, "first come, first served")
}

func TestWaitRaisesThePanic(t *testing.T) {
	r := &recorder{poll: func(*recorder, *task.Cx) error { panic(errBoom) }}
	p := panicOf(t, func() {
		_ = runSteps(
			once(func(cx *task.Cx) { task.Detach(cx, r) }),
			r.Wait,
		)
	})
	require.True(t, r.Err() == error(p), "the same panic all the way up")
	require.ErrorIs(t, p, errBoom)
	require.Equal(t, "*task_test.recorder", p.Task)
}

// Whoever waits is canceled alone.
func TestWaitOfACanceledTask(t *testing.T) {
	r := &recorder{poll: does(rounds(5))}
	var waiterErr error
	waiter := &recorder{poll: func(_ *recorder, cx *task.Cx) error {
		waiterErr = r.Wait(cx)
		return waiterErr
	}}
	var g task.Group
	g.Failed = func(task.Task, error) error { return nil }
	require.NoError(t, runSteps(
		start(&g, r, waiter),
		rounds(1),
		once(func(*task.Cx) { waiter.Cancel(errBoom) }),
		g.Wait,
	))
	require.ErrorIs(t, waiterErr, task.ErrCanceled)
	require.ErrorIs(t, waiterErr, errBoom)
	require.Equal(t, []error{nil}, r.finished)
}

func TestWaitContextOfAGoroutine(t *testing.T) {
	var open task.Promise[int]
	r := &recorder{poll: does(await(&open), func(*task.Cx) error { return errBoom })}
	var g task.Group
	g.Failed = func(task.Task, error) error { return nil }
	var got [3]error
	all := []step{start(&g, r)}
	for i := range got {
		all = append(all, once(func(cx *task.Cx) {
			g.Goroutine(cx, func(ctx context.Context) error {
				got[i] = r.WaitContext(ctx)
				return nil
			})
		}))
	}
	require.NoError(t, runSteps(append(all, rounds(3), resolve(&open), g.Wait)...))
	for _, err := range got {
		require.Equal(t, errBoom, err)
	}
	require.Equal(t, errBoom, r.WaitContext(background), "done, so it does not block")
}

func TestWaitContextRaisesThePanic(t *testing.T) {
	r := &recorder{poll: func(*recorder, *task.Cx) error { panic("oh") }}
	_ = caught(func() { _ = task.Run(background, r) })
	require.Equal(t, "oh", panicOf(t, func() { _ = r.WaitContext(background) }).Value)
}

func TestWaitContextExpires(t *testing.T) {
	r := &recorder{poll: suspended}
	ctx, cancel := context.WithCancelCause(background)
	var g task.Group
	var expired task.Promise[error]
	require.NoError(t, runSteps(
		start(&g, r),
		once(func(cx *task.Cx) {
			g.Goroutine(cx, func(context.Context) error {
				expired.Resolve(r.WaitContext(ctx), nil)
				return nil
			})
			cancel(errBoom)
		}),
		await(&expired),
		once(func(*task.Cx) {
			require.Empty(t, r.finished, "the task goes on")
			r.Cancel(nil)
		}),
		ignoring(g.Wait),
	))
	got, _ := expired.WaitContext(background)
	require.ErrorIs(t, got, errBoom)
	require.ErrorContains(t, got, "task: wait: ")
}

func TestBlockingInsideATaskPanics(t *testing.T) {
	r := &recorder{poll: suspended}
	var p task.Promise[int]
	var g task.Group
	for name, block := range map[string]func(){
		"Frame":   func() { _ = r.WaitContext(background) },
		"Group":   func() { _ = g.WaitContext(background) },
		"Promise": func() { _, _ = p.WaitContext(background) },
	} {
		t.Run(name, func(t *testing.T) {
			text := mistake(t, start(&g, r), rounds(1), once(func(*task.Cx) { block() }))
			require.Contains(t, text, "WaitContext inside a task would stop its worker: call Wait(cx)")
		})
		g = task.Group{}
	}
	t.Run("Run", func(t *testing.T) {
		text := mistake(t, once(func(*task.Cx) { _ = run(func(*task.Cx) error { return nil }) }))
		require.Contains(t, text, "inside a task would stop its worker")
	})
}
