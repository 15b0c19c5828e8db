package task_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	background = context.Background()
	errBoom    = errors.New("boom")
)

// step is one stage of a task in a test.
type step = rig.Step

// runSteps runs such a task on the calling goroutine.
func runSteps(all ...step) error { return task.Run(background, steps(all...)) }

// start is the step that starts the tasks in g.
func start(g *task.Group, ts ...task.Task) step {
	return once(func(cx *task.Cx) {
		for _, t := range ts {
			g.Go(cx, t)
		}
	})
}

// Steps of the kit of all packages: a task of steps, one that does not wait, one that lets others run.
var (
	steps  = rig.Steps
	once   = rig.Once
	rounds = rig.Rounds
)

// await is the step that waits for p, whatever its value.
func await[T any](p *task.Promise[T]) step {
	return func(cx *task.Cx) error {
		_, err := p.Wait(cx)
		return err
	}
}

// resolve is the step that resolves p.
func resolve[T any](p *task.Promise[T]) step {
	return once(func(*task.Cx) {
		var zero T
		p.Resolve(zero, nil)
	})
}

// ignoring is the step that does s and forgets its error.
func ignoring(s step) step {
	return func(cx *task.Cx) error {
		if err := s(cx); task.IsPending(err) {
			return err
		}
		return nil
	}
}

// suspended is a poll that waits until it is canceled.
func suspended(_ *recorder, cx *task.Cx) error {
	if err := cx.Err(); err != nil {
		return err
	}
	cx.Waker()
	return task.Pending
}

// lingers is a poll that takes n polls, canceled or not.
func lingers(n int) func(*recorder, *task.Cx) error {
	return func(r *recorder, cx *task.Cx) error {
		cx.Shield()
		for r.polls < n {
			if err := cx.Yield(); err != nil {
				return err
			}
		}
		return nil
	}
}

// returns is a poll that ends at once.
func returns(err error) func(*recorder, *task.Cx) error {
	return func(*recorder, *task.Cx) error { return err }
}

// does is a poll of steps.
func does(all ...step) func(*recorder, *task.Cx) error {
	t := steps(all...)
	return func(_ *recorder, cx *task.Cx) error { return t.Poll(cx) }
}

// caught returns what f panics with, or nil.
func caught(f func()) (p any) {
	defer func() { p = recover() }()
	f()
	return nil
}

// panicOf returns the panic that f raises out of a task.
func panicOf(t *testing.T, f func()) *task.PanicError {
	t.Helper()
	p := caught(f)
	require.IsType(t, (*task.PanicError)(nil), p, "%v", p)
	return p.(*task.PanicError)
}

// mistake runs a task of the steps and returns the text of the panic that it
// ends with.
func mistake(t *testing.T, all ...step) string {
	t.Helper()
	return fmt.Sprint(panicOf(t, func() { _ = runSteps(all...) }).Value)
}
