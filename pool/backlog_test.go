package pool_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// brimful is a pool of one worker that is busy until the test releases it, with as many tasks
// waiting as its backlog allows, which a counts.
func brimful(t *testing.T, backlog int, a *tally) (*pool.Pool, *stuck) {
	p := openWith(t, fixed(pool.Config{Workers: 1, Backlog: backlog}))
	s := newStuck(t, nil)
	p.Go(s)
	<-s.inside
	for range backlog {
		p.Go(a.probe(succeed))
	}
	require.Equal(t, task.BacklogStats{Waiting: backlog, Depth: backlog}, p.Stats().Backlog)
	return p, s
}

func succeed(*task.Cx) error { return nil }

// Who cannot wait is refused beyond the backlog, and learns it; nothing of it is polled.
func TestBacklogRefuses(t *testing.T) {
	var a, refused tally
	p, s := brimful(t, 2, &a)
	p.Go(refused.probe(nil))
	var g task.Group
	g.Go(p, refused.probe(nil))
	g.GoAll(p, refused.probe(nil), refused.probe(nil))
	require.ErrorIs(t, g.WaitContext(background), task.ErrLimit)
	h := task.Go(p, func(*task.Cx) (int, error) { return 1, nil })
	_, err := h.WaitContext(background)
	require.ErrorIs(t, err, task.ErrLimit)
	var limited task.Group
	limited.SetLimit(1)
	require.ErrorIs(t, limited.TryGo(p, refused.probe(nil)), task.ErrLimit)
	limited.Go(p, refused.probe(nil)) // the slot has come back
	require.ErrorIs(t, limited.WaitContext(background), task.ErrLimit)
	require.EqualValues(t, 7, p.Stats().Backlog.Refused)
	require.Zero(t, refused.polled.Load())
	refused.check(t, 5) // but for TryGo's
	s.release()
	idle(t, p)
	a.check(t, 2)
	require.EqualValues(t, 2, a.well.Load())
	require.Zero(t, p.Stats().Backlog.Waiting)
	require.NoError(t, p.Run(background, a.probe(succeed)))
}

// A batch is taken as far as there is room.
func TestBacklogTakesPartOfABatch(t *testing.T) {
	p := openWith(t, fixed(pool.Config{Workers: 1, Backlog: 3}))
	s := newStuck(t, nil)
	p.Go(s)
	<-s.inside
	var a tally
	var ts []task.Task
	for range 5 {
		ts = append(ts, a.probe(succeed))
	}
	p.GoAll(ts...)
	require.EqualValues(t, 2, p.Stats().Backlog.Refused)
	a.check(t, 2)
	s.release()
	idle(t, p)
	a.check(t, 5)
	require.EqualValues(t, 3, a.well.Load())
}

// Who can wait waits for room, first come, first served, or until its context is done.
func TestBacklogBlocks(t *testing.T) {
	var a tally
	p, s := brimful(t, 1, &a)
	ctx, cancel := context.WithCancelCause(background)
	var limited task.Group
	limited.SetLimit(1)
	ended := make(chan error)
	go func() { ended <- limited.GoContext(ctx, p, a.probe(succeed)) }()
	until(t, "it to wait", func() bool { return p.Stats().Backlog.Blocked == 1 })
	cancel(errBoom)
	require.ErrorIs(t, <-ended, errBoom)
	var g task.Group
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() { _ = g.GoContext(background, p, a.probe(succeed)) })
	}
	all.Go(func() { _ = p.Run(background, a.probe(succeed)) })
	all.Go(func() { _ = limited.GoContext(background, p, a.probe(succeed)) }) // the slot has come back
	until(t, "them to wait", func() bool { return p.Stats().Backlog.Blocked == 7 })
	require.ErrorIs(t, g.TryGo(p, a.probe(nil)), task.ErrLimit, "it does not overtake")
	s.release()
	all.Wait()
	require.NoError(t, g.WaitContext(background))
	require.NoError(t, limited.WaitContext(background))
	idle(t, p)
	a.check(t, 8)
	require.Equal(t, 1, p.Stats().Backlog.Depth)
}

