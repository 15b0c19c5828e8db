//go:build unix

package pool_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/bridge"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
)

// Goroutines wait for a Cond while others look: a goroutine gives its lock back inside of the Cond.
func TestDumpBesideGoroutinesAtACond(t *testing.T) {
	const goroutines, turns = 4, 4000
	p := openWith(t, pool.Config{Workers: 1, StallLimit: -1, Debug: true})
	var m lock.Mutex
	c := lock.Cond{L: &m}
	next := 0
	var g task.Group
	for i := range goroutines {
		g.Goroutine(p, func(ctx context.Context) error {
			for n := i; n < turns; n += goroutines {
				if err := c.LockWhenContext(ctx, func() bool { return next == n }); err != nil {
					return err
				}
				next++
				c.Broadcast(nil)
				m.Unlock(nil)
			}
			return nil
		})
	}
	ended := make(chan error)
	go func() { ended <- g.WaitContext(background) }()
	for {
		select {
		case err := <-ended:
			require.NoError(t, err)
			return
		default:
			require.Empty(t, p.Dump(pool.DumpOptions{}).Deadlocks)
		}
	}
}

// line is a lock of which a task has, or wants, a part; and another the whole.
type line struct {
	want, have func(cx *task.Cx) error
}

// In line behind one who leaves by a timer, and not behind who has the lock: no circle, and not quiet.
func TestBehindWhoLeavesTheLine(t *testing.T) {
	sem := func() line {
		s := lock.NewSemaphore(2)
		return line{
			want: func(cx *task.Cx) error { return s.Acquire(cx, 2) },
			have: func(cx *task.Cx) error { return s.Acquire(cx, 1) },
		}
	}
	rw := func() line {
		var m lock.RWMutex
		return line{m.Lock, m.RLock}
	}
	for what, kind := range map[string]func() line{"lock.Semaphore": sem, "lock.RWMutex": rw} {
		for _, bound := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, a task, %t", what, bound), func(t *testing.T) {
				p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: true})
				l := kind()
				var g, outside task.Group
				var limit combine.Timeout
				var holds, ahead lock.Event
				var seq, also task.Seq
				behind := &waiter{name: "behind", op: func(cx *task.Cx) error {
					return also.Run(cx, ahead.Wait, l.have)
				}}
				g.Go(p, behind)
				g.Go(p, &waiter{name: "holder", op: func(cx *task.Cx) error {
					return seq.Run(cx, l.have, func(cx *task.Cx) error { holds.Set(cx); return nil }, behind.Wait)
				}})
				outside.Go(p, &waiter{name: "leaves", op: func(cx *task.Cx) error {
					if err := holds.Wait(cx); err != nil {
						return err
					}
					if bound {
						return limit.Wait(cx, time.Hour, l.want)
					}
					return l.want(cx)
				}})
				inDump(t, p, func(d *pool.Dump) bool {
					return d.Suspended == 3 && len(waitsOf(d, "leaves")) > 0 && waitsOf(d, "leaves")[0].Kind != "event"
				})
				ahead.Set(nil)
				d := inDump(t, p, func(d *pool.Dump) bool {
					w := waitsOf(d, "behind")
					return d.Suspended == 3 && len(w) > 0 && w[0].Kind == "turn"
				})
				_, quiet := p.Quiet(&g)
				if bound {
					require.Empty(t, d.Deadlocks)
					require.Empty(t, d.Quiet)
					require.False(t, quiet)
				} else {
					require.Len(t, d.Deadlocks, 1)
					require.Len(t, d.Deadlocks[0], 3)
					require.True(t, quiet)
				}
				over(&g)
				over(&outside)
			})
		}
	}
}

