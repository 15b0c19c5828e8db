//go:build unix

package pool_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// poolsOf opens pools that record who holds what.
func poolsOf(t *testing.T, n int) (pools []*pool.Pool) {
	for range n {
		pools = append(pools, openWith(t, pool.Config{Workers: 1, StallLimit: -1, Debug: true}))
	}
	return pools
}

// ringOf starts a task in each pool, which waits for that in the next by op.
func ringOf(g *task.Group, pools []*pool.Pool, op func(cx *task.Cx, at int, next *waiter) error) {
	ring := make([]*waiter, len(pools))
	var ready lock.Event
	for i := range ring {
		var seq task.Seq
		ring[i] = &waiter{name: "ring", op: func(cx *task.Cx) error {
			return seq.Run(cx, ready.Wait, func(cx *task.Cx) error { return op(cx, i, ring[(i+1)%len(ring)]) })
		}}
	}
	for i, x := range ring {
		g.Go(pools[i], x)
	}
	ready.Set(nil)
}

// Circles that lead through several pools are in the dump of each.
func TestDeadlockAcrossPools(t *testing.T) {
	for what, program := range map[string]func(t *testing.T, g *task.Group, pools []*pool.Pool) (kinds []string){
		"tasks": func(_ *testing.T, g *task.Group, pools []*pool.Pool) []string {
			ringOf(g, pools, func(cx *task.Cx, _ int, next *waiter) error { return next.Wait(cx) })
			return []string{"task", "task", "task"}
		},
		"a group": func(t *testing.T, g *task.Group, pools []*pool.Pool) []string {
			var members task.Group
			t.Cleanup(func() { over(&members) })
			var ready lock.Event
			for i, p := range pools {
				var seq task.Seq
				in, awaited := g, &members
				if i == 1 {
					in, awaited = &members, g
				}
				in.Go(p, &waiter{name: "member", op: func(cx *task.Cx) error { return seq.Run(cx, ready.Wait, awaited.Wait) }})
			}
			ready.Set(nil)
			return []string{"task.Group", "task.Group"}
		},
		"locks": func(t *testing.T, g *task.Group, pools []*pool.Pool) []string {
			locks := make([]lock.Mutex, len(pools))
			var all lock.Event
			var n atomic.Int64
			for i, p := range pools {
				var seq task.Seq
				g.Go(p, &waiter{name: "taker", op: func(cx *task.Cx) error {
					return seq.Run(cx, locks[i].Lock, func(cx *task.Cx) error {
						if n.Add(1) == int64(len(pools)) {
							all.Set(cx)
						}
						return nil
					}, all.Wait, locks[(i+1)%len(pools)].Lock)
				}})
			}
			return []string{"lock.Mutex", "lock.Mutex", "lock.Mutex"}
		},
		"a function": func(_ *testing.T, g *task.Group, pools []*pool.Pool) []string {
			b := make([]task.Blocking[int], len(pools))
			ringOf(g, pools, func(cx *task.Cx, i int, next *waiter) error {
				if i > 0 {
					return next.Wait(cx)
				}
				_, err := b[i].Do(cx, func(ctx context.Context) (int, error) { return 0, next.WaitContext(ctx) })
				return err
			})
			return []string{"task", "task", "task", "task.Blocking"}
		},
		"the limit of a group": func(_ *testing.T, g *task.Group, pools []*pool.Pool) []string {
			g.SetLimit(len(pools))
			var ready lock.Event
			for _, p := range pools {
				var seq task.Seq
				x := &waiter{name: "child", op: func(*task.Cx) error { return nil }}
				g.Go(p, &waiter{name: "member", op: func(cx *task.Cx) error {
					return seq.Run(cx, ready.Wait, func(cx *task.Cx) error { return g.GoWait(cx, x) })
				}})
			}
			for _, p := range pools {
				for p.Dump(pool.DumpOptions{}).Suspended == 0 {
				}
			}
			ready.Set(nil)
			return []string{"the limit of a task.Group"}
		},
	} {
		t.Run(what, func(t *testing.T) {
			pools := poolsOf(t, 3)
			var g task.Group
			defer over(&g)
			kinds := program(t, &g, pools)
			for i, p := range pools {
				d := inDump(t, p, func(d *pool.Dump) bool { return len(d.Deadlocks) > 0 })
				require.Len(t, d.Deadlocks, 1)
				var whats []string
				elsewhere := 0
				for _, x := range d.Deadlocks[0] {
					whats = append(whats, x.Waits[0].What)
					if x.Elsewhere {
						elsewhere++
					}
				}
				slices.Sort(whats)
				require.Equal(t, kinds, whats, "the dump of pool %d", i)
				if what == "tasks" {
					require.Equal(t, 2, elsewhere)
				}
			}
		})
	}
}

