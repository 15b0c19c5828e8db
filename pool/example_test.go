package pool_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// sum is a task: it adds the numbers from 1 to n, and lets others run now and then.
type sum struct {
	task.Frame
	n, at, total int
}

func (s *sum) Poll(cx *task.Cx) error {
	for s.at < s.n {
		if s.at%100 == 99 {
			if err := cx.Yield(); err != nil {
				return err // Pending, too: Poll starts at its top again, and s.at says where it was
			}
		}
		s.at++
		s.total += s.at
	}
	return nil
}

func ExamplePool() {
	p, err := pool.New(pool.Config{Workers: 2})
	if err != nil {
		panic(err)
	}
	defer p.Close()

	s := sum{n: 1000}
	if err := p.Run(context.Background(), &s); err != nil {
		panic(err)
	}
	fmt.Println(s.total)
	// Output: 500500
}

// A group waits for the tasks that were started in it, and cancels the others when
// one fails.
func ExamplePool_group() {
	p, _ := pool.New(pool.Config{})
	defer p.Close()

	var g task.Group
	g.Go(p, &sum{n: 1_000_000_000})
	g.Go(p, task.Func(func(*task.Cx) error { return errors.New("no more numbers") }))
	fmt.Println(g.WaitContext(context.Background()))
	// Output: no more numbers
}

// Run waits for all that its task starts, and returns its error.
func ExamplePool_Run() {
	p, _ := pool.New(pool.Config{})
	defer p.Close()

	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(time.Millisecond, func() { cancel(errors.New("the user has left")) })

	var answer task.Promise[string] // which nobody gives
	err := p.Run(ctx, task.Func(func(cx *task.Cx) error {
		_, err := answer.Wait(cx)
		return err
	}))
	fmt.Println(err)
	fmt.Println(errors.Is(err, task.ErrCanceled), errors.Is(err, context.Canceled))
	// Output:
	// task: canceled: the user has left
	// true true
}

// Nobody has to wait for a detached task, but anybody may.
func ExamplePool_Go() {
	p, _ := pool.New(pool.Config{})
	defer p.Close()

	s := sum{n: 100}
	p.Go(&s)
	err := s.WaitContext(context.Background())
	fmt.Println(s.total, err)
	// Output: 5050 <nil>
}

// Many tasks at once are cheaper together.
func ExamplePool_GoAll() {
	p, _ := pool.New(pool.Config{})
	defer p.Close()

	sums := make([]sum, 1000)
	tasks := make([]task.Task, len(sums))
	for i := range sums {
		sums[i].n = i
		tasks[i] = &sums[i]
	}
	p.GoAll(tasks...)

	total := 0
	for i := range sums {
		if err := sums[i].WaitContext(context.Background()); err != nil {
			panic(err)
		}
		total += sums[i].total
	}
	fmt.Println(total)
	// Output: 166666500
}

// Shutdown tells the tasks that the end is near, and waits for them.
func ExamplePool_Shutdown() {
	p, _ := pool.New(pool.Config{})
	var open task.Promise[string]
	p.Go(task.Func(func(cx *task.Cx) error {
		if cx.Draining() {
			fmt.Println("last orders")
			return nil
		}
		open.Resolve("come in", nil)
		cx.Waker() // for whoever comes in; Shutdown wakes all tasks, too
		return task.Pending
	}))
	fmt.Println(open.WaitContext(context.Background()))
	fmt.Println(p.Shutdown(context.Background()))

	late := sum{n: 1}
	p.Go(&late)
	fmt.Println(late.Err())
	// Output:
	// come in <nil>
	// last orders
	// <nil>
	// task: closed
}

func ExamplePool_Stats() {
	p, _ := pool.New(pool.Config{Workers: 2})
	s := p.Stats()
	fmt.Println(s.Workers, "workers,", s.Threads, "threads: nothing to do yet")

	for range 3 {
		if err := p.Run(context.Background(), &sum{n: 250}); err != nil {
			panic(err)
		}
	}
	p.Close()
	s = p.Stats()
	fmt.Println(s.Finished, "of", s.Spawned, "tasks finished in", s.Polls, "polls,", s.Live, "left")
	// Output:
	// 2 workers, 0 threads: nothing to do yet
	// 3 of 3 tasks finished in 9 polls, 0 left
}

// A program that needs one pool shares this one.
func ExampleDefault() {
	s := sum{n: 10}
	fmt.Println(pool.Default().Run(context.Background(), &s), s.total)
	// Output: <nil> 55
}

// A counter for each worker: what many tasks add to costs no more than a variable
// of their own.
func ExampleLocal() {
	p, _ := pool.New(pool.Config{})
	defer p.Close()

	counters := pool.NewLocal[int](p, nil)
	var g task.Group
	for range 1000 {
		g.Go(p, task.Func(func(cx *task.Cx) error {
			*counters.Get(cx)++
			return nil
		}))
	}
	if err := g.WaitContext(context.Background()); err != nil {
		panic(err)
	}
	total := 0
	for n := range counters.All() {
		total += *n
	}
	fmt.Println(total)
	// Output: 1000
}

// A function that runs later, on the pool.
func ExamplePool_AfterFunc() {
	p, _ := pool.New(pool.Config{})
	defer p.Close()

	done := make(chan bool)
	p.AfterFunc(time.Millisecond, func() { close(done) })
	late := p.AfterFunc(time.Hour, func() { fmt.Println("too late") })
	<-done
	fmt.Println("stopped:", late.Stop())
	// Output: stopped: true
}

// With a clock of its own a pool takes no time: a test need not wait an hour.
func ExampleConfig_clock() {
	clock := task.NewClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	p, _ := pool.New(pool.Config{Clock: clock})
	defer p.Close()

	done := make(chan bool)
	p.AfterFunc(time.Hour, func() { close(done) })
	clock.Advance(time.Hour + time.Second)
	<-done
	fmt.Println(clock.Now().Format(time.TimeOnly))
	// Output: 01:00:01
}