// Whose wait ends in another pool is not quiescent.
func TestNotQuiescentForAnotherPool(t *testing.T) {
	disk := &task.Limiter{Limit: 1}
	hold := make(chan struct{})
	call := func() func(cx *task.Cx) error {
		var b task.Blocking[int]
		return func(cx *task.Cx) error {
			b.Limiter = disk
			_, err := b.Do(cx, func(ctx context.Context) (int, error) {
				select {
				case <-hold:
				case <-ctx.Done():
				}
				return 0, nil
			})
			return err
		}
	}
	var strand lock.Strand[int]
	for what, c := range map[string]func() (there task.Task, here func(cx *task.Cx) error){
		"the end of a task": func() (task.Task, func(cx *task.Cx) error) {
			x := &waiter{name: "there", op: new(sleepy).Sleep}
			return x, x.Wait
		},
		"a limiter": func() (task.Task, func(cx *task.Cx) error) {
			return &waiter{name: "there", op: call()}, call()
		},
		"a turn": func() (task.Task, func(cx *task.Cx) error) {
			first := strand.Turn(1, new(sleepy).Sleep)
			return first, nil
		},
	} {
		t.Run(what, func(t *testing.T) {
			p, other := open(t, 1), open(t, 1)
			var g, there task.Group
			x, op := c()
			there.Go(other, x)
			inDumpOf(t, other, 1)
			if op == nil {
				g.Go(p, strand.Turn(1, func(*task.Cx) error { return nil }))
			} else {
				g.Go(p, &waiter{name: "here", op: op})
			}
			inDump(t, p, func(d *pool.Dump) bool { return d.Suspended == 1 && d.Workers[0].State == "parked" })
			for range 20 {
				require.False(t, p.Dump(pool.DumpOptions{}).Quiescent)
			}
			over(&g)
			over(&there)
		})
	}
	t.Run("a group", func(t *testing.T) {
		p, other := open(t, 1), open(t, 1)
		var g, there task.Group
		there.Go(other, &waiter{name: "there", op: new(sleepy).Sleep})
		g.Go(p, &waiter{name: "here", op: there.Wait})
		inDump(t, p, func(d *pool.Dump) bool { return d.Suspended == 1 && d.Workers[0].State == "parked" })
		for range 20 {
			require.False(t, p.Dump(pool.DumpOptions{}).Quiescent)
		}
		over(&g)
		over(&there)
	})
	t.Run("a rate limiter that a goroutine has begun with", func(t *testing.T) {
		p := open(t, 1)
		var g task.Group
		rate := lock.NewRateLimiter(1, time.Hour, 1)
		rate.Allow()
		ctx, cancel := context.WithCancel(background)
		ended := make(chan error)
		go func() { ended <- rate.WaitContext(ctx) }()
		until(t, "a goroutine in line", func() bool { return !rate.Allow() })
		g.Go(p, &waiter{name: "here", op: rate.Wait})
		inDump(t, p, func(d *pool.Dump) bool { return d.Suspended == 1 && d.Workers[0].State == "parked" })
		for range 20 {
			require.False(t, p.Dump(pool.DumpOptions{}).Quiescent)
		}
		cancel()
		<-ended
		over(&g)
	})
}

// Who waits for a value that a task makes waits for that task.
func TestNotQuietWhileAValueIsMade(t *testing.T) {
	p := open(t, 2)
	var g, outside task.Group
	var once lock.OnceValue[int]
	s := new(sleepy)
	outside.Go(p, &waiter{name: "makes", op: func(cx *task.Cx) error {
		_, err := once.Get(cx, func(cx *task.Cx) (int, error) { return 1, s.Sleep(cx) })
		return err
	}})
	inDumpOf(t, p, 1)
	g.Go(p, &waiter{name: "user", op: func(cx *task.Cx) error {
		_, err := once.Get(cx, func(cx *task.Cx) (int, error) { return 1, nil })
		return err
	}})
	inDumpOf(t, p, 2)
	for range 20 {
		_, quiet := p.Quiet(&g)
		require.False(t, quiet)
		require.Empty(t, p.Dump(pool.DumpOptions{}).Quiet)
	}
	over(&g)
	over(&outside)
}

