package combine_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
)

// session reads messages until none has come for a while.
type session struct {
	task.Frame
	sel   combine.Select
	inbox *chans.Chan[string]
	idle  task.Timer
}

func (s *session) Poll(cx *task.Cx) error {
	for {
		var m string
		i, err := s.sel.Wait(cx,
			func(cx *task.Cx) (err error) { m, err = s.inbox.Recv(cx); return err },
			func(cx *task.Cx) error { return s.idle.Sleep(cx, 10*time.Millisecond) },
		)
		if err != nil {
			return err
		}
		if i == 1 {
			fmt.Println("idle")
			return nil
		}
		fmt.Println(m)
	}
}

func ExampleSelect() {
	inbox := chans.New[string](2)
	_ = inbox.TrySend(nil, "hello")
	_ = inbox.TrySend(nil, "again")
	_ = task.Run(context.Background(), &session{inbox: inbox})
	// Output:
	// hello
	// again
	// idle
}

// page is a request that asks two others at the same time, and gives them half a second.
type page struct {
	task.Frame
	user, cart task.Promise[string]
	both       combine.Join2[string, string]
	limit      combine.Timeout
}

func (p *page) Poll(cx *task.Cx) error {
	var user, cart string
	err := p.limit.Wait(cx, 500*time.Millisecond, func(cx *task.Cx) (err error) {
		user, cart, err = p.both.Wait(cx, p.user.Wait, p.cart.Wait)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Println(user, cart)
	return nil
}

func ExampleJoin2() {
	var p page
	go p.user.Resolve("ann", nil)
	go p.cart.Resolve("empty", nil)
	fmt.Println(task.Run(context.Background(), &p))
	// Output:
	// ann empty
	// <nil>
}

func ExampleJoin3() {
	var j combine.Join3[int, string, bool]
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		a, b, c, err := j.Wait(cx,
			func(*task.Cx) (int, error) { return 1, nil },
			func(*task.Cx) (string, error) { return "two", nil },
			func(*task.Cx) (bool, error) { return true, nil },
		)
		fmt.Println(a, b, c, err)
		return nil
	}))
	// Output: 1 two true <nil>
}

func ExampleAll() {
	var all combine.All
	var a, b task.Timer
	fmt.Println(task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		return all.Wait(cx,
			func(cx *task.Cx) error { return a.Sleep(cx, time.Millisecond) },
			func(cx *task.Cx) error { return b.Sleep(cx, 2*time.Millisecond) },
		)
	})))
	// Output: <nil>
}

func ExampleRace() {
	var race combine.Race[string]
	var near, far task.Promise[string]
	near.Resolve("near", nil)
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		_, v, err := race.Wait(cx, far.Wait, near.Wait)
		fmt.Println(v)
		return err
	}))
	// Output: near
}

func ExampleAny() {
	var first combine.Any[string]
	var broken, good task.Promise[string]
	broken.Resolve("", errors.New("out of order"))
	good.Resolve("an answer", nil)
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		_, v, err := first.Wait(cx, broken.Wait, good.Wait)
		fmt.Println(v)
		return err
	}))
	// Output: an answer
}

func ExampleTimeout() {
	var limit combine.Timeout
	var never task.Promise[int]
	fmt.Println(task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		return limit.Wait(cx, time.Millisecond, func(cx *task.Cx) error {
			_, err := never.Wait(cx)
			return err
		})
	})))
	// Output: task: timed out: context deadline exceeded
}

func ExampleRetry() {
	retry := combine.Retry{Backoff: task.Backoff{Min: time.Millisecond, Limit: 5}}
	attempt := 0
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		return retry.Do(cx, func(*task.Cx) error {
			if attempt++; attempt < 3 {
				return errors.New("not yet")
			}
			return nil
		})
	}))
	fmt.Println(attempt, err)
	// Output: 3 <nil>
}