// A value that is made in another pool, by a task that waits for who wants it: the dump of the maker's pool says so.
func TestDeadlockOfAValueFromAnotherPool(t *testing.T) {
	pools := poolsOf(t, 2)
	var g task.Group
	defer over(&g)
	var once lock.OnceValue[int]
	user := &waiter{name: "user", op: func(cx *task.Cx) error {
		_, err := once.Get(cx, func(*task.Cx) (int, error) { return 0, nil })
		return err
	}}
	started := false
	g.Go(pools[0], &waiter{name: "maker", op: func(cx *task.Cx) error {
		_, err := once.Get(cx, func(cx *task.Cx) (int, error) {
			if !started {
				started = true
				g.Go(pools[1], user)
			}
			return 0, user.Wait(cx)
		})
		return err
	}})
	_, whats := circleOf(t, pools[0])
	require.ElementsMatch(t, []string{"task", "lock.OnceValue"}, whats)
}

// A circle through several pools is none if anything in one of them ends it: a timer, a descriptor, of which this pool alone
// knows, an event, a Waker.
func TestNoDeadlockAcrossPools(t *testing.T) {
	for what, beside := range map[string]func(t *testing.T, p *pool.Pool) func(cx *task.Cx) error{
		"a timer": func(*testing.T, *pool.Pool) func(cx *task.Cx) error {
			var timer task.Timer
			return func(cx *task.Cx) error { return timer.Sleep(cx, time.Hour) }
		},
		"a descriptor": func(t *testing.T, p *pool.Pool) func(cx *task.Cx) error {
			r := pipe(t, p)
			return func(cx *task.Cx) error { return r.Wait(cx, 1) }
		},
		"an event": func(*testing.T, *pool.Pool) func(cx *task.Cx) error {
			var event lock.Event
			return event.Wait
		},
		"a Waker": func(*testing.T, *pool.Pool) func(cx *task.Cx) error {
			return func(cx *task.Cx) error { _ = cx.Waker(); return task.Pending }
		},
	} {
		t.Run(what, func(t *testing.T) {
			pools := poolsOf(t, 2)
			var g task.Group
			defer over(&g)
			other := beside(t, pools[1])
			ringOf(&g, pools, func(cx *task.Cx, i int, next *waiter) error {
				end := next.Wait(cx)
				if i == 0 {
					return end
				}
				_, err := task.First(end, other(cx))
				return err
			})
			for _, p := range pools {
				inDump(t, p, func(d *pool.Dump) bool { return shapeOf(d, "end: task") != nil })
			}
			for range 100 {
				for _, p := range pools {
					require.Empty(t, p.Dump(pool.DumpOptions{}).Deadlocks)
				}
			}
		})
	}
}

// Tasks of two pools wait for each other all the time, and always go on: each has a lock while it waits for one that it has
// started in the other pool, which wants the next lock.
func TestNoDeadlockAcrossPoolsUnderLoad(t *testing.T) {
	const chains, depth, rounds = 8, 6, 100
	pools := poolsOf(t, 2)
	locks := make([]lock.Mutex, depth+1)
	var chain func(depth int) *waiter
	chain = func(depth int) *waiter {
		var seq task.Seq
		m := &locks[depth]
		start, wait := func(*task.Cx) error { return nil }, func(*task.Cx) error { return nil }
		if depth > 0 {
			below := chain(depth - 1)
			start, wait = func(*task.Cx) error { pools[depth%2].Go(below); return nil }, below.Wait
		}
		return &waiter{name: "link", op: func(cx *task.Cx) error {
			return seq.Run(cx, m.Lock, start, wait, func(cx *task.Cx) error { m.Unlock(cx); return nil })
		}}
	}
	beside(t, func() {
		for range rounds {
			var g task.Group
			for i := range chains {
				g.Go(pools[i%2], chain(depth))
			}
			require.NoError(t, g.WaitContext(background))
		}
	}, pools...)
}

