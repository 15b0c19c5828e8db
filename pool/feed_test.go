package pool_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
)

// crowd counts tasks that are started, and the most there were at a time.
type crowd struct{ now, most, ended atomic.Int64 }

// task returns one that yields a few times.
func (c *crowd) task() task.Task {
	left := -1
	return task.Func(func(cx *task.Cx) error {
		if left < 0 {
			left = 3
			now := c.now.Add(1)
			for most := c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); most = c.most.Load() {
			}
		}
		for ; left > 0; left-- {
			if err := cx.Yield(); err != nil {
				return err
			}
		}
		c.now.Add(-1)
		c.ended.Add(1)
		return nil
	})
}

// Goroutines and tasks that feed a group are held back by its limit: nothing waits in the group,
// all that is fed is done, and no more is started at a time than the limit says.
func TestFeed(t *testing.T) {
	const limit, feeders = 3, 8
	n := 500
	if slow() {
		n = 60
	}
	p := open(t, 2)
	limited := func() *task.Group {
		var g task.Group
		g.SetLimit(limit)
		g.SetBacklog(0) // or who does not wait would be refused
		return &g
	}
	t.Run("goroutines", func(t *testing.T) {
		g := limited()
		var c crowd
		var wg sync.WaitGroup
		for range feeders {
			wg.Go(func() {
				for range n {
					if err := g.GoContext(background, p, c.task()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		require.NoError(t, g.WaitContext(background))
		require.EqualValues(t, feeders*n, c.ended.Load())
		require.LessOrEqual(t, c.most.Load(), int64(limit))
	})
	t.Run("a task, its own group", func(t *testing.T) {
		g := limited()
		var c crowd
		i, next := 0, task.Task(nil)
		require.NoError(t, p.Run(background, task.Func(func(cx *task.Cx) error {
			for ; i < n; i++ {
				if next == nil {
					next = c.task()
				}
				if err := g.GoWait(cx, next); err != nil {
					return err
				}
				next = nil
			}
			return g.Wait(cx)
		})))
		require.EqualValues(t, n, c.ended.Load())
		require.LessOrEqual(t, c.most.Load(), int64(limit))
	})
}

// unending is a task that ends when it is canceled.
func unending() task.Task {
	var never task.Promise[int]
	return task.Func(func(cx *task.Cx) error {
		_, err := never.Wait(cx)
		return err
	})
}

// A backlog that is full refuses: the task ends with ErrLimit, and its Poll is not called.
func TestBacklogIsBounded(t *testing.T) {
	p := open(t, 1)
	var g task.Group
	g.SetLimit(1)
	g.SetBacklog(2)
	var refused atomic.Int64
	g.Failed = func(_ task.Task, err error) error {
		if errors.Is(err, task.ErrLimit) {
			refused.Add(1)
			return nil
		}
		return err
	}
	var gate task.Promise[int]
	g.Go(p, task.Func(func(cx *task.Cx) error {
		_, err := gate.Wait(cx)
		return err
	}))
	var polled atomic.Int64
	many := make([]task.Task, 10)
	for i := range many {
		many[i] = task.Func(func(*task.Cx) error { polled.Add(1); return nil })
	}
	g.GoAll(p, many...)
	require.EqualValues(t, 8, refused.Load())
	require.ErrorIs(t, g.TryGo(p, task.Func(func(*task.Cx) error { return nil })), task.ErrLimit)
	gate.Resolve(1, nil)
	require.NoError(t, g.WaitContext(background))
	require.EqualValues(t, 2, polled.Load())
	require.PanicsWithValue(t, "task: SetBacklog of a group that has members: call it before the first Go", func() {
		var h task.Group
		h.Go(p, unending())
		defer func() { h.Cancel(nil); _ = h.WaitContext(background) }()
		h.SetBacklog(1)
	})
}
