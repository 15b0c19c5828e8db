package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/bridge"
)

func ExampleChan() {
	ticks := make(chan string)
	go func() {
		ticks <- "a"
		ticks <- "b"
		close(ticks)
	}()
	in := bridge.Chan[string]{C: ticks}
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		for {
			v, err := in.Recv(cx)
			if errors.Is(err, task.ErrClosed) {
				return nil
			}
			if err != nil {
				return err
			}
			fmt.Println(v)
		}
	}))
	// Output:
	// a
	// b
}

func ExampleContext() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	var end bridge.Context
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if err := end.Done(cx, ctx); err != nil {
			return err
		}
		fmt.Println(context.Cause(ctx))
		return nil
	}))
	// Output: context deadline exceeded
}

func ExampleGoroutines() {
	var gs bridge.Goroutines
	results := make([]int, 3)
	for i := range results {
		gs.Go(func() { results[i] = i * i }) // blocks as it likes
	}
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if err := gs.Wait(cx); err != nil {
			return err
		}
		fmt.Println(results)
		return nil
	}))
	// Output: [0 1 4]
}
