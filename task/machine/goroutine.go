package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/heist-go/heist/task"
)

// This file is for the goroutine versions of straight-line functions, which take a context. An
// operation that has a twin for goroutines (RecvContext beside Recv) is called by that name. What
// has none is done for the goroutine by its agent: a task that lives as long as the outermost of
// the functions, so that tickers, timers and groups find the same task in each call.

// agent is the task that waits for a goroutine.
type agent struct {
	task.Frame
	ctx   context.Context
	mu    sync.Mutex  // of whoever has it do something
	stop  func() bool // ends the watch over ctx
	waker task.Waker  // once it has begun
	begun chan struct{}
	ended chan struct{}
	dead  bool // it has ended in the middle of a job

	handing sync.Mutex // guards what follows: a poll may come for other reasons than a job
	job     *job
}

// job is what an agent is asked for.
type job struct {
	op     func(*task.Cx) error // nil: to end
	shield bool
	done   chan struct{}
	err    error
	raised *raised // its panic, or Goexit
	left   int     // polls since then
}

type agentKey struct{}

// Agent returns ctx with an agent, unless it has one already. leave ends it, and waits until
// nothing is left of what was started through it.
func Agent(ctx context.Context) (with context.Context, leave func()) {
	if a, _ := ctx.Value(agentKey{}).(*agent); a.serves(ctx) {
		return ctx, func() {}
	}
	a := &agent{ctx: ctx}
	return context.WithValue(ctx, agentKey{}, a), a.leave
}

// serves reports whether what is done under ctx may be done by a: they end together, or ctx
// is shielded.
func (a *agent) serves(ctx context.Context) bool {
	return a != nil && (ctx.Done() == a.ctx.Done() || ctx.Done() == nil)
}

// Await waits for an operation on a goroutine, under ctx. op is called again until it does not
// return Pending, as in a task, and may use what it is given as one.
//
// Goroutines only: it blocks.
func Await(ctx context.Context, op func(*task.Cx) error) error {
	a, _ := ctx.Value(agentKey{}).(*agent)
	if !a.serves(ctx) || !a.mu.TryLock() || !a.alive() {
		a = &agent{ctx: ctx} // for another goroutine, or under another context: one for this
		a.mu.Lock()
		defer a.leave()
	}
	j := &job{op: op, shield: ctx.Done() == nil, done: make(chan struct{})}
	func() {
		defer a.mu.Unlock()
		a.ask(j)
	}()
	if j.raised != nil {
		return Returned(j.raised)
	}
	return j.err
}

// Await1 is Await for an operation with a result.
func Await1[A any](ctx context.Context, op func(*task.Cx) (A, error)) (a A, err error) {
	err = Await(ctx, func(cx *task.Cx) (err error) {
		a, err = op(cx)
		return err
	})
	return a, err
}

// Await2 is Await for an operation with two results.
func Await2[A, B any](ctx context.Context, op func(*task.Cx) (A, B, error)) (a A, b B, err error) {
	err = Await(ctx, func(cx *task.Cx) (err error) {
		a, b, err = op(cx)
		return err
	})
	return a, b, err
}

// Await3 is Await for an operation with three results.
func Await3[A, B, C any](ctx context.Context, op func(*task.Cx) (A, B, C, error)) (a A, b B, c C, err error) {
	err = Await(ctx, func(cx *task.Cx) (err error) {
		a, b, c, err = op(cx)
		return err
	})
	return a, b, c, err
}

// AwaitLent is Await1 for an operation that lends bytes: it returns a copy.
func AwaitLent(ctx context.Context, op func(*task.Cx) ([]byte, error)) ([]byte, error) {
	return Await1(ctx, func(cx *task.Cx) ([]byte, error) {
		b, err := op(cx)
		return bytes.Clone(b), err
	})
}

