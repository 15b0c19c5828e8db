package task_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// A goroutine that reads requests is held back by those that are not done: it waits for room,
// and so does whoever sends them.
func ExampleGroup_GoContext() {
	p, err := pool.New(pool.Config{})
	if err != nil {
		panic(err)
	}
	defer p.Close()
	requests := make(chan int)
	go func() {
		defer close(requests)
		for i := range 100 {
			requests <- i
		}
	}()

	ctx := context.Background()
	var served atomic.Int64
	var g task.Group
	g.SetLimit(4) // so many at a time; nothing else waits in memory
	for r := range requests {
		err := g.GoContext(ctx, p, task.Func(func(*task.Cx) error {
			served.Add(int64(min(r, 1)))
			return nil
		}))
		if err != nil {
			break // ctx is done, or the group is canceled: one has failed
		}
	}
	fmt.Println(g.WaitContext(ctx), served.Load())
	// Output: <nil> 99
}

// The same for a task that feeds a group of its own.
func ExampleGroup_GoWait() {
	var g task.Group
	g.SetLimit(2)
	started, done := 0, 0
	var next task.Task // kept until it is started: GoWait may return Pending
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		for ; started < 5; started++ {
			if next == nil {
				next = task.Func(func(*task.Cx) error { done++; return nil })
			}
			if err := g.GoWait(cx, next); err != nil {
				return err
			}
			next = nil
		}
		return g.Wait(cx)
	}))
	fmt.Println(done)
	// Output: 5
}

// Who cannot wait is refused, and can say so.
func ExampleGroup_SetBacklog() {
	var g task.Group
	g.SetLimit(1)
	g.SetBacklog(1)
	g.Failed = func(_ task.Task, err error) error {
		if errors.Is(err, task.ErrLimit) {
			fmt.Println("too busy")
			return nil
		}
		return err
	}
	work := func() task.Task { return task.Func(func(cx *task.Cx) error { return cx.Yield() }) }
	begun := false
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if !begun {
			begun = true
			g.GoAll(cx, work(), work(), work())
		}
		return g.Wait(cx)
	}))
	// Output: too busy
}