// What leads from one pool to the next may be a turn, a place under a limit, or a goroutine that works for a task there.
func TestDeadlockAcrossPoolsByOtherWays(t *testing.T) {
	for what, program := range map[string]func(t *testing.T, g *task.Group, pools []*pool.Pool){
		"a strand": func(_ *testing.T, g *task.Group, pools []*pool.Pool) {
			var strand lock.Strand[int]
			var second *lock.Turn[int]
			var ready lock.Event
			var seq task.Seq
			first := strand.Turn(1, func(cx *task.Cx) error {
				return seq.Run(cx, ready.Wait, func(cx *task.Cx) error { return second.Wait(cx) })
			})
			second = strand.Turn(1, func(*task.Cx) error { return nil })
			g.Go(pools[0], first)
			g.Go(pools[1], second)
			ready.Set(nil)
		},
		"a backlog": func(t *testing.T, g *task.Group, pools []*pool.Pool) {
			var limited task.Group
			t.Cleanup(func() { over(&limited) })
			limited.SetLimit(1)
			var ready lock.Event
			var seq task.Seq
			queued := &waiter{name: "queued", op: func(*task.Cx) error { return nil }}
			outside := &waiter{name: "outside", op: func(cx *task.Cx) error { return queued.Wait(cx) }}
			limited.Go(pools[0], &waiter{name: "has the place", op: func(cx *task.Cx) error {
				return seq.Run(cx, ready.Wait, func(cx *task.Cx) error { return outside.Wait(cx) })
			}})
			limited.Go(pools[1], queued)
			g.Go(pools[1], outside)
			ready.Set(nil)
		},
		"a limiter": func(_ *testing.T, g *task.Group, pools []*pool.Pool) {
			disk := &task.Limiter{Limit: 1}
			var b, c task.Blocking[int]
			b.Limiter, c.Limiter = disk, disk
			runs := make(chan struct{})
			x := &waiter{name: "waits for a turn"}
			x.op = func(cx *task.Cx) error {
				_, err := c.Do(cx, func(context.Context) (int, error) { return 0, nil })
				return err
			}
			g.Go(pools[0], &waiter{name: "runs", op: func(cx *task.Cx) error {
				_, err := b.Do(cx, func(ctx context.Context) (int, error) { close(runs); g.Go(pools[1], x); return 0, x.WaitContext(ctx) })
				return err
			}})
			<-runs
		},
		"a lock of a function": func(_ *testing.T, g *task.Group, pools []*pool.Pool) {
			var m lock.Mutex
			var b task.Blocking[int]
			x := &waiter{name: "wants the lock", op: m.Lock}
			g.Go(pools[0], &waiter{name: "calls", op: func(cx *task.Cx) error {
				_, err := b.Do(cx, func(ctx context.Context) (int, error) {
					if err := m.LockContext(ctx); err != nil {
						return 0, err
					}
					defer m.Unlock(nil)
					g.Go(pools[1], x)
					return 0, x.WaitContext(ctx)
				})
				return err
			}})
		},
		"a line": func(t *testing.T, g *task.Group, pools []*pool.Pool) {
			s := lock.NewSemaphore(2)
			var b task.Blocking[int]
			var probes task.Group
			var ahead lock.Event
			var first, last task.Seq
			behind := &waiter{name: "behind", op: func(cx *task.Cx) error {
				return last.Run(cx, ahead.Wait, func(cx *task.Cx) error { return s.Acquire(cx, 1) })
			}}
			g.Go(pools[1], behind)
			g.Go(pools[1], &waiter{name: "holder", op: func(cx *task.Cx) error {
				return first.Run(cx, func(cx *task.Cx) error { return s.Acquire(cx, 1) }, behind.Wait)
			}})
			inDump(t, pools[1], func(d *pool.Dump) bool { return len(waitsOf(d, "holder")) == 1 })
			g.Go(pools[0], &waiter{name: "calls", op: func(cx *task.Cx) error {
				_, err := b.Do(cx, func(ctx context.Context) (int, error) { return 0, s.AcquireContext(ctx, 2) })
				return err
			}})
			probes.Go(pools[1], &waiter{name: "probe", op: func(cx *task.Cx) error { return s.Acquire(cx, 2) }})
			inDump(t, pools[1], func(d *pool.Dump) bool { w := waitsOf(d, "probe"); return len(w) == 1 && w[0].Line == 2 })
			over(&probes)
			ahead.Set(nil)
		},
	} {
		t.Run(what, func(t *testing.T) {
			pools := poolsOf(t, 2)
			var g task.Group
			defer over(&g)
			program(t, &g, pools)
			for i, p := range pools {
				d := inDump(t, p, func(d *pool.Dump) bool { return len(d.Deadlocks) > 0 })
				require.Len(t, d.Deadlocks, 1, "the dump of pool %d", i)
			}
		})
	}
}

