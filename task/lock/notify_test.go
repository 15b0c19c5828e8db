package lock_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

func TestNotifyOne(t *testing.T) {
	l := newLab(t)
	var n lock.Notify
	var order []int
	var all []*actor
	for i := range 3 {
		all = append(all, l.begin(n.Wait, once(func(*task.Cx) { order = append(order, i) })))
	}
	n.One(nil)
	l.Work()
	l.well(all[0])
	l.wait(all[1:]...)
	n.One(nil)
	n.One(nil)
	l.Work()
	l.well(all...)
	require.Equal(t, []int{0, 1, 2}, order)

	// Nobody waits: the next who comes is told, once.
	n.One(nil)
	n.One(nil)
	require.True(t, n.Pending())
	l.well(l.begin(n.Wait))
	require.False(t, n.Pending())
	n.One(nil)
	require.NoError(t, n.WaitContext(background))
	require.False(t, n.Pending())
	require.False(t, n.Waits())
}

// A notification that its task does not want any more is the next one's, or is kept.
func TestNotifyOnePassedOn(t *testing.T) {
	l := newLab(t)
	var n lock.Notify
	a, b := l.begin(n.Wait), l.begin(n.Wait)
	n.One(nil)
	a.Cancel(errBoom)
	l.Work()
	l.well(b)
	require.ErrorIs(t, a.err, errBoom)

	c := l.begin(n.Wait)
	n.One(nil)
	c.Cancel(errBoom)
	l.Work()
	require.ErrorIs(t, c.err, errBoom)
	require.True(t, n.Pending())
	l.well(l.begin(n.Wait))
	require.False(t, n.Waits())

	d := l.begin(n.Wait)
	l.cancel(d)
	require.False(t, n.Waits())
	require.False(t, n.Pending())
}

func TestNotifyAll(t *testing.T) {
	bounded(t)
	const tasks = 100 // several batches
	l := newLab(t)
	var n lock.Notify
	var waits, past []*actor
	for range tasks {
		waits = append(waits, l.begin(n.Wait))
		past = append(past, l.begin(func(cx *task.Cx) error { return n.WaitPast(cx, 0) }))
	}
	// Whoever comes while All tells the others is not told: here, who waits again at once.
	again := l.begin(n.Wait, n.Wait)
	n.All(nil)
	l.Work()
	l.well(waits...)
	l.well(past...)
	l.wait(again)
	require.EqualValues(t, 1, n.Generation())
	require.False(t, n.Pending(), "All tells nobody who comes later")
	late := l.begin(n.Wait)
	l.wait(late)
	n.All(nil)
	l.Work()
	l.well(again, late)
	require.False(t, n.Waits())
}

// All is over when those that were there are told, although they come again at once.
func TestNotifyAllWithNewcomers(t *testing.T) {
	bounded(t)
	const tasks = 100
	p := open(t, 2)
	var n lock.Notify
	var told, ended atomic.Int64
	var g task.Group
	ctx, cancel := context.WithCancel(background)
	for range tasks {
		g.Go(p, task.Func(func(cx *task.Cx) error {
			for {
				if ctx.Err() != nil {
					ended.Add(1)
					return nil
				}
				if err := n.Wait(cx); err != nil {
					return err
				}
				told.Add(1)
			}
		}))
	}
	rounds := int64(times(1000))
	for range rounds {
		n.All(nil)
	}
	require.LessOrEqual(t, told.Load(), rounds*tasks, "each All tells a task once")
	cancel()
	until(t, "the end", func() bool {
		n.All(nil)
		return ended.Load() == tasks
	})
	require.NoError(t, g.WaitContext(background))
	require.False(t, n.Waits())
}

func TestWaitPast(t *testing.T) {
	bounded(t)
	l := newLab(t)
	var n lock.Notify
	past := func(gen uint64) step { return func(cx *task.Cx) error { return n.WaitPast(cx, gen) } }
	a := l.begin(past(0))
	l.wait(a)
	n.One(nil) // is not for those in WaitPast
	l.Work()
	l.wait(a)
	n.All(nil)
	l.Work()
	l.well(a)
	l.well(l.begin(past(0), past(0), past(7))) // it is sticky
	l.well(l.begin(past(1 << 40)))
	b := l.begin(past(1))
	l.wait(b)
	l.cancel(b)
	require.False(t, n.Waits())

	require.NoError(t, n.WaitPastContext(background, 0))
	require.ErrorIs(t, n.WaitPastContext(canceledContext(), 1), errBoom)
	got := goes(func() error { return n.WaitPastContext(background, 1) })
	until(t, "the goroutine in line", n.Waits)
	n.All(nil)
	require.NoError(t, got())
	require.False(t, n.Waits())
}

func TestNotifyContext(t *testing.T) {
	bounded(t)
	l := newLab(t)
	var n lock.Notify
	n.One(nil)
	require.ErrorIs(t, n.WaitContext(canceledContext()), errBoom)
	require.True(t, n.Pending(), "not consumed")
	require.NoError(t, n.WaitContext(background))

	got := goes(func() error { return n.WaitContext(background) })
	until(t, "the goroutine in line", n.Waits)
	a := l.begin(n.Wait)
	n.One(nil)
	require.NoError(t, got())
	l.wait(a)
	n.All(nil)
	l.Work()
	l.well(a)

	ctx, cancel := context.WithCancelCause(background)
	got = goes(func() error { return n.WaitContext(ctx) })
	until(t, "the goroutine in line", n.Waits)
	cancel(errBoom)
	require.ErrorIs(t, got(), errBoom)
	require.False(t, n.Waits())
}

