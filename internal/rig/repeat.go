package rig

import (
	"github.com/heist-go/heist/internal/pad"
	"github.com/heist-go/heist/task"
)

// repeated is a task that does op so many times more. It counts in a line of its own: next to
// the count of a task on another worker, each would wait for the other's cache line.
type repeated struct {
	task.Frame
	op   func(cx *task.Cx) error
	left int
	_    pad.Line
}

// Repeat returns a task that does op n times, for benchmarks.
func Repeat(n int, op func(cx *task.Cx) error) task.Task { return &repeated{op: op, left: n} }

func (r *repeated) Poll(cx *task.Cx) error {
	for ; r.left > 0; r.left-- {
		if err := r.op(cx); err != nil {
			return err
		}
	}
	return nil
}
