package task_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/timerwheel"
)

const (
	ms   = time.Millisecond
	tick = time.Duration(timerwheel.Tick)
)

// watch is a lab whose time stands still until it is moved.
type watch struct {
	*lab
	clock *task.Clock
}

func newWatch() watch {
	w := watch{&lab{}, task.NewClock(time.Unix(1000, 0))}
	w.runner.Init(w.lab)
	task.SetClock(&w.Runtime, w.clock)
	task.Open(background, &w.Runtime, w.lab, &w.runner)
	return w
}

// pass moves the clock by d, in the steps at which something happens, and lets
// the tasks do what they do then.
func (w watch) pass(d time.Duration) {
	w.work()
	end := w.clock.Now().Add(d)
	for {
		next, ok := w.clock.Next()
		if !ok || w.clock.Now().Add(next).After(end) {
			break
		}
		w.clock.Advance(next)
		w.work()
	}
	w.clock.Advance(end.Sub(w.clock.Now()))
	w.work()
}

// begin starts a task of the steps.
func (w watch) begin(all ...step) *recorder {
	r := &recorder{poll: does(all...)}
	task.Detach(w, r)
	w.work()
	return r
}

// ended reports whether the task is over, without an error.
func ended(t *testing.T, r *recorder) bool {
	t.Helper()
	require.NoError(t, r.Err())
	return len(r.finished) == 1
}

// sleep is the step that sleeps for d.
func sleep(timer *task.Timer, d time.Duration) step {
	return func(cx *task.Cx) error { return timer.Sleep(cx, d) }
}

func TestSleep(t *testing.T) {
	w := newWatch()
	var timer task.Timer
	r := w.begin(sleep(&timer, 10*ms), sleep(&timer, 20*ms))
	w.pass(10*ms - 1)
	require.Equal(t, 1, r.polls, "never early")
	w.pass(tick + 1)
	require.Equal(t, 2, r.polls, "a tick late at most")
	w.pass(20*ms - tick)
	require.False(t, ended(t, r))
	w.pass(2 * tick)
	require.True(t, ended(t, r))
	require.Zero(t, w.Timers())
}

// Durations that make no sense.
func TestBadDurations(t *testing.T) {
	for _, d := range []time.Duration{0, -1, math.MinInt64} {
		w := newWatch()
		var timer, other task.Timer
		r := w.begin(sleep(&timer, d), once(func(cx *task.Cx) { other.Reset(cx, d) }), other.Wait)
		w.pass(tick)
		require.True(t, ended(t, r), "%v is due at once", d)
	}
	w := newWatch()
	w.clock.Advance(time.Hour)
	var timer task.Timer
	r := w.begin(sleep(&timer, math.MaxInt64))
	for range 10 {
		w.pass(math.MaxInt64 / 11)
	}
	require.False(t, ended(t, r), "beyond the end of time is never")
	r.Cancel(nil)
	w.work()
	require.Zero(t, w.Timers())
}

// Wait is sticky, also beside other waits, and knows only its own moment.
func TestTimerWait(t *testing.T) {
	w := newWatch()
	var timer task.Timer
	var promise task.Promise[int]
	which := -1
	r := w.begin(
		once(func(cx *task.Cx) {
			require.False(t, timer.Armed())
			timer.Reset(cx, 5*ms)
			require.True(t, timer.Armed())
			require.False(t, timer.Fired())
		}),
		func(cx *task.Cx) (err error) {
			_, waits := promise.Wait(cx)
			which, err = task.First(waits, timer.Wait(cx))
			return err
		},
		once(func(*task.Cx) {
			require.True(t, timer.Fired())
			require.False(t, timer.Armed())
		}),
		timer.Wait, timer.Wait,
		once(func(cx *task.Cx) { require.False(t, timer.Stop(cx), "it has fired") }),
		once(func(cx *task.Cx) { require.False(t, timer.Fired()) }),
	)
	w.pass(6 * ms)
	require.True(t, ended(t, r))
	require.Equal(t, 1, which)
}

// A timer that is not armed may stand beside other waits, and not alone.
func TestTimerThatIsNotArmed(t *testing.T) {
	var timer task.Timer
	require.Contains(t, mistake(t, timer.Wait), "nothing will wake it")
}