// What a goroutine or a moment outside of the pool makes happen, by an object that is known to wait for it, is not
// quiescent.
func TestNotQuiescentForWhatMovesByItself(t *testing.T) {
	channel := make(chan int)
	for what, op := range map[string]func(t *testing.T) func(cx *task.Cx) error{
		"a context": func(t *testing.T) func(cx *task.Cx) error {
			var done bridge.Context
			ctx := contextFor(t, true)
			return func(cx *task.Cx) error { return done.Done(cx, ctx) }
		},
		"a channel of Go": func(t *testing.T) func(cx *task.Cx) error {
			c := bridge.Chan[int]{C: channel}
			return func(cx *task.Cx) error { _, err := c.Recv(cx); return err }
		},
	} {
		t.Run(what, func(t *testing.T) {
			p := open(t, 1)
			var g task.Group
			g.Go(p, &waiter{name: "waits", op: op(t)})
			inDump(t, p, func(d *pool.Dump) bool { return d.Suspended == 1 && d.Workers[0].State == "parked" })
			for range 20 {
				require.False(t, p.Dump(pool.DumpOptions{}).Quiescent)
				_, quiet := p.Quiet(&g)
				require.False(t, quiet)
			}
			over(&g)
		})
	}
}

// Permits that were acquired one by one are given back together, by a call or at the end of the task: that says nothing
// of what others have.
func TestDeadlockAfterOthersHaveGivenBack(t *testing.T) {
	for what, give := range map[string]func(s *lock.Semaphore) func(cx *task.Cx) error{
		"together": func(s *lock.Semaphore) func(cx *task.Cx) error {
			var seq task.Seq
			one := func(cx *task.Cx) error { return s.Acquire(cx, 1) }
			return func(cx *task.Cx) error {
				return seq.Run(cx, one, one, func(cx *task.Cx) error { s.Release(cx, 2); return nil })
			}
		},
		"by a goroutine": func(s *lock.Semaphore) func(cx *task.Cx) error {
			var b task.Blocking[int]
			return func(cx *task.Cx) error {
				_, err := b.Do(cx, func(ctx context.Context) (int, error) {
					for range 2 {
						if err := s.AcquireContext(ctx, 1); err != nil {
							return 0, err
						}
					}
					s.Release(nil, 2)
					return 0, nil
				})
				return err
			}
		},
		"at the end of the task": func(s *lock.Semaphore) func(cx *task.Cx) error {
			var permit lock.Permit
			return func(cx *task.Cx) error { return permit.Acquire(cx, s, 2) }
		},
	} {
		t.Run(what, func(t *testing.T) {
			p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: true})
			var g, first task.Group
			s := lock.NewSemaphore(4)
			var n atomic.Int64
			var release lock.Event
			for range 2 {
				var seq task.Seq
				g.Go(p, &waiter{name: "has one", op: func(cx *task.Cx) error {
					return seq.Run(cx,
						func(cx *task.Cx) error { return s.Acquire(cx, 1) },
						func(cx *task.Cx) error { n.Add(1); return nil },
						release.Wait,
						func(cx *task.Cx) error { return s.Acquire(cx, 3) })
				}})
			}
			until(t, "who has one", func() bool { return n.Load() == 2 })
			first.Go(p, &waiter{name: "gives back", op: give(s)})
			require.NoError(t, first.WaitContext(background))
			release.Set(nil)
			names, whats := circleOf(t, p)
			require.NotEmpty(t, names)
			require.Equal(t, "lock.Semaphore", whats[0])
			over(&g)
		})
	}
}