// Do calls f where there is a poll in progress: for what takes a *task.Cx and does not wait.
//
// Goroutines only: it blocks while others of the goroutine's tasks are polled.
func Do(ctx context.Context, f func(*task.Cx)) {
	_ = Await(ctx, func(cx *task.Cx) error {
		f(cx)
		return nil
	})
}

// Value is Do for what has a result.
func Value[T any](ctx context.Context, f func(*task.Cx) T) (v T) {
	Do(ctx, func(cx *task.Cx) { v = f(cx) })
	return v
}

// ask has the agent do a job, and starts it with the first one. The lock is held.
func (a *agent) ask(j *job) {
	if a.begun == nil {
		task.MustNotPoll("machine: the goroutine version of a straight-line function inside a task would stop its worker: await the function itself")
		a.begun, a.ended = make(chan struct{}), make(chan struct{})
		go func() {
			defer close(a.ended)
			defer func() {
				if j := a.asked(); j != nil { // Goexit has ended it, or a panic in what a panic has left behind
					a.dead = true
					close(j.done)
				}
			}()
			_ = task.Run(context.WithoutCancel(a.ctx), a)
		}()
		<-a.begun
		a.stop = context.AfterFunc(a.ctx, a.cancel)
	}
	if a.ctx.Err() != nil {
		a.cancel() // now: the other call may be late
	}
	a.hand(j)
	a.waker.Wake()
	<-j.done
}

func (a *agent) hand(j *job) {
	a.handing.Lock()
	defer a.handing.Unlock()
	a.job = j
}

func (a *agent) asked() *job {
	a.handing.Lock()
	defer a.handing.Unlock()
	return a.job
}

func (a *agent) cancel() { a.Cancel(context.Cause(a.ctx)) }

// leave ends the agent.
func (a *agent) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.begun == nil {
		return
	}
	a.stop()
	if !a.dead {
		a.ask(&job{done: make(chan struct{})})
	}
	<-a.ended
}

// Poll does what the goroutine asks for.
func (a *agent) Poll(cx *task.Cx) error {
	if a.waker == (task.Waker{}) {
		a.waker = cx.Waker()
		close(a.begun)
	}
	for {
		j := a.asked()
		if j == nil {
			_ = cx.Waker() // whoever asks will wake it
			return cx.Suspend()
		}
		if j.op != nil && j.raised == nil {
			if err := a.try(cx, j); task.IsPending(err) {
				return err
			}
		}
		if j.raised != nil && j.left < 2 { // the end of a poll that has not called it abandons what is left behind
			j.left++
			cx.Waker().Wake()
			return cx.Suspend()
		}
		a.hand(nil)
		close(j.done)
		if j.op == nil {
			return nil
		}
	}
}

// try calls the operation of j. Its panic is the goroutine's, and so is Goexit, which ends this
// task.
func (a *agent) try(cx *task.Cx, j *job) (err error) {
	if j.shield {
		cx.Shield()
	}
	ended := false
	defer func() {
		if ended {
			return
		}
		j.raised = &raised{recover()}
	}()
	err = j.op(cx)
	ended = true
	if !task.IsPending(err) {
		j.err = err
	}
	return err
}

// alive reports whether the agent can do something. If not, it gives the lock back.
func (a *agent) alive() bool {
	if a.dead {
		a.mu.Unlock()
	}
	return !a.dead
}

// Now is [task.Cx.Now] for goroutines: the machine's time.
func Now() time.Time { return time.Now() }

// Yield is [task.Cx.Yield] for goroutines.
func Yield(ctx context.Context) error {
	runtime.Gosched()
	return Spend(ctx)
}

// Spend is [task.Cx.Spend] for goroutines, who have no budget: it returns an error once ctx is done.
func Spend(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	why := context.Cause(ctx)
	if errors.Is(why, task.ErrCanceled) { // it is a task's
		return fmt.Errorf("machine: %w", why)
	}
	return fmt.Errorf("machine: %w: %w", task.ErrCanceled, why)
}