func TestTimerStop(t *testing.T) {
	w := newWatch()
	var timer task.Timer
	r := w.begin(
		once(func(cx *task.Cx) {
			require.False(t, timer.Stop(cx), "not armed")
			timer.Reset(cx, 5*ms)
			require.True(t, timer.Stop(cx), "armed in this poll")
			require.False(t, timer.Armed())
			timer.Reset(cx, 5*ms)
		}),
		rounds(1),
		once(func(cx *task.Cx) {
			require.True(t, timer.Stop(cx), "armed in another poll")
			require.False(t, timer.Stop(cx))
		}),
		func(cx *task.Cx) error { return suspended(nil, cx) },
	)
	w.pass(time.Second)
	require.Equal(t, 2, r.polls)
	r.Cancel(nil)
	w.work()
	require.Len(t, r.finished, 1)
}

// A reset moves the moment: later, and earlier, in the poll that has armed the
// timer and in others.
func TestTimerReset(t *testing.T) {
	moments := []time.Duration{20 * ms, 10 * ms, 30 * ms, 5 * ms, 90 * ms, 40 * ms}
	for _, yields := range []int{0, 1} {
		w := newWatch()
		var timer task.Timer
		all := []step{}
		for _, d := range moments {
			all = append(all, once(func(cx *task.Cx) { timer.Reset(cx, d) }), rounds(yields))
		}
		r := w.begin(append(all, timer.Wait)...)
		w.pass(40*ms - 1)
		require.False(t, ended(t, r))
		w.pass(tick + 1)
		require.True(t, ended(t, r))
	}
}

// As many resets and stops as there may be: it fires when it was last told to, and
// not else.
func TestTimerAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	w := newWatch()
	const n = 20
	type one struct {
		timer task.Timer
		due   time.Time // zero: not armed
	}
	ones := make([]*one, n)
	order := 0 // what to do: a random seed
	for i := range ones {
		o := &one{}
		ones[i] = o
		task.Detach(w, task.Func(func(cx *task.Cx) error {
			if err := cx.Err(); err != nil {
				return err
			}
			if o.timer.Fired() {
				late := cx.Now().Sub(o.due)
				require.False(t, o.due.IsZero(), "fired, and was not armed")
				require.GreaterOrEqual(t, late, time.Duration(0), "early")
				require.Less(t, late, tick, "late")
				o.timer.Stop(cx)
				o.due = time.Time{}
			}
			switch order % 4 {
			case 0:
				require.Equal(t, !o.due.IsZero(), o.timer.Stop(cx))
				o.due = time.Time{}
			case 1, 2:
				d := time.Duration(r.Int64N(int64(50 * ms)))
				o.timer.Reset(cx, d)
				o.due = cx.Now().Add(d)
			}
			if order%4 == 2 {
				d := time.Duration(r.Int64N(int64(50 * ms)))
				o.timer.Reset(cx, d)
				o.due = cx.Now().Add(d)
			}
			order = 3
			cx.Waker()
			return task.Pending
		}))
	}
	w.work()
	for range 5000 {
		order = r.IntN(4)
		w.pass(time.Duration(r.Int64N(int64(2 * ms))))
	}
	w.CancelAll(nil)
	w.work()
	require.Zero(t, w.Timers())
}

// A timer belongs to one task at a time; after that it may be another's.
func TestTimerOwner(t *testing.T) {
	w := newWatch()
	var timer task.Timer
	first := w.begin(sleep(&timer, 5*ms))
	other := &recorder{poll: does(ignoring(sleep(&timer, 5*ms)))}
	var g task.Group
	g.Go(w, other)
	w.work()
	p := panicOf(t, func() { _ = g.WaitContext(background) })
	require.Contains(t, p.Error(), "uses the timer of another task")
	w.pass(6 * ms)
	require.True(t, ended(t, first))

	again := w.begin(sleep(&timer, 5*ms))
	w.pass(6 * ms)
	require.True(t, ended(t, again))
}

