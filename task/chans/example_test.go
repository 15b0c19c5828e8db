package chans_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

// squares is a task in the middle: what it has received it holds until that is sent.
type squares struct {
	task.Frame
	in, out *chans.Chan[int]
	v       int
	held    bool
}

func (s *squares) Poll(cx *task.Cx) error {
	for {
		if !s.held {
			v, err := s.in.Recv(cx)
			if errors.Is(err, task.ErrClosed) {
				s.out.Close(cx)
				return nil
			}
			if err != nil {
				return err
			}
			s.v, s.held = v*v, true
		}
		if err := s.out.Send(cx, s.v); err != nil {
			return err
		}
		s.held = false
	}
}

// A channel connects tasks and goroutines in both directions.
func ExampleChan() {
	ctx := context.Background()
	in, out := chans.New[int](4), chans.New[int](4)
	var g task.Group
	g.Go(pool.Default(), &squares{in: in, out: out})
	go func() {
		defer in.Close(nil)
		for i := range 4 {
			if err := in.SendContext(ctx, i); err != nil {
				return
			}
		}
	}()
	for v := range out.Values(ctx) {
		fmt.Println(v)
	}
	if err := g.WaitContext(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 0
	// 1
	// 4
	// 9
}

// With a permit a task finds out whether there is room before it makes the value.
func ExampleChan_Reserve() {
	c := chans.New[string](1)
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		p, err := c.Reserve(cx)
		if err != nil {
			return err
		}
		fmt.Println(c.TrySend(cx, "another"))
		p.Send(cx, "expensive")
		return nil
	}))
	v, err := c.TryRecv(nil)
	fmt.Println(v, err)
	// Output:
	// chans: full
	// expensive <nil>
}

// An actor: many send to it, and it alone receives.
func ExampleMailbox() {
	ctx := context.Background()
	box := chans.NewMailbox[int](16)
	sum := 0
	var g task.Group
	g.Go(pool.Default(), task.Func(func(cx *task.Cx) error {
		for {
			v, err := box.Recv(cx)
			if errors.Is(err, task.ErrClosed) {
				return nil
			}
			if err != nil {
				return err
			}
			sum += v
		}
	}))
	for i := range 10 {
		_ = box.SendContext(ctx, i)
	}
	box.Close(nil)
	fmt.Println(g.WaitContext(ctx), sum)
	// Output: <nil> 45
}

func ExampleOneshot() {
	var answer chans.Oneshot[int]
	go func() { _ = answer.Send(nil, 42) }()
	fmt.Println(answer.RecvContext(context.Background()))
	// Output: 42 <nil>
}

func ExampleBroadcast() {
	news := chans.NewBroadcast[int](4)
	a := news.Subscribe()
	for i := range 6 {
		_ = news.Send(nil, i)
	}
	news.Close(nil)
	for v, err := range a.Values(context.Background()) {
		var lag *chans.LagError
		if errors.As(err, &lag) {
			fmt.Println("lost", lag.Lost)
			continue
		}
		fmt.Println(v)
	}
	// Output:
	// lost 2
	// 2
	// 3
	// 4
	// 5
}

func ExampleWatch() {
	config := chans.NewWatch("v1")
	w := config.Watch()
	_ = config.Set(nil, "v2")
	_ = config.Set(nil, "v3")
	config.Close(nil)
	for v := range w.Values(context.Background()) {
		fmt.Println(v) // the latest; v2 is of no interest any more
	}
	// Output: v3
}
