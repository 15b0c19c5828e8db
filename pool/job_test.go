package pool_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
	"github.com/heist-go/heist/task"
)

// crewed runs a test on pools of several sizes that may have spares.
func crewed(t *testing.T, test func(t *testing.T, p *pool.Pool)) {
	for _, workers := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			p := openWith(t, pool.Config{Workers: workers})
			test(t, p)
			until(t, "nothing that computes", func() bool { return p.Stats().Computing == 0 && p.Away() == 0 })
		})
	}
}

// held is a job that computes until it is released.
type held struct {
	crunch
	begun    atomic.Bool
	released atomic.Bool
}

func newHeld(c *pool.Limiter) *held {
	h := &held{}
	h.times, h.job.Limiter = 1, c
	h.do = func(s pool.Scope) int {
		h.begun.Store(true)
		for !h.released.Load() && s.Err() == nil {
			runtime.Gosched()
		}
		return 1
	}
	return h
}

// At most as many jobs compute as there are workers, with all that they share out, and each is
// computed once.
func TestJobsAreBounded(t *testing.T) {
	crewed(t, func(t *testing.T, p *pool.Pool) {
		var now, most, done atomic.Int64
		visit := func() {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			for begin := time.Now(); time.Since(begin) < 50*time.Microsecond; {
			}
			now.Add(-1)
			done.Add(1)
		}
		const jobs, parts = 50, 20
		var g task.Group
		var open atomic.Bool
		for range jobs {
			g.Go(p, &crunch{times: 1, do: func(s pool.Scope) int {
				for !open.Load() {
					runtime.Gosched()
				}
				par.For(s, parts, func(int) { visit() })
				return 0
			}})
		}
		until(t, "a job to wait for its turn", func() bool { return p.Stats().Jobs.Waiting > 0 })
		open.Store(true)
		require.NoError(t, g.WaitContext(background))
		require.EqualValues(t, jobs*parts, done.Load())
		require.LessOrEqual(t, most.Load(), int64(p.Workers()))
		until(t, "the last turn to end", func() bool { return p.Stats().Jobs.Running == 0 })
		s := p.Stats().Jobs
		require.EqualValues(t, jobs, s.Started)
		require.Zero(t, s.Waiting)
		require.Positive(t, s.Depth)
		require.GreaterOrEqual(t, s.Waited, s.Longest)
		require.Positive(t, s.Longest)
	})
}

// While all that may compute do, tasks go on, and timers fire: each of them would otherwise
// wait for the computations, which wait for it.
func TestJobsLeaveRoom(t *testing.T) {
	crewed(t, func(t *testing.T, p *pool.Pool) {
		for round := range 5 {
			var released atomic.Bool
			var begun atomic.Int64
			var g task.Group
			for range 3 * p.Workers() {
				g.Go(p, &crunch{times: 1, do: func(pool.Scope) int {
					begun.Add(1)
					for !released.Load() {
						runtime.Gosched()
					}
					return 0
				}})
			}
			until(t, "jobs", func() bool { return begun.Load() == int64(p.Workers()) })
			for range 100 {
				require.NoError(t, p.Run(background, act(func(*task.Cx) {})))
			}
			require.NoError(t, p.Run(background, &sleeper{d: time.Millisecond}))
			require.EqualValues(t, p.Workers(), begun.Load(), "in round %d", round)
			require.Equal(t, 2*p.Workers(), p.Stats().Jobs.Waiting)
			released.Store(true)
			require.NoError(t, g.WaitContext(background))
		}
	})
}

// A job that waits for its turn is withdrawn when its task is canceled.
func TestJobIsWithdrawn(t *testing.T) {
	crewed(t, func(t *testing.T, p *pool.Pool) {
		var g, more task.Group
		var first []*held
		for range p.Workers() {
			first = append(first, newHeld(nil))
			g.Go(p, first[len(first)-1])
		}
		for _, h := range first {
			until(t, "the first", h.begun.Load)
		}
		second := newHeld(nil)
		more.Go(p, second)
		until(t, "the second to wait", func() bool { return p.Stats().Jobs.Waiting == 1 })
		more.Cancel(errBoom)
		require.ErrorIs(t, more.WaitContext(background), errBoom)
		require.False(t, second.begun.Load())
		s := p.JobStats(nil)
		require.EqualValues(t, 1, s.Withdrawn)
		require.Zero(t, s.Waiting)
		for _, h := range first {
			h.released.Store(true)
		}
		require.NoError(t, g.WaitContext(background))
	})
}

