//go:build unix

package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
)

// alive has tasks in the pool that go on by themselves, until the test ends.
func alive(t *testing.T, p *pool.Pool) {
	var g task.Group
	r := pipe(t, p)
	var timer task.Timer
	g.Go(p, &waiter{name: "sleeps", op: func(cx *task.Cx) error { return timer.Sleep(cx, time.Hour) }})
	g.Go(p, &waiter{name: "reads", op: func(cx *task.Cx) error { return r.Wait(cx, 1) }})
	t.Cleanup(func() { over(&g) })
}

// isQuiet waits until a group is quiet.
func isQuiet(t *testing.T, p *pool.Pool, g *task.Group) (q pool.QuietDump) {
	t.Helper()
	until(t, "a quiet group", func() (ok bool) { q, ok = p.Quiet(g); return ok })
	return q
}

// A ring of channels in one group is quiet while the rest of the pool goes on; a dump has it, and nothing else.
func TestQuietRing(t *testing.T) {
	p := open(t, 2)
	alive(t, p)
	var g task.Group
	ring := make([]*chans.Chan[int], 4)
	for i := range ring {
		ring[i] = chans.New[int](1)
		task.SetName(ring[i], "ring")
	}
	for i := range ring {
		var v int
		var seq task.Seq
		g.Go(p, &waiter{name: "ring", op: func(cx *task.Cx) error {
			return seq.Run(cx,
				func(cx *task.Cx) (err error) { v, err = ring[i].Recv(cx); return err },
				func(cx *task.Cx) error { return ring[(i+1)%len(ring)].Send(cx, v) })
		}})
	}
	q := isQuiet(t, p, &g)
	require.Equal(t, 4, q.Tasks)
	require.Len(t, q.Waits, 4)
	require.Equal(t, 1, q.Waits[0].Line)
	require.Equal(t, "chans.Chan", q.Waits[0].What)
	d := p.Dump(pool.DumpOptions{})
	require.Len(t, d.Quiet, 1)
	require.Equal(t, q.Group, d.Quiet[0].Group)
	require.False(t, d.Quiescent)
	d = p.Dump(pool.DumpOptions{})
	require.Positive(t, d.Quiet[0].For, "since the dump before")
	require.True(t, d.Quiet[0].AtLeast)
	require.NoError(t, ring[0].SendContext(background, 1))
	require.NoError(t, g.WaitContext(background))
	_, quiet := p.Quiet(&g)
	require.False(t, quiet, "a group without members has ended")
	require.Empty(t, p.Dump(pool.DumpOptions{}).Quiet)
}

// What waits for the quiet is quiet, too: by the end of a task, of a group and of a handle, by a lock that is recorded,
// by a goroutine of the group; the dump names the outermost group once.
func TestQuietBelow(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: true})
	alive(t, p)
	var g, inner task.Group
	var never lock.Event
	var mutex lock.Mutex
	ch := chans.New[int](1)
	var seq task.Seq
	holds := &waiter{name: "holds", op: func(cx *task.Cx) error { return seq.Run(cx, mutex.Lock, never.Wait) }}
	p.Go(holds) // outside of the group
	inDump(t, p, func(d *pool.Dump) bool { return len(waitsOf(d, "holds")) == 1 })
	var h *task.Handle[int]
	g.Go(p, &waiter{name: "owner", op: func(cx *task.Cx) error {
		if h == nil {
			h = task.Go(cx, func(cx *task.Cx) (int, error) { return 0, never.Wait(cx) })
			inner.Go(cx, &waiter{name: "member", op: mutex.Lock})
		}
		if _, err := h.Wait(cx); err != nil {
			return err
		}
		return inner.Wait(cx)
	}})
	g.Goroutine(p, func(ctx context.Context) error { _, err := ch.RecvContext(ctx); return err })
	q := isQuiet(t, p, &g)
	require.Equal(t, 4, q.Tasks, "the owner, its handle, its member, and who has the lock")
	require.Len(t, q.Waits, 2)
	d := p.Dump(pool.DumpOptions{})
	require.Len(t, d.Quiet, 1)
	require.Equal(t, q.Group, d.Quiet[0].Group)
	require.False(t, d.Quiet[0].AtLeast, "with Debug it is exact")
	mutexFree := func() { never.Set(nil) }
	mutexFree()
	require.NoError(t, holds.WaitContext(background))
	over(&g)
}

