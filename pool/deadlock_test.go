//go:build unix

package pool_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
)

// circleOf waits until a dump names one circle, and returns the names in it, and what they wait for.
func circleOf(t *testing.T, p *pool.Pool) (names, whats []string) {
	t.Helper()
	d := inDump(t, p, func(d *pool.Dump) bool { return len(d.Deadlocks) > 0 })
	require.Len(t, d.Deadlocks, 1)
	for _, x := range d.Deadlocks[0] {
		names, whats = append(names, x.Name), append(whats, x.Waits[0].What)
	}
	return names, whats
}

// over ends the tasks of a group that are in a deadlock.
func over(g *task.Group) {
	g.Cancel(errBoom)
	_ = g.WaitContext(background)
}

// A task that waits for its own group waits for itself.
func TestDeadlockGroupThatWaitsForItself(t *testing.T) {
	p := open(t, 2)
	var g task.Group
	defer over(&g)
	g.Go(p, &waiter{name: "member", op: g.Wait})
	names, whats := circleOf(t, p)
	require.Equal(t, []string{"pool_test.waiter"}, names)
	require.Equal(t, []string{"task.Group"}, whats)
}

// Tasks that wait for each other's end, in a ring.
func TestDeadlockOfHandles(t *testing.T) {
	p := open(t, 2)
	var g task.Group
	defer over(&g)
	ring := make([]*waiter, 5)
	var ready lock.Event
	for i := range ring {
		ring[i] = &waiter{name: "ring", op: func(cx *task.Cx) error {
			if err := ready.Wait(cx); err != nil {
				return err
			}
			return ring[(i+1)%len(ring)].Wait(cx)
		}}
	}
	for _, x := range ring {
		g.Go(p, x)
	}
	require.Empty(t, p.Dump(pool.DumpOptions{}).Deadlocks)
	ready.Set(nil)
	names, _ := circleOf(t, p)
	require.Len(t, names, 5)
}

// The value of a Once is made by a task that waits for one that wants the value.
func TestDeadlockOfOnce(t *testing.T) {
	p := open(t, 2)
	var g task.Group
	defer over(&g)
	var once lock.OnceValue[int]
	user := &waiter{name: "user", op: func(cx *task.Cx) error {
		_, err := once.Get(cx, func(*task.Cx) (int, error) { return 0, nil })
		return err
	}}
	var started atomic.Bool
	g.Go(p, &waiter{name: "maker", op: func(cx *task.Cx) error {
		_, err := once.Get(cx, func(cx *task.Cx) (int, error) {
			if !started.Swap(true) {
				g.Go(cx, user)
			}
			return 0, user.Wait(cx)
		})
		return err
	}})
	names, whats := circleOf(t, p)
	require.Len(t, names, 2)
	require.ElementsMatch(t, []string{"task", "lock.OnceValue"}, whats)
}

// A turn of a strand waits for a later one.
func TestDeadlockOfStrand(t *testing.T) {
	p := open(t, 2)
	var g task.Group
	defer over(&g)
	var s lock.Strand[string]
	var second *lock.Turn[string]
	first := s.Turn("k", func(cx *task.Cx) error { return second.Wait(cx) })
	second = s.Turn("k", func(*task.Cx) error { return nil })
	g.GoAll(p, second, first)
	names, _ := circleOf(t, p)
	require.Len(t, names, 2)
	require.True(t, strings.HasPrefix(names[0], "lock.Turn["))
}