func TestEvent(t *testing.T) {
	bounded(t)
	l := newLab(t)
	var e lock.Event
	require.False(t, e.IsSet())
	a, b := l.begin(e.Wait), l.begin(e.Wait, e.Wait)
	c := l.begin(e.Wait)
	l.cancel(c)
	got := goes(func() error { return e.WaitContext(background) })
	l.wait(a, b)
	e.Set(nil)
	e.Set(nil)
	require.True(t, e.IsSet())
	l.Work()
	l.well(a, b)
	require.NoError(t, got())
	require.NoError(t, e.WaitContext(canceledContext()), "what has happened goes before the context")
	require.False(t, e.Waits())

	e.Clear()
	require.False(t, e.IsSet())
	require.ErrorIs(t, e.WaitContext(canceledContext()), errBoom)
	d := l.begin(e.Wait)
	e.Set(nil)
	e.Clear()
	l.Work()
	l.wait(d) // it was woken, and waits on
	e.Set(nil)
	l.Work()
	l.well(d)
	require.False(t, e.Waits())
}

func TestBarrier(t *testing.T) {
	bounded(t)
	l := newLab(t)
	b := lock.NewBarrier(3)
	lasts := 0
	wait := func(cx *task.Cx) error {
		last, err := b.Wait(cx)
		if last {
			lasts++
		}
		return err
	}
	for round := range 3 {
		x, y := l.begin(wait), l.begin(wait)
		l.wait(x, y)
		if round == 1 { // one who is canceled has not come
			l.cancel(x)
			x = l.begin(wait)
		}
		z := l.begin(wait)
		l.well(x, y, z)
		require.Equal(t, round+1, lasts)
		here, waits := b.Here()
		require.Zero(t, here)
		require.False(t, waits)
	}
	// Two rounds of the same tasks.
	again := []*actor{l.begin(wait, wait), l.begin(wait, wait), l.begin(wait, wait)}
	l.Work()
	l.well(again...)
	require.Equal(t, 5, lasts)

	// Who has been told and is canceled has come all the same.
	x, y := l.begin(wait), l.begin(wait)
	last, err := b.WaitContext(background)
	require.NoError(t, err)
	require.True(t, last)
	x.Cancel(errBoom)
	l.Work()
	l.well(y)
	here, _ := b.Here()
	require.Zero(t, here)

	// A goroutine that is not the last, and one that gives up.
	got := goes(func() error {
		last, err := b.WaitContext(background)
		require.False(t, last)
		return err
	})
	until(t, "the goroutine at the barrier", func() bool { here, _ := b.Here(); return here == 1 })
	ctx, cancel := context.WithCancelCause(background)
	fickle := goes(func() error { _, err := b.WaitContext(ctx); return err })
	until(t, "both at the barrier", func() bool { here, _ := b.Here(); return here == 2 })
	cancel(errBoom)
	require.ErrorIs(t, fickle(), errBoom)
	_, err = b.WaitContext(ctx)
	require.ErrorIs(t, err, errBoom)
	p, q := l.begin(wait), l.begin(wait)
	l.well(p, q)
	require.NoError(t, got())

	require.PanicsWithValue(t, "lock: NewBarrier(0): at least one has to come", func() { lock.NewBarrier(0) })
	last, err = lock.NewBarrier(1).WaitContext(background)
	require.NoError(t, err)
	require.True(t, last)
}

// Many rounds of tasks and goroutines: nobody is ever a round ahead.
func TestBarrierRounds(t *testing.T) {
	bounded(t)
	const tasks, goroutines = 40, 4 // more than a batch
	rounds := times(300)
	p := open(t, 2)
	b := lock.NewBarrier(tasks + goroutines)
	var arrived, lasts, wrong atomic.Int64
	check := func(round int, last bool) {
		if last {
			lasts.Add(1)
		}
		if n := arrived.Load(); n < int64((round+1)*(tasks+goroutines)) {
			wrong.Add(1)
		}
	}
	var g task.Group
	for range tasks {
		round, here := 0, false
		g.Go(p, task.Func(func(cx *task.Cx) error {
			for round < rounds {
				if !here {
					arrived.Add(1)
					here = true
				}
				last, err := b.Wait(cx)
				if err != nil {
					return err
				}
				check(round, last)
				round, here = round+1, false
			}
			return nil
		}))
	}
	var results []func() error
	for range goroutines {
		results = append(results, goes(func() error {
			for round := range rounds {
				arrived.Add(1)
				last, err := b.WaitContext(background)
				if err != nil {
					return err
				}
				check(round, last)
			}
			return nil
		}))
	}
	for _, result := range results {
		require.NoError(t, result())
	}
	require.NoError(t, g.WaitContext(background))
	require.EqualValues(t, rounds, lasts.Load())
	require.Zero(t, wrong.Load())
	here, waits := b.Here()
	require.Zero(t, here)
	require.False(t, waits)
}
