package bugs_test

import (
	"github.com/heist-go/heist/pool/sim"
	"github.com/heist-go/heist/task"
)

type step = func(cx *task.Cx) error

// script is a task that takes its steps one after the other.
func script(steps ...step) task.Task {
	var seq task.Seq
	return task.Func(func(cx *task.Cx) error { return seq.Run(cx, steps...) })
}

// times is a task that takes its steps n times over. make makes them for each round.
func times(n int, make func(i int) []step) task.Task {
	return script(flatten(n, make)...)
}

// does is a step that does not wait.
func does(f func()) step {
	return func(*task.Cx) error {
		f()
		return nil
	}
}

// bug is a program that is wrong, and right if mended is true.
type bug struct {
	name    string
	program func(s *sim.Sim, mended bool)
}