// What a task has armed ends with it, however it ends; nothing keeps the task.
func TestTimersEndWithTheirTask(t *testing.T) {
	for name, end := range map[string]step{
		"well":     func(*task.Cx) error { return nil },
		"failed":   func(*task.Cx) error { return errBoom },
		"panicked": func(*task.Cx) error { panic(errBoom) },
		"exited":   func(*task.Cx) error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			for _, yields := range []int{0, 1} {
				l := newLab(background)
				var timers [3]task.Timer
				var gone weak.Pointer[recorder]
				func() {
					r := &recorder{poll: does(once(func(cx *task.Cx) {
						for i := range timers {
							timers[i].Reset(cx, time.Hour)
						}
					}), rounds(yields), end)}
					gone = weak.Make(r)
					var g task.Group
					g.Failed = forget
					g.Go(l, r)
					done := make(chan struct{})
					go func() { // Goexit
						defer close(done)
						l.work()
					}()
					<-done
					l.work()
					require.Len(t, r.finished, 1)
				}()
				require.Zero(t, l.Timers())
				for i := range timers {
					require.False(t, timers[i].Armed())
				}
				for range 100 { // who has called Goexit may still be on its way out
					if runtime.GC(); gone.Value() == nil {
						break
					}
				}
				require.Nil(t, gone.Value())
			}
		})
	}
}

// A canceled sleep returns at once, and leaves nothing armed.
func TestSleepCanceled(t *testing.T) {
	w := newWatch()
	var timer task.Timer
	r := w.begin(sleep(&timer, time.Hour))
	require.Equal(t, 1, w.Timers())
	r.Cancel(errBoom)
	w.work()
	require.ErrorIs(t, r.Err(), errBoom)
	require.Zero(t, w.Timers())
}

// Timers with slack fall together.
func TestResetWithin(t *testing.T) {
	w := newWatch()
	const n = 100
	timers := make([]task.Timer, n)
	moments := map[time.Time]int{}
	for i := range timers {
		d := 100*ms + time.Duration(i)*ms/10
		start := w.clock.Now()
		w.begin(once(func(cx *task.Cx) { timers[i].ResetWithin(cx, d, 20*ms) }), timers[i].Wait,
			once(func(cx *task.Cx) {
				late := cx.Now().Sub(start) - d
				require.GreaterOrEqual(t, late, time.Duration(0))
				require.Less(t, late, 20*ms+tick)
				moments[cx.Now()]++
			}))
	}
	w.pass(time.Second)
	total := 0
	for _, k := range moments {
		total += k
	}
	require.Equal(t, n, total)
	require.LessOrEqual(t, len(moments), 2)
}

func TestDeadline(t *testing.T) {
	w := newWatch()
	var d task.Deadline
	var left time.Duration
	check := func(then step) step {
		return func(cx *task.Cx) error {
			if err := d.Check(cx, 10*ms); err != nil {
				return err
			}
			left = d.Remaining(cx)
			return then(cx)
		}
	}
	r := &recorder{poll: func(_ *recorder, cx *task.Cx) error {
		return check(func(cx *task.Cx) error { return suspended(nil, cx) })(cx)
	}}
	task.Detach(w, r)
	w.work()
	require.Equal(t, 10*ms, left)
	w.pass(10*ms - 1)
	require.Nil(t, r.Err())
	w.pass(tick + 1)
	require.ErrorIs(t, r.Err(), task.ErrTimeout)
	require.ErrorIs(t, r.Err(), context.DeadlineExceeded)

	w.begin(once(func(cx *task.Cx) { require.ErrorIs(t, new(task.Deadline).Check(cx, 0), task.ErrTimeout) }))
}

// Extended in time, a deadline comes later; one that has passed stays so until it
// is lifted.
func TestDeadlineExtend(t *testing.T) {
	w := newWatch()
	var d task.Deadline
	var timer task.Timer
	r := w.begin(
		once(func(cx *task.Cx) {
			require.Equal(t, time.Duration(math.MaxInt64), d.Remaining(cx))
			require.NoError(t, d.Check(cx, 10*ms))
		}),
		sleep(&timer, 5*ms),
		once(func(cx *task.Cx) {
			require.True(t, d.Extend(cx, 10*ms))
			require.Equal(t, 10*ms, d.Remaining(cx))
		}),
		sleep(&timer, 8*ms),
		once(func(cx *task.Cx) { require.NoError(t, d.Check(cx, 10*ms)) }),
		sleep(&timer, 3*ms),
		once(func(cx *task.Cx) {
			require.ErrorIs(t, d.Check(cx, 10*ms), task.ErrTimeout)
			require.Zero(t, d.Remaining(cx))
			require.False(t, d.Extend(cx, 10*ms))
			require.ErrorIs(t, d.Check(cx, 10*ms), task.ErrTimeout)
			d.Lift(cx)
			require.NoError(t, d.Check(cx, 10*ms))
		}),
	)
	w.pass(time.Second)
	require.True(t, ended(t, r))
}

