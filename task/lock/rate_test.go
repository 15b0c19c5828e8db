package lock_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

const ms = time.Millisecond

// slack is how much later than asked a timer of the wheel may ring.
const slack = 2 * ms

// ratePolicy is a step that waits for n turns of r.
func ratePolicy(r *lock.RateLimiter, n int) step {
	return func(cx *task.Cx) error { return r.WaitN(cx, n) }
}

func TestRateLimiter(t *testing.T) {
	l := newLab(t)
	r := lock.NewRateLimiter(10, time.Second, 3) // one in 100 ms
	l.well(l.begin(r.Wait, r.Wait, r.Wait))
	require.True(t, !r.Allow(), "the burst is used up")

	start := l.Clock.Now()
	var at []time.Duration
	var order []int
	var all []*actor
	for i := range 5 {
		all = append(all, l.begin(r.Wait, once(func(cx *task.Cx) {
			order = append(order, i)
			at = append(at, cx.Now().Sub(start))
		})))
	}
	l.wait(all...)
	require.True(t, r.Waits())
	l.pass(time.Second)
	l.well(all...)
	require.Equal(t, []int{0, 1, 2, 3, 4}, order)
	for i, d := range at {
		require.InDelta(t, time.Duration(i+1)*100*ms, d, float64(slack))
		require.GreaterOrEqual(t, d, time.Duration(i+1)*100*ms, "not too early")
	}
	require.False(t, r.Waits())
	require.Zero(t, l.Timers())

	l.pass(time.Minute) // after a pause: a burst, and no more
	for range 3 {
		require.True(t, r.Allow())
	}
	require.False(t, r.Allow())
}

// However it is used, never more than a burst and what the time allows.
func TestRateLimiterKeepsTheRate(t *testing.T) {
	l := newLab(t)
	r := lock.NewRateLimiter(1000, time.Second, 5)
	start, n := l.Clock.Now(), 0
	var all []*actor
	for i := range 20 {
		weight := i%3 + 1
		all = append(all, l.begin(func(cx *task.Cx) error {
			for cx.Now().Sub(start) < time.Second {
				if err := r.WaitN(cx, weight); err != nil {
					return err
				}
				n += weight
				if most := 5 + int(cx.Now().Sub(start)/ms); n > most {
					t.Fatalf("%d turns after %v", n, cx.Now().Sub(start))
				}
			}
			return nil
		}))
	}
	l.pass(2 * time.Second)
	l.well(all...)
	require.Greater(t, n, 1000/2, "and not much less than the time allows")
	require.Zero(t, l.Timers())
}

func TestRateLimiterWeights(t *testing.T) {
	l := newLab(t)
	r := lock.NewRateLimiter(1, 10*ms, 4)
	l.well(l.begin(ratePolicy(r, 4)), l.begin(ratePolicy(r, 0)))
	many, few := l.begin(ratePolicy(r, 3)), l.begin(ratePolicy(r, 1))
	require.False(t, r.Allow(), "somebody waits")
	l.pass(25 * ms)
	l.wait(many, few)
	l.pass(5*ms + slack)
	l.well(many)
	l.wait(few)
	l.pass(10*ms + slack)
	l.well(few)

	a := l.begin(ratePolicy(r, 5))
	require.ErrorIs(t, a.err, task.ErrLimit)
	require.EqualError(t, a.err, "lock: rate limiter: 5 turns at once, in bursts of 4: "+task.ErrLimit.Error())
	require.ErrorIs(t, r.WaitNContext(background, 5), task.ErrLimit)
}

// Who is canceled gives up a place, and a turn that was given to it but not used.
func TestRateLimiterCanceled(t *testing.T) {
	l := newLab(t)
	r := lock.NewRateLimiter(1, 100*ms, 1)
	l.well(l.begin(r.Wait))
	a, b := l.begin(r.Wait), l.begin(r.Wait)
	l.cancel(a)
	l.wait(b)
	l.pass(100*ms + slack)
	l.well(b)

	c, d := l.begin(r.Wait), l.begin(r.Wait)
	l.Clock.Advance(100*ms + slack) // c has its turn, and is not polled yet
	c.Cancel(errBoom)
	l.Work()
	require.ErrorIs(t, c.err, errBoom)
	l.well(d)

	e := l.begin(r.Wait)
	l.cancel(e)
	require.False(t, r.Waits())
	require.Zero(t, l.Timers(), "nobody waits for the alarm")
}

