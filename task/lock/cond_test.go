package lock_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// when is a step that locks when *v is at least n.
func when(c *lock.Cond, v *int, n int) step {
	return func(cx *task.Cx) error { return c.LockWhen(cx, func() bool { return *v >= n }) }
}

func TestCond(t *testing.T) {
	bounded(t)
	l := newLab(t)
	var m lock.Mutex
	c := lock.Cond{L: &m}
	v := 1
	l.well(l.begin(when(&c, &v, 1), does(m.Unlock)))
	var order []int
	waits := func(i, n int) *actor {
		return l.begin(when(&c, &v, n), once(func(cx *task.Cx) {
			require.False(t, m.TryLock(), "the lock is held")
			order = append(order, i)
			m.Unlock(cx)
		}))
	}
	a, b, d := waits(0, 2), waits(1, 2), waits(2, 3)
	l.wait(a, b, d)
	free(t, &m)

	c.Signal(nil) // for nothing: a looks, and waits again, behind the others
	l.Work()
	l.wait(a, b, d)
	require.True(t, m.TryLock())
	v = 2
	c.Signal(nil)
	l.Work()
	l.wait(a, b, d) // the lock is held
	m.Unlock(nil)
	l.Work()
	l.well(b)
	l.wait(a, d)

	require.True(t, m.TryLock())
	v = 3
	c.Broadcast(nil)
	m.Unlock(nil)
	l.Work()
	l.well(a, d)
	require.Equal(t, []int{1, 2, 0}, order)
	require.False(t, c.Waits())
	free(t, &m)

	c.Signal(nil) // nobody waits: it is lost
	e := l.begin(when(&c, &v, 4))
	l.wait(e)
	l.cancel(e)
	require.False(t, c.Waits())
	free(t, &m)
}

// A signal whose task does not look any more is the next one's.
func TestCondPassesOn(t *testing.T) {
	for _, name := range []string{"signaled", "in line for the lock", "granted the lock"} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			var m lock.Mutex
			c := lock.Cond{L: &m}
			v := 0
			a, b := l.begin(when(&c, &v, 1)), l.begin(when(&c, &v, 1), does(m.Unlock))
			m.TryLock()
			v = 1
			c.Signal(nil)
			if name != "signaled" {
				l.Work()
				l.wait(a)
			}
			if name == "granted the lock" {
				m.Unlock(nil)
				require.False(t, m.TryLock())
			}
			a.Cancel(errBoom)
			l.Work()
			require.ErrorIs(t, a.err, errBoom)
			if name != "granted the lock" {
				l.wait(b)
				m.Unlock(nil)
				l.Work()
			}
			l.well(b)
			require.False(t, c.Waits())
			free(t, &m)
		})
	}
}

// A task that is told that it is canceled has no place in any line any more, although it
// lives on, to clean up.
func TestCondCanceledInLineForTheLock(t *testing.T) {
	l := newLab(t)
	var m lock.Mutex
	c := lock.Cond{L: &m}
	v := 0
	told := false
	a := l.begin(func(cx *task.Cx) error {
		if !told {
			err := when(&c, &v, 1)(cx)
			if task.IsPending(err) {
				return err
			}
			require.ErrorIs(t, err, errBoom)
			told = true
		}
		cx.Shield() // cleans up: it waits for somebody who wants the lock
		cx.Waker()
		return task.Pending
	})
	m.TryLock()
	v = 1
	c.Signal(nil)
	l.Work() // a is in line for the lock
	a.Cancel(errBoom)
	l.Work()
	require.True(t, told)
	_, waits, _ := m.State()
	require.False(t, waits, "whoever was told that it is canceled is still in line for the lock")
	m.Unlock(nil)
	require.True(t, m.TryLock(), "and the lock is never given back")
}

func TestCondContext(t *testing.T) {
	bounded(t)
	l := newLab(t)
	var m lock.Mutex
	c := lock.Cond{L: &m}
	v := 0
	require.ErrorIs(t, c.LockWhenContext(canceledContext(), func() bool { return v > 0 }), errBoom)
	free(t, &m)

	got := goes(func() error {
		defer m.Unlock(nil)
		return c.LockWhenContext(background, func() bool { return v > 0 })
	})
	until(t, "the goroutine in line", c.Waits)
	c.Signal(nil)
	until(t, "the goroutine in line again", c.Waits)
	ctx, cancel := context.WithCancelCause(background)
	fickle := goes(func() error { return c.LockWhenContext(ctx, func() bool { return false }) })
	cancel(errBoom)
	require.ErrorIs(t, fickle(), errBoom)
	l.well(l.begin(m.Lock, once(func(cx *task.Cx) { v = 1; m.Unlock(cx); c.Broadcast(cx) })))
	require.NoError(t, got())
	free(t, &m)
	require.False(t, c.Waits())
}

