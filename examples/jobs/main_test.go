package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
)

// world is a pool whose time stands still until the test moves it, and the runs of its jobs.
type world struct {
	*pool.Pool
	t     *testing.T
	clock *task.Clock
	begin time.Time
	runs  chan run
}

func newWorld(t *testing.T) *world {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := task.NewClock(begin)
	p, err := pool.New(pool.Config{Clock: clock, Workers: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return &world{p, t, clock, begin, make(chan run, 100)}
}

func (w *world) start(p plan) *task.Group {
	return start(w.Pool, []plan{p}, func(r run) { w.runs <- r })
}

// settle waits until all that is due at this time has been done: time is the only thing that
// can bring more.
func (w *world) settle() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NoError(w.t, w.WaitIdle(ctx))
}

// next moves the clock from timer to timer until a run has ended.
func (w *world) next() run {
	w.t.Helper()
	for {
		w.settle()
		select {
		case r := <-w.runs:
			return r
		default:
		}
		d, ok := w.clock.Next()
		require.True(w.t, ok, "nothing will end a run")
		w.clock.Advance(d)
	}
}

// at checks when a run ended, on the clock of the world. Timers are late by a tick at most,
// and those of a run add up.
func (w *world) at(want time.Duration, r run) {
	w.t.Helper()
	require.InDelta(w.t, want.Seconds(), r.at.Sub(w.begin).Seconds(), 0.001)
}

func good() combine.Op { return func(*task.Cx) error { return nil } }

func TestSchedule(t *testing.T) {
	w := newWorld(t)
	w.start(plan{every: time.Hour, deadline: time.Second, do: good})
	for i := range 100 {
		r := w.next()
		w.at(time.Duration(i+1)*time.Hour, r)
		require.NoError(t, r.err)
		require.Equal(t, 1, r.attempts)
	}
}

// The first run takes so long that ticks are missed. The ticker's policy says what then.
func TestMissed(t *testing.T) {
	for policy, ends := range map[task.Missed][]time.Duration{
		task.Burst: {35, 35, 35, 40, 50},
		task.Skip:  {35, 35, 40, 50},
		task.Delay: {35, 35, 45, 55},
	} {
		w := newWorld(t)
		takes := []time.Duration{25 * time.Minute, 0, 0, 0, 0, 0}
		w.start(plan{every: 10 * time.Minute, missed: policy, deadline: time.Hour, do: func() combine.Op {
			var timer task.Timer
			d := takes[0]
			takes = takes[1:]
			return func(cx *task.Cx) error { return timer.Sleep(cx, d) }
		}})
		missed := 0
		for _, end := range ends {
			r := w.next()
			w.at(end*time.Minute, r)
			missed += r.missed
		}
		require.Equal(t, map[task.Missed]int{task.Skip: 1, task.Delay: 1}[policy], missed, "policy %d", policy)
	}
}

// What fails is tried again, after longer and longer pauses, as often as it is worth.
func TestRetry(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		fails    int
		with     error
		attempts int
		want     error
	}{
		{0, nil, 1, nil},
		{2, broken, 3, nil},
		{9, broken, 5, broken},
		{9, errHopeless, 1, errHopeless},
	} {
		w := newWorld(t)
		var attempts []time.Time
		w.start(plan{every: time.Hour, deadline: time.Second, retries: 4, pause: time.Second, do: func() combine.Op {
			return func(cx *task.Cx) error {
				attempts = append(attempts, cx.Now())
				if len(attempts) <= c.fails {
					return c.with
				}
				return nil
			}
		}})
		r := w.next()
		require.Equal(t, c.attempts, r.attempts)
		require.ErrorIs(t, r.err, c.want)
		require.Len(t, attempts, c.attempts)
		for i := 1; i < len(attempts); i++ { // at least half of a pause that doubles
			pause := attempts[i].Sub(attempts[i-1])
			require.GreaterOrEqual(t, pause, time.Second<<i/4)
			require.LessOrEqual(t, pause, time.Second<<i/2+time.Millisecond)
		}
	}
}

// An attempt that takes too long is given up, and the next one starts afresh.
func TestDeadline(t *testing.T) {
	w := newWorld(t)
	durations := []time.Duration{time.Hour, time.Second}
	w.start(plan{every: time.Minute, missed: task.Skip, deadline: 10 * time.Second, retries: 1, pause: time.Second, do: func() combine.Op {
		var timer task.Timer
		d := durations[0]
		durations = append(durations[1:], d)
		return func(cx *task.Cx) error { return timer.Sleep(cx, d) }
	}})
	r := w.next()
	require.NoError(t, r.err)
	require.Equal(t, 2, r.attempts)
	require.InDelta(t, 11.75, r.took.Seconds(), 0.3, "ten seconds, a pause, and one")
	durations = []time.Duration{time.Hour}
	r = w.next()
	require.ErrorIs(t, r.err, task.ErrTimeout)
	require.ErrorIs(t, r.err, task.ErrLimit)
}

// A shutdown lets a run come to its end, and begins no other; one that takes too long is
// canceled.
func TestShutdown(t *testing.T) {
	for _, patient := range []bool{true, false} {
		w := newWorld(t)
		begun := 0
		var result task.Promise[int]
		g := w.start(plan{every: time.Minute, deadline: time.Hour, do: func() combine.Op {
			begun++
			return func(cx *task.Cx) error { _, err := result.Wait(cx); return err }
		}})
		w.settle()
		w.clock.Advance(time.Minute + time.Second)
		w.settle()
		ctx, cancel := context.WithCancel(context.Background())
		if !patient {
			cancel()
		}
		ended := make(chan error)
		go func() { ended <- w.Shutdown(ctx) }()
		if patient {
			result.Resolve(0, nil)
			require.NoError(t, <-ended)
			require.NoError(t, (<-w.runs).err)
			require.NoError(t, g.Err())
		} else {
			require.ErrorIs(t, <-ended, context.Canceled)
			require.ErrorIs(t, g.Err(), task.ErrCanceled)
		}
		require.Empty(t, w.runs)
		require.Equal(t, 1, begun)
		cancel()
	}
}
