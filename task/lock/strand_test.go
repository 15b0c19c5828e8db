package lock_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

func TestStrand(t *testing.T) {
	l := newLab(t)
	var s lock.Strand[string]
	var order []string
	var go1 lock.Event
	does := func(key, what string, before ...step) *lock.Turn[string] {
		var seq task.Seq
		all := append(before, once(func(*task.Cx) { order = append(order, what) }))
		return s.Turn(key, func(cx *task.Cx) error { return seq.Run(cx, all...) })
	}
	a1 := does("a", "a1", go1.Wait)
	a2 := does("a", "a2")
	b1 := does("b", "b1")
	a3 := does("a", "a3")
	require.Equal(t, 2, s.Len())
	l.start(a3, a2, a1, b1) // in whatever order they are started
	require.Equal(t, []string{"b1"}, order)
	require.Equal(t, 1, s.Len())
	go1.Set(nil)
	l.Work()
	require.Equal(t, []string{"b1", "a1", "a2", "a3"}, order)
	require.Zero(t, s.Len())
	for _, turn := range []*lock.Turn[string]{a1, a2, a3, b1} {
		require.NoError(t, turn.Err())
	}
}

// Whichever of a chain is canceled, the others are done in order.
func TestStrandCanceled(t *testing.T) {
	for canceled := range 4 {
		for _, polled := range []bool{false, true} {
			l := newLab(t)
			var s lock.Strand[int]
			var begin lock.Event
			var order []int
			var all []*lock.Turn[int]
			for i := range 4 {
				var seq task.Seq
				all = append(all, s.Turn(0, func(cx *task.Cx) error {
					return seq.Run(cx, begin.Wait, once(func(*task.Cx) { order = append(order, i) }))
				}))
			}
			if !polled {
				begin.Set(nil)
			}
			for _, turn := range all {
				task.Detach(l, turn)
				if polled {
					l.Work()
				}
			}
			all[canceled].Cancel(errBoom)
			l.Work()
			begin.Set(nil)
			l.Work()
			require.ErrorIs(t, all[canceled].Err(), errBoom)
			var want []int
			for i := range 4 {
				if i != canceled {
					want = append(want, i)
				}
			}
			require.Equal(t, want, order)
			require.Zero(t, s.Len())
		}
	}
}

// A turn that was canceled before it was its turn does nothing, also when it learns both at
// a time.
func TestStrandCanceledAtItsTurn(t *testing.T) {
	l := newLab(t)
	var s lock.Strand[int]
	var begin lock.Event
	done := false
	first := s.Turn(0, begin.Wait)
	second := s.Turn(0, func(*task.Cx) error {
		done = true
		return nil
	})
	l.start(first, second)
	begin.Set(nil) // first is in the queue, and second behind it
	second.Cancel(errBoom)
	l.Work()
	require.NoError(t, first.Err())
	require.False(t, done, "canceled before its turn, and done all the same")
	require.ErrorIs(t, second.Err(), errBoom)
	require.Zero(t, s.Len())
}

// A turn that fails or panics, or is refused by a closed pool, holds up nobody.
func TestStrandFailures(t *testing.T) {
	bounded(t)
	l := newLab(t)
	var s lock.Strand[int]
	p, err := pool.New(pool.Config{Workers: 1})
	require.NoError(t, err)
	require.NoError(t, p.Close())
	fails := s.Turn(0, func(*task.Cx) error { return errBoom })
	panics := s.Turn(0, func(*task.Cx) error { panic(errBoom) })
	refused := s.Turn(0, func(*task.Cx) error { return nil })
	last := s.Turn(0, func(*task.Cx) error { return nil })
	join := act(func(cx *task.Cx) error {
		defer func() { _ = recover() }()
		return panics.Wait(cx)
	})
	task.Detach(p, refused)
	l.start(last, panics, join, fails)
	require.ErrorIs(t, fails.Err(), errBoom)
	require.Error(t, panics.Err())
	require.ErrorIs(t, refused.Err(), task.ErrClosed)
	require.NoError(t, last.Err())
	require.Zero(t, s.Len())
}

// What a turn has started is part of it.
func TestStrandWaitsForChildren(t *testing.T) {
	l := newLab(t)
	var s lock.Strand[int]
	var go1 lock.Event
	done := false
	var g task.Group
	var seq task.Seq
	first := s.Turn(0, func(cx *task.Cx) error {
		return seq.Run(cx, once(func(cx *task.Cx) {
			g.Go(cx, act(func(cx *task.Cx) error {
				cx.Shield()
				return go1.Wait(cx)
			}))
		}), (*task.Cx).Yield) // its end cancels the child, and waits for it
	})
	second := s.Turn(0, func(*task.Cx) error { done = true; return nil })
	l.start(first, second)
	require.False(t, done)
	go1.Set(nil)
	l.Work()
	require.True(t, done)
}

// Many keys at once: each in order, one at a time, and several keys beside each other.
func TestStrandStress(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		const keys = 10
		n := times(20_000)
		var s lock.Strand[int]
		var busy, last [keys]atomic.Int64
		var wrong, canceled, done atomic.Int64
		g := task.Group{Failed: func(task.Task, error) error { return nil }}
		var mu sync.Mutex // queued and started in one order
		var next [keys]int64
		rng := rand.New(rand.NewPCG(1, 2))
		for range n {
			key := rng.IntN(keys)
			mu.Lock()
			next[key]++
			i := next[key]
			yields := rng.IntN(3)
			var turn *lock.Turn[int]
			has := false
			turn = s.Turn(key, func(cx *task.Cx) error {
				if !has {
					has = true
					if busy[key].Add(1) != 1 || last[key].Swap(i) >= i {
						wrong.Add(1)
					}
				}
				for ; yields > 0; yields-- {
					if err := cx.Yield(); task.IsPending(err) {
						return err
					}
				}
				done.Add(1)
				busy[key].Add(-1)
				return nil
			})
			g.Go(p, turn)
			mu.Unlock()
			if rng.IntN(4) == 0 {
				turn.Cancel(errBoom)
				canceled.Add(1)
			}
		}
		require.NoError(t, g.WaitContext(background))
		require.Zero(t, wrong.Load())
		require.Zero(t, s.Len())
		require.GreaterOrEqual(t, done.Load(), int64(n)-canceled.Load())
	})
}
