package lock_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
)

func TestPermit(t *testing.T) {
	for what, end := range map[string]func() error{
		"nil":   func() error { return nil },
		"error": func() error { return errBoom },
		"panic": func() error { panic("boom") },
	} {
		t.Run(what, func(t *testing.T) {
			s := lock.NewSemaphore(3)
			var p lock.Permit
			func() {
				defer func() { _ = recover() }()
				_ = task.Run(background, task.Func(func(cx *task.Cx) error {
					held := p.Held()
					require.NoError(t, p.Acquire(cx, s, 2))
					require.Equal(t, 1, s.Available())
					if !held {
						return cx.Yield()
					}
					return end()
				}))
			}()
			require.Equal(t, 3, s.Available())
			require.False(t, p.Held())
		})
	}
}

// A branch that has acquired permits, and loses, gives them back; so does one that fails.
func TestPermitOfABranch(t *testing.T) {
	s := lock.NewSemaphore(1)
	var p lock.Permit
	var to combine.Timeout
	var never task.Promise[int]
	require.NoError(t, task.Run(background, task.Func(func(cx *task.Cx) error {
		err := to.Wait(cx, time.Millisecond, func(cx *task.Cx) error {
			if err := p.Acquire(cx, s, 1); err != nil {
				return err
			}
			_, err := never.Wait(cx)
			return err
		})
		if task.IsPending(err) {
			require.Zero(t, s.Available())
			return err
		}
		require.ErrorIs(t, err, task.ErrTimeout)
		require.Equal(t, 1, s.Available())
		require.NoError(t, to.Wait(cx, time.Hour, func(cx *task.Cx) error { return p.Acquire(cx, s, 1) }))
		require.Zero(t, s.Available(), "it has won: the permit is the task's")
		p.Release(cx)
		require.Equal(t, 1, s.Available())
		return nil
	})))
}

func TestSemaphoreWaiting(t *testing.T) {
	s := lock.NewSemaphore(1)
	require.True(t, s.TryAcquire(1))
	require.Zero(t, s.Waiting())
	ctx, cancel := context.WithCancel(background)
	done := make(chan error)
	go func() { done <- s.AcquireContext(ctx, 1) }()
	until(t, "somebody waits", func() bool { return s.Waiting() == 1 })
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	require.Zero(t, s.Waiting())
}

// A task that is woken for something else and asks for another number is answered that.
func TestAnotherQuestionBeginsAnew(t *testing.T) {
	t.Run("semaphore", func(t *testing.T) {
		s := lock.NewSemaphore(3)
		require.True(t, s.TryAcquire(3))
		insteadOf(t, func(cx *task.Cx) error { return s.Acquire(cx, 3) },
			func() { s.Release(nil, 3) },
			func(cx *task.Cx) error {
				if err := s.Acquire(cx, 1); err != nil {
					return err
				}
				require.Equal(t, 2, s.Available())
				s.Release(cx, 1)
				return nil
			})
		require.Equal(t, 3, s.Available())
	})
	t.Run("lock", func(t *testing.T) {
		var mu lock.RWMutex
		require.True(t, mu.TryLock())
		insteadOf(t, mu.RLock, func() { mu.Unlock(nil) }, func(cx *task.Cx) error {
			if err := mu.Lock(cx); err != nil {
				return err
			}
			require.False(t, mu.TryRLock())
			mu.Unlock(cx)
			return nil
		})
		require.True(t, mu.TryLock())
	})
}

// insteadOf has a task wait for first, and then, when something has happened, for second instead.
func insteadOf(t *testing.T, first func(*task.Cx) error, then func(), second func(*task.Cx) error) {
	t.Helper()
	l := rig.NewLab()
	defer task.ReleaseClock(&l.Runtime)
	polls := 0
	var waker task.Waker
	var g task.Group
	g.Go(l, task.Func(func(cx *task.Cx) error {
		waker = cx.Waker()
		if polls++; polls == 1 {
			return first(cx)
		}
		return second(cx)
	}))
	l.Work()
	then()
	waker.Wake()
	l.Work()
	require.NoError(t, g.WaitContext(background))
}

// A Permit says what it holds, and not that it holds something else.
func TestPermitOfSomethingElse(t *testing.T) {
	for what, n := range map[string]int{"of another semaphore": 1, "another number": 2} {
		t.Run(what, func(t *testing.T) {
			s := lock.NewSemaphore(3)
			other := s
			if n == 1 {
				other = lock.NewSemaphore(3)
			}
			var p lock.Permit
			require.Panics(t, func() {
				_ = task.Run(background, task.Func(func(cx *task.Cx) error {
					if err := p.Acquire(cx, s, 1); err != nil {
						return err
					}
					return p.Acquire(cx, other, n)
				}))
			})
			require.Equal(t, 3, s.Available())
		})
	}
}

// Two branches with one Permit take turns: what one of them holds is not the other's, and does not
// go with it.
func TestPermitOfTwoBranches(t *testing.T) {
	s := lock.NewSemaphore(1)
	var p lock.Permit
	var sel combine.Select
	var slow, fast lock.Event
	fast.Set(nil)
	l := rig.NewLab()
	defer task.ReleaseClock(&l.Runtime)
	part := func(e *lock.Event) func(*task.Cx) error {
		return func(cx *task.Cx) error {
			if err := p.Acquire(cx, s, 1); err != nil {
				return err
			}
			return e.Wait(cx)
		}
	}
	at := -1
	var g task.Group
	g.Go(l, task.Func(func(cx *task.Cx) (err error) {
		at, err = sel.Wait(cx, part(&slow), part(&fast))
		if err == nil {
			require.True(t, p.Held())
			require.Zero(t, s.Available())
		}
		return err
	}))
	l.Work()
	require.Equal(t, -1, at)
	slow.Set(nil)
	l.Work()
	require.Zero(t, at)
	require.NoError(t, g.WaitContext(background))
	require.Equal(t, 1, s.Available())
}

// A task that goes from one branch to another has the permit when the first has given it back.
func TestPermitGoesFromBranchToBranch(t *testing.T) {
	s := lock.NewSemaphore(1)
	var p lock.Permit
	var a, b combine.Timeout
	var never, done lock.Event
	done.Set(nil)
	insteadOf(t,
		func(cx *task.Cx) error {
			return a.Wait(cx, time.Hour, func(cx *task.Cx) error {
				if err := p.Acquire(cx, s, 1); err != nil {
					return err
				}
				return never.Wait(cx)
			})
		},
		func() { require.Zero(t, s.Available()) },
		func(cx *task.Cx) error {
			return b.Wait(cx, time.Hour, func(cx *task.Cx) error {
				if err := p.Acquire(cx, s, 1); err != nil {
					return err
				}
				return done.Wait(cx)
			})
		})
	require.Equal(t, 1, s.Available())
}