// A poll that computes for long is told, when it asks.
func TestDeadlineInALongPoll(t *testing.T) {
	w := newWatch()
	var d task.Deadline
	r := w.begin(once(func(cx *task.Cx) {
		require.NoError(t, d.Check(cx, 10*ms))
		w.clock.Advance(5 * ms)
		require.NoError(t, d.Check(cx, 10*ms))
		w.clock.Advance(6 * ms)
		require.ErrorIs(t, d.Check(cx, 10*ms), task.ErrTimeout)
	}))
	require.True(t, ended(t, r))
}

// A poll that computes for long is told by the clock, if nobody else fires the timers.
func TestDeadlineInRun(t *testing.T) {
	var d task.Deadline
	begun := time.Now()
	require.ErrorIs(t, runSteps(func(cx *task.Cx) error {
		for {
			if err := d.Check(cx, ms); err != nil {
				return err
			}
			if time.Since(begun) > time.Minute {
				return nil
			}
		}
	}), task.ErrTimeout)
	require.GreaterOrEqual(t, time.Since(begun), ms)
}

// A deadline that the task was told of stays passed, in this poll and in the next, whoever
// has fired it or not.
func TestDeadlineStaysPassed(t *testing.T) {
	for _, after := range []time.Duration{math.MinInt64, -1, 0, 10 * ms} {
		w := newWatch()
		var d task.Deadline
		passed := once(func(cx *task.Cx) {
			for range 2 {
				require.ErrorIs(t, d.Check(cx, after), task.ErrTimeout)
			}
			require.False(t, d.Extend(cx, time.Hour))
			require.Zero(t, d.Remaining(cx))
			require.ErrorIs(t, d.Check(cx, after), task.ErrTimeout)
		})
		r := w.begin(
			once(func(cx *task.Cx) {
				if after > 0 {
					require.NoError(t, d.Check(cx, after))
					w.clock.Advance(after)
				}
			}),
			passed, rounds(1), passed,
			once(func(cx *task.Cx) {
				d.Lift(cx)
				require.NoError(t, d.Check(cx, time.Hour))
				require.Equal(t, time.Hour, d.Remaining(cx))
				require.True(t, d.Extend(cx, 2*time.Hour))
			}),
		)
		require.True(t, ended(t, r))
		require.Zero(t, w.Timers())
	}
}

// What the poll's time has reached is passed, also if the worker has not fired it yet.
func TestDeadlineBeforeItFires(t *testing.T) {
	l := newLab(background) // nothing fires here
	var d task.Deadline
	r := &recorder{poll: does(
		once(func(cx *task.Cx) { require.NoError(t, d.Check(cx, ms)) }),
		func(cx *task.Cx) error {
			for d.Remaining(cx) > 0 {
				if err := cx.Yield(); err != nil {
					return err
				}
			}
			return nil
		},
		once(func(cx *task.Cx) {
			require.False(t, d.Extend(cx, time.Hour))
			require.ErrorIs(t, d.Check(cx, ms), task.ErrTimeout)
		}),
	)}
	task.Detach(l, r)
	l.work()
	require.True(t, ended(t, r))
}

// A group's time is over: its members are canceled, and say why.
func TestGroupTimeout(t *testing.T) {
	w := newWatch()
	var g task.Group
	member := &recorder{poll: suspended}
	var err error
	r := w.begin(
		once(func(cx *task.Cx) {
			g.SetTimeout(cx, 10*ms)
			g.Go(cx, member)
		}),
		func(cx *task.Cx) error {
			if err = g.Wait(cx); task.IsPending(err) {
				return err
			}
			return nil
		},
	)
	w.pass(10*ms - 1)
	require.False(t, ended(t, r))
	w.pass(tick + 1)
	require.True(t, ended(t, r))
	require.ErrorIs(t, err, task.ErrTimeout)
	require.ErrorIs(t, err, task.ErrCanceled)
	require.ErrorIs(t, member.Err(), task.ErrTimeout)
	require.Zero(t, w.Timers())
}

