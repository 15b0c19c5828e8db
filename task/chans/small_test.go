package chans_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
)

// answers is a task that waits for the value.
func answers(o *chans.Oneshot[int], got *[]int) *recorder {
	return steps(func(cx *task.Cx) error {
		v, err := o.Recv(cx)
		if err == nil {
			*got = append(*got, v)
		}
		return err
	})
}

func TestOneshot(t *testing.T) {
	var o chans.Oneshot[int]
	_, err := o.TryRecv()
	require.Equal(t, chans.ErrEmpty, err)
	require.NoError(t, o.Send(nil, 1))
	require.ErrorIs(t, o.Send(nil, 2), task.ErrClosed, "one value, once")
	v, err := o.TryRecv()
	require.NoError(t, err)
	require.Equal(t, 1, v)
	_, err = o.TryRecv()
	require.ErrorIs(t, err, task.ErrClosed)
	_, err = o.RecvContext(background)
	require.ErrorIs(t, err, task.ErrClosed)
	require.ErrorIs(t, runSteps(answers(&o, new([]int)).poll), task.ErrClosed)
	require.ErrorIs(t, o.Send(nil, 3), task.ErrClosed)
	o.Close(nil)

	o.Reset()
	require.NoError(t, o.Send(nil, 4))
	v, err = o.RecvContext(background)
	require.NoError(t, err)
	require.Equal(t, 4, v)
}

func TestOneshotReset(t *testing.T) {
	const mistake = "chans: Reset of a Oneshot that is not over"
	var o chans.Oneshot[int]
	require.PanicsWithValue(t, mistake, o.Reset)
	require.NoError(t, o.Send(nil, 1))
	require.PanicsWithValue(t, mistake, o.Reset)
	_, _ = o.TryRecv()
	o.Reset()
	_, err := o.TryRecv()
	require.Equal(t, chans.ErrEmpty, err)
	o.Close(nil)
	o.Reset()
	require.NoError(t, o.Send(nil, 2))
}

func TestOneshotClose(t *testing.T) {
	var sent, empty chans.Oneshot[int]
	require.NoError(t, sent.Send(nil, 1))
	sent.Close(nil)
	v, err := sent.TryRecv()
	require.NoError(t, err, "a value that was sent is still received")
	require.Equal(t, 1, v)

	r := answers(&empty, new([]int))
	other := async(func() error { _, err := empty.RecvContext(background); return err })
	until(empty.Waiting)
	var g task.Group
	require.NoError(t, runSteps(start(&g, r), rounds(1), once(empty.Close), g.Wait))
	require.ErrorIs(t, r.ends[0], task.ErrClosed)
	require.ErrorIs(t, other(), task.ErrClosed)
	require.ErrorIs(t, empty.Send(nil, 1), task.ErrClosed)
	require.False(t, empty.Waiting())
}

// One of those who wait gets it, the one who came first; the others learn that it is gone.
func TestOneshotGoesToOne(t *testing.T) {
	var o chans.Oneshot[int]
	var got [3][]int
	rs := []*recorder{answers(&o, &got[0]), answers(&o, &got[1]), answers(&o, &got[2])}
	var g task.Group
	require.NoError(t, runSteps(
		start(&g, rs...), rounds(1),
		once(func(cx *task.Cx) {
			require.NoError(t, o.Send(cx, 7))
			_, err := o.TryRecv()
			require.Equal(t, chans.ErrEmpty, err, "it is promised")
			require.Panics(t, o.Reset)
			o.Close(cx)
		}),
		g.Wait,
	))
	require.Equal(t, [3][]int{{7}, nil, nil}, got)
	require.ErrorIs(t, rs[1].ends[0], task.ErrClosed)
	require.ErrorIs(t, rs[2].ends[0], task.ErrClosed)
	require.False(t, o.Waiting())
	o.Reset()
}

// Who does not want it any more leaves it to the next, or in place.
func TestOneshotOfACanceledReceiver(t *testing.T) {
	for _, several := range []bool{false, true} {
		var o chans.Oneshot[int]
		var got [2][]int
		first, second := answers(&o, &got[0]), answers(&o, &got[1])
		all := []*recorder{first}
		if several {
			all = append(all, second)
		}
		var g task.Group
		require.NoError(t, runSteps(
			start(&g, all...), rounds(1),
			once(func(cx *task.Cx) { require.NoError(t, o.Send(cx, 7)) }),
			cancel(first), g.Wait,
		))
		require.ErrorIs(t, first.ends[0], errBoom)
		require.Empty(t, got[0])
		if several {
			require.Equal(t, []int{7}, got[1])
		} else {
			v, err := o.TryRecv()
			require.NoError(t, err)
			require.Equal(t, 7, v)
		}
		require.False(t, o.Waiting())
	}
}

