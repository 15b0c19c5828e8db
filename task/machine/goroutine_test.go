package machine_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/machine"
)

// All that a goroutine waits for under one context is one task's: a ticker keeps its schedule,
// though the goroutine is slower than that.
func TestAgentIsOneTask(t *testing.T) {
	ctx, leave := machine.Agent(context.Background())
	defer leave()
	var tasks []task.Waker
	ticker := task.Ticker{Every: time.Millisecond}
	for range 20 {
		machine.Do(ctx, func(cx *task.Cx) { tasks = append(tasks, cx.Self()) })
		if _, err := machine.Await1(ctx, ticker.Tick); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range tasks {
		if w != tasks[0] {
			t.Fatal("it was another task")
		}
	}
	again, inner := machine.Agent(ctx)
	if inner(); again != ctx {
		t.Error("an inner function has made another agent")
	}
	if other := machine.Value(context.Background(), (*task.Cx).Self); other == tasks[0] {
		t.Error("the same task without its context")
	}
}

// What was started through an agent goes on while the goroutine does something else, and is over
// when it leaves.
func TestAgentStarts(t *testing.T) {
	ctx, leave := machine.Agent(context.Background())
	var g task.Group
	did, ended := make(chan bool, 1), false
	var never task.Promise[int]
	machine.Do(ctx, func(cx *task.Cx) {
		g.Go(cx, task.Func(func(*task.Cx) error { did <- true; return nil }))
		g.Go(cx, task.Func(func(cx *task.Cx) error {
			_, err := never.Wait(cx)
			ended = !task.IsPending(err)
			return err
		}))
	})
	<-did
	leave()
	if !ended {
		t.Error("what it has started is left")
	}
}

func TestAgentIsCanceled(t *testing.T) {
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(context.Background())
	with, leave := machine.Agent(ctx)
	defer leave()
	var never task.Promise[int]
	time.AfterFunc(time.Millisecond, func() { cancel(why) })
	if _, err := machine.Await1(with, never.Wait); !errors.Is(err, why) || !errors.Is(err, task.ErrCanceled) {
		t.Error(err)
	}
	if err := machine.Yield(with); !errors.Is(err, why) || !errors.Is(err, task.ErrCanceled) {
		t.Error(err)
	}
	for cause, text := range map[error]string{why: "machine: task: canceled: " + why.Error(), task.ErrCanceled: "machine: task: canceled"} {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(cause)
		if err := machine.Spend(ctx); err == nil || err.Error() != text || !errors.Is(err, cause) || !errors.Is(err, task.ErrCanceled) {
			t.Errorf("canceled by %v: %v, want %s", cause, err, text)
		}
	}
	ran := false
	machine.Do(with, func(*task.Cx) { ran = true }) // what does not wait is done all the same
	if !ran {
		t.Error("it was not done")
	}
	var timer task.Timer
	shielded := context.WithoutCancel(with)
	if err := machine.Await(shielded, func(cx *task.Cx) error { return timer.Sleep(cx, time.Millisecond) }); err != nil {
		t.Error("shielded:", err)
	}
	// Canceled before anything was asked for, and by another context than the agent's.
	if _, err := machine.Await1(ctx, never.Wait); !errors.Is(err, why) || !errors.Is(err, task.ErrCanceled) {
		t.Error(err)
	}
	live, leave2 := machine.Agent(context.Background())
	defer leave2()
	machine.Do(live, func(*task.Cx) {})
	short, stop := context.WithTimeout(live, time.Millisecond)
	defer stop()
	if _, err := machine.Await1(short, never.Wait); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	machine.Do(live, func(cx *task.Cx) {
		if err := cx.Err(); err != nil {
			t.Error("the agent was canceled by a context that is not its own:", err)
		}
	})
}

// The panic of an operation is the goroutine's, and so is Goexit.
func TestAgentPanics(t *testing.T) {
	ctx, leave := machine.Agent(context.Background())
	for range 2 { // the agent goes on
		func() {
			defer func() {
				if p := recover(); p != "op" {
					t.Error(p)
				}
			}()
			machine.Do(ctx, func(*task.Cx) { panic("op") })
		}()
	}
	over := make(chan bool)
	go func() {
		defer close(over)
		machine.Do(ctx, func(*task.Cx) { runtime.Goexit() })
		t.Error("it has gone on")
	}()
	<-over
	if v := machine.Value(ctx, func(*task.Cx) int { return 5 }); v != 5 {
		t.Error("after Goexit:", v)
	}
	leave()
}

// Several goroutines under one context wait at the same time.
func TestAgentOfSeveral(t *testing.T) {
	ctx, leave := machine.Agent(context.Background())
	defer leave()
	var first task.Promise[int]
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if v, err := machine.Await1(ctx, first.Wait); v != 1 || err != nil {
				t.Error(v, err)
			}
		})
	}
	wg.Go(func() { machine.Do(ctx, func(*task.Cx) { first.Resolve(1, nil) }) })
	wg.Wait()
}

func TestAgentInTask(t *testing.T) {
	defer func() {
		if p := recover(); p == nil {
			t.Error("it has stopped a worker")
		}
	}()
	_ = task.Run(context.Background(), task.Func(func(*task.Cx) error {
		machine.Do(context.Background(), func(*task.Cx) {})
		return nil
	}))
}

// A goroutine waits for what has no form for goroutines.
func ExampleAwait() {
	ctx, leave := machine.Agent(context.Background())
	defer leave()
	var timer task.Timer
	fmt.Println(machine.Await(ctx, func(cx *task.Cx) error { return timer.Sleep(cx, time.Millisecond) }))
	// Output: <nil>
}