// A group that ends in time leaves no alarm, and a new time replaces the old one.
func TestGroupTimeoutReplaced(t *testing.T) {
	w := newWatch()
	var g task.Group
	var timer task.Timer
	r := w.begin(
		once(func(cx *task.Cx) {
			g.SetTimeout(cx, 10*ms)
			g.Go(cx, &recorder{poll: does(sleep(new(task.Timer), 15*ms))})
			g.SetTimeout(cx, 20*ms)
		}),
		g.Wait,
		once(func(cx *task.Cx) {
			require.Zero(t, w.Timers())
			g.SetTimeout(cx, 10*ms) // from now, though there are no members yet
		}),
		sleep(&timer, 5*ms),
		start(&g, &recorder{poll: does(sleep(new(task.Timer), time.Hour))}),
		once(func(cx *task.Cx) { g.SetTimeout(cx, -1) }),
		sleep(&timer, 50*ms),
		once(func(cx *task.Cx) {
			require.NoError(t, g.Err())
			g.SetTimeout(cx, 10*ms)
		}),
		ignoring(g.Wait),
		once(func(*task.Cx) { require.ErrorIs(t, g.Err(), task.ErrTimeout) }),
	)
	w.pass(time.Second)
	require.True(t, ended(t, r))
	require.Zero(t, w.Timers())
}

func TestTicker(t *testing.T) {
	// The third tick is taken 35 ms late, three and a half ticks.
	for policy, want := range map[task.Missed][]time.Duration{
		task.Burst: {10, 20, 65, 65, 65, 65, 70, 80},
		task.Skip:  {10, 20, 65, 70, 80, 90, 100, 110},
		task.Delay: {10, 20, 65, 75, 85, 95, 105, 115},
	} {
		w := newWatch()
		start := w.clock.Now()
		ticker := task.Ticker{Every: 10 * ms, Missed: policy}
		var got []time.Duration
		missed := 0
		stall := false
		var waker task.Waker
		r := &recorder{poll: func(_ *recorder, cx *task.Cx) error {
			if stall { // woken by the tick, and late to look
				waker = cx.Waker()
				return task.Pending
			}
			for len(got) < 8 {
				n, err := ticker.Tick(cx)
				if err != nil {
					return err
				}
				missed += n
				got = append(got, cx.Now().Sub(start).Truncate(ms))
			}
			return nil
		}}
		task.Detach(w, r)
		w.pass(25 * ms)
		stall = true
		w.pass(40 * ms)
		stall = false
		waker.Wake()
		w.pass(time.Second)
		require.True(t, ended(t, r))
		for i := range want {
			want[i] *= ms
		}
		require.Equal(t, want, got, "policy %d", policy)
		require.Equal(t, map[task.Missed]int{task.Burst: 0, task.Skip: 3, task.Delay: 3}[policy], missed)
	}
}

func TestTickerMistakes(t *testing.T) {
	for _, every := range []time.Duration{0, -1} {
		err := runSteps(func(cx *task.Cx) error {
			_, err := (&task.Ticker{Every: every}).Tick(cx)
			return err
		})
		require.ErrorContains(t, err, "task: tick: the ticker's Every")
	}
}

func TestTickerEndsWhenDraining(t *testing.T) {
	w := newWatch()
	ticker := task.Ticker{Every: 10 * ms}
	var err error
	r := w.begin(func(cx *task.Cx) error {
		for {
			if _, err = ticker.Tick(cx); task.IsPending(err) {
				return err
			} else if err != nil {
				return nil
			}
		}
	})
	w.pass(35 * ms)
	require.Equal(t, 4, r.polls)
	w.Drain()
	w.work()
	require.True(t, ended(t, r))
	require.ErrorIs(t, err, task.ErrClosed)
}

// Each wait is twice as long as the one before, less up to half of it.
func TestBackoff(t *testing.T) {
	w := newWatch()
	b := task.Backoff{Min: 10 * ms, Max: 100 * ms, Limit: 6}
	var err error
	at := w.clock.Now()
	var waits []time.Duration
	r := w.begin(func(cx *task.Cx) error {
		for {
			if err = b.Wait(cx); task.IsPending(err) {
				return err
			} else if err != nil {
				return nil
			}
			waits = append(waits, cx.Now().Sub(at))
			at = cx.Now()
		}
	})
	w.pass(10 * time.Second)
	require.True(t, ended(t, r))
	require.ErrorIs(t, err, task.ErrLimit)
	require.Len(t, waits, 6)
	for i, most := range []time.Duration{10, 20, 40, 80, 100, 100} {
		require.GreaterOrEqual(t, waits[i], most*ms/2, "wait %d", i)
		require.Less(t, waits[i], most*ms+tick, "wait %d", i)
	}

	b.Reset()
	require.Zero(t, b.Waits())
	w.begin(b.Wait)
	require.Equal(t, 1, b.Waits())
	w.pass(10*ms + tick)
	require.Zero(t, w.Timers())
}