// Producers and consumers, tasks and goroutines, at two conditions of one lock.
func TestCondProducersAndConsumers(t *testing.T) {
	const producers, consumers, size = 3, 3, 2
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		each := times(1000)
		var m lock.Mutex
		nonempty, nonfull := lock.Cond{L: &m}, lock.Cond{L: &m}
		var queue []int
		var sum, got atomic.Int64
		hasRoom := func() bool { return len(queue) < size }
		hasItem := func() bool { return len(queue) > 0 }
		put := func(cx *task.Cx, v int) {
			queue = append(queue, v)
			if v%2 == 0 {
				nonempty.Signal(cx)
				m.Unlock(cx)
			} else {
				m.Unlock(cx)
				nonempty.Signal(cx)
			}
		}
		take := func(cx *task.Cx) {
			sum.Add(int64(queue[0]))
			got.Add(1)
			queue = queue[1:]
			m.Unlock(cx)
			nonfull.Signal(cx)
		}
		var g task.Group
		for range producers - 1 {
			i := 0
			g.Go(p, task.Func(func(cx *task.Cx) error {
				for ; i < each; i++ {
					if err := nonfull.LockWhen(cx, hasRoom); err != nil {
						return err
					}
					put(cx, i)
				}
				return nil
			}))
		}
		for range consumers - 1 {
			i := 0
			g.Go(p, task.Func(func(cx *task.Cx) error {
				for ; i < each; i++ {
					if err := nonempty.LockWhen(cx, hasItem); err != nil {
						return err
					}
					take(cx)
				}
				return nil
			}))
		}
		producer := goes(func() error {
			for i := range each {
				if err := nonfull.LockWhenContext(background, hasRoom); err != nil {
					return err
				}
				put(nil, i)
			}
			return nil
		})
		for range each {
			require.NoError(t, nonempty.LockWhenContext(background, hasItem))
			take(nil)
		}
		require.NoError(t, producer())
		require.NoError(t, g.WaitContext(background))
		require.EqualValues(t, producers*each, got.Load())
		require.EqualValues(t, producers*each*(each-1)/2, sum.Load())
		require.Empty(t, queue)
		require.False(t, nonempty.Waits() || nonfull.Waits())
		free(t, &m)
	})
}

// TestCondPanics: a condition that panics keeps neither the lock nor the signal.
func TestCondPanics(t *testing.T) {
	bounded(t)
	for _, first := range []bool{true, false} { // in its first call, or in the one after the signal
		var m lock.Mutex
		c := lock.Cond{L: &m}
		calls := 0
		boom := func() bool {
			if calls++; first || calls > 1 {
				panic(errBoom)
			}
			return false
		}
		t.Run("goroutine", func(t *testing.T) {
			calls = 0
			ended := make(chan any)
			go func() {
				defer func() { ended <- recover() }()
				_ = c.LockWhenContext(background, boom)
			}()
			if !first {
				until(t, "one in line", func() bool { c.Signal(nil); return calledTwice(&m, &calls) })
			}
			require.Equal(t, errBoom, <-ended)
			free(t, &m)
		})
		t.Run("task", func(t *testing.T) {
			l := newLab(t)
			calls = 0
			v := 0
			var g task.Group
			g.Go(l, task.Func(func(cx *task.Cx) error { return c.LockWhen(cx, boom) }))
			l.Work()
			next := l.begin(when(&c, &v, 1), does(m.Unlock))
			if !first {
				m.TryLock()
				v = 1
				c.Signal(nil) // the first one's
				m.Unlock(nil)
				l.Work()
				l.well(next)
			} else {
				next.Cancel(errBoom)
				l.Work()
			}
			require.Panics(t, func() { _ = g.WaitContext(background) })
			free(t, &m)
		})
	}
}

// calledTwice looks at calls, which the lock guards.
func calledTwice(m *lock.Mutex, calls *int) bool {
	if !m.TryLock() {
		return false
	}
	defer m.Unlock(nil)
	return *calls > 1
}
