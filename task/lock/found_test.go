package lock_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// What a review has found. A test that is skipped fails without that line.

// nudged is a lab that does something when a poll has made a task runnable.
type nudged struct {
	*lab
	nudge func()
}

func (n *nudged) Next(f *task.Frame) {
	n.lab.Next(f)
	n.nudge()
}

// While a poll wakes several, one of them that is still to be woken may end and begin its
// next life: nothing of it may be read before it is known to be in the old one. It takes
// the race detector to see that.
func TestWokenWhileSpawnedAgain(t *testing.T) {
	bounded(t)
	a, b := newLab(t), newLab(t)
	begin, done := make(chan struct{}), make(chan struct{})
	a.Runner.Init(&nudged{a, func() {
		begin <- struct{}{}
		// Nothing may tell us that the other is through: that would order the two.
		for start := time.Now(); time.Since(start) < 200*ms; {
			runtime.Gosched()
		}
	}})
	var e lock.Event
	first, second := a.begin(e.Wait), act(e.Wait)
	b.start(second)
	go func() {
		defer close(done)
		<-begin
		second.Cancel(nil) // which makes it runnable: it ends, since e is set
		b.Work()
		task.Detach(b, second)
		b.Work()
	}()
	a.start(act(once(e.Set)))
	<-done
	a.well(first)
}

// A turn that is started again has no place in its strand: that is a mistake, or else it
// takes the place of another.
func TestStrandTurnStartedAgain(t *testing.T) {
	l := newLab(t)
	var s lock.Strand[int]
	var end lock.Event
	inside := false
	twice := s.Turn(0, func(*task.Cx) error { return nil })
	l.start(twice)
	l.start(s.Turn(0, func(cx *task.Cx) error {
		inside = true
		err := end.Wait(cx)
		inside = task.IsPending(err)
		return err
	}))
	join := act(func(cx *task.Cx) error { // if it panics
		defer func() { _ = recover() }()
		return twice.Wait(cx)
	})
	l.start(join, twice) // in this order, or nobody waits when it panics
	l.start(s.Turn(0, func(*task.Cx) error {
		require.False(t, inside, "two at a time")
		return nil
	}))
	end.Set(nil)
	l.Work()
	require.Zero(t, s.Len())
}

// A limiter that goroutines use first, and then tasks of a scheduler with another clock.
func TestRateLimiterOfTwoClocks(t *testing.T) {
	r := lock.NewRateLimiter(1, ms, 1)
	require.NoError(t, r.WaitContext(background))
	until(t, "a process that is not young", func() bool { // busy is the process's age
		require.NoError(t, r.WaitContext(background))
		return time.Since(born) > 100*ms
	})
	l := newLab(t)
	a := l.begin(r.Wait)
	l.pass(ms + slack)
	l.well(a)
}

var born = time.Now()

// A debug build that finds a stage that was run twice leaves the object usable.
func TestMistakeInLineIsNotTheLocks(t *testing.T) {
	if !invariant.Enabled {
		t.Skip("nobody looks")
	}
	l := newLab(t)
	var a, b lock.Mutex
	a.TryLock()
	b.TryLock()
	var waker task.Waker
	wrong := act(func(cx *task.Cx) error {
		if waker == (task.Waker{}) {
			waker = cx.Self()
			return a.Lock(cx)
		}
		return b.Lock(cx) // while it is in line for a
	})
	var panicked any
	l.start(wrong, act(func(cx *task.Cx) error {
		defer func() { panicked = recover() }()
		return wrong.Wait(cx)
	}))
	waker.Wake()
	l.Work()
	require.IsType(t, (*task.PanicError)(nil), panicked)
	got := make(chan bool, 1)
	go func() {
		b.Unlock(nil)
		got <- b.TryLock()
	}()
	select {
	case ok := <-got:
		require.True(t, ok)
	case <-time.After(5 * time.Second):
		t.Fatal("b is locked inside for ever")
	}
}

// A limiter outlives its schedulers: what waits for it has its turns, by the clock of the next
// one, or by the machine's.
func TestRateLimiterOutlivesItsSchedulers(t *testing.T) {
	bounded(t)
	three := func(r *lock.RateLimiter) task.Task {
		n := 0
		return task.Func(func(cx *task.Cx) error {
			for ; n < 3; n++ {
				if err := r.Wait(cx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	r := lock.NewRateLimiter(1000, time.Second, 1)
	for range 3 {
		require.NoError(t, task.Run(background, three(r)))
	}
	for range 2 { // a pool ends while a task waits for a turn of the limiter
		p, err := pool.New(pool.Config{Workers: 1})
		require.NoError(t, err)
		require.NoError(t, p.Run(background, three(r)))
		p.Go(task.Func(r.Wait))
		require.NoError(t, p.Close())
	}
	require.NoError(t, r.WaitContext(background))
	require.NoError(t, task.Run(background, three(r)))
}

// The clock of a scheduler that has ended stands still: it does not count any more.
func TestRateLimiterAfterAClock(t *testing.T) {
	bounded(t)
	r := lock.NewRateLimiter(1, ms, 1)
	l := rig.NewLab()
	l.Clock.Advance(time.Hour)
	task.Detach(l, task.Func(r.Wait))
	l.Work()
	require.False(t, r.Allow())
	task.Close(&l.Runtime)
	until(t, "a turn by the machine's clock", r.Allow)
	require.NoError(t, r.WaitContext(background))
	require.NoError(t, r.WaitContext(background))
}

// Tasks of one scheduler wait behind the alarm of another, which ends: nobody is forgotten.
func TestRateLimiterOfTwoSchedulers(t *testing.T) {
	bounded(t)
	rounds := 200
	if testing.Short() {
		rounds = 20
	}
	other, err := pool.New(pool.Config{Workers: 2})
	require.NoError(t, err)
	defer other.Close()
	for range rounds {
		r := lock.NewRateLimiter(10, ms, 1)
		p, err := pool.New(pool.Config{Workers: 1})
		require.NoError(t, err)
		require.NoError(t, p.Run(background, task.Func(r.Wait)))
		var g task.Group
		for range 10 {
			g.Go(other, task.Func(r.Wait))
			p.Go(task.Func(r.Wait))
		}
		require.NoError(t, p.Close())
		require.NoError(t, g.WaitContext(background))
	}
}