// A task has returned, and its child waits for it: its end waits for the child. (The child is
// shielded, or the cancellation would end it.)
func TestDeadlockAtTheEnd(t *testing.T) {
	p := open(t, 2)
	var child task.Group
	var parent *waiter
	var begun, free lock.Event
	started := false
	parent = &waiter{name: "parent", op: func(cx *task.Cx) error {
		if !started {
			started = true
			child.Go(cx, &waiter{name: "child", op: func(cx *task.Cx) error {
				if free.IsSet() {
					return nil
				}
				begun.Set(cx)
				cx.Shield()
				return parent.Wait(cx)
			}})
		}
		return begun.Wait(cx)
	}}
	p.Go(parent)
	names, whats := circleOf(t, p)
	require.Len(t, names, 2)
	require.ElementsMatch(t, []string{"task", "task.Group"}, whats)
	free.Set(nil)
	child.Drain() // it is polled once more
	require.NoError(t, parent.WaitContext(background))
}

// Locks that were taken in opposite orders.
func TestDeadlockOfTwoLocks(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: true})
	var g task.Group
	defer over(&g)
	var a, b lock.Mutex
	var both lock.Event
	var n atomic.Int64
	for _, order := range [][2]*lock.Mutex{{&a, &b}, {&b, &a}} {
		var seq task.Seq
		g.Go(p, &waiter{name: "taker", op: func(cx *task.Cx) error {
			return seq.Run(cx, order[0].Lock, func(cx *task.Cx) error {
				if n.Add(1) == 2 {
					both.Set(cx)
				}
				return nil
			}, both.Wait, order[1].Lock)
		}})
	}
	_, whats := circleOf(t, p)
	require.Equal(t, []string{"lock.Mutex", "lock.Mutex"}, whats)
}

// The dining philosophers, each with the left fork.
func TestDeadlockOfPhilosophers(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: true})
	var g task.Group
	defer over(&g)
	forks := make([]*lock.Semaphore, 7)
	for i := range forks {
		forks[i] = lock.NewSemaphore(1)
	}
	var hungry lock.Event
	var n atomic.Int64
	for i := range forks {
		var seq task.Seq
		g.Go(p, &waiter{name: "philosopher", op: func(cx *task.Cx) error {
			return seq.Run(cx,
				func(cx *task.Cx) error { return forks[i].Acquire(cx, 1) },
				func(cx *task.Cx) error {
					if n.Add(1) == int64(len(forks)) {
						hungry.Set(cx)
					}
					return nil
				},
				hungry.Wait,
				func(cx *task.Cx) error { return forks[(i+1)%len(forks)].Acquire(cx, 1) },
			)
		}})
	}
	names, _ := circleOf(t, p)
	require.Len(t, names, len(forks))
}

// A reader waits for a writer that waits for all readers, one of which it is.
func TestDeadlockOfReaderAndWriter(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: true})
	var g task.Group
	defer over(&g)
	var m lock.RWMutex
	var writer *waiter
	var read lock.Event
	var seq task.Seq
	writer = &waiter{name: "writer", op: m.Lock}
	g.Go(p, &waiter{name: "reader", op: func(cx *task.Cx) error {
		return seq.Run(cx, m.RLock, func(cx *task.Cx) error { read.Set(cx); g.Go(cx, writer); return nil }, writer.Wait)
	}})
	names, whats := circleOf(t, p)
	require.Len(t, names, 2)
	require.ElementsMatch(t, []string{"task", "lock.RWMutex"}, whats)
}

// Two tasks have a part of a lock each, and want what the other has: readers that want to write, and those who take two
// permits one by one.
func TestDeadlockOfTwoParts(t *testing.T) {
	for what, parts := range map[string]func() (first, second func(cx *task.Cx) error){
		"lock.RWMutex": func() (first, second func(cx *task.Cx) error) {
			m := new(lock.RWMutex)
			return m.RLock, m.Lock
		},
		"lock.Semaphore": func() (first, second func(cx *task.Cx) error) {
			s := lock.NewSemaphore(2)
			one := func(cx *task.Cx) error { return s.Acquire(cx, 1) }
			return one, one
		},
	} {
		t.Run(what, func(t *testing.T) {
			p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: true})
			var g task.Group
			defer over(&g)
			first, second := parts()
			var both lock.Event
			var n atomic.Int64
			for range 2 {
				var seq task.Seq
				g.Go(p, &waiter{name: "taker", op: func(cx *task.Cx) error {
					return seq.Run(cx, first, func(cx *task.Cx) error {
						if n.Add(1) == 2 {
							both.Set(cx)
						}
						return nil
					}, both.Wait, second)
				}})
			}
			_, whats := circleOf(t, p)
			for _, w := range whats {
				require.Equal(t, what, w)
			}
		})
	}
}

