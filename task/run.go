package task

import (
	"context"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
)

// Run runs t on the calling goroutine, with all that t starts, and returns its
// result when nothing of that is left. It raises t's panic. When ctx is done all
// tasks are canceled, and Run still waits for their end.
//
// It needs no pool and starts no thread: for tests, for tools, and for one task
// in a program of goroutines. Its timers are as precise as package time's.
func Run(ctx context.Context, t Task) error {
	MustNotPoll("task: Run inside a task would stop its worker: start the other task in a Group and Wait(cx) for it")
	return run(ctx, t, Polling)
}

func run(ctx context.Context, t Task, polling func() func()) error {
	l := &loop{token: make(chan struct{}, 1)}
	l.runner.Init(l)
	Open(ctx, &l.rt, l, &l.runner)
	defer Close(&l.rt)
	g := WithContext(ctx)
	g.awaited = true
	defer g.Cancel(errOwner) // or ctx would keep the group's context
	defer context.AfterFunc(ctx, func() { l.rt.CancelAll(context.Cause(ctx)) })()
	g.Go(&l.rt, t)
	defer polling()()
	l.drive()
	return g.result()
}

// RunOn is Run on a scheduler that other threads drive: it blocks until nothing is left of t. The
// scheduler may have more to do.
func RunOn(ctx context.Context, rt *Runtime, t Task) error {
	g := WithContext(ctx)
	g.awaited = true
	if rt.backlog.most == 0 {
		g.Go(rt, t)
	} else if err := g.GoContext(ctx, rt, t); err != nil {
		return err
	}
	return g.WaitContext(ctx)
}

// loop is the scheduler of Run: one queue, first in first out.
type loop struct {
	rt       Runtime
	runner   Runner
	ready    []*Frame
	inbox    Inbox
	token    chan struct{}
	steps    int
	admitted atomicx.Int64 // tasks that were started from outside, or over
}

// over is the value of admitted in a loop that admits no more.
const over = -1

// done reports whether no task is left. If so the loop is over.
func (l *loop) done() bool {
	n, count := l.admitted.Load(), &l.runner.Count
	// Claim. The end: nobody is admitted after it was decided.
	// Pairs with: (*loop).Admit.
	return n == over || count.Finished == count.Spawned+uint64(n) && l.admitted.CompareAndSwap(n, over)
}

// drive runs the loop to its end through the panics of tasks. A task that calls
// runtime.Goexit ends the caller's goroutine, but not before the others are done.
func (l *loop) drive() {
	ended := false
	defer func() {
		if p := recover(); p != nil {
			// Claim. The end, whatever was admitted: nobody will poll it.
			// Pairs with: (*loop).Admit.
			l.admitted.Store(over)
			panic(p) // ours: there is no going on
		}
		if !ended && !l.done() {
			l.drive()
		}
	}()
	for !l.runner.RunRecovering(l.run) {
	}
	ended = true
}

func (l *loop) run() {
	for !l.done() {
		l.inbox.Take(l.Push)
		if l.steps++; len(l.ready) == 0 {
			l.runner.Rest()
			l.ready = nil // or it would keep what was needed for the most
			l.rest()
			continue
		}
		if l.steps%timeSteps == 0 {
			l.expire()
		}
		f := l.ready[0]
		l.ready[0] = nil
		l.ready = l.ready[1:]
		l.runner.Step(f, false)
	}
}

// timeSteps is after how many polls in a row the loop looks at the clock.
const timeSteps = 61

// expire fires what is due.
func (l *loop) expire() {
	if due := l.runner.Due(); due != never && due <= l.rt.Nanos() {
		l.runner.Expire(l.rt.Nanos(), l)
	}
}

// rest waits until there may be something to do.
func (l *loop) rest() {
	due := l.runner.NextDeadline()
	if due == never || l.rt.clock != nil {
		<-l.token
		return
	}
	timer := time.NewTimer(time.Duration(due - l.rt.Nanos()))
	defer timer.Stop()
	select {
	case <-l.token:
	case <-timer.C:
	}
	l.expire()
}

// Sooner unparks the loop: another goroutine has armed a timer.
func (l *loop) Sooner(int) { l.unpark() }

func (l *loop) unpark() {
	select {
	case l.token <- struct{}{}:
	default:
	}
}

// Admit is true until the last task has ended, and Run with it.
func (l *loop) Admit(n int) bool {
	for {
		old := l.admitted.Load()
		if old == over {
			return false
		}
		// Claim. Places for n tasks, which Run waits for.
		// Pairs with: (*loop).done, (*loop).drive.
		if l.admitted.CompareAndSwap(old, old+int64(n)) {
			return true
		}
	}
}

// Submit takes frames from other goroutines, and unparks the loop.
func (l *loop) Submit(b Batch) {
	l.inbox.Put(b)
	l.unpark()
}

func (l *loop) Push(f *Frame)  { l.ready = append(l.ready, f) }
func (l *loop) Next(f *Frame)  { l.Push(f) }
func (l *loop) Later(f *Frame) { l.Push(f) }
