package pool_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// TestWaitIdle: when it returns, all that was begun is over, whoever has taken it: other
// workers, the monitor, spares.
func TestWaitIdle(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 2})
	rng := rand.New(rand.NewPCG(1, 2))
	rounds, long := 300, 0
	if slow() {
		rounds = 60
	}
	for range rounds {
		var begun, ended atomic.Int64
		var spawn func(n int, busy time.Duration) task.Task
		spawn = func(n int, busy time.Duration) task.Task {
			begun.Add(1)
			yielded := false
			return task.Func(func(cx *task.Cx) error {
				if !yielded {
					yielded = true
					for range n {
						cx.Go(spawn(n-1, 0))
					}
					for at := time.Now(); time.Since(at) < busy; { // a long poll: the monitor takes what it has queued
					}
				}
				if err := cx.Yield(); err != nil {
					return err
				}
				ended.Add(1)
				return nil
			})
		}
		busy := time.Duration(0)
		if rng.IntN(10) == 0 {
			busy = 3 * time.Millisecond
			long++
		}
		for range 1 + rng.IntN(3) {
			p.Go(spawn(rng.IntN(5), busy))
		}
		require.NoError(t, p.WaitIdle(background))
		require.Equal(t, begun.Load(), ended.Load())
	}
	require.Positive(t, long)
}

// TestWaitIdleParked: tasks that wait are no work, and the time of a Clock brings work.
func TestWaitIdleParked(t *testing.T) {
	clock := task.NewClock(time.Unix(0, 0))
	p := openWith(t, pool.Config{Workers: 2, Clock: clock})
	var ticks atomic.Int64
	ticker := task.Ticker{Every: time.Second}
	p.Go(task.Func(func(cx *task.Cx) error {
		for {
			if _, err := ticker.Tick(cx); err != nil {
				return err
			}
			ticks.Add(1)
		}
	}))
	require.NoError(t, p.WaitIdle(background))
	for i := range 100 {
		require.EqualValues(t, i, ticks.Load())
		clock.Advance(time.Second)
		require.NoError(t, p.WaitIdle(background))
	}
}

func TestWaitIdleGivesUp(t *testing.T) {
	p := open(t, 1)
	s := newStuck(t, nil)
	p.Go(s)
	<-s.inside
	ctx, cancel := context.WithCancelCause(background)
	boom := errors.New("boom")
	cancel(boom)
	require.ErrorIs(t, p.WaitIdle(ctx), boom)
	s.release()
	require.NoError(t, p.WaitIdle(background))
	within := caught(func() { _ = p.Run(background, act(func(*task.Cx) { _ = p.WaitIdle(background) })) })
	require.ErrorContains(t, within.(error), "pool: WaitIdle inside a task waits for that task: call it from a goroutine")
}