// A permit that is held across a job, which waits for a task that wants the permit: the job blocks its
// worker, so the dump shows the task that waits for the holder's permit, the holder that waits for its job, and the
// worker that computes.
func TestDumpOfPermitHeldAcrossAJob(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 2, Debug: true})
	var g task.Group
	sem := lock.NewSemaphore(1)
	var job pool.Job[int]
	var seq task.Seq
	got := make(chan struct{})
	g.Go(p, &waiter{name: "holder", op: func(cx *task.Cx) error {
		return seq.Run(cx,
			func(cx *task.Cx) error { return sem.Acquire(cx, 1) },
			func(cx *task.Cx) error {
				_, err := job.Do(cx, func(pool.Scope) int { <-got; return 0 })
				return err
			},
			func(cx *task.Cx) error { sem.Release(cx, 1); return nil },
		)
	}})
	inDump(t, p, func(d *pool.Dump) bool { return len(waitsOf(d, "holder")) == 1 })
	g.Go(p, &waiter{name: "wants it", op: func(cx *task.Cx) error { return sem.Acquire(cx, 1) }})
	d := inDump(t, p, func(d *pool.Dump) bool { return len(waitsOf(d, "wants it")) == 1 })
	require.Equal(t, "call", waitsOf(d, "holder")[0].Kind)
	require.Equal(t, "lock.Semaphore", waitsOf(d, "wants it")[0].What)
	require.Empty(t, d.Deadlocks, "the job runs")
	until(t, "a worker that computes", func() bool {
		for _, w := range p.Dump(pool.DumpOptions{Stacks: true}).Workers {
			if w.State == "computing" && strings.Contains(strings.Join(w.Calls, "\n"), "TestDumpOfPermitHeldAcrossAJob") {
				return true
			}
		}
		return false
	})
	close(got)
	require.NoError(t, g.WaitContext(background))
}

// A ring of channels is no circle of tasks, because anybody might send: it is quiescent.
func TestDeadlockOfChannelsIsQuiescent(t *testing.T) {
	p := open(t, 2)
	var g task.Group
	ring := make([]*chans.Chan[int], 4)
	for i := range ring {
		ring[i] = chans.New[int](1)
	}
	for i := range ring {
		g.Go(p, &waiter{name: "ring", op: func(cx *task.Cx) error {
			v, err := ring[i].Recv(cx)
			if err != nil {
				return err
			}
			return ring[(i+1)%len(ring)].Send(cx, v)
		}})
	}
	d := inDump(t, p, func(d *pool.Dump) bool { return d.Quiescent })
	require.Empty(t, d.Deadlocks)
	require.Equal(t, 4, d.Suspended)
	over(&g)
	require.False(t, p.Dump(pool.DumpOptions{}).Quiescent, "a pool without tasks has nothing to do")
}