// Who waits for itself is named, and nothing hangs.
func TestDeadlockOfOneself(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: true})
	var m lock.Mutex
	var rw lock.RWMutex
	s := lock.NewSemaphore(2)
	two := func(first, second func(cx *task.Cx) error) func(cx *task.Cx) error {
		var seq task.Seq
		return func(cx *task.Cx) error { return seq.Run(cx, first, second) }
	}
	acquire := func(n int) func(cx *task.Cx) error { return func(cx *task.Cx) error { return s.Acquire(cx, n) } }
	for what, op := range map[string]func(x *waiter, g *task.Group) func(cx *task.Cx) error{
		"lock.Mutex":     func(*waiter, *task.Group) func(cx *task.Cx) error { return two(m.Lock, m.Lock) },
		"lock.RWMutex":   func(*waiter, *task.Group) func(cx *task.Cx) error { return two(rw.RLock, rw.Lock) },
		"lock.Semaphore": func(*waiter, *task.Group) func(cx *task.Cx) error { return two(acquire(1), acquire(2)) },
		"task":           func(x *waiter, _ *task.Group) func(cx *task.Cx) error { return x.Wait },
		"task.Group":     func(_ *waiter, g *task.Group) func(cx *task.Cx) error { return g.Wait },
	} {
		t.Run(what, func(t *testing.T) {
			var g task.Group
			x := &waiter{name: "itself"}
			x.op = op(x, &g)
			g.Go(p, x)
			_, whats := circleOf(t, p)
			require.Contains(t, whats, what)
			over(&g)
		})
	}
	t.Run("lock.OnceValue", func(t *testing.T) {
		var once lock.Once
		var g task.Group
		g.Go(p, &waiter{name: "itself", op: func(cx *task.Cx) error {
			return once.Do(cx, func(cx *task.Cx) error {
				return once.Do(cx, func(*task.Cx) error { return nil })
			})
		}})
		require.Contains(t, panicOf(t, func() { _ = g.WaitContext(background) }).Error(), "it would wait for itself")
		require.NoError(t, p.Run(background, act(func(cx *task.Cx) {
			require.NoError(t, once.Do(cx, func(*task.Cx) error { return nil }))
		})))
	})
	t.Run("lock.Turn", func(t *testing.T) {
		var g task.Group
		var s lock.Strand[int]
		var turn *lock.Turn[int]
		turn = s.Turn(1, func(cx *task.Cx) error { return turn.Wait(cx) })
		g.Go(p, turn)
		_, whats := circleOf(t, p)
		require.Equal(t, []string{"task"}, whats)
		over(&g)
	})
}

// Pools that come and go, some of them with Debug, use the same locks as goroutines do, in one order: no dump of any names
// a circle, and at the end a goroutine that has a lock is its only holder.
func TestHoldersWhilePoolsComeAndGo(t *testing.T) {
	bounded(t)
	var m lock.Mutex
	var rw lock.RWMutex
	s := lock.NewSemaphore(3)
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, err := range []error{m.LockContext(background), rw.RLockContext(background), s.AcquireContext(background, 1), s.AcquireContext(background, 1)} {
					if err != nil {
						panic(err)
					}
				}
				s.Release(nil, 2)
				rw.RUnlock(nil)
				m.Unlock(nil)
			}
		})
	}
	for i := range 12 {
		p, err := pool.New(pool.Config{Workers: 2, StallLimit: -1, Debug: i%3 != 0})
		require.NoError(t, err)
		var g task.Group
		for range 20 {
			var seq task.Seq
			var permit lock.Permit
			g.Go(p, &waiter{name: "takes all", op: func(cx *task.Cx) error {
				return seq.Run(cx, m.Lock, rw.RLock,
					func(cx *task.Cx) error { return permit.Acquire(cx, s, 2) },
					func(cx *task.Cx) error { m.Unlock(cx); rw.RUnlock(cx); return nil }) // the permits at its end
			}})
		}
		ended := make(chan error)
		go func() { ended <- g.WaitContext(background) }()
		for going := true; going; {
			select {
			case err := <-ended:
				require.NoError(t, err)
				going = false
			default:
				d := p.Dump(pool.DumpOptions{})
				require.Empty(t, d.Deadlocks)
			}
		}
		require.NoError(t, p.Close())
	}
	close(stop)
	all.Wait()
	p := openWith(t, pool.Config{Workers: 1, StallLimit: -1, Debug: true})
	var g task.Group
	require.NoError(t, m.LockContext(background))
	g.Go(p, &waiter{name: "wants it", op: m.Lock})
	d := inDump(t, p, func(d *pool.Dump) bool { return len(waitsOf(d, "wants it")) == 1 })
	require.Len(t, d.Objects, 1)
	require.Len(t, d.Objects[0].Holders, 1)
	require.Equal(t, 3, s.Available())
	m.Unlock(nil)
	require.NoError(t, g.WaitContext(background))
}

