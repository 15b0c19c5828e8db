package lock_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// run runs functions as tasks on the calling goroutine, and waits for them.
func run(polls ...func(cx *task.Cx) error) {
	var g task.Group
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		for _, f := range polls {
			g.Go(cx, task.Func(f))
		}
		polls = nil
		return g.Wait(cx)
	}))
	if err != nil {
		fmt.Println(err)
	}
}

// deposit holds a lock while it waits for something else: what a sync.Mutex is not for.
type deposit struct {
	task.Frame
	mu     *lock.Mutex
	sum    *int
	locked bool
	pause  task.Timer
}

func (d *deposit) Poll(cx *task.Cx) error {
	if !d.locked {
		if err := d.mu.Lock(cx); err != nil {
			return err
		}
		d.locked = true
	}
	if err := d.pause.Sleep(cx, time.Millisecond); err != nil {
		return err
	}
	*d.sum += 10
	return nil
}

// Finish gives the lock back whatever has happened.
func (d *deposit) Finish(error) {
	if d.locked {
		d.mu.Unlock(nil)
	}
}

func ExampleMutex() {
	var mu lock.Mutex
	var g task.Group
	sum := 0
	started := false
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if !started {
			g.GoAll(cx, &deposit{mu: &mu, sum: &sum}, &deposit{mu: &mu, sum: &sum})
			started = true
		}
		return g.Wait(cx)
	}))
	fmt.Println(sum)
	// Output: 20
}

func ExampleRWMutex() {
	var mu lock.RWMutex
	config := "old"
	read := func(cx *task.Cx) error {
		if err := mu.RLock(cx); err != nil {
			return err
		}
		defer mu.RUnlock(cx) // nothing below suspends
		fmt.Println(config)
		return nil
	}
	run(read, func(cx *task.Cx) error {
		if err := mu.Lock(cx); err != nil {
			return err
		}
		config = "new"
		mu.Unlock(cx)
		return nil
	}, read)
	// Output:
	// old
	// new
}

func ExampleSemaphore() {
	memory := lock.NewSemaphore(100)
	ctx := context.Background()
	if err := memory.AcquireContext(ctx, 60); err != nil { // a goroutine's face
		fmt.Println(err)
	}
	fmt.Println(memory.TryAcquire(60), memory.Available())
	memory.Release(nil, 60)

	err := memory.AcquireContext(ctx, 101)
	fmt.Println(errors.Is(err, task.ErrLimit), err)
	// Output:
	// false 40
	// true lock: semaphore: 101 of 100 permits: task: limit reached
}

func ExampleNotify() {
	var changed lock.Notify
	queue := []string{}
	run(
		func(cx *task.Cx) error { // waits for a condition, and cannot miss a change of it
			for {
				gen := changed.Generation()
				if len(queue) == 2 {
					fmt.Println(queue)
					return nil
				}
				if err := changed.WaitPast(cx, gen); err != nil {
					return err
				}
			}
		},
		func(cx *task.Cx) error {
			queue = append(queue, "a")
			changed.All(cx)
			return nil
		},
		func(cx *task.Cx) error {
			queue = append(queue, "b")
			changed.All(cx)
			return nil
		},
	)
	// Output: [a b]
}

func ExampleEvent() {
	var ready lock.Event
	run(
		func(cx *task.Cx) error {
			if err := ready.Wait(cx); err != nil {
				return err
			}
			fmt.Println("go")
			return nil
		},
		func(cx *task.Cx) error {
			fmt.Println("ready")
			ready.Set(cx)
			return nil
		},
	)
	// Output:
	// ready
	// go
}

func ExampleOnceValue() {
	var config lock.OnceValue[string]
	var pause task.Timer
	load := func(cx *task.Cx) (string, error) {
		if err := pause.Sleep(cx, time.Millisecond); err != nil {
			return "", err
		}
		fmt.Println("loading")
		return "config", nil
	}
	use := func(cx *task.Cx) error {
		c, err := config.Get(cx, load)
		if err != nil {
			return err
		}
		fmt.Println(c)
		return nil
	}
	run(use, use)
	// Output:
	// loading
	// config
	// config
}

func ExampleOnce() {
	var open lock.Once
	for range 2 {
		_ = open.DoContext(context.Background(), func(context.Context) error {
			fmt.Println("opened")
			return nil
		})
	}
	// Output: opened
}

func ExampleBarrier() {
	round := lock.NewBarrier(3)
	player := func(cx *task.Cx) error {
		last, err := round.Wait(cx)
		if err != nil {
			return err
		}
		if last {
			fmt.Println("all are here")
		}
		return nil
	}
	run(player, player, player)
	// Output: all are here
}

func ExampleCond() {
	var mu lock.Mutex
	nonempty := lock.Cond{L: &mu}
	var items []string
	run(
		func(cx *task.Cx) error {
			if err := nonempty.LockWhen(cx, func() bool { return len(items) > 0 }); err != nil {
				return err
			}
			fmt.Println(items[0])
			items = items[1:]
			mu.Unlock(cx)
			return nil
		},
		func(cx *task.Cx) error {
			if err := mu.Lock(cx); err != nil {
				return err
			}
			items = append(items, "an item")
			mu.Unlock(cx)
			nonempty.Signal(cx)
			return nil
		},
	)
	// Output: an item
}

func ExampleRateLimiter() {
	limit := lock.NewRateLimiter(200, time.Second, 1)
	begun := time.Now()
	run(func(cx *task.Cx) error { return limit.Wait(cx) },
		func(cx *task.Cx) error { return limit.Wait(cx) },
		func(cx *task.Cx) error { return limit.Wait(cx) })
	fmt.Println(time.Since(begun) >= 10*time.Millisecond)
	// Output: true
}

func ExampleStrand() {
	var accounts lock.Strand[string]
	var g task.Group
	started := false
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if !started {
			started = true
			for i, name := range []string{"ann", "bob", "ann"} {
				g.Go(cx, accounts.Turn(name, func(cx *task.Cx) error {
					fmt.Println(name, i)
					return nil
				}))
			}
		}
		return g.Wait(cx)
	}))
	// Output:
	// ann 0
	// bob 1
	// ann 2
}

// Permits that are released by themselves, for tasks that are functions.
func ExamplePermit() {
	seats := lock.NewSemaphore(2)
	var mine lock.Permit // outside of the function, which is called again and again
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if err := mine.Acquire(cx, seats, 1); err != nil {
			return err
		}
		fmt.Println("free:", seats.Available())
		return errors.New("it fails, with a permit in its hand")
	}))
	fmt.Println("free:", seats.Available())
	// Output:
	// free: 1
	// free: 2
}