// What is slow is not reported: each program has something that makes it go on.
func TestNoDeadlockOfWhatIsSlow(t *testing.T) {
	p := open(t, 2)
	r := pipe(t, p)
	var g, sub, late task.Group
	var promise task.Promise[int]
	var timer, timeout task.Timer
	var blocking task.Blocking[int]
	var mutex lock.Mutex
	hold, held := make(chan struct{}), make(chan task.Waker, 1)
	require.True(t, mutex.TryLock())
	programs := map[string]func(cx *task.Cx) error{
		"sleeps": func(cx *task.Cx) error { return timer.Sleep(cx, time.Hour) },
		"blocks": func(cx *task.Cx) error {
			_, err := blocking.Do(cx, func(context.Context) (int, error) { <-hold; return 0, nil })
			return err
		},
		"reads":         func(cx *task.Cx) error { return r.Wait(cx, 1) },
		"is locked out": mutex.Lock,
		"has a waker": func(cx *task.Cx) error {
			if err := cx.Err(); err != nil {
				return err
			}
			select {
			case held <- cx.Waker():
			default:
			}
			return cx.Suspend()
		},
		"computes": func(cx *task.Cx) error {
			if err := cx.Err(); err != nil {
				return err
			}
			return cx.Yield()
		},
	}
	for name, op := range programs {
		x := &waiter{name: name, op: op}
		g.Go(p, x)
		g.Go(p, &waiter{name: "waits for one that " + name, op: x.Wait})
	}
	// In a circle, but for a timer, or a bound on the time.
	var a, b *waiter
	a = &waiter{name: "a", op: func(cx *task.Cx) error {
		_, err := task.First(b.Wait(cx), timeout.Sleep(cx, time.Hour))
		return err
	}}
	b = &waiter{name: "b", op: func(cx *task.Cx) error { return a.Wait(cx) }}
	var ready atomic.Bool
	g.Go(p, &waiter{name: "starts", op: func(cx *task.Cx) error {
		if !ready.Swap(true) {
			sub.Go(cx, b)
			sub.Go(cx, a)
		}
		return sub.Wait(cx)
	}})
	g.Go(p, &waiter{name: "with a timeout", op: func(cx *task.Cx) error {
		late.SetTimeout(cx, time.Hour)
		late.Go(cx, &waiter{name: "waits for its group", op: late.Wait})
		_, err := promise.Wait(cx)
		return err
	}})
	for range 200 {
		d := p.Dump(pool.DumpOptions{})
		require.Empty(t, d.Deadlocks)
		require.False(t, d.Quiescent)
	}
	close(hold)
	mutex.Unlock(nil)
	late.Cancel(errBoom)
	over(&g)
}

// A task holds a lock, and waits for a blocking function whose goroutine waits for a task that wants the lock.
func TestDeadlockThroughABlockingFunction(t *testing.T) {
	for what, wait := range map[string]func(p *pool.Pool, ctx context.Context, x *waiter) error{
		"Run":                func(p *pool.Pool, ctx context.Context, x *waiter) error { return p.Run(ctx, x) },
		"Wait":               func(p *pool.Pool, ctx context.Context, x *waiter) error { p.Go(x); return x.WaitContext(ctx) },
		"Wait, not canceled": func(p *pool.Pool, _ context.Context, x *waiter) error { p.Go(x); return x.WaitContext(background) },
	} {
		t.Run(what, func(t *testing.T) {
			p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: true})
			var g task.Group
			var m lock.Mutex
			var b task.Blocking[int]
			var seq task.Seq
			x := &waiter{name: "wants it", op: m.Lock}
			g.Go(p, &waiter{name: "has it", op: func(cx *task.Cx) error {
				return seq.Run(cx, m.Lock, func(cx *task.Cx) error {
					_, err := b.Do(cx, func(ctx context.Context) (int, error) { return 0, wait(p, ctx, x) })
					return err
				})
			}})
			names, whats := circleOf(t, p)
			require.Len(t, names, 3)
			require.Contains(t, strings.Join(names, "\n"), "goroutine in github.com/heist-go/heist/pool_test.TestDeadlockThroughABlockingFunction")
			require.Contains(t, whats, "task.Blocking")
			require.Contains(t, whats, "lock.Mutex")
			x.Cancel(errBoom)
			over(&g)
		})
	}
}