// Programs that are slow, and not stuck: all of them go on, whatever is looked at meanwhile, and none is called a deadlock.
// Those that nobody outside of the pool moves are not called quiet or quiescent either.
func TestSlowProgramsAreNamedNothing(t *testing.T) {
	const rounds = 20
	nap := func(s *task.Timer) func(cx *task.Cx) error {
		return func(cx *task.Cx) error { return s.Sleep(cx, 200*time.Microsecond) }
	}
	// each returns a task's operation, which is called again until it has returned nil so often, or more.
	programs := map[string]func(p *pool.Pool, g *task.Group) func(cx *task.Cx) error{
		"a lock beside a nap": func(p *pool.Pool, g *task.Group) func(cx *task.Cx) error {
			var m lock.Mutex
			make := func() func(cx *task.Cx) error {
				var s task.Timer
				var seq task.Seq
				return func(cx *task.Cx) error {
					return seq.Run(cx, m.Lock, nap(&s), func(cx *task.Cx) error { m.Unlock(cx); return nil })
				}
			}
			g.Go(p, repeated(rounds, make()))
			return make()
		},
		"a lock that a function has": func(p *pool.Pool, g *task.Group) func(cx *task.Cx) error {
			var m lock.RWMutex
			var b task.Blocking[int]
			var seq task.Seq
			g.Go(p, repeated(rounds, func(cx *task.Cx) error {
				return seq.Run(cx, m.RLock, func(cx *task.Cx) error { m.RUnlock(cx); return nil })
			}))
			return func(cx *task.Cx) error {
				_, err := b.Do(cx, func(ctx context.Context) (int, error) {
					if err := m.LockContext(ctx); err != nil {
						return 0, err
					}
					defer m.Unlock(nil)
					var s sleepingTask
					return 0, p.Run(ctx, &s)
				})
				return err
			}
		},
		"turns of a strand": func(p *pool.Pool, g *task.Group) func(cx *task.Cx) error {
			var s lock.Strand[int]
			for range rounds {
				var timer task.Timer
				g.Go(p, s.Turn(1, nap(&timer)))
			}
			return func(*task.Cx) error { return nil }
		},
		"a value that is made slowly": func(p *pool.Pool, g *task.Group) func(cx *task.Cx) error {
			var once lock.Once
			var s task.Timer
			for range rounds {
				g.Go(p, &waiter{name: "user", op: func(cx *task.Cx) error { return once.Do(cx, nap(&s)) }})
			}
			return func(*task.Cx) error { return nil }
		},
		"a group with a limit, in a group with a time": func(p *pool.Pool, g *task.Group) func(cx *task.Cx) error {
			var outer, inner task.Group
			inner.SetLimit(1)
			n := 0
			started := false
			return func(cx *task.Cx) error {
				if !started {
					started = true
					outer.SetTimeout(cx, time.Hour)
					outer.Go(cx, &waiter{name: "starts", op: func(cx *task.Cx) error {
						for ; n < rounds; n++ {
							if err := inner.GoWait(cx, new(sleepingTask)); err != nil {
								return err
							}
						}
						return inner.Wait(cx)
					}})
				}
				return outer.Wait(cx)
			}
		},
		"a queue of delays": func(p *pool.Pool, g *task.Group) func(cx *task.Cx) error {
			var q task.DelayQueue[int]
			return func(cx *task.Cx) error {
				if q.Len() == 0 {
					q.Add(cx, 1, 200*time.Microsecond)
				}
				_, err := q.Next(cx)
				return err
			}
		},
		"jobs in line": func(p *pool.Pool, g *task.Group) func(cx *task.Cx) error {
			var one, two pool.Job[int]
			l := &pool.Limiter{Limit: 1}
			one.Limiter, two.Limiter = l, l
			g.Go(p, repeated(rounds, func(cx *task.Cx) error { _, err := one.Do(cx, func(pool.Scope) int { return 1 }); return err }))
			return func(cx *task.Cx) error { _, err := two.Do(cx, func(pool.Scope) int { return 1 }); return err }
		},
		"a rate": func(p *pool.Pool, g *task.Group) func(cx *task.Cx) error {
			r := lock.NewRateLimiter(1, 200*time.Microsecond, 1)
			g.Go(p, repeated(rounds, r.Wait))
			return r.Wait
		},
		"a broadcast of a ticker": func(p *pool.Pool, g *task.Group) func(cx *task.Cx) error {
			w := chans.NewWatch(0)
			v := w.Watch()
			ticker := task.Ticker{Every: 200 * time.Microsecond}
			var got atomic.Int64
			g.Go(p, &waiter{name: "ticks", op: func(cx *task.Cx) error {
				for n := 0; got.Load() < rounds; n++ {
					if _, err := ticker.Tick(cx); err != nil {
						return err
					}
					w.Set(cx, n)
				}
				return nil
			}})
			return func(cx *task.Cx) error {
				_, err := v.Next(cx)
				if err == nil {
					got.Add(1)
				}
				return err
			}
		},
		"handles that nobody awaits": func(p *pool.Pool, g *task.Group) func(cx *task.Cx) error {
			for range rounds {
				var s task.Timer
				g.Go(p, &waiter{name: "starts", op: func(cx *task.Cx) error {
					task.Go(cx, func(cx *task.Cx) (int, error) { return 1, nap(&s)(cx) })
					return nil
				}})
			}
			return func(*task.Cx) error { return nil }
		},
	}
	for what, program := range programs {
		for _, debug := range []bool{false, true} {
			t.Run(what, func(t *testing.T) {
				p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: debug})
				var g task.Group
				g.Go(p, repeated(rounds, program(p, &g)))
				ended := make(chan error)
				go func() { ended <- g.WaitContext(background) }()
				for {
					select {
					case err := <-ended:
						require.NoError(t, err)
						return
					default:
						d := p.Dump(pool.DumpOptions{})
						_, quiet := p.Quiet(&g)
						require.Empty(t, d.Deadlocks)
						require.Empty(t, d.Quiet)
						require.False(t, d.Quiescent)
						require.False(t, quiet)
					}
				}
			})
		}
	}
}

