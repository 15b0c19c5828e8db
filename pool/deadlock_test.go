package pool_test

import (
	"context"
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
	var user *waiter
	user = &waiter{name: "user", op: func(cx *task.Cx) error {
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