// All goroutines of a limiter wait for tasks whose functions wait for a goroutine of it.
func TestDeadlockOfALimiter(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 2, StallLimit: -1})
	l := &task.Limiter{Name: "disk", Limit: 3}
	var g, inner task.Group
	defer over(&g)
	defer over(&inner)
	var begun atomic.Int64
	var all lock.Event
	for range l.Limit {
		outer, below := task.Blocking[int]{Limiter: l}, task.Blocking[int]{Limiter: l}
		x := &waiter{name: "inner", op: func(cx *task.Cx) error {
			if err := all.Wait(cx); err != nil {
				return err
			}
			_, err := below.Do(cx, func(context.Context) (int, error) { return 1, nil })
			return err
		}}
		g.Go(p, &waiter{name: "outer", op: func(cx *task.Cx) error {
			_, err := outer.Do(cx, func(ctx context.Context) (int, error) {
				inner.Go(p, x)
				if begun.Add(1) == int64(l.Limit) {
					all.Set(nil)
				}
				return 0, x.WaitContext(ctx)
			})
			return err
		}})
	}
	d := inDump(t, p, func(d *pool.Dump) bool { return len(d.Deadlocks) > 0 })
	require.Len(t, d.Deadlocks, 1)
	text := ""
	for _, x := range d.Deadlocks[0] {
		text += x.Name + ": " + x.Waits[0].Note + "\n"
	}
	require.Contains(t, text, "it waits for a goroutine of the limiter disk")
	require.Contains(t, text, "TestDeadlockOfALimiter")
}

// A goroutine of a group waits for a task that waits for the group.
func TestDeadlockOfAGoroutineOfAGroup(t *testing.T) {
	p := open(t, 1)
	var g task.Group
	x := &waiter{name: "waits for the group", op: g.Wait}
	started := make(chan struct{})
	g.Goroutine(p, func(ctx context.Context) error { <-started; return x.WaitContext(ctx) })
	p.Go(x)
	close(started)
	names, whats := circleOf(t, p)
	require.ElementsMatch(t, []string{"pool_test.waiter", "goroutine of a group"}, names)
	require.ElementsMatch(t, []string{"task", "task.Group"}, whats)
	g.Cancel(errBoom)
	require.ErrorIs(t, x.WaitContext(background), errBoom)
}

// A circle through a goroutine is none if something ends the goroutine's wait: a bound on the time, a context that
// somebody cancels, a free place in the limiter, or a task that does not wait for it alone.
func TestNoDeadlockThroughWhatEnds(t *testing.T) {
	for what, derived := range map[string]func() (context.Context, context.CancelFunc){
		"a bound on the time":  func() (context.Context, context.CancelFunc) { return context.WithTimeout(background, time.Hour) },
		"a context of its own": func() (context.Context, context.CancelFunc) { return context.WithCancel(background) },
	} {
		t.Run(what, func(t *testing.T) {
			ctx, end := derived()
			noCircle(t, func(cx *task.Cx, b *task.Blocking[int], x *waiter) error {
				_, err := b.Do(cx, func(context.Context) (int, error) { return 0, x.WaitContext(ctx) })
				return err
			}, end)
		})
	}
	var timer task.Timer
	t.Run("a timer beside it", func(t *testing.T) {
		noCircle(t, func(cx *task.Cx, b *task.Blocking[int], x *waiter) error {
			slept := timer.Sleep(cx, time.Hour)
			_, called := b.Do(cx, func(ctx context.Context) (int, error) { return 0, x.WaitContext(ctx) })
			_, err := task.First(slept, called)
			return err
		}, func() {})
	})
}