// sleepingTask takes a nap.
type sleepingTask struct {
	task.Frame
	timer task.Timer
}

func (s *sleepingTask) Poll(cx *task.Cx) error { return s.timer.Sleep(cx, 200*time.Microsecond) }

// repeated returns a task that does op so often, one after the other.
func repeated(n int, op func(cx *task.Cx) error) *waiter {
	return &waiter{name: "again", op: func(cx *task.Cx) error {
		for ; n > 0; n-- {
			if err := op(cx); err != nil {
				return err
			}
		}
		return nil
	}}
}

// A goroutine in line, ahead of a task or behind one, is what the task would be: it may leave by its context, or it cannot.
func TestBehindAGoroutine(t *testing.T) {
	for _, bound := range []bool{true, false} {
		t.Run(fmt.Sprintf("bound: %t", bound), func(t *testing.T) {
			p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: true})
			m := lock.NewSemaphore(2)
			var other lock.Mutex
			var g task.Group
			var seq task.Seq
			var holds, ahead lock.Event
			behind := &waiter{name: "behind", op: func(cx *task.Cx) error {
				if err := ahead.Wait(cx); err != nil {
					return err
				}
				return m.Acquire(cx, 1)
			}}
			g.GoAll(p, behind, &waiter{name: "holder", op: func(cx *task.Cx) error {
				return seq.Run(cx, func(cx *task.Cx) error { return m.Acquire(cx, 1) }, func(cx *task.Cx) error { holds.Set(cx); return nil }, behind.Wait)
			}})
			require.NoError(t, holds.WaitContext(background))
			ctx := background
			if bound {
				ctx = contextFor(t, true)
			}
			ended := make(chan error)
			go func() {
				_ = other.LockContext(background) // so that it is known
				err := m.AcquireContext(ctx, 2)
				if err == nil {
					m.Release(nil, 2)
				}
				other.Unlock(nil)
				ended <- err
			}()
			until(t, "a goroutine in line", func() bool { return m.Waiting() == 1 })
			ahead.Set(nil)
			d := inDump(t, p, func(d *pool.Dump) bool {
				w := waitsOf(d, "behind")
				return len(w) > 0 && w[0].Kind == "turn" && (bound || len(d.Deadlocks) > 0)
			})
			if bound {
				require.Empty(t, d.Deadlocks)
				_, quiet := p.Quiet(&g)
				require.False(t, quiet)
			} else {
				require.Len(t, d.Deadlocks, 1)
				require.Len(t, d.Deadlocks[0], 3)
			}
			behind.Cancel(errBoom)
			over(&g)
			m.Release(nil, 1) // the holder's, which has ended
			require.NoError(t, <-ended)
		})
	}
}