// A group is not quiet if anything of it, or of whom it waits for, goes on by itself, or is not known; without that it is.
func TestNotQuiet(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: true})
	var outside task.Group
	defer over(&outside)
	var timer, long task.Timer
	var mutex lock.Mutex
	var seq task.Seq
	sleeper := &waiter{name: "sleeper", op: func(cx *task.Cx) error { return timer.Sleep(cx, time.Hour) }}
	outside.Go(p, sleeper)
	outside.Go(p, &waiter{name: "holder", op: func(cx *task.Cx) error {
		return seq.Run(cx, mutex.Lock, func(cx *task.Cx) error { return long.Sleep(cx, time.Hour) })
	}})
	inDumpOf(t, p, 2)
	var never lock.Event
	hold := make(chan struct{})
	defer close(hold)
	for what, c := range map[string]struct {
		op   func() func(cx *task.Cx) error
		more int // tasks that it starts
	}{
		"a timer": {op: func() func(cx *task.Cx) error { return new(sleepy).Sleep }},
		"a timer beside an event": {op: func() func(cx *task.Cx) error {
			var s sleepy
			return func(cx *task.Cx) error { _, err := task.First(never.Wait(cx), s.Sleep(cx)); return err }
		}},
		"a descriptor": {op: func() func(cx *task.Cx) error {
			r := pipe(t, p)
			return func(cx *task.Cx) error { return r.Wait(cx, 1) }
		}},
		"a blocking function": {op: func() func(cx *task.Cx) error {
			b := task.Blocking[int]{Detached: true}
			return func(cx *task.Cx) error {
				_, err := b.Do(cx, func(ctx context.Context) (int, error) {
					select {
					case <-hold:
					case <-ctx.Done():
					}
					return 0, nil
				})
				return err
			}
		}},
		"a rate limiter": {op: func() func(cx *task.Cx) error {
			rate := lock.NewRateLimiter(1, time.Hour, 1)
			require.NoError(t, rate.WaitContext(background))
			return rate.Wait
		}},
		"a task outside":                 {op: func() func(cx *task.Cx) error { return sleeper.Wait }},
		"a lock that will be given back": {op: func() func(cx *task.Cx) error { return mutex.Lock }},
		"a Waker": {op: func() func(cx *task.Cx) error {
			return func(cx *task.Cx) error {
				if err := cx.Err(); err != nil {
					return err
				}
				_ = cx.Waker()
				return cx.Suspend()
			}
		}},
		"a member of a member": {more: 1, op: func() func(cx *task.Cx) error {
			var g *task.Group
			return func(cx *task.Cx) error {
				if g == nil {
					g = new(task.Group)
					g.Go(cx, &waiter{name: "child", op: new(sleepy).Sleep})
				}
				return g.Wait(cx)
			}
		}},
		"a handle's task": {more: 1, op: func() func(cx *task.Cx) error {
			var h *task.Handle[int]
			return func(cx *task.Cx) error {
				if h == nil {
					s := new(sleepy)
					h = task.Go(cx, func(cx *task.Cx) (int, error) { return 0, s.Sleep(cx) })
				}
				return never.Wait(cx)
			}
		}},
		"a bound on the time of its members": {more: 1, op: func() func(cx *task.Cx) error {
			var g *task.Group
			return func(cx *task.Cx) error {
				if g == nil {
					g = new(task.Group)
					g.SetTimeout(cx, time.Hour)
					g.Go(cx, &waiter{name: "child", op: never.Wait})
				}
				return g.Wait(cx)
			}
		}},
	} {
		t.Run(what, func(t *testing.T) {
			var g task.Group
			x := &waiter{name: "moves", op: c.op()}
			g.Go(p, &waiter{name: "never", op: never.Wait})
			g.Go(p, x)
			inDumpOf(t, p, 4+c.more)
			for range 20 {
				_, quiet := p.Quiet(&g)
				require.False(t, quiet)
				require.Empty(t, p.Dump(pool.DumpOptions{}).Quiet)
			}
			over(&g)
		})
	}
}

// sleepy sleeps for an hour.
type sleepy struct{ timer task.Timer }

func (s *sleepy) Sleep(cx *task.Cx) error { return s.timer.Sleep(cx, time.Hour) }
