package sem

import (
	"context"
	"errors"
	"testing"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// TestDeferredContexts looks at what context deferred calls have: that of the poll in which the function ends, and
// none if that is outside of one.
func TestDeferredContexts(t *testing.T) {
	check := func(name string, mu *lock.Mutex, p *polls, inside, outside int) {
		t.Helper()
		if p.inside != inside || p.outside != outside || p.stale != 0 {
			t.Errorf("%s: %d calls had the context of their poll, %d none, %d another one; want %d and %d", name, p.inside, p.outside, p.stale, inside, outside)
		}
		if !mu.TryLock() {
			t.Errorf("%s: the lock is held", name)
		}
	}
	ctx := context.Background()
	mu, p := &lock.Mutex{}, &polls{left: 3}
	if err := task.Run(ctx, newHolding(mu, p)); err != nil {
		t.Error(err)
	}
	check("at an end", mu, p, 2, 0)

	mus, p := make([]lock.Mutex, 3), &polls{left: 9}
	if err := task.Run(ctx, newRelocking(mus, p)); err != nil {
		t.Error(err)
	}
	check("in a loop", &mus[1], p, 3, 0)

	mu, p = &lock.Mutex{}, &polls{left: 2, panics: true}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_ = task.Run(ctx, newHolding(mu, p))
	}()
	check("at a panic", mu, p, 2, 0)

	mu, p = &lock.Mutex{}, &polls{left: 100}
	if err := task.Run(ctx, newLetGo(mu, p)); err != nil {
		t.Error(err)
	}
	check("let go of", mu, p, 0, 2)

	mu, p = &lock.Mutex{}, &polls{}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := task.Run(ended, newHolding(mu, p)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	check("never polled", mu, p, 0, 1)

	mu, p = &lock.Mutex{}, &polls{left: 3}
	if err := holdingContext(ctx, mu, p); err != nil {
		t.Error(err)
	}
	if p.outside != 0 || !mu.TryLock() {
		t.Errorf("the version for goroutines: %+v", p)
	}
}

// TestDeferredUnlocks has tasks that move between workers give locks back by deferred calls.
func TestDeferredUnlocks(t *testing.T) {
	pl, err := pool.New(pool.Config{Workers: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer pl.Close()
	var mu lock.Mutex
	var g task.Group
	var ps [100]polls
	for i := range ps {
		ps[i].left = 3
		g.Go(pl, newHolding(&mu, &ps[i]))
	}
	if err := g.WaitContext(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i := range ps {
		if ps[i].inside != 2 || ps[i].outside+ps[i].stale != 0 {
			t.Errorf("task %d: %+v", i, ps[i])
		}
	}
}
