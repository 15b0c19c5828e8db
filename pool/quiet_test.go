//go:build unix

package pool_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
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

// A function that was abandoned and still runs may make happen what its task waits for.
func TestNotQuietWhileAnAbandonedFunctionRuns(t *testing.T) {
	for what, detached := range map[string]bool{"the task's": false, "detached": true} {
		t.Run(what, func(t *testing.T) {
			p := open(t, 2)
			alive(t, p)
			var g task.Group
			var done lock.Event
			hold := make(chan struct{})
			defer func() {
				close(hold)
				require.NoError(t, g.WaitContext(background))
			}()
			call := task.Blocking[int]{Detached: detached}
			var try combine.Select
			asked := false
			g.Go(p, &waiter{name: "abandons", op: func(cx *task.Cx) error {
				if !asked {
					asked = true
					at, err := try.Try(cx, func(cx *task.Cx) error {
						_, err := call.Do(cx, func(context.Context) (int, error) { <-hold; done.Set(nil); return 0, nil })
						return err
					})
					if err != nil || at >= 0 {
						return fmt.Errorf("%d, %w", at, err)
					}
				}
				return done.Wait(cx)
			}})
			inDumpOf(t, p, 3)
			for range 20 {
				_, quiet := p.Quiet(&g)
				require.False(t, quiet)
				require.Empty(t, p.Dump(pool.DumpOptions{}).Quiet)
			}
		})
	}
}

// A goroutine that waits for a place of a pool's backlog goes on when the pool's workers do.
func TestNotQuietForTheBacklog(t *testing.T) {
	p := openWith(t, fixed(pool.Config{Workers: 1, Backlog: 1}))
	var g, busy task.Group
	hold, begun := make(chan struct{}), make(chan struct{})
	defer func() {
		close(hold)
		require.NoError(t, g.WaitContext(background))
		require.NoError(t, busy.WaitContext(background))
	}()
	busy.Go(p, &waiter{name: "busy", op: func(*task.Cx) error { close(begun); <-hold; return nil }})
	<-begun
	busy.Go(p, &waiter{name: "queued", op: func(*task.Cx) error { return nil }})
	g.Goroutine(p, func(ctx context.Context) error {
		return busy.GoContext(ctx, p, &waiter{name: "late", op: func(*task.Cx) error { return nil }})
	})
	until(t, "a goroutine that waits", func() bool { return p.Stats().Backlog.Blocked == 1 })
	for range 1000 {
		_, quiet := p.Quiet(&g)
		require.False(t, quiet)
	}
}

// Each quiet group is named, also where something of what they have in common does not wait.
func TestQuietBesideOneAnother(t *testing.T) {
	p := open(t, 2)
	alive(t, p)
	var top task.Group
	defer over(&top)
	var never lock.Event
	inner := make([]task.Group, 3)
	for i := range inner {
		started := false
		top.Go(p, &waiter{name: "owner", op: func(cx *task.Cx) error {
			if !started {
				started = true
				inner[i].Go(cx, &waiter{name: "member", op: never.Wait})
			}
			return inner[i].Wait(cx)
		}})
	}
	hold := make(chan struct{})
	defer close(hold)
	call := task.Blocking[int]{Detached: true}
	top.Go(p, &waiter{name: "calls", op: func(cx *task.Cx) error {
		_, err := call.Do(cx, func(ctx context.Context) (int, error) {
			select {
			case <-hold:
			case <-ctx.Done():
			}
			return 0, nil
		})
		return err
	}})
	inDumpOf(t, p, 2*len(inner)+3)
	require.Len(t, p.Dump(pool.DumpOptions{}).Quiet, len(inner))
}

// A goroutine that waits for a task, and starts it again, is looked at meanwhile.
func TestQuietLooksAtAGoroutineThatGoesOn(t *testing.T) {
	p := open(t, 2)
	var g task.Group
	var x task.Group
	ended := make(chan struct{})
	g.Goroutine(p, func(ctx context.Context) error {
		defer close(ended)
		again := &waiter{name: "again", op: func(cx *task.Cx) error { return nil }}
		for range 2000 {
			x.Go(p, again)
			if err := again.WaitContext(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	for going := true; going; {
		select {
		case <-ended:
			going = false
		default:
			p.Quiet(&g)
			p.Dump(pool.DumpOptions{})
		}
	}
	require.NoError(t, g.WaitContext(background))
	require.NoError(t, x.WaitContext(background))
}

// What a task waits for may not have been started yet, as the turn before it in a strand.
func TestQuietLooksAtATurnThatIsStarted(t *testing.T) {
	p := open(t, 2)
	for range 200 {
		var s lock.Strand[int]
		var g, first task.Group
		done := func(*task.Cx) error { return nil }
		one, two := s.Turn(1, done), s.Turn(1, done)
		g.Go(p, two)
		started := make(chan struct{})
		go func() {
			first.Go(p, one)
			close(started)
		}()
		for going := true; going; {
			select {
			case <-started:
				going = false
			default:
				p.Quiet(&g)
			}
		}
		require.NoError(t, first.WaitContext(background))
		require.NoError(t, g.WaitContext(background))
	}
}

// What a dump has in hand, and what it counts in an inbox, is something to do: a pool is not idle meanwhile.
func TestIdleDuringDumps(t *testing.T) {
	const tasks, rounds = 50, 300
	clock := task.NewClock(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	p := openWith(t, pool.Config{Workers: 2, Clock: clock, StallLimit: -1})
	var g task.Group
	defer over(&g)
	var woken atomic.Int64
	for range tasks {
		var timer task.Timer
		g.Go(p, &waiter{name: "ticks", op: func(cx *task.Cx) error {
			for {
				if err := timer.Sleep(cx, time.Second); err != nil {
					return err
				}
				woken.Add(1)
			}
		}})
	}
	look, looked := make(chan struct{}), make(chan struct{})
	defer func() { close(look); <-looked }()
	go func() {
		defer close(looked)
		for range look {
			p.Dump(pool.DumpOptions{})
			p.Quiet(&g)
		}
	}()
	for round := range rounds {
		require.NoError(t, p.WaitIdle(background))
		require.EqualValues(t, round*tasks, woken.Load())
		look <- struct{}{}
		clock.Advance(time.Second)
	}
}
