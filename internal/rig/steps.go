package rig

import "github.com/heist-go/heist/task"

// Step is a stage of a task in a test: an operation that is called until it does not return Pending.
type Step = func(*task.Cx) error

// Steps returns a task that does the steps in order.
func Steps(all ...Step) task.Task {
	var seq task.Seq
	return task.Func(func(cx *task.Cx) error { return seq.Run(cx, all...) })
}

// Once returns a step that calls f, which does not wait.
func Once(f func(cx *task.Cx)) Step {
	return func(cx *task.Cx) error {
		f(cx)
		return nil
	}
}

// Rounds returns a step that lets everything runnable run n times.
func Rounds(n int) Step {
	return func(cx *task.Cx) error {
		for ; n > 0; n-- {
			if err := cx.Yield(); err != nil {
				return err
			}
		}
		return nil
	}
}

// InTime does the steps as a task, in a time that jumps to the next timer whenever nobody has
// anything to do. It returns whether a timer is left, and the task's error.
func InTime(all ...Step) (armed bool, err error) {
	l := NewLab()
	defer task.ReleaseClock(&l.Runtime)
	var g task.Group
	g.Go(l, Steps(all...))
	l.Run()
	err = g.WaitContext(l.Context())
	_, armed = l.Clock.Next()
	return armed, err
}