func TestOneshotContextIsDone(t *testing.T) {
	var o chans.Oneshot[int]
	ctx, cancel := context.WithCancelCause(background)
	other := async(func() error { _, err := o.RecvContext(ctx); return err })
	until(o.Waiting)
	cancel(errBoom)
	require.ErrorIs(t, other(), errBoom)
	require.False(t, o.Waiting())
}

// As with all others, what does not wait goes before the context.
func TestOneshotBeforeTheContext(t *testing.T) {
	var o chans.Oneshot[int]
	ctx, cancel := context.WithCancel(background)
	cancel()
	require.NoError(t, o.Send(nil, 1))
	_, err := o.RecvContext(ctx)
	require.NoError(t, err)
}

func TestOneshotAllocations(t *testing.T) {
	if invariant.Enabled {
		t.Skip("builds that check allocate")
	}
	var o chans.Oneshot[int]
	require.Zero(t, allocations(t, func(cx *task.Cx) error {
		_ = o.Send(cx, 1)
		_, err := o.Recv(cx)
		if err == nil {
			o.Reset()
		}
		return err
	}))
}

// hears is a task that receives until the broadcast is closed.
func hears(s *chans.Subscription[int], got *[]int, lost *uint64) *recorder {
	return steps(func(cx *task.Cx) error {
		for {
			v, err := s.Recv(cx)
			var lag *chans.LagError
			switch {
			case errors.As(err, &lag):
				*lost += lag.Lost
			case err != nil:
				return err
			default:
				*got = append(*got, v)
			}
		}
	})
}

func TestBroadcast(t *testing.T) {
	b := chans.NewBroadcast[int](4)
	require.NoError(t, b.Send(nil, -1), "nobody listens")
	s := b.Subscribe()
	_, err := s.TryRecv()
	require.Equal(t, chans.ErrEmpty, err, "from now on")
	var got [3][]int
	var lost uint64
	rs := []*recorder{hears(b.Subscribe(), &got[0], &lost), hears(b.Subscribe(), &got[1], &lost)}
	other := async(func() (got []int) {
		for v, err := range s.Values(background) {
			require.NoError(t, err)
			got = append(got, v)
		}
		return got
	})
	until(b.Waiting)
	var g task.Group
	require.NoError(t, runSteps(
		start(&g, rs...), rounds(1),
		once(func(cx *task.Cx) { require.NoError(t, b.Send(cx, 1)) }), rounds(2),
		once(func(cx *task.Cx) {
			require.NoError(t, b.Send(cx, 2))
			require.NoError(t, b.Send(cx, 3))
		}),
		once(b.Close), g.Wait,
	))
	require.Equal(t, []int{1, 2, 3}, got[0])
	require.Equal(t, []int{1, 2, 3}, got[1])
	require.Equal(t, []int{1, 2, 3}, other())
	for _, r := range rs {
		require.ErrorIs(t, r.ends[0], task.ErrClosed)
	}
	require.ErrorIs(t, b.Send(nil, 4), task.ErrClosed)
	b.Close(nil)
	_, err = b.Subscribe().TryRecv()
	require.ErrorIs(t, err, task.ErrClosed)
	require.False(t, b.Waiting())
}

// The number of lost values is exact, and the next one is the oldest that is left.
func TestLag(t *testing.T) {
	for n := 1; n <= 5; n++ {
		for sent := range 4 * n {
			b := chans.NewBroadcast[int](n)
			require.NoError(t, b.Send(nil, -1))
			s := b.Subscribe()
			for v := range sent {
				require.NoError(t, b.Send(nil, v))
			}
			first := 0
			if sent > n {
				_, err := s.TryRecv()
				var lag *chans.LagError
				require.ErrorAs(t, err, &lag)
				first = sent - n
				require.EqualValues(t, first, lag.Lost)
			}
			for v := first; v < sent; v++ {
				got, err := s.TryRecv()
				require.NoError(t, err)
				require.Equal(t, v, got)
			}
			_, err := s.TryRecv()
			require.Equal(t, chans.ErrEmpty, err)
		}
	}
	require.EqualError(t, &chans.LagError{Lost: 7}, "chans: the receiver was too slow: it has lost 7 values")
}