func TestRateLimiterOfGoroutines(t *testing.T) {
	bounded(t)
	r := lock.NewRateLimiter(1, 5*ms, 1)
	require.ErrorIs(t, r.WaitContext(canceledContext()), errBoom)
	start := time.Now()
	for range 4 {
		require.NoError(t, r.WaitContext(background))
	}
	require.GreaterOrEqual(t, time.Since(start), 15*ms)
	ctx, cancel := context.WithCancelCause(background)
	slow := lock.NewRateLimiter(1, time.Hour, 1)
	require.True(t, slow.Allow())
	got := goes(func() error { return slow.WaitContext(ctx) })
	until(t, "the goroutine in line", slow.Waits)
	cancel(errBoom)
	require.ErrorIs(t, got(), errBoom)
	require.False(t, slow.Waits())
}

// A goroutine that waits behind a task gets its turn when the scheduler of that is no more.
func TestRateLimiterOutlivesAPool(t *testing.T) {
	bounded(t)
	r := lock.NewRateLimiter(1, 20*ms, 1)
	p, err := pool.New(pool.Config{Workers: 1})
	require.NoError(t, err)
	require.NoError(t, p.Run(background, act(r.Wait)))
	a := act(r.Wait, r.Wait, r.Wait)
	task.Detach(p, a)
	until(t, "the task in line", r.Waits)
	got := goes(func() error { return r.WaitContext(background) })
	require.NoError(t, p.Close())
	require.NoError(t, got())
	require.NoError(t, r.WaitContext(background))
	require.Equal(t, 1, a.ends)
}

// Tasks and goroutines of one limiter, in real time.
func TestRateLimiterOfBoth(t *testing.T) {
	bounded(t)
	p := open(t, 2)
	r := lock.NewRateLimiter(1, ms, 2)
	start := time.Now()
	var g task.Group
	for range 5 {
		g.Go(p, act(r.Wait, r.Wait))
	}
	for range 10 {
		require.NoError(t, r.WaitContext(background))
	}
	require.NoError(t, g.WaitContext(background))
	require.GreaterOrEqual(t, time.Since(start), 18*ms-slack)
	require.False(t, r.Waits())
}

func TestRateLimiterMistakes(t *testing.T) {
	for _, f := range []func(){
		func() { lock.NewRateLimiter(0, time.Second, 1) },
		func() { lock.NewRateLimiter(-1, time.Second, 1) },
		func() { lock.NewRateLimiter(1, 0, 1) },
		func() { lock.NewRateLimiter(2, 1, 1) },
		func() { lock.NewRateLimiter(1, time.Second, 0) },
	} {
		require.Panics(t, f)
	}
	r := lock.NewRateLimiter(1, time.Second, 1)
	require.Equal(t, "lock: -1 turns of a RateLimiter", mistake(t, func(cx *task.Cx) { _ = r.WaitN(cx, -1) }))
}

// A burst without end, as one writes it: a limiter that limits nothing at first.
func TestRateLimiterOfAHugeBurst(t *testing.T) {
	for _, burst := range []int{math.MaxInt32, math.MaxInt} {
		r := lock.NewRateLimiter(1, time.Hour, burst)
		require.True(t, r.Allow(), "burst %d", burst)
		require.NoError(t, r.WaitNContext(background, 1000), "burst %d", burst)
	}
}

// One turn in a very long time is one turn.
func TestRateOfOneInAVeryLongTime(t *testing.T) {
	r := lock.NewRateLimiter(1, time.Duration(math.MaxInt64), 1)
	require.True(t, r.Allow())
}
