package task_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/heist-go/heist/task"
)

// A task that waits for an answer, but not for ever.
type patient struct {
	task.Frame
	answer  *task.Promise[string]
	timeout task.Timer
}

func (p *patient) Poll(cx *task.Cx) error {
	if !p.timeout.Armed() && !p.timeout.Fired() {
		p.timeout.Reset(cx, 2*time.Millisecond)
	}
	answer, err := p.answer.Wait(cx)
	switch which, err := task.First(err, p.timeout.Wait(cx)); {
	case task.IsPending(err):
		return err
	case which == 1:
		fmt.Println("no answer")
		return err
	default:
		fmt.Println("the answer is", answer)
		return err
	}
}

func ExampleTimer() {
	var known, unknown task.Promise[string]
	known.Resolve("42", nil)
	_ = task.Run(context.Background(), &patient{answer: &known})
	_ = task.Run(context.Background(), &patient{answer: &unknown})
	// Output:
	// the answer is 42
	// no answer
}

func ExampleTimer_Sleep() {
	var timer task.Timer
	n := 3
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		for ; n > 0; n-- {
			if err := timer.Sleep(cx, time.Millisecond); err != nil {
				return err
			}
			fmt.Println(n)
		}
		return nil
	}))
	// Output:
	// 3
	// 2
	// 1
}

// A Deadline is checked on Poll's first line, and bounds whatever the task does.
func ExampleDeadline() {
	var deadline task.Deadline
	var never task.Promise[int]
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if err := deadline.Check(cx, time.Millisecond); err != nil {
			return err
		}
		_, err := never.Wait(cx)
		return err
	}))
	fmt.Println(err, errors.Is(err, task.ErrTimeout))
	// Output: task: timed out: context deadline exceeded true
}

// The time of a group: those who are not ready by then are canceled.
func ExampleGroup_SetTimeout() {
	var g task.Group
	var fast, slow task.Timer
	started := false
	nap := func(timer *task.Timer, d time.Duration, name string) task.Task {
		return task.Func(func(cx *task.Cx) error {
			if err := timer.Sleep(cx, d); err != nil {
				return err
			}
			fmt.Println(name, "is ready")
			return nil
		})
	}
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if !started {
			started = true
			g.SetTimeout(cx, 20*time.Millisecond)
			g.Go(cx, nap(&fast, time.Millisecond, "the fast one"))
			g.Go(cx, nap(&slow, time.Hour, "the slow one"))
		}
		return g.Wait(cx)
	}))
	fmt.Println(errors.Is(err, task.ErrTimeout))
	// Output:
	// the fast one is ready
	// true
}

func ExampleTicker() {
	ticker := task.Ticker{Every: time.Millisecond, Missed: task.Skip}
	n := 0
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		for n < 3 {
			if _, err := ticker.Tick(cx); err != nil {
				return err
			}
			n++
			fmt.Println("tick", n)
		}
		return nil
	}))
	// Output:
	// tick 1
	// tick 2
	// tick 3
}

func ExampleBackoff() {
	backoff := task.Backoff{Min: time.Millisecond, Max: 4 * time.Millisecond, Limit: 3}
	attempts := 0
	try := func() error {
		attempts++
		return errors.New("nobody at home")
	}
	failed := false
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		for {
			if !failed {
				if try() == nil {
					return nil
				}
				failed = true
			}
			if err := backoff.Wait(cx); err != nil {
				return err
			}
			failed = false
		}
	}))
	fmt.Println(attempts, "attempts:", err)
	// Output: 4 attempts: task: backoff: 3 attempts have failed: task: limit reached
}

// Sessions that nobody uses for a while expire. One task keeps them all, with one
// timer.
func ExampleDelayQueue() {
	var sessions task.DelayQueue[string]
	begun := false
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if !begun {
			begun = true
			sessions.Add(cx, "ada", 2*time.Millisecond)
			bob := sessions.Add(cx, "bob", time.Millisecond)
			sessions.Reset(cx, bob, 4*time.Millisecond) // he is back
		}
		for sessions.Len() > 0 {
			name, err := sessions.Next(cx)
			if err != nil {
				return err
			}
			fmt.Println(name, "has gone")
		}
		return nil
	}))
	// Output:
	// ada has gone
	// bob has gone
}
