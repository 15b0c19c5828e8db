//go:build unix

package abandoned_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

const placeGiven = "the place in the queue is given up; a lock that was granted goes to the next"

// held is a lock that somebody has, until it is let go of.
func held(take func(*task.Cx) error, free func(*task.Cx), hold func() bool, release func(*task.Cx)) *object {
	if !hold() {
		panic("it is not free")
	}
	let := false
	return &object{
		ask: func(cx *task.Cx, _ int) (int, error) {
			err := take(cx)
			if err == nil {
				free(cx)
			}
			return 0, err
		},
		let: func(int) {
			if !let {
				let = true
				release(nil)
			}
		},
		free: func(t *testing.T) { require.True(t, hold(), "it is still held") },
	}
}

var lockTable = []entry{
	{
		op: "task/lock.Barrier.Wait", lets: "the task has not come; if the round was complete, it has",
		mode: sticky, inSim: met,
		make: func(w *world) *object {
			b := lock.NewBarrier(2)
			ctx, stop := context.WithCancel(background)
			over := make(chan struct{}, 8)
			n := 0
			return &object{
				ask: func(cx *task.Cx, _ int) (int, error) { _, err := b.Wait(cx); return 0, err },
				let: func(int) {
					n++
					go func() { _, _ = b.WaitContext(ctx); over <- struct{}{} }()
				},
				stop: func() {
					stop()
					for range n {
						<-over
					}
				},
			}
		},
	},
	{
		op: "task/lock.Cond.LockWhen", lets: "the place in the queue is given up; a signal, and the lock, go to the next",
		mode: sticky, stays: true,
		make: func(*world) *object {
			var mu lock.Mutex
			c := lock.Cond{L: &mu}
			yes := false
			return &object{
				ask: func(cx *task.Cx, _ int) (int, error) {
					err := c.LockWhen(cx, func() bool { return yes })
					if err == nil {
						mu.Unlock(cx)
					}
					return 0, err
				},
				let: func(int) {
					for !mu.TryLock() { //nolint:revive // a task looks
					}
					yes = true
					c.Signal(nil)
					mu.Unlock(nil)
				},
				free: func(t *testing.T) { require.True(t, mu.TryLock()) },
			}
		},
	},
	{
		op: "task/lock.Event.Wait", lets: waitOver,
		mode: sticky, stays: true,
		make: func(*world) *object {
			var e lock.Event
			return &object{ask: constant(e.Wait), let: func(int) { e.Set(nil) }}
		},
	},
	{
		op: "task/lock.Mutex.Lock", lets: placeGiven,
		mode: sticky, stays: true,
		make: func(*world) *object {
			var mu lock.Mutex
			return held(mu.Lock, mu.Unlock, mu.TryLock, mu.Unlock)
		},
	},
	{
		op: "task/lock.RWMutex.Lock", lets: placeGiven,
		mode: sticky, stays: true,
		make: func(*world) *object {
			var mu lock.RWMutex
			o := held(mu.Lock, mu.Unlock, mu.TryRLock, mu.RUnlock)
			o.free = func(t *testing.T) { require.True(t, mu.TryLock()) }
			return o
		},
	},
	{
		op: "task/lock.RWMutex.RLock", lets: placeGiven,
		mode: sticky, stays: true,
		make: func(*world) *object {
			var mu lock.RWMutex
			return held(mu.RLock, mu.RUnlock, mu.TryLock, mu.Unlock)
		},
	},
	{
		op: "task/lock.Notify.Wait", lets: "the place in the queue is given up; the next is told instead",
		mode: sticky, stays: true,
		make: func(*world) *object {
			var n lock.Notify
			return &object{ask: constant(n.Wait), let: func(int) { n.One(nil) }}
		},
	},
	{
		op: "task/lock.Notify.WaitPast", lets: waitOver,
		mode: sticky, stays: true,
		make: func(*world) *object {
			var n lock.Notify
			return &object{
				ask: func(cx *task.Cx, _ int) (int, error) { return 0, n.WaitPast(cx, 0) },
				let: func(int) { n.All(nil) },
			}
		},
	},
	{
		op: "task/lock.Once.Do", lets: "what the task has begun to do is not done: the next in line does it; what its function waits for is abandoned",
		mode: exact, single: true,
		make: func(*world) *object {
			var o lock.Once
			ps := promises()
			last := -1
			return &object{
				ask: func(cx *task.Cx, q int) (int, error) {
					err := o.Do(cx, func(cx *task.Cx) error {
						_, err := ps[q].Wait(cx)
						if err == nil {
							last = q
						}
						return err
					})
					return max(last, q), err // done by another: as good
				},
				let:  func(q int) { ps[q].Resolve(q, nil) },
				free: func(t *testing.T) { require.True(t, o.Done()) },
			}
		},
	},
	{
		op: "task/lock.OnceValue.Get", lets: "the value that the task has begun to make is not made: the next in line makes it; what its function waits for is abandoned",
		mode: sticky, single: true,
		make: func(*world) *object {
			var o lock.OnceValue[int]
			ps := promises()
			return &object{
				ask: func(cx *task.Cx, q int) (int, error) { return o.Get(cx, ps[q].Wait) },
				let: func(q int) { ps[q].Resolve(q, nil) },
				free: func(t *testing.T) {
					_, ok := o.Value()
					require.True(t, ok)
				},
			}
		},
	},
	{
		op: "task/lock.Permit.Acquire", lets: "as `Semaphore.Acquire`; permits that it has are released when the branch that has acquired them loses or fails, or its task ends",
		mode: sticky, stays: true, alone: true,
		make: func(*world) *object {
			s := lock.NewSemaphore(2)
			var p lock.Permit
			return held(
				func(cx *task.Cx) error { return p.Acquire(cx, s, 2) }, p.Release,
				func() bool { return s.TryAcquire(2) }, func(cx *task.Cx) { s.Release(cx, 2) },
			)
		},
	},
	{
		op: "task/lock.RateLimiter.Wait", lets: "the place in the queue is given up; a turn that was given goes back",
		mode: sticky, stays: true, places: true,
		make: func(w *world) *object {
			return limited(w, func(r *lock.RateLimiter) func(*task.Cx) error { return r.Wait })
		},
	},
	{
		op: "task/lock.RateLimiter.WaitN", lets: "as `RateLimiter.Wait`",
		mode: sticky, stays: true, places: true,
		make: func(w *world) *object {
			return limited(w, func(r *lock.RateLimiter) func(*task.Cx) error {
				return func(cx *task.Cx) error { return r.WaitN(cx, 1) }
			})
		},
	},
	{
		op: "task/lock.Semaphore.Acquire", lets: "the place in the queue is given up; permits that were granted go to the next",
		mode: sticky, stays: true,
		make: func(*world) *object {
			s := lock.NewSemaphore(2)
			return held(
				func(cx *task.Cx) error { return s.Acquire(cx, 2) }, func(cx *task.Cx) { s.Release(cx, 2) },
				func() bool { return s.TryAcquire(2) }, func(cx *task.Cx) { s.Release(cx, 2) },
			)
		},
	},
	{
		op: "task/lock.Turn.Poll", lets: "a turn is a task: when it has ended, in whatever way, it is the next one's",
		mode: sticky, inSim: turned,
		prove: func(t *testing.T) {
			for name, end := range map[string]func(p *task.Promise[int], turn *lock.Turn[string]){
				"ends":        func(p *task.Promise[int], _ *lock.Turn[string]) { p.Resolve(0, nil) },
				"fails":       func(p *task.Promise[int], _ *lock.Turn[string]) { p.Resolve(0, errBoom) },
				"is canceled": func(_ *task.Promise[int], turn *lock.Turn[string]) { turn.Cancel(errBoom) },
			} {
				t.Run(name, func(t *testing.T) {
					w := newLab(t)
					var s lock.Strand[string]
					var p task.Promise[int]
					first := s.Turn("a", func(cx *task.Cx) error { _, err := p.Wait(cx); return err })
					came := false
					second := s.Turn("a", func(*task.Cx) error { came = true; return nil })
					var g task.Group
					g.Failed = func(task.Task, error) error { return nil }
					g.Go(w.on(), first)
					g.Go(w.on(), second)
					w.rest()
					require.False(t, came)
					end(&p, first)
					w.rest()
					require.True(t, came)
					require.Zero(t, s.Len())
				})
			}
		},
	},
}

func promises() []*task.Promise[int] {
	return []*task.Promise[int]{new(task.Promise[int]), new(task.Promise[int]), new(task.Promise[int])}
}

func limited(w *world, wait func(*lock.RateLimiter) func(*task.Cx) error) *object {
	r := lock.NewRateLimiter(1, w.unit(), 1)
	if w.sim != nil { // whose time Allow does not know
		require.NoError(w.sim, w.sim.Run(background, task.Func(r.Wait)))
	} else {
		r.Allow() // whoever comes first has a turn at once
	}
	return &object{
		ask: constant(wait(r)),
		let: func(int) { w.pass(w.unit()) },
	}
}
