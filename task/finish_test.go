package task_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
)

// finisher counts how often it is finished, and looks around then.
type finisher struct {
	task.Frame
	poll     func(*finisher, *task.Cx) error
	finish   func()
	results  []error
	children []*finisher
	polls    int
}

func (f *finisher) Poll(cx *task.Cx) error {
	f.polls++
	if len(f.results) > 0 {
		panic("polled after its end")
	}
	return f.poll(f, cx)
}

func (f *finisher) Finish(err error) {
	f.results = append(f.results, err)
	for _, c := range f.children {
		if len(c.results) != 1 {
			panic("finished before its child")
		}
	}
	if f.finish != nil {
		f.finish()
	}
}

func finisherOf(all ...step) *finisher {
	t := steps(all...)
	return &finisher{poll: func(_ *finisher, cx *task.Cx) error { return t.Poll(cx) }}
}

// Exactly once, with the result, whatever the way of ending.
func TestFinish(t *testing.T) {
	type check = func(*testing.T, error)
	is := func(want error) check { return func(t *testing.T, err error) { require.ErrorIs(t, err, want) } }
	isPanic := func(value any) check {
		return func(t *testing.T, err error) {
			var p *task.PanicError
			require.ErrorAs(t, err, &p)
			require.Equal(t, value, p.Value)
		}
	}
	isNil := func(t *testing.T, err error) { require.NoError(t, err) }
	failing := func(*task.Cx) error { return errBoom }
	waiting := func(cx *task.Cx) error { return suspended(nil, cx) }
	var group task.Group
	nothing := once(func(*task.Cx) {})
	for name, c := range map[string]struct {
		task  *finisher
		event func(*finisher)
		want  check
	}{
		"nil":                 {task: finisherOf(), want: isNil},
		"nil, later":          {task: finisherOf(rounds(2)), want: isNil},
		"an error":            {task: finisherOf(failing), want: is(errBoom)},
		"an error, later":     {task: finisherOf(rounds(2), failing), want: is(errBoom)},
		"a panic":             {task: finisherOf(func(*task.Cx) error { return oops("oh") }), want: isPanic("oh")},
		"a panic, later":      {task: finisherOf(rounds(2), func(*task.Cx) error { return oops("oh") }), want: isPanic("oh")},
		"bare Pending":        {task: finisherOf(func(*task.Cx) error { return task.Pending }), want: func(t *testing.T, err error) { require.ErrorContains(t, err, "nothing will wake it") }},
		"canceled unborn":     {task: finisherOf(nothing), event: func(f *finisher) { f.Cancel(errBoom) }, want: is(errBoom)},
		"canceled":            {task: finisherOf(waiting), event: func(f *finisher) { f.Cancel(errBoom) }, want: is(errBoom)},
		"canceled twice":      {task: finisherOf(waiting), event: func(f *finisher) { f.Cancel(errBoom); f.Cancel(nil) }, want: is(errBoom)},
		"group canceled":      {task: finisherOf(waiting), event: func(*finisher) { group.Cancel(errBoom) }, want: is(errBoom)},
		"both":                {task: finisherOf(waiting), event: func(f *finisher) { group.Cancel(errBoom); f.Cancel(errBoom) }, want: is(errBoom)},
		"canceled, not minds": {task: finisherOf(rounds(3)), event: func(f *finisher) { f.Cancel(nil) }, want: is(task.ErrCanceled)},
	} {
		t.Run(name, func(t *testing.T) {
			group = task.Group{Failed: forget}
			run := []step{start(&group, c.task)}
			if name != "canceled unborn" {
				run = append(run, rounds(1))
			}
			run = append(run, once(func(*task.Cx) {
				if c.event != nil {
					c.event(c.task)
				}
			}), group.Wait)
			_ = caught(func() { _ = runSteps(run...) })
			require.Len(t, c.task.results, 1)
			c.want(t, c.task.results[0])
			require.Equal(t, c.task.results[0], c.task.Err(), "everybody sees the same")
		})
	}
}

// It runs before anybody sees the task as done.
func TestFinishBeforeAnybodySees(t *testing.T) {
	var log []string
	f := finisherOf(rounds(2))
	f.finish = func() {
		require.NoError(t, f.Err())
		log = append(log, "finished")
	}
	var g task.Group
	require.NoError(t, runSteps(start(&g, f), f.Wait, once(func(*task.Cx) { log = append(log, "seen") }), g.Wait))
	require.Equal(t, []string{"finished", "seen"}, log)
}

// It may not panic, but if it does the task has failed, and was finished.
func TestFinishThatPanics(t *testing.T) {
	for name, result := range map[string]error{"well": nil, "badly": errBoom} {
		t.Run(name, func(t *testing.T) {
			f := finisherOf(func(*task.Cx) error { return result })
			f.finish = func() { panic("in Finish") }
			require.Equal(t, "in Finish", panicOf(t, func() { _ = task.Run(background, f) }).Value)
			require.Equal(t, []error{result}, f.results)
			require.ErrorContains(t, f.Err(), "in Finish")
		})
	}
}

// Children first, however the owner ends.
func TestFinishAfterTheChildren(t *testing.T) {
	for name, end := range map[string]step{
		"well":     func(*task.Cx) error { return nil },
		"badly":    func(*task.Cx) error { return errBoom },
		"panic":    func(*task.Cx) error { return oops("oh") },
		"canceled": func(cx *task.Cx) error { return suspended(nil, cx) },
	} {
		t.Run(name, func(t *testing.T) {
			grandchild := finisherOf(func(cx *task.Cx) error { return suspended(nil, cx) })
			var inner, outer, top task.Group
			child := finisherOf(start(&inner, grandchild), rounds(1), inner.Wait)
			child.children = []*finisher{grandchild}
			goroutineDone := false
			owner := finisherOf(
				start(&outer, child),
				once(func(cx *task.Cx) {
					outer.Goroutine(cx, func(ctx context.Context) error {
						<-ctx.Done()
						goroutineDone = true
						return nil
					})
				}),
				rounds(4), end,
			)
			owner.children = []*finisher{child}
			owner.finish = func() { require.True(t, goroutineDone) }
			_ = caught(func() {
				_ = runSteps(start(&top, owner), rounds(9), once(func(*task.Cx) { top.Cancel(errBoom) }), top.Wait)
			})
			require.Len(t, owner.results, 1)
			require.Len(t, child.results, 1)
			require.Len(t, grandchild.results, 1)
		})
	}
}

// The frame is the caller's again: it may be spawned anew as soon as somebody
// sees the task as done.
func TestFinishOncePerLife(t *testing.T) {
	var g task.Group
	r := &recorder{poll: does(rounds(1))}
	for life := 1; life <= 100; life++ {
		var seq []step
		if life%2 == 0 {
			seq = append(seq, start(&g, r), once(func(*task.Cx) { r.Cancel(nil) }), ignoring(g.Wait))
		} else {
			seq = append(seq, start(&g, r), ignoring(g.Wait))
		}
		err := runSteps(seq...)
		require.True(t, err == nil || errors.Is(err, task.ErrCanceled))
		require.Len(t, r.finished, life)
		g = task.Group{}
	}
}