// noCircle has a member of a group call op, and a task x wait for the group.
func noCircle(t *testing.T, op func(cx *task.Cx, b *task.Blocking[int], x *waiter) error, end func()) {
	p := open(t, 2)
	var g task.Group
	var b task.Blocking[int]
	x := &waiter{name: "waits for the group", op: g.Wait}
	var both lock.Event
	var seq task.Seq
	g.Go(p, &waiter{name: "member", op: func(cx *task.Cx) error {
		return seq.Run(cx, both.Wait, func(cx *task.Cx) error { return op(cx, &b, x) })
	}})
	p.Go(x)
	both.Set(nil)
	inDump(t, p, func(d *pool.Dump) bool { return d.Suspended == 2 && d.Blocking == 1 })
	for range 100 {
		require.Empty(t, p.Dump(pool.DumpOptions{}).Deadlocks)
	}
	g.Cancel(errBoom)
	end()
	_ = x.WaitContext(background)
}

// Members that have all places of a group wait until there is one: for a member that they start, or for one that waits in the
// group; also by a function that they have called.
func TestDeadlockOfAGroupsLimit(t *testing.T) {
	child := func() *waiter { return &waiter{name: "child", op: func(*task.Cx) error { return nil }} }
	for what, program := range map[string]func(g *task.Group) func(cx *task.Cx) error{
		"GoWait": func(g *task.Group) func(cx *task.Cx) error {
			x := child()
			return func(cx *task.Cx) error { return g.GoWait(cx, x) }
		},
		"Go": func(g *task.Group) func(cx *task.Cx) error {
			x := child()
			var seq task.Seq
			return func(cx *task.Cx) error {
				return seq.Run(cx, func(cx *task.Cx) error { g.Go(cx, x); return nil }, x.Wait)
			}
		},
		"GoContext": func(g *task.Group) func(cx *task.Cx) error {
			x := child()
			var b task.Blocking[int]
			return func(cx *task.Cx) error {
				on := cx.Runtime()
				_, err := b.Do(cx, func(ctx context.Context) (int, error) { return 0, g.GoContext(ctx, on, x) })
				return err
			}
		},
	} {
		for _, limit := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s, %d", what, limit), func(t *testing.T) {
				p := open(t, 2)
				var g task.Group
				defer over(&g)
				g.SetLimit(limit)
				task.SetName(&g, "pages")
				var all lock.Event
				for range limit {
					var seq task.Seq
					then := program(&g)
					g.Go(p, &waiter{name: "page", op: func(cx *task.Cx) error { return seq.Run(cx, all.Wait, then) }})
				}
				inDumpOf(t, p, limit)
				all.Set(nil)
				d := inDump(t, p, func(d *pool.Dump) bool { return len(d.Deadlocks) > 0 })
				note := ""
				for _, x := range d.Deadlocks[0] {
					note += x.Waits[0].What + " (" + x.Waits[0].Note + ")\n"
				}
				if limit == 1 {
					require.Contains(t, note, "the task that has the only place there waits, too")
				} else {
					require.Contains(t, note, "the tasks that have all 3 places there wait, too")
				}
				if what == "Go" {
					require.Contains(t, note, "task (pool_test.waiter, which waits in its group: ")
				} else {
					require.Contains(t, note, "the limit of a task.Group (")
				}
			})
		}
	}
}

// A wide group is named, too.
func TestDeadlockOfAWideGroup(t *testing.T) {
	const limit = 2000
	p := open(t, 2)
	var g task.Group
	defer over(&g)
	g.SetLimit(limit)
	var all lock.Event
	for range limit {
		var seq task.Seq
		x := &waiter{name: "child", op: func(*task.Cx) error { return nil }}
		g.Go(p, &waiter{name: "page", op: func(cx *task.Cx) error {
			return seq.Run(cx, all.Wait, func(cx *task.Cx) error { g.Go(cx, x); return nil }, x.Wait)
		}})
	}
	inDumpOf(t, p, limit)
	all.Set(nil)
	d := inDump(t, p, func(d *pool.Dump) bool { return len(d.Deadlocks) > 0 })
	require.Contains(t, d.Deadlocks[0][0].Waits[0].Note, "the tasks that have all 2000 places there wait, too")
}

