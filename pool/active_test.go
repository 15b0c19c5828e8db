package pool_test

import (
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// stuckAll starts n tasks in polls that do not end.
func stuckAll(t *testing.T, p *pool.Pool, n int) (all []*stuck) {
	for range n {
		s := newStuck(t, nil)
		all = append(all, s)
		p.Go(s)
	}
	for _, s := range all {
		<-s.inside
	}
	return all
}

// However many polls take long, up to MaxThreads, others go on; afterwards all is given back.
func TestHired(t *testing.T) {
	before := restored(t)
	for _, workers := range []int{1, 2, 4} {
		p := openWith(t, pool.Config{Workers: workers, MaxThreads: 12})
		l := pool.NewLocal(p, func() int { return 1 })
		for range 2 {
			all := stuckAll(t, p, 11)
			var ran atomic.Int64
			for range 10 {
				require.NoError(t, p.Run(background, act(func(cx *task.Cx) { *l.Get(cx)++; ran.Add(1) })))
			}
			require.GreaterOrEqual(t, p.Stats().Spares, 11-workers)
			require.Greater(t, runtime.GOMAXPROCS(0), 12)
			for _, s := range all {
				s.release()
			}
			until(t, "all to be given back", func() bool {
				s := p.Stats()
				return s.Spares == 0 && s.Threads <= workers+monitor && runtime.GOMAXPROCS(0) == before+workers+1
			})
		}
		idle(t, p)
		n, sum := 0, 0
		for v := range l.All() {
			n++
			sum += *v
		}
		require.Equal(t, 20+n, sum, "each is made once, and counts")
		require.NoError(t, p.Close())
		procs(t, before, "in the end")
	}
}

// At the bound it is said, and what waits goes on as soon as one has time.
func TestMaxThreads(t *testing.T) {
	var out log
	p := openWith(t, pool.Config{Workers: 1, MaxThreads: 3, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	all := stuckAll(t, p, 3)
	var a tally
	p.Go(a.probe(nil))
	until(t, "it to be said", func() bool { return out.has("no more may take part", "threads=3") })
	require.NotZero(t, p.Stats().Short)
	require.Equal(t, 2, p.Stats().Spares)
	require.Zero(t, a.polled.Load())
	all[1].release()
	until(t, "what waits", func() bool { return a.polled.Load() == 1 })
	all[0].release()
	all[2].release()
}

// A pool whose bound leaves nobody for tasks beside jobs says so, and they go on afterwards.
func TestMaxThreadsBesideJobs(t *testing.T) {
	var out log
	p := openWith(t, pool.Config{Workers: 1, MaxThreads: 1, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	h := newHeld(nil)
	p.Go(h)
	until(t, "the job", func() bool { return h.begun.Load() })
	var a tally
	p.Go(a.probe(nil))
	until(t, "it to be said", func() bool { return out.has("no more may take part", "threads=1") })
	require.NotZero(t, p.Stats().Short)
	require.Zero(t, p.Stats().Spares)
	h.released.Store(true)
	until(t, "what waits", func() bool { return a.polled.Load() == 1 })
}

// The timers of a worker that computes are fired by who is on duty, and not all by the monitor,
// which looks now and then only: those that were armed before, and those that come from outside.
func TestTimersOfWhoComputes(t *testing.T) {
	const timers = 100
	p := openWith(t, pool.Config{Workers: 1})
	var g task.Group
	for i := range timers {
		g.Go(p, &sleeper{d: 20*time.Millisecond + time.Duration(i)*2*time.Millisecond})
	}
	h := newHeld(nil)
	p.Go(h)
	until(t, "the job", func() bool { return h.begun.Load() })
	require.NoError(t, g.WaitContext(background))
	require.Less(t, p.GuardFired(), uint64(timers))
	before := p.GuardFired()
	rings := make(chan struct{})
	for range timers {
		p.AfterFunc(2*time.Millisecond, func() { rings <- struct{}{} })
		<-rings
	}
	require.Less(t, p.GuardFired()-before, uint64(timers))
	h.released.Store(true)
}

// What the system allows bounds the threads, too.
func TestThreadsRefused(t *testing.T) {
	pool.LimitThreads(t, 8)
	p := openWith(t, pool.Config{Workers: 1})
	all := stuckAll(t, p, 2)
	until(t, "the bound", func() bool {
		p.Go(act(func(*task.Cx) {}))
		return p.Stats().Short > 0
	})
	require.Equal(t, 1, p.Stats().Spares)
	for _, s := range all {
		s.release()
	}
	pool.LimitThreads(t, 1)
	none := openWith(t, pool.Config{Workers: 2})
	require.NoError(t, none.Run(background, act(func(*task.Cx) {})))
}

func TestMaxThreadsIsChecked(t *testing.T) {
	for _, n := range []int{-1, 1, 1 << 20} {
		_, err := pool.New(pool.Config{Workers: 2, MaxThreads: n})
		require.ErrorContains(t, err, "threads at most")
	}
}

// Timers and detached tasks of spares outlive their duty.
func TestSparesLeaveNothingBehind(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 1})
	first := stuckAll(t, p, 1)
	var a tally
	where := make(chan int, 1)
	p.Go(act(func(cx *task.Cx) { // on a spare
		where <- cx.Worker()
		for range 20 {
			cx.Go(a.probe(func(cx *task.Cx) error { return nil }))
		}
		cx.Go(&sleeper{d: 300 * time.Millisecond}) // armed there
	}))
	require.NotZero(t, <-where)
	first[0].release()
	until(t, "no spare", func() bool { return p.Stats().Spares == 0 })
	until(t, "the timer", func() bool { return p.Stats().Timers == 0 && p.Stats().Live == 0 })
	until(t, "its thread to end", func() bool { return p.Stats().Threads <= 1+monitor })
	a.check(t, 20)
}