// A deadlock of a task and a goroutine by two locks is named, and its pool closes while others look.
func TestDeadlockWhileThePoolCloses(t *testing.T) {
	bounded(t)
	for range 10 {
		p, err := pool.New(pool.Config{Workers: 2, StallLimit: -1, Debug: true})
		require.NoError(t, err)
		var a, b lock.Mutex
		var g task.Group
		var seq task.Seq
		var has lock.Event
		taken := make(chan struct{})
		ended := make(chan error)
		go func() {
			_ = b.LockContext(background)
			close(taken)
			_ = has.WaitContext(background)
			ended <- a.LockContext(background)
		}()
		<-taken
		g.Go(p, &waiter{name: "task", op: func(cx *task.Cx) error {
			return seq.Run(cx, a.Lock, func(cx *task.Cx) error { has.Set(cx); return nil }, b.Lock)
		}})
		names, whats := circleOf(t, p)
		require.Len(t, names, 2)
		require.Equal(t, []string{"lock.Mutex", "lock.Mutex"}, whats)
		stop, looked := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(looked)
			for {
				select {
				case <-stop:
					return
				default:
					p.Dump(pool.DumpOptions{Stacks: true})
					p.Quiet(&g)
				}
			}
		}()
		closed := make(chan error)
		go func() { closed <- p.Close() }()
		_ = g.WaitContext(background)
		a.Unlock(nil) // the task's, which has ended
		require.NoError(t, <-ended)
		require.NoError(t, <-closed)
		close(stop)
		<-looked
	}
}

// It hangs: a task has ended, and has not given back what it had. The group is quiet, and with Debug the dump says who.
func TestSickForgottenUnlock(t *testing.T) {
	for _, debug := range []bool{false, true} {
		t.Run(fmt.Sprintf("debug: %t", debug), func(t *testing.T) {
			p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: debug})
			alive(t, p)
			var g task.Group
			var m lock.Mutex
			task.SetName(&m, "accounts")
			require.NoError(t, p.Run(background, &waiter{name: "forgets", op: m.Lock}))
			g.Go(p, &waiter{name: "wants it", op: m.Lock})
			q := isQuiet(t, p, &g)
			require.Equal(t, "lock.Mutex", q.Waits[0].What)
			require.Equal(t, "accounts", q.Waits[0].Name)
			d := p.Dump(pool.DumpOptions{})
			require.Len(t, d.Quiet, 1)
			if debug {
				require.Len(t, d.Objects[0].Holders, 1)
				require.Contains(t, d.Objects[0].Holders[0], ", which has ended")
			}
			m.Unlock(nil)
			require.NoError(t, g.WaitContext(background))
		})
	}
}

// What a goroutine holds is recorded as long as a pool with Debug is open.
func TestHoldersOnlyWithDebug(t *testing.T) {
	if invariant.Debug {
		t.Skip("builds with heistdebug record always")
	}
	recorded := func() bool {
		g := task.MarkHolder()
		if g != 0 {
			task.UnmarkHolder(g)
		}
		return g != 0
	}
	require.False(t, recorded())
	for range 3 {
		var pools []*pool.Pool
		for _, debug := range []bool{true, false, true} {
			p, err := pool.New(pool.Config{Workers: 1, Debug: debug})
			require.NoError(t, err)
			pools = append(pools, p)
			require.True(t, recorded())
		}
		for _, p := range pools {
			require.True(t, recorded())
			require.NoError(t, p.Close())
		}
		require.False(t, recorded())
	}
}