// What is queued comes out at its time, in order, and not when it was removed or
// moved.
func TestDelayQueue(t *testing.T) {
	w := newWatch()
	var q task.DelayQueue[int]
	start := w.clock.Now()
	var got []int
	var at []time.Duration
	var kept [6]*task.Delayed[int]
	r := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if r.polls == 1 {
			for i, d := range []time.Duration{50, 10, 30, 20, 40, 60} {
				kept[i] = q.Add(cx, i, d*ms)
			}
			require.Equal(t, 6, q.Len())
			require.Equal(t, 3, kept[3].Value())
			require.True(t, q.Remove(kept[3]))
			require.False(t, q.Remove(kept[3]))
			require.True(t, q.Reset(cx, kept[1], 45*ms))
		}
		for len(got) < 6 {
			v, err := q.Next(cx)
			if err != nil {
				return err
			}
			got = append(got, v)
			at = append(at, cx.Now().Sub(start).Truncate(ms))
			if v == 4 {
				require.False(t, q.Reset(cx, kept[3], 100*ms), "it was removed")
			}
		}
		return nil
	}}
	task.Detach(w, r)
	w.pass(time.Second)
	require.True(t, ended(t, r))
	require.Equal(t, []int{2, 4, 1, 0, 5, 3}, got)
	require.Equal(t, []time.Duration{30 * ms, 40 * ms, 45 * ms, 50 * ms, 60 * ms, 140 * ms}, at)
	require.Zero(t, q.Len())
}

// An empty queue waits for whoever adds to it.
func TestDelayQueueEmpty(t *testing.T) {
	w := newWatch()
	var q task.DelayQueue[string]
	var more task.Promise[string]
	added := false
	var got string
	r := &recorder{poll: func(_ *recorder, cx *task.Cx) error {
		if !added {
			v, err := more.Wait(cx)
			if err == nil {
				added = true
				q.Add(cx, v, 5*ms)
			} else if !task.IsPending(err) {
				return err
			}
		}
		v, err := q.Next(cx)
		if err != nil {
			return err
		}
		got = v
		return nil
	}}
	task.Detach(w, r)
	w.pass(time.Second)
	require.False(t, ended(t, r))
	more.Resolve("late", nil)
	w.pass(6 * ms)
	require.True(t, ended(t, r))
	require.Equal(t, "late", got)
}

// A queue of values that are all due does not keep the worker.
func TestDelayQueueBudget(t *testing.T) {
	w := newWatch()
	var q task.DelayQueue[int]
	n := 0
	r := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if r.polls == 1 {
			for i := range 1000 {
				q.Add(cx, i, 0)
			}
		}
		for n < 1000 {
			v, err := q.Next(cx)
			if err != nil {
				return err
			}
			require.Equal(t, n, v, "nothing is lost with the budget")
			n++
		}
		return nil
	}}
	task.Detach(w, r)
	w.pass(time.Second)
	require.True(t, ended(t, r))
	require.Greater(t, r.polls, 5)
}

// Run has timers of its own, on the machine's clock.
func TestRunSleeps(t *testing.T) {
	var timer task.Timer
	start := time.Now()
	require.NoError(t, runSteps(sleep(&timer, 2*ms), sleep(&timer, 3*ms)))
	require.GreaterOrEqual(t, time.Since(start), 5*ms)
}

// In Run, other tasks that never wait do not starve the timers.
func TestRunSleepsBesideABusyTask(t *testing.T) {
	var timer task.Timer
	done := false
	var g task.Group
	require.NoError(t, runSteps(
		start(&g, &recorder{poll: does(sleep(&timer, ms), once(func(*task.Cx) { done = true }))}),
		func(cx *task.Cx) error {
			for !done {
				if err := cx.Yield(); err != nil {
					return err
				}
			}
			return nil
		},
		g.Wait,
	))
}

func TestRunSleepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(background, ms)
	defer cancel()
	var timer task.Timer
	err := task.Run(ctx, steps(sleep(&timer, time.Hour)))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.True(t, errors.Is(err, task.ErrCanceled))
}

