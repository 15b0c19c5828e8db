package pool_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/timerwheel"
)

// late collects how late timers were; early ones are a failure.
type late struct {
	all   []time.Duration // by task
	early atomic.Int64
}

// doze is a task that sleeps once and notes how late it is.
type doze struct {
	task.Frame
	timer task.Timer
	to    *late
	i     int
	d     time.Duration
	start time.Time
}

func (z *doze) Poll(cx *task.Cx) error {
	if z.start.IsZero() {
		z.start = time.Now()
	}
	if err := z.timer.Sleep(cx, z.d); err != nil {
		return err
	}
	over := time.Since(z.start) - z.d
	if over < 0 {
		z.to.early.Add(1)
	}
	z.to.all[z.i] = over
	return nil
}

// A million timers, none of them early, each of them once.
func TestNeverEarly(t *testing.T) {
	n := million
	if slow() {
		n /= 20
	}
	p := openWith(t, pool.Config{Workers: 3})
	r := rand.New(rand.NewPCG(1, 1))
	to := &late{all: make([]time.Duration, n)}
	tasks := make([]doze, n)
	var g task.Group
	for i := range tasks {
		tasks[i] = doze{to: to, i: i, d: time.Duration(r.Int64N(int64(2 * time.Second)))}
		g.Go(p, &tasks[i])
	}
	require.NoError(t, g.WaitContext(background))
	require.Zero(t, to.early.Load(), "early")
	slices.Sort(to.all)
	t.Logf("late: half of them up to %v, all but a hundredth up to %v, at most %v", to.all[n/2], to.all[n*99/100], to.all[n-1])
	s := p.Stats()
	require.Zero(t, s.Timers)
	require.EqualValues(t, n, s.Fired)
}

// flit is a task that arms, moves and stops its timer at random, and is woken at
// random by others, so that it does so on all workers. It counts what it sees.
type flit struct {
	task.Frame
	timer task.Timer
	rng   *rand.Rand
	until time.Time // when the timer is due; zero: not armed
	early *atomic.Int64
	fires *atomic.Int64
	want  int64 // of fires; then it ends
	peers []*flit
	waker atomic.Pointer[task.Waker]
}

func (f *flit) Poll(cx *task.Cx) error {
	if f.waker.Load() == nil {
		w := cx.Waker()
		f.waker.Store(&w)
	}
	for f.fires.Load() < f.want {
		if f.timer.Fired() {
			f.fires.Add(1)
			if time.Now().Before(f.until) {
				f.early.Add(1)
			}
			f.until = time.Time{}
			f.timer.Stop(cx)
		}
		d := time.Duration(f.rng.Int64N(int64(200 * time.Microsecond)))
		switch f.rng.IntN(4) {
		case 0:
			if f.timer.Stop(cx) && f.until.IsZero() {
				f.early.Add(1)
			}
			f.until = time.Time{}
		case 1, 2:
			f.until = cx.Now().Add(d)
			f.timer.Reset(cx, d)
		}
		if w := f.peers[f.rng.IntN(len(f.peers))].waker.Load(); w != nil {
			if f.rng.IntN(2) == 0 {
				cx.Wake(*w)
			} else {
				w.Wake()
			}
		}
		if f.rng.IntN(3) > 0 {
			if err := cx.Yield(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Timers that are armed on one worker, and moved and stopped on others while they
// fire, fire when they were last told to.
func TestTimersAcrossWorkers(t *testing.T) {
	want := int64(2000)
	if slow() {
		want /= 10
	}
	p := openWith(t, pool.Config{Workers: 4})
	var early, fires atomic.Int64
	flits := make([]*flit, 64)
	for i := range flits {
		flits[i] = &flit{rng: rand.New(rand.NewPCG(1, uint64(i))), early: &early, fires: &fires, want: want, peers: flits}
	}
	var g task.Group
	for _, f := range flits {
		g.Go(p, f)
	}
	require.NoError(t, g.WaitContext(background))
	require.Zero(t, early.Load(), "fired early, or after it was stopped")
	require.Zero(t, p.Stats().Timers, "what they have armed ends with them")
}

// Timers that were canceled leave nothing, long before they would have fired.
func TestCanceledTimersAreGone(t *testing.T) {
	p := open(t, 2)
	const n = 10_000
	var g task.Group
	for range n {
		s := &sleeper{d: time.Hour}
		g.Go(p, s)
	}
	until(t, "all asleep", func() bool { return p.Stats().Timers == n })
	g.Cancel(errBoom)
	require.ErrorIs(t, g.WaitContext(background), errBoom)
	require.Zero(t, p.Stats().Timers)
}

func TestAfterFunc(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 2})
	ran := make(chan time.Time, 10)
	start := time.Now()
	timer := p.AfterFunc(2*time.Millisecond, func() { ran <- time.Now() })
	require.GreaterOrEqual(t, (<-ran).Sub(start), 2*time.Millisecond)
	require.False(t, timer.Stop(), "it has run")

	start = time.Now()
	require.False(t, timer.Reset(time.Hour), "it was not to run")
	require.True(t, timer.Reset(time.Millisecond), "it was")
	require.GreaterOrEqual(t, (<-ran).Sub(start), time.Millisecond)

	timer.Reset(time.Hour)
	require.True(t, timer.Stop())
	require.False(t, timer.Stop())
	require.Zero(t, p.Stats().Timers)

	for _, d := range []time.Duration{0, -1, math.MinInt64} {
		p.AfterFunc(d, func() { ran <- time.Now() })
		<-ran
	}
	never := p.AfterFunc(math.MaxInt64, func() { t.Error("after 292 years") })
	require.True(t, never.Stop())
}

// Whoever arms a timer that is due before all others wakes the worker that sleeps
// until then.
func TestAfterFuncSooner(t *testing.T) {
	p := open(t, 1)
	for range 100 {
		far := p.AfterFunc(time.Hour, func() {})
		idle(t, p)
		ran := make(chan bool)
		p.AfterFunc(time.Millisecond, func() { close(ran) })
		<-ran
		far.Stop()
	}
}

// Many goroutines arm and stop: each function runs, or was stopped, never both.
func TestAfterFuncExactlyOnce(t *testing.T) {
	n := 20_000
	if slow() {
		n /= 10
	}
	p := openWith(t, pool.Config{Workers: 2})
	var ran, stopped atomic.Int64
	var wg sync.WaitGroup
	for k := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(k)))
			for range n / 4 {
				timer := p.AfterFunc(time.Duration(r.Int64N(int64(100*time.Microsecond))), func() { ran.Add(1) })
				if r.IntN(2) == 0 && timer.Stop() {
					stopped.Add(1)
				}
			}
		})
	}
	wg.Wait()
	until(t, "the rest", func() bool { return ran.Load()+stopped.Load() >= int64(n) })
	idle(t, p)
	require.Equal(t, int64(n), ran.Load()+stopped.Load())
	require.NotZero(t, stopped.Load())
}

