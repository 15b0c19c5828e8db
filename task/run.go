package task

import (
	"context"
)

// Run runs t on the calling goroutine, with all that t starts, and returns its
// result when nothing of that is left. It raises t's panic. When ctx is done t is
// canceled, and Run still waits for its end.
//
// It needs no pool and starts no thread: for tests, for tools, and for one task
// in a program of goroutines.
func Run(ctx context.Context, t Task) error {
	MustNotPoll("task: Run inside a task would stop its worker: start the other task in a Group and Wait(cx) for it")
	l := &loop{bell: make(chan struct{}, 1)}
	l.runner.Init(l)
	Open(ctx, &l.home, l, &l.runner)
	g := WithContext(ctx)
	defer g.Cancel(errOwner) // or ctx would keep the group's context
	g.Go(&l.home, t)
	defer Polling()()
	l.drive(g)
	return g.result()
}

// loop is the scheduler of Run: one queue, first in first out.
type loop struct {
	home   Home
	runner Runner
	ready  []*Frame
	inbox  Inbox
	bell   chan struct{}
}

// drive runs the loop to its end through the panics of tasks. A task that calls
// runtime.Goexit ends the caller's goroutine, but not before the others are done.
func (l *loop) drive(g *Group) {
	ended := false
	defer func() {
		if !ended && g.live.Load() != 0 {
			l.drive(g)
		}
	}()
	for !l.runner.Guard(func() { l.run(g) }) {
	}
	ended = true
}

func (l *loop) run(g *Group) {
	for g.live.Load() != 0 {
		l.inbox.Take(l.Push)
		if len(l.ready) == 0 {
			l.runner.Rest()
			<-l.bell
			continue
		}
		f := l.ready[0]
		l.ready[0] = nil
		l.ready = l.ready[1:]
		l.runner.Step(f, false)
	}
}

// Admit is true: Run ends when its group does.
func (l *loop) Admit(int) bool { return true }

// Submit rings the bell for frames from other goroutines.
func (l *loop) Submit(b Batch) {
	l.inbox.Put(b)
	select {
	case l.bell <- struct{}{}:
	default:
	}
}

func (l *loop) Push(f *Frame)  { l.ready = append(l.ready, f) }
func (l *loop) Next(f *Frame)  { l.Push(f) }
func (l *loop) Later(f *Frame) { l.Push(f) }
