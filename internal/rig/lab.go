package rig

import (
	"context"
	"time"

	"github.com/heist-go/heist/task"
)

// Lab is a scheduler with one worker that works only when it is told to, on the goroutine
// that says so, and whose time stands still until it is moved. Tasks are polled in the order
// in which they became runnable. It is for tests, in all builds.
type Lab struct {
	task.Runtime
	Runner task.Runner
	Clock  *task.Clock
	queue  []*task.Frame
	inbox  task.Inbox
}

// NewLab returns a lab. Its clock may be released by [task.ReleaseClock], with its Runtime.
func NewLab() *Lab {
	l := &Lab{Clock: task.NewClock(time.Unix(1000, 0))}
	l.Runner.Init(l)
	task.SetClock(&l.Runtime, l.Clock)
	task.Open(context.Background(), &l.Runtime, l, &l.Runner)
	return l
}

// Work polls until nothing is runnable, and nothing is due.
func (l *Lab) Work() {
	for !l.Runner.RunRecovering(func() {
		for {
			l.inbox.Take(l.Push)
			if len(l.queue) == 0 {
				if l.Runner.Expire(l.Nanos(), l) == 0 {
					return
				}
				continue
			}
			f := l.queue[0]
			l.queue = l.queue[1:]
			l.Runner.Step(f, false)
		}
	}) {
	}
}

// Run is Work in a time that jumps to the next timer whenever nothing is runnable, until no
// timer is armed.
func (l *Lab) Run() {
	for l.Work(); ; l.Work() {
		d, ok := l.Clock.Next()
		if !ok {
			return
		}
		l.Clock.Advance(d)
	}
}

// A lab is the scheduler of its tasks, and the queue of its worker.

func (l *Lab) Admit(int) bool      { return true }
func (l *Lab) Submit(b task.Batch) { l.inbox.Put(b) }
func (l *Lab) Sooner(int)          {}
func (l *Lab) Push(f *task.Frame)  { l.queue = append(l.queue, f) }
func (l *Lab) Next(f *task.Frame)  { l.Push(f) }
func (l *Lab) Later(f *task.Frame) { l.Push(f) }