// A closed pool runs nothing any more.
func TestAfterFuncOnAClosedPool(t *testing.T) {
	p := open(t, 2)
	before := p.AfterFunc(time.Hour, func() { t.Error("after Close") })
	require.NoError(t, p.Run(background, act(func(*task.Cx) {})))
	require.NoError(t, p.Close())
	p.AfterFunc(0, func() { t.Error("after Close") })
	require.True(t, before.Stop())
}

// A pool with a clock of its own: its timers wait for that, and for nothing else.
func TestClock(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := task.NewClock(start)
	p := openWith(t, pool.Config{Workers: 2, Clock: clock})
	var log []time.Duration
	ticker := task.Ticker{Every: time.Hour}
	var g task.Group
	g.Go(p, task.Func(func(cx *task.Cx) error {
		for len(log) < 5 {
			if _, err := ticker.Tick(cx); err != nil {
				return err
			}
			log = append(log, cx.Now().Sub(start))
		}
		return nil
	}))
	until(t, "five ticks", func() bool {
		if s := p.Stats(); s.Timers == 1 && s.Idle == s.Workers { // it waits
			if d, ok := clock.Next(); ok {
				clock.Advance(d)
			}
		}
		return p.Stats().Live == 0
	})
	require.NoError(t, g.WaitContext(background))
	for i, at := range log {
		require.GreaterOrEqual(t, at, time.Duration(i+1)*time.Hour)
		require.Less(t, at, time.Duration(i+1)*time.Hour+timerwheel.Tick)
	}
	ran := make(chan bool)
	p.AfterFunc(time.Minute, func() { close(ran) })
	clock.Advance(time.Minute + timerwheel.Tick)
	<-ran
}

// A timeout whose scheduler ends before the group does goes on by another clock, whatever clock
// it was set by.
func TestTimeoutOutlivesItsScheduler(t *testing.T) {
	other := open(t, 1)
	for _, clock := range []*task.Clock{nil, task.NewClock(time.Unix(0, 0))} {
		p, err := pool.New(pool.Config{Workers: 1, Clock: clock})
		require.NoError(t, err)
		var never task.Promise[int]
		var g task.Group
		set := func(d time.Duration) {
			require.NoError(t, p.Run(background, task.Func(func(cx *task.Cx) error {
				g.SetTimeout(cx, d)
				return nil
			})))
		}
		begin := time.Now()
		set(time.Hour) // before there are members: then it begins with the first, at its pool
		g.Go(other, task.Func(func(cx *task.Cx) error {
			_, err := never.Wait(cx)
			return err
		}))
		set(20 * time.Millisecond)
		require.NoError(t, p.Close())
		require.ErrorIs(t, g.WaitContext(background), task.ErrTimeout)
		require.GreaterOrEqual(t, time.Since(begin), 20*time.Millisecond)
		require.Zero(t, pool.TimersOf(p)+pool.TimersOf(other))
	}
}