// A group is no circle if somebody has a place in it who goes on: who is in its first poll, who has yet to be polled, who
// sleeps, or who has been given a place to start another.
func TestNoDeadlockOfALimitWithAPlace(t *testing.T) {
	for what, other := range map[string]func(hold <-chan struct{}) func(cx *task.Cx) error{
		"in its first poll": func(hold <-chan struct{}) func(cx *task.Cx) error {
			return func(*task.Cx) error { <-hold; return nil }
		},
		"sleeps": func(<-chan struct{}) func(cx *task.Cx) error {
			var timer task.Timer
			return func(cx *task.Cx) error { return timer.Sleep(cx, time.Hour) }
		},
		"waits for a signal": func(<-chan struct{}) func(cx *task.Cx) error {
			var signal lock.Notify
			return signal.Wait
		},
	} {
		t.Run(what, func(t *testing.T) {
			p := open(t, 2)
			hold := make(chan struct{})
			var g task.Group
			defer over(&g)
			defer close(hold)
			g.SetLimit(3)
			g.Go(p, &waiter{name: "other", op: other(hold)})
			var all lock.Event
			for range 2 {
				var seq task.Seq
				x := &waiter{name: "child", op: func(*task.Cx) error { return nil }}
				g.Go(p, &waiter{name: "page", op: func(cx *task.Cx) error {
					return seq.Run(cx, all.Wait, func(cx *task.Cx) error { return g.GoWait(cx, x) })
				}})
			}
			waiting := func(what string) {
				inDump(t, p, func(d *pool.Dump) bool { s := shapeOf(d, what); return s != nil && s.Count == 2 })
			}
			waiting("lock.Event")
			all.Set(nil)
			waiting("the limit of a task.Group")
			for range 100 {
				require.Empty(t, p.Dump(pool.DumpOptions{}).Deadlocks)
			}
		})
	}
}

// beside dumps pools, all of them over and over, and finds no circle until the program has ended.
func beside(t *testing.T, program func(), pools ...*pool.Pool) {
	t.Helper()
	ended := make(chan struct{})
	go func() { defer close(ended); program() }()
	for {
		select {
		case <-ended:
			return
		default:
			for _, p := range pools {
				require.Empty(t, p.Dump(pool.DumpOptions{Shapes: 1, Samples: 1}).Deadlocks)
			}
		}
	}
}

// Groups in which all but one place are had by those who wait for one, or for a task that waits in the group, and which
// always go on, because the last place is of tasks that wait for others, and end.
func TestNoDeadlockOfALimitUnderLoad(t *testing.T) {
	const rounds = 3000
	p := open(t, 2)
	beside(t, func() {
		for range rounds {
			var g task.Group
			g.SetLimit(3)
			for i := range 2 {
				g.Go(p, &waiter{name: "page", op: feeds(&g, i == 0)})
			}
			require.NoError(t, g.WaitContext(background))
		}
	}, p)
}

// feeds returns a program that starts a task in g five times, one after the other, and waits for its end; that waits for the end
// of another.
func feeds(g *task.Group, waits bool) func(cx *task.Cx) error {
	left := 5
	var seq task.Seq
	var end *task.Handle[int]
	x := &waiter{name: "child", op: func(cx *task.Cx) error {
		if end == nil {
			yields := 2
			end = task.Go(cx, func(cx *task.Cx) (int, error) {
				if yields--; yields > 0 {
					return 0, cx.Yield()
				}
				return 0, nil
			})
		}
		_, err := end.Wait(cx)
		if !task.IsPending(err) {
			end = nil
		}
		return err
	}}
	start := func(cx *task.Cx) error { g.Go(cx, x); return nil }
	if waits {
		start = func(cx *task.Cx) error { return g.GoWait(cx, x) }
	}
	return func(cx *task.Cx) error {
		for ; left > 0; left-- {
			if err := seq.Run(cx, start, x.Wait); err != nil {
				return err
			}
			seq.Reset()
		}
		return nil
	}
}