func TestLagInAllForms(t *testing.T) {
	b := chans.NewBroadcast[int](2)
	var ss [3]*chans.Subscription[int]
	for i := range ss {
		ss[i] = b.Subscribe()
	}
	for v := range 5 {
		require.NoError(t, b.Send(nil, v))
	}
	b.Close(nil)
	var got []int
	var lost uint64
	require.ErrorIs(t, runSteps(hears(ss[0], &got, &lost).poll), task.ErrClosed)
	require.Equal(t, []int{3, 4}, got)
	require.EqualValues(t, 3, lost)

	_, err := ss[1].RecvContext(background)
	require.Equal(t, &chans.LagError{Lost: 3}, err)
	v, err := ss[1].RecvContext(background)
	require.NoError(t, err)
	require.Equal(t, 3, v)

	var log []any
	for v, err := range ss[2].Values(background) {
		if log = append(log, v, err); v == 3 {
			break
		}
	}
	require.Equal(t, []any{0, &chans.LagError{Lost: 3}, 3, nil}, log)
	v, err = ss[2].TryRecv()
	require.NoError(t, err)
	require.Equal(t, 4, v)
}

func TestBroadcastContextIsDone(t *testing.T) {
	b := chans.NewBroadcast[int](2)
	s := b.Subscribe()
	ctx, cancel := context.WithCancelCause(background)
	other := async(func() error { _, err := s.RecvContext(ctx); return err })
	until(b.Waiting)
	cancel(errBoom)
	require.ErrorIs(t, other(), errBoom)
	require.False(t, b.Waiting())
	for range s.Values(ctx) {
		t.Fatal("the context is done")
	}
	require.NoError(t, b.Send(nil, 1))
	v, err := s.RecvContext(ctx)
	require.NoError(t, err, "a value goes before the context")
	require.Equal(t, 1, v)
}

func TestBroadcastToACanceledTask(t *testing.T) {
	b := chans.NewBroadcast[int](2)
	s := b.Subscribe()
	var got []int
	r := hears(s, &got, new(uint64))
	var g task.Group
	require.NoError(t, runSteps(start(&g, r), rounds(1), cancel(r), g.Wait))
	require.ErrorIs(t, r.ends[0], errBoom)
	require.False(t, b.Waiting())
	// Another task may go on with the subscription.
	r = hears(s, &got, new(uint64))
	require.NoError(t, runSteps(
		start(&g, r), rounds(1),
		once(func(cx *task.Cx) { require.NoError(t, b.Send(cx, 1)) }), once(b.Close), g.Wait,
	))
	require.Equal(t, []int{1}, got)
}

// A crowd waits on each worker, and that one wakes it: everybody receives each value, in order.
func TestBroadcastToCrowds(t *testing.T) {
	const receivers, keeps = 400, 4
	values := scale(400)
	p := openPool(t)
	b := chans.NewBroadcast[int](keeps)
	var g task.Group
	var got atomic.Int64
	var all lock.Notify
	for range receivers {
		s := b.Subscribe()
		next := 0
		g.Go(p, task.Func(func(cx *task.Cx) error {
			for next < values {
				v, err := s.Recv(cx)
				if err != nil {
					return err
				}
				if v != next {
					return fmt.Errorf("%d instead of %d", v, next)
				}
				if next++; got.Add(1)%receivers == 0 {
					all.One(cx)
				}
			}
			return nil
		}))
	}
	sent, waits := 0, false
	g.Go(p, task.Func(func(cx *task.Cx) error {
		for ; sent < values; sent++ {
			if !waits {
				if err := b.Send(cx, sent); err != nil {
					return err
				}
				waits = true
			}
			if err := all.Wait(cx); err != nil {
				return err
			}
			waits = false
		}
		return nil
	}))
	require.NoError(t, g.WaitContext(background))
	require.False(t, b.Waiting())
}

// A herald that is refused, because its pool has ended, wakes those of other pools all the same.
func TestBroadcastByAHeraldThatIsRefused(t *testing.T) {
	p, ended := openPool(t), openPool(t)
	require.NoError(t, ended.Close())
	b := chans.NewBroadcast[int](1)
	s := b.Subscribe()
	var g task.Group
	got := 0
	g.Go(p, task.Func(func(cx *task.Cx) (err error) {
		got, err = s.Recv(cx)
		return err
	}))
	for !b.Waiting() {
		runtime.Gosched()
	}
	b.SendQuietly(7)
	task.DetachAll(ended, b.Heralds()...)
	require.NoError(t, g.WaitContext(background))
	require.Equal(t, 7, got)
}