func TestClock(t *testing.T) {
	w := newWatch()
	_, ok := w.clock.Next()
	require.False(t, ok, "nothing is armed")
	var timer task.Timer
	r := w.begin(sleep(&timer, 10*ms))
	for !ended(t, r) {
		d, ok := w.clock.Next()
		require.True(t, ok)
		w.clock.Advance(d)
		w.work()
	}
	require.WithinDuration(t, time.Unix(1000, 0).Add(10*ms), w.clock.Now(), tick)
	require.PanicsWithValue(t, "task: Clock.Advance by a negative duration: time does not go back", func() { w.clock.Advance(-1) })

	task.ReleaseClock(&w.Runtime)
	w.begin(sleep(&timer, 10*ms))
	w.clock.Advance(time.Hour)
	require.Equal(t, 1, w.Timers(), "the clock does not know the scheduler any more")
}

// On a Clock a timer fires at its deadline, to the nanosecond: neither a tick later, nor
// with others of its tick.
func TestClockIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for range 20 {
		w := newWatch()
		begun := w.clock.Now()
		const n = 200
		var timers [n]task.Timer
		var due [n]time.Duration
		var all [n]*recorder
		now := time.Duration(0)
		for i := range all {
			due[i] = now + 1 + time.Duration(rng.Int64N(int64(4*tick)))
			all[i] = w.begin(sleep(&timers[i], due[i]-now))
			if i%3 == 0 {
				continue
			}
			now += time.Duration(rng.Int64N(int64(tick) / 8))
			w.clock.Advance(now - w.clock.Now().Sub(begun))
			w.work()
			for k := range i + 1 {
				require.Equal(t, due[k] <= now, ended(t, all[k]), "at %v, due at %v", now, due[k])
			}
		}
		rest := slices.Sorted(slices.Values(due[:]))
		for _, at := range rest {
			if at <= now {
				continue
			}
			for _, now = range []time.Duration{at - 1, at} {
				if d := now - w.clock.Now().Sub(begun); d > 0 {
					w.clock.Advance(d)
					w.work()
				}
				for k := range all {
					require.Equal(t, due[k] <= now, ended(t, all[k]), "at %v, due at %v", now, due[k])
				}
			}
		}
		require.Zero(t, w.Timers())
		task.ReleaseClock(&w.Runtime)
	}
}

// A timer of two branches is that of the one which has come first until its time is over, also if
// the other is polled before it.
func TestSleepOfTwoBranches(t *testing.T) {
	w := newWatch()
	defer task.ReleaseClock(&w.Runtime)
	var timer task.Timer
	var early, late task.Branch
	var at [2]time.Time
	var waker task.Waker
	n := 0
	nap := func(b *task.Branch, i int, d time.Duration) func(*task.Cx) error {
		return func(cx *task.Cx) error {
			if !at[i].IsZero() {
				return nil
			}
			err := b.Poll(cx, func(cx *task.Cx) error { return timer.Sleep(cx, d) })
			if err == nil {
				at[i] = cx.Now()
			}
			return err
		}
	}
	w.begin(func(cx *task.Cx) error {
		waker = cx.Waker()
		var first error
		if n++; n > 1 {
			first = nap(&early, 0, time.Hour)(cx)
		}
		return task.All(first, nap(&late, 1, time.Second)(cx))
	})
	waker.Wake()
	begun := w.clock.Now()
	w.work()
	w.pass(2 * time.Hour)
	require.WithinDuration(t, begun.Add(time.Second), at[1], tick)
	require.WithinDuration(t, begun.Add(time.Second+time.Hour), at[0], 2*tick)
}

// A pause that another branch waits for counts once.
func TestBackoffOfTwoBranches(t *testing.T) {
	w := newWatch()
	defer task.ReleaseClock(&w.Runtime)
	b := task.Backoff{Min: time.Second, Limit: 2}
	var one, two task.Branch
	var over [2]bool
	part := func(of *task.Branch, i int) func(*task.Cx) error {
		return func(cx *task.Cx) error {
			if over[i] {
				return nil
			}
			err := of.Poll(cx, b.Wait)
			over[i] = err == nil
			return err
		}
	}
	var wakers task.Waker
	end := w.begin(func(cx *task.Cx) error {
		wakers = cx.Waker()
		return task.All(part(&one, 0)(cx), part(&two, 1)(cx))
	})
	for range 5 {
		wakers.Wake()
		w.work()
	}
	w.pass(time.Minute)
	require.True(t, ended(t, end))
	require.Equal(t, 2, b.Waits())
}