// A class bounds how many compute and how many wait; what is short waits for its own kind only;
// Try waits for nobody.
func TestJobClasses(t *testing.T) {
	crewed(t, func(t *testing.T, p *pool.Pool) {
		one := &pool.Limiter{Name: "one", Limit: 1, Queue: 1}
		short := &pool.Limiter{Name: "short", Short: true}
		var g task.Group
		start := func(h *held) *held { g.Go(p, h); return h }
		running := start(newHeld(one))
		until(t, "the first", running.begun.Load)
		waiting := start(newHeld(one))
		until(t, "the second to wait", func() bool { return p.JobStats(one).Waiting == 1 })
		require.ErrorIs(t, p.Run(background, newHeld(one)), task.ErrLimit)
		require.ErrorIs(t, p.Run(background, trying(one)), task.ErrLimit)

		var others []*held // of no class, until no thread is left
		for range p.Workers() - 1 {
			others = append(others, start(newHeld(nil)))
		}
		for _, h := range others {
			until(t, "others", h.begun.Load)
		}
		require.ErrorIs(t, p.Run(background, trying(nil)), task.ErrLimit)
		first := start(newHeld(short))
		until(t, "what is short", first.begun.Load)
		second := start(newHeld(short))
		until(t, "the second to wait", func() bool { return p.JobStats(short).Waiting == 1 })
		require.False(t, second.begun.Load())
		first.released.Store(true)
		until(t, "the second", second.begun.Load)
		second.released.Store(true)

		require.False(t, waiting.begun.Load())
		running.released.Store(true)
		until(t, "the next of its class", waiting.begun.Load)
		waiting.released.Store(true)
		for _, h := range others {
			h.released.Store(true)
		}
		require.NoError(t, g.WaitContext(background))
		require.NoError(t, p.Run(background, trying(nil)))
		s := p.JobStats(one)
		require.EqualValues(t, 2, s.Started)
		require.EqualValues(t, 2, s.Refused)
		require.Equal(t, 1, s.Depth)
	})
}

// trying is a task with a job that does not wait.
func trying(c *pool.Limiter) task.Task {
	job := &pool.Job[int]{Limiter: c}
	return task.Func(func(cx *task.Cx) error {
		_, err := job.Try(cx, func(pool.Scope) int { return 1 })
		return err
	})
}

// Jobs begin in the order in which they came.
func TestJobsInOrder(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 1})
	var g task.Group
	first := newHeld(nil)
	g.Go(p, first)
	until(t, "the first", first.begun.Load)
	var order []int
	for i := range 10 {
		g.Go(p, &crunch{times: 1, do: func(pool.Scope) int { order = append(order, i); return 0 }})
		until(t, "it to wait", func() bool { return p.Stats().Jobs.Waiting == i+1 })
	}
	first.released.Store(true)
	require.NoError(t, g.WaitContext(background))
	require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, order)
}

// Goroutines that compute all the time do not keep jobs from their turn.
func TestJobsBesideGoroutines(t *testing.T) {
	crewed(t, func(t *testing.T, p *pool.Pool) {
		var over atomic.Bool
		var g task.Group
		var callers sync.WaitGroup
		defer callers.Wait()
		defer over.Store(true)
		for range p.Workers() + 1 {
			callers.Go(func() {
				for !over.Load() {
					pool.Call(p, fib, 15)
				}
			})
		}
		for range 20 {
			g.Go(p, &crunch{times: 2, do: func(s pool.Scope) int { return pool.Call(s, fib, 10) }})
		}
		require.NoError(t, g.WaitContext(background))
	})
}

// A panic, and a Goexit, in a job costs no thread and no turn.
func TestJobsThatPanic(t *testing.T) {
	crewed(t, func(t *testing.T, p *pool.Pool) {
		for i := range 20 {
			g := task.Group{Failed: func(task.Task, error) error { return nil }}
			g.Go(p, &crunch{times: 1, do: func(pool.Scope) int {
				if i%2 == 0 {
					runtime.Goexit()
				}
				panic(errBoom)
			}})
			_ = caught(func() { _ = g.WaitContext(background) })
		}
		require.NoError(t, p.Run(background, &crunch{times: 3, do: func(s pool.Scope) int { return pool.Call(s, fib, 15) }}))
	})
}

// A computation in a poll leaves somebody on duty, too, though nobody has announced it.
func TestCallsLeaveRoom(t *testing.T) {
	crewed(t, func(t *testing.T, p *pool.Pool) {
		var released atomic.Bool
		var begun atomic.Int64
		var g task.Group
		for range p.Workers() {
			g.Go(p, act(func(cx *task.Cx) {
				begun.Add(1)
				par.For(cx, 1_000_000_000, func(int) {
					if !released.Load() {
						runtime.Gosched()
					}
				})
			}))
		}
		until(t, "computations", func() bool { return begun.Load() == int64(p.Workers()) })
		for range 100 {
			require.NoError(t, p.Run(background, act(func(*task.Cx) {})))
		}
		require.NotZero(t, p.Stats().Computing)
		g.Cancel(nil)
		released.Store(true)
		_ = g.WaitContext(background)
	})
}

// A task that has the result of a job may ask for its turn at once.
func TestJobTryAfterTheOnlyOne(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 2})
	j := pool.Job[int]{Limiter: &pool.Limiter{Limit: 1}}
	n := 0
	require.NoError(t, p.Run(background, task.Func(func(cx *task.Cx) error {
		for ; n < 2000; n++ {
			if _, err := j.Try(cx, func(pool.Scope) int { return n }); err != nil {
				return err
			}
		}
		return nil
	})))
}