// Many send at the same time, and some listen, tasks and goroutines, slow ones too: what
// is not received is counted, the values of a sender are in order, and the last of all is
// received by everybody.
func TestBroadcastOfMany(t *testing.T) {
	const senders, listeners = 3, 4
	values := scale(20_000)
	p := openPool(t)
	b := chans.NewBroadcast[int](8)
	var g task.Group
	type report struct {
		got  []int
		lost uint64
	}
	reports := make([]report, listeners)
	for i := range reports {
		s, r := b.Subscribe(), &reports[i]
		slow := func() {
			if i >= 2 && len(r.got)%64 == 0 {
				for range 100 {
					runtime.Gosched()
				}
			}
		}
		if i%2 == 0 {
			g.Goroutine(p, func(ctx context.Context) error {
				for v, err := range s.Values(ctx) {
					var lag *chans.LagError
					if errors.As(err, &lag) {
						r.lost += lag.Lost
						continue
					}
					r.got = append(r.got, v)
					slow()
				}
				return nil
			})
			continue
		}
		g.Go(p, task.Func(func(cx *task.Cx) error {
			for {
				v, err := s.Recv(cx)
				var lag *chans.LagError
				switch {
				case errors.As(err, &lag):
					r.lost += lag.Lost
				case err != nil:
					return ignoreClosed(err)
				default:
					r.got = append(r.got, v)
					slow()
				}
			}
		}))
	}
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			for _, v := range numbered(i, values) {
				if b.Send(nil, v) != nil {
					t.Error("an open broadcast refuses a value")
				}
			}
		})
	}
	all.Wait()
	require.NoError(t, b.Send(nil, -1))
	b.Close(nil)
	require.NoError(t, g.WaitContext(background))
	for i, r := range reports {
		require.EqualValues(t, senders*values+1, uint64(len(r.got))+r.lost, "listener %d", i)
		require.Equal(t, -1, r.got[len(r.got)-1])
		last := [senders]int{-1, -1, -1}
		for _, v := range r.got[:len(r.got)-1] {
			from := v / 1_000_000
			require.Greater(t, v%1_000_000, last[from], "the values of a sender are in order")
			last[from] = v % 1_000_000
		}
		t.Logf("listener %d: %d received, %d lost", i, len(r.got), r.lost)
	}
	require.False(t, b.Waiting())
}

// sees is a task that watches until it is closed.
func sees(w *chans.Watcher[int], got *[]int) *recorder {
	return steps(func(cx *task.Cx) error {
		for {
			v, err := w.Next(cx)
			if err != nil {
				return err
			}
			*got = append(*got, v)
		}
	})
}

func TestWatch(t *testing.T) {
	w := chans.NewWatch(1)
	require.Equal(t, 1, w.Get())
	r := w.Watch()
	_, err := r.TryNext()
	require.Equal(t, chans.ErrEmpty, err, "from now on")
	require.NoError(t, w.Set(nil, 2))
	require.NoError(t, w.Set(nil, 3))
	v, err := r.TryNext()
	require.NoError(t, err)
	require.Equal(t, 3, v, "what came in between is of no interest")
	_, err = r.TryNext()
	require.Equal(t, chans.ErrEmpty, err)

	require.NoError(t, w.Update(nil, func(old int) (int, bool) { return old + 1, false }))
	require.Equal(t, 3, w.Get())
	_, err = r.TryNext()
	require.Equal(t, chans.ErrEmpty, err, "nothing has changed")
	require.NoError(t, w.Update(nil, func(old int) (int, bool) { return old + 1, true }))
	require.Equal(t, 4, w.Get())

	w.Close(nil)
	w.Close(nil)
	require.ErrorIs(t, w.Set(nil, 5), task.ErrClosed)
	require.ErrorIs(t, w.Update(nil, func(int) (int, bool) { t.Error("f is called"); return 0, true }), task.ErrClosed)
	require.Equal(t, 4, w.Get())
	v, err = r.TryNext()
	require.NoError(t, err, "the latest is seen, also afterwards")
	require.Equal(t, 4, v)
	_, err = r.TryNext()
	require.ErrorIs(t, err, task.ErrClosed)
	_, err = r.NextContext(background)
	require.ErrorIs(t, err, task.ErrClosed)
	require.ErrorIs(t, runSteps(sees(r, new([]int)).poll), task.ErrClosed)
	_, err = w.Watch().TryNext()
	require.ErrorIs(t, err, task.ErrClosed)
}

// A panic in f harms nobody else.
func TestUpdateThatPanics(t *testing.T) {
	w := chans.NewWatch(1)
	require.PanicsWithValue(t, "oh", func() { _ = w.Update(nil, func(int) (int, bool) { panic("oh") }) })
	require.NoError(t, w.Set(nil, 2))
	require.Equal(t, 2, w.Get())
}