// A task may wait for a descriptor of another pool, which wakes it: alone, or beside the end of one that waits for it.
func TestNotDeadForADescriptorOfAnotherPool(t *testing.T) {
	for _, circle := range []bool{false, true} {
		t.Run(fmt.Sprintf("in a circle, %t", circle), func(t *testing.T) {
			p, other := open(t, 1), open(t, 1)
			var g task.Group
			defer over(&g)
			r := pipe(t, other)
			if circle {
				ringOf(&g, []*pool.Pool{p, p}, func(cx *task.Cx, i int, next *waiter) error {
					end := next.Wait(cx)
					if i == 0 {
						return end
					}
					_, err := task.First(end, r.Wait(cx, reactor.Read))
					return err
				})
				inDump(t, p, func(d *pool.Dump) bool { s := shapeOf(d, "end: task"); return s != nil && d.Suspended == 2 })
			} else {
				g.Go(p, &waiter{name: "reads", op: func(cx *task.Cx) error { return r.Wait(cx, reactor.Read) }})
			}
			inDump(t, p, func(d *pool.Dump) bool { return d.Suspended > 0 && d.Workers[0].State == "parked" })
			for range 20 {
				d := p.Dump(pool.DumpOptions{})
				require.Empty(t, d.Deadlocks)
				require.Empty(t, d.Quiet)
				require.False(t, d.Quiescent)
			}
		})
	}
}

// Turns, places under a limit, a limiter, and locks of tasks and goroutines lead from each of two pools to the other, and all goes on.
func TestNoDeadlockAcrossPoolsByOtherWaysUnderLoad(t *testing.T) {
	const rounds = 200
	pools := poolsOf(t, 2)
	var strand lock.Strand[int]
	var m lock.Mutex
	disk := &task.Limiter{Limit: 1}
	brief := func(*task.Cx) error { return nil }
	round := func(p, q *pool.Pool) {
		var limited, g task.Group
		limited.SetLimit(2)
		hold := make(chan struct{})
		limited.Goroutine(p, func(context.Context) error { <-hold; return nil }) // so that no task owns it

		turn, next := strand.Turn(1, brief), strand.Turn(1, brief)
		g.Go(q, turn)
		limited.Go(p, &waiter{name: "waits for a turn", op: turn.Wait})
		limited.Go(q, next)
		g.Go(p, &waiter{name: "waits for who wants a place", op: next.Wait})

		var b task.Blocking[int]
		b.Limiter = disk
		takes := &waiter{name: "takes the lock", op: func(cx *task.Cx) error {
			if err := m.Lock(cx); err != nil {
				return err
			}
			m.Unlock(cx)
			return nil
		}}
		limited.Go(p, &waiter{name: "calls", op: func(cx *task.Cx) error {
			_, err := b.Do(cx, func(ctx context.Context) (int, error) { g.Go(q, takes); return 0, takes.WaitContext(ctx) })
			return err
		}})

		var seq task.Seq
		fed, also := &waiter{name: "fed", op: brief}, &waiter{name: "fed, whom who has the lock waits for", op: brief}
		g.Go(p, &waiter{name: "feeds", op: func(cx *task.Cx) error {
			return seq.Run(cx, func(cx *task.Cx) error { return limited.GoWait(cx, fed) }, fed.Wait)
		}})
		g.Goroutine(q, func(ctx context.Context) error {
			if err := limited.GoContext(ctx, q, also); err != nil {
				return err
			}
			if err := m.LockContext(background); err != nil {
				return err
			}
			defer m.Unlock(nil)
			return also.WaitContext(ctx)
		})
		require.NoError(t, g.WaitContext(background))
		close(hold)
		require.NoError(t, limited.WaitContext(background))
	}
	beside(t, func() {
		for n := range rounds {
			round(pools[n%2], pools[(n+1)%2])
		}
	}, pools...)
}