// What the pool owes anyway has no need of room: timers, wake-ups, and what tasks start.
func TestBacklogExempts(t *testing.T) {
	var a tally
	p := openWith(t, fixed(pool.Config{Workers: 1, Backlog: 1}))
	var waker task.Waker
	parked := make(chan struct{})
	var g task.Group
	g.Go(p, task.Func(func(cx *task.Cx) error {
		if waker == (task.Waker{}) {
			waker = cx.Waker()
			close(parked)
			return task.Pending
		}
		for range 10 {
			cx.Go(a.probe(succeed))
		}
		return nil
	}))
	<-parked
	s := newStuck(t, nil)
	p.Go(s)
	<-s.inside
	p.Go(a.probe(succeed))
	var rang atomic.Int64
	for range 10 {
		p.AfterFunc(time.Microsecond, func() { rang.Add(1) })
	}
	waker.Wake()
	s.release()
	require.NoError(t, g.WaitContext(background))
	until(t, "the timers", func() bool { return rang.Load() == 10 })
	idle(t, p)
	a.check(t, 11)
	require.Zero(t, p.Stats().Backlog.Refused)
}

// A pool that is closed lets go of those who wait for room.
func TestBacklogOfAClosedPool(t *testing.T) {
	var a tally
	p, s := brimful(t, 1, &a)
	var g task.Group
	var all sync.WaitGroup
	var unfed atomic.Int64
	for range 3 {
		all.Go(func() {
			if err := g.GoContext(background, p, a.probe(nil)); err != nil {
				unfed.Add(1)
			}
		})
	}
	until(t, "them to wait", func() bool { return p.Stats().Backlog.Blocked == 3 })
	closed := make(chan error)
	go func() { closed <- p.Close() }()
	until(t, "it to close", func() bool { return pool.ContextOf(p).Err() != nil })
	s.release()
	require.NoError(t, <-closed)
	all.Wait()
	a.check(t, 4-unfed.Load())
	require.EqualValues(t, 0, a.polled.Load())
	in := p.Stats().Backlog
	require.Zero(t, in.Waiting+in.Blocked)
}

// Whatever comes at a time, each task is begun once or refused, and never more wait than the
// backlog allows.
func TestBacklogStorm(t *testing.T) {
	const backlog, starters = 4, 6
	n := 2000
	if slow() {
		n = 200
	}
	p := openWith(t, pool.Config{Workers: 2, Backlog: backlog})
	var a tally
	var refused atomic.Int64
	var g task.Group
	var all sync.WaitGroup
	for i := range starters {
		all.Go(func() {
			for k := range n {
				switch (i + k) % 3 {
				case 0:
					p.Go(a.probe(succeed)) // in the group a refusal would cancel the others
				case 1:
					if err := g.GoContext(background, p, a.probe(succeed)); err != nil {
						t.Error(err)
					}
				default:
					if err := g.TryGo(p, a.probe(succeed)); errors.Is(err, task.ErrLimit) {
						refused.Add(1)
					}
				}
			}
		})
	}
	all.Wait()
	require.NoError(t, g.WaitContext(background))
	idle(t, p)
	total := int64(starters * n)
	a.check(t, total-refused.Load())
	in := p.Stats().Backlog
	require.Equal(t, a.polled.Load(), a.well.Load())
	require.EqualValues(t, total-a.well.Load(), in.Refused)
	require.LessOrEqual(t, in.Depth, backlog)
	require.Zero(t, in.Waiting+in.Blocked)
}

func TestBacklogIsChecked(t *testing.T) {
	_, err := pool.New(pool.Config{Backlog: -1})
	require.ErrorContains(t, err, "backlog")
}

// TestGrowingBacklog is a program whose tasks are started faster than they are polled: Live grows, a dump has few of them, and the
// backlog bounds that. (The page Seeing, "it grows", 2.)
func TestGrowingBacklog(t *testing.T) {
	const n, bound = 300, 40
	grow := func(p *pool.Pool) (waits *stuck, a *tally, d *pool.Dump) {
		a = new(tally)
		waits = newStuck(t, nil)
		p.Go(waits)
		<-waits.inside
		for range n {
			p.Go(a.probe(succeed))
		}
		return waits, a, p.Dump(pool.DumpOptions{})
	}
	p := openWith(t, fixed(pool.Config{Workers: 1}))
	s, a, d := grow(p)
	require.EqualValues(t, n+1, d.Live, "2: Live grows")
	require.Zero(t, d.Suspended+d.Active, "2: and the dump has none of them")
	require.Empty(t, d.Shapes)
	s.release()
	idle(t, p)
	a.check(t, n)

	p = openWith(t, fixed(pool.Config{Workers: 1, Backlog: bound}))
	s, a, d = grow(p)
	require.EqualValues(t, bound+1, d.Live, "2: it is bounded")
	require.Equal(t, task.BacklogStats{Waiting: bound, Depth: bound, Refused: n - bound}, p.Stats().Backlog)
	a.check(t, n-bound)
	s.release()
	idle(t, p)
	a.check(t, n)
	require.EqualValues(t, bound, a.well.Load())
}
