package pool_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// timed returns a pool whose time stands still.
func timed(t *testing.T, workers int) (*pool.Pool, *task.Clock) {
	clock := task.NewClock(time.Unix(0, 0))
	return openWith(t, fixed(pool.Config{Workers: workers, Clock: clock})), clock
}

// atRest waits until the pool is idle, and says how many tasks are left.
func atRest(t *testing.T, p *pool.Pool) int {
	t.Helper()
	require.NoError(t, p.WaitIdle(background))
	return int(p.Stats().Live)
}

// A timer that is due when it is armed fires, and nobody has to move the clock for it.
func TestClockDueAtOnce(t *testing.T) {
	p, _ := timed(t, 1)
	for _, d := range []time.Duration{0, -time.Hour} {
		var timer task.Timer
		p.Go(task.Func(func(cx *task.Cx) error {
			if !timer.Armed() && !timer.Fired() {
				timer.Reset(cx, d)
			}
			return timer.Wait(cx)
		}))
		require.Zero(t, atRest(t, p))
	}
	for range 100 {
		ran := make(chan bool)
		p.AfterFunc(0, func() { close(ran) })
		<-ran
	}
}

// A timer that is armed by a time that has passed meanwhile fires.
func TestClockMovesDuringAPoll(t *testing.T) {
	p, clock := timed(t, 1)
	var timer task.Timer
	in, out := make(chan bool), make(chan bool)
	first := true
	p.Go(task.Func(func(cx *task.Cx) error {
		if first {
			first = false
			cx.Now()
			in <- true
			<-out
		}
		return timer.Sleep(cx, time.Second)
	}))
	<-in
	clock.Advance(time.Hour)
	out <- true
	require.Zero(t, atRest(t, p))
}

// Whether a timer is armed before the clock comes to its deadline, after that, or by a
// time from before: it fires, and the pool is not at rest before that.
func TestClockMovesBesideTasks(t *testing.T) {
	n := 2000
	if slow() {
		n /= 10
	}
	p, clock := timed(t, 3)
	var before, after atomic.Int64
	for i := 0; i < n || before.Load() == 0 || after.Load() == 0; i++ {
		due := clock.Now().Add(time.Second)
		for range 8 {
			var timer task.Timer
			p.Go(task.Func(func(cx *task.Cx) error {
				if !timer.Armed() && !timer.Fired() {
					d := due.Sub(cx.Now())
					if d > 0 {
						before.Add(1)
					} else {
						after.Add(1)
					}
					timer.Reset(cx, d)
				}
				return timer.Wait(cx)
			}))
		}
		alarm := make(chan bool)
		p.AfterFunc(due.Sub(clock.Now()), func() { close(alarm) })
		clock.Advance(time.Second)
		require.Zero(t, atRest(t, p))
		<-alarm
	}
}

// Tasks of one worker go on in the order in which their timers were due.
func TestClockOrder(t *testing.T) {
	p, clock := timed(t, 1)
	var order []time.Duration
	for _, d := range []time.Duration{30, 20, 40, 10} {
		var timer task.Timer
		p.Go(task.Func(func(cx *task.Cx) error {
			err := timer.Sleep(cx, d*time.Microsecond)
			if err == nil {
				order = append(order, d)
			}
			return err
		}))
	}
	require.NotZero(t, atRest(t, p))
	clock.Advance(time.Millisecond)
	require.Zero(t, atRest(t, p))
	require.Equal(t, []time.Duration{10, 20, 30, 40}, order)
}