func TestNextWaits(t *testing.T) {
	w := chans.NewWatch(0)
	var got [2][]int
	rs := []*recorder{sees(w.Watch(), &got[0]), sees(w.Watch(), &got[1])}
	watcher := w.Watch()
	other := async(func() (got []int) {
		for v := range watcher.Values(background) {
			got = append(got, v)
		}
		return got
	})
	until(w.Waiting)
	var g task.Group
	require.NoError(t, runSteps(
		start(&g, rs...), rounds(1),
		once(func(cx *task.Cx) { require.NoError(t, w.Set(cx, 1)) }), rounds(2),
		once(func(cx *task.Cx) { require.NoError(t, w.Set(cx, 2)) }),
		once(w.Close), g.Wait,
	))
	require.Equal(t, []int{1, 2}, got[0])
	require.Equal(t, []int{1, 2}, got[1])
	seen := other()
	require.Equal(t, 2, seen[len(seen)-1])
	for _, r := range rs {
		require.ErrorIs(t, r.ends[0], task.ErrClosed)
	}
	require.False(t, w.Waiting())
}

func TestWatchOfACanceled(t *testing.T) {
	w := chans.NewWatch(0)
	r := sees(w.Watch(), new([]int))
	var g task.Group
	require.NoError(t, runSteps(start(&g, r), rounds(1), cancel(r), g.Wait))
	require.ErrorIs(t, r.ends[0], errBoom)
	require.False(t, w.Waiting())

	ctx, cancel := context.WithCancelCause(background)
	watcher := w.Watch()
	other := async(func() error { _, err := watcher.NextContext(ctx); return err })
	until(w.Waiting)
	cancel(errBoom)
	require.ErrorIs(t, other(), errBoom)
	require.False(t, w.Waiting())
	for range watcher.Values(ctx) {
		t.Fatal("the context is done")
	}
}

// Many set and watch at the same time: no change is forgotten, and everybody sees the last.
func TestWatchOfMany(t *testing.T) {
	values := scale(10_000)
	p := openPool(t)
	w := chans.NewWatch(0)
	var g task.Group
	var got [4][]int
	for i := range got {
		watcher := w.Watch()
		if i%2 == 0 {
			g.Go(p, task.Func(func(cx *task.Cx) error {
				for {
					v, err := watcher.Next(cx)
					if err != nil {
						return ignoreClosed(err)
					}
					got[i] = append(got[i], v)
				}
			}))
			continue
		}
		g.Goroutine(p, func(ctx context.Context) error {
			for v := range watcher.Values(ctx) {
				got[i] = append(got[i], v)
			}
			return nil
		})
	}
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for range values {
				_ = w.Update(nil, func(v int) (int, bool) { return v + 1, true })
			}
		})
	}
	all.Wait()
	w.Close(nil)
	require.NoError(t, g.WaitContext(background))
	require.Equal(t, 3*values, w.Get())
	for _, vs := range got {
		require.IsIncreasing(t, vs)
		require.Equal(t, 3*values, vs[len(vs)-1])
	}
	require.False(t, w.Waiting())
}

// Tasks that watch end and are spawned again while a worker is about to wake them. For the
// race detector.
func TestWatchersThatAreSpawnedAgain(t *testing.T) {
	p := openPool(t)
	w := chans.NewWatch(0)
	g := task.Group{Failed: func(task.Task, error) error { return nil }}
	for range 200 { // it takes a while to wake them all
		g.Go(p, sees(w.Watch(), new([]int)))
	}
	over := make(chan struct{})
	for range 8 {
		g.Goroutine(p, func(ctx context.Context) error {
			watcher := w.Watch()
			r := &recorder{poll: func(cx *task.Cx) error {
				_, err := watcher.Next(cx)
				return err
			}}
			for {
				select {
				case <-over:
					return nil
				default:
				}
				var life task.Group
				life.Failed = g.Failed
				life.Go(p, r)
				runtime.Gosched()
				r.Cancel(errBoom)
				_ = life.WaitContext(ctx)
			}
		})
	}
	n := 0
	require.NoError(t, p.Run(background, task.Func(func(cx *task.Cx) error {
		for ; n < scale(5000); n++ {
			if err := cx.Spend(); err != nil {
				return err
			}
			_ = w.Set(cx, n)
		}
		return nil
	})))
	close(over)
	w.Close(nil)
	require.NoError(t, g.WaitContext(background))
}
