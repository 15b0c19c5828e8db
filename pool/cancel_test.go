package pool_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
	"github.com/heist-go/heist/task"
)

// endless is a computation that ends when it is told to.
func endless(f pool.Fork[int, int], n int) int {
	for f.Scope().Err() == nil {
		if n > 0 {
			f.Join(n-1, n-1)
		}
	}
	return n
}

func TestCallContext(t *testing.T) {
	forkPools(t, func(t *testing.T, p *pool.Pool) {
		n, err := pool.CallContext(background, p, fib, 20)
		require.NoError(t, err)
		require.Equal(t, fibSeq(20), n)

		ctx, cancel := context.WithCancelCause(background)
		go func() {
			for p.Stats().Parts == 0 && p.Workers() > 1 {
				runtime.Gosched()
			}
			cancel(errBoom)
		}()
		_, err = pool.CallContext(ctx, p, endless, 5)
		require.ErrorIs(t, err, errBoom)
		_, err = pool.CallContext(ctx, p, func(pool.Fork[int, int], int) int { panic("runs") }, 5)
		require.ErrorIs(t, err, errBoom)
		require.Equal(t, fibSeq(20), pool.Call(p, fib, 20)) // nothing is left of it
	})
}

// A canceled task ends its computation, on whatever thread.
func TestCallCanceled(t *testing.T) {
	p := open(t, 2)
	var g task.Group
	var calls atomic.Int64
	g.Go(p, task.Func(func(cx *task.Cx) error {
		pool.Call(cx, func(f pool.Fork[int, int], n int) int {
			calls.Add(1)
			return endless(f, n)
		}, 3)
		return cx.Err()
	}))
	for calls.Load() == 0 {
		runtime.Gosched()
	}
	g.Cancel(errBoom)
	require.ErrorIs(t, g.WaitContext(background), errBoom)
}

// crunch is a task with a job.
type crunch struct {
	task.Frame
	job    pool.Job[int]
	do     func(pool.Scope) int
	times  int
	result int
}

func (c *crunch) Poll(cx *task.Cx) error {
	for ; c.times > 0; c.times-- {
		n, err := c.job.Do(cx, c.do)
		if err != nil {
			return err
		}
		c.result += n
	}
	return nil
}

func TestJob(t *testing.T) {
	forkPools(t, func(t *testing.T, p *pool.Pool) {
		c := &crunch{times: 3, do: func(s pool.Scope) int { return pool.Call(s, fib, 20) }}
		require.NoError(t, p.Run(background, c))
		require.Equal(t, 3*fibSeq(20), c.result)

		c = &crunch{times: 1, do: func(pool.Scope) int { panic(errBoom) }}
		defer func() {
			err, _ := recover().(error)
			require.ErrorIs(t, err, errBoom)
		}()
		_ = p.Run(background, c)
		require.Fail(t, "no panic")
	})
}

// A job does not hold up its task, which can be canceled, and then it ends.
func TestJobCanceled(t *testing.T) {
	p := open(t, 2)
	var running atomic.Int64
	c := &crunch{times: 1, do: func(s pool.Scope) int {
		running.Add(1)
		defer running.Add(-1)
		return pool.Call(s, endless, 3)
	}}
	var g task.Group
	g.Go(p, c)
	for running.Load() == 0 {
		runtime.Gosched()
	}
	g.Cancel(errBoom)
	require.ErrorIs(t, g.WaitContext(background), errBoom)
	require.Zero(t, running.Load(), "the task has ended before its computation")
}

// A job that a task has left alone is not taken for one of its next life.
func TestJobOfAnotherLife(t *testing.T) {
	p := open(t, 2)
	var job pool.Job[int]
	life, got := 0, 0
	f := task.Func(func(cx *task.Cx) (err error) {
		of := life
		got, err = job.Do(cx, func(pool.Scope) int { return of })
		if life == 1 { // it gives up
			return nil
		}
		return err
	})
	for life = 1; life <= 2; life++ {
		require.NoError(t, p.Run(background, f))
	}
	require.Equal(t, 2, got)
}

// A loop of package par ends early in a computation that is canceled.
func TestLoopCanceled(t *testing.T) {
	p := open(t, 2)
	ctx, cancel := context.WithCancel(background)
	var calls atomic.Int64
	_, err := pool.CallContext(ctx, p, func(f pool.Fork[int, int], n int) int {
		par.For(f.Scope(), n, func(int) {
			if calls.Add(1) == 1000 {
				cancel()
			}
			for begin := time.Now(); time.Since(begin) < time.Microsecond; {
			}
		})
		return 0
	}, 1_000_000_000)
	require.ErrorIs(t, err, context.Canceled)
}

// A long computation is no stalled poll.
func TestComputationIsNoStall(t *testing.T) {
	for range 20 { // until the machine does not interrupt the poll elsewhere
		p, err := pool.New(pool.Config{Workers: 2, StallLimit: 5 * time.Millisecond})
		require.NoError(t, err)
		long := func(pool.Scope) { spin(50 * time.Millisecond) }
		require.NoError(t, p.Run(background, task.Func(func(cx *task.Cx) error {
			pool.Do(cx, long, long)
			return nil
		})))
		stalls := p.Stats().Stalls
		require.NoError(t, p.Close())
		if stalls == 0 {
			return
		}
	}
	require.Fail(t, "it counts as one")
}

// A computation in a shielded stage of a canceled task goes through.
func TestComputationShielded(t *testing.T) {
	for _, shield := range []bool{true, false} {
		p := open(t, 2)
		var g task.Group
		calls, n := atomic.Int64{}, 0
		started := false
		g.Go(p, task.Func(func(cx *task.Cx) error {
			if !started {
				started = true
				g.Cancel(errBoom)
			}
			if shield {
				cx.Shield()
			}
			for _, n = range []int{10, 100_000} {
				par.For(cx, n, func(int) { calls.Add(1) })
			}
			return cx.Err()
		}))
		err := g.WaitContext(background)
		if shield {
			require.NoError(t, err)
			require.EqualValues(t, 100_010, calls.Load())
		} else {
			require.ErrorIs(t, err, errBoom)
			require.Less(t, calls.Load(), int64(100_010))
		}
	}
}

func TestDoContext(t *testing.T) {
	forkPools(t, func(t *testing.T, p *pool.Pool) {
		var calls atomic.Int64
		call := func(s pool.Scope) {
			require.Equal(t, p, pool.Of(s))
			calls.Add(1)
			pool.Do(s, func(pool.Scope) { calls.Add(1) }, func(pool.Scope) { calls.Add(1) }) // finds the same computation
		}
		require.NoError(t, pool.DoContext(background, p, call, call, call))
		require.EqualValues(t, 9, calls.Load())
		require.NoError(t, pool.DoContext(background, p))

		ctx, cancel := context.WithCancelCause(background)
		wait := func(s pool.Scope) {
			for s.Err() == nil {
				runtime.Gosched()
			}
			require.ErrorIs(t, s.Err(), errBoom)
		}
		require.ErrorIs(t, pool.DoContext(ctx, p, func(s pool.Scope) {
			cancel(errBoom)
			pool.Do(s, wait, wait, wait)
		}, wait), errBoom)
		require.ErrorIs(t, pool.DoContext(ctx, p, func(pool.Scope) { panic("runs") }), errBoom)
		require.ErrorIs(t, pool.DoContext(ctx, p), errBoom)

		defer func() {
			err, _ := recover().(error)
			require.ErrorIs(t, err, errBoom)
		}()
		_ = pool.DoContext(background, p, call, func(pool.Scope) { panic(errBoom) })
		require.Fail(t, "no panic")
	})
}
