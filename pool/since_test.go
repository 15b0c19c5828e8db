//go:build unix

package pool_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// Who has called Serve has started its connections' tasks.
func TestStartedByServe(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: true})
	l, err := p.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var g task.Group
	var never lock.Event
	g.Go(p, &waiter{name: "server", op: func(cx *task.Cx) error {
		return reactor.Serve(cx, l, func(*reactor.Conn) task.Task { return &waiter{name: "session", op: never.Wait} })
	}})
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	d := inDump(t, p, func(d *pool.Dump) bool { return len(sinceOf(d, "session")) == 1 })
	require.Contains(t, sinceOf(d, "session")[0].Spawned, "since_test.go:")
	never.Set(nil)
	require.NoError(t, l.Close())
	require.NoError(t, g.WaitContext(background))
}

// sinceOf returns the rows of the tasks with a name.
func sinceOf(d *pool.Dump, name string) (list []pool.TaskDump) {
	for _, s := range d.Shapes {
		for _, x := range s.Tasks {
			if x.Name == name {
				list = append(list, x)
			}
		}
	}
	return list
}

// A dump says that a task waits since the dump before, at least; one that was polled in between begins anew.
func TestSinceAnEarlierDump(t *testing.T) {
	clock := task.NewClock(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	p := openWith(t, pool.Config{Workers: 2, Clock: clock, StallLimit: -1})
	var g task.Group
	var never lock.Event
	var again lock.Notify
	g.Go(p, &waiter{name: "stays", op: never.Wait})
	var seq task.Seq
	g.Go(p, &waiter{name: "moves", op: func(cx *task.Cx) error { return seq.Run(cx, again.Wait, never.Wait) }})
	inDumpOf(t, p, 2)
	clock.Advance(time.Minute)
	d := p.Dump(pool.DumpOptions{})
	stays := sinceOf(d, "stays")[0]
	require.Equal(t, time.Minute, stays.For, "the last look before that was a minute ago")
	require.True(t, stays.AtLeast)
	again.One(nil)
	inDump(t, p, func(d *pool.Dump) bool {
		return d.Suspended == 2 && sinceOf(d, "moves")[0].Waits[0].What == "lock.Event"
	})
	clock.Advance(time.Second)
	d = p.Dump(pool.DumpOptions{})
	require.Equal(t, time.Second, sinceOf(d, "moves")[0].For)
	require.Equal(t, time.Minute+time.Second, sinceOf(d, "stays")[0].For)
	for _, s := range d.Shapes {
		if strings.Contains(strings.Join(s.Waits, ""), "lock.Event") {
			require.Equal(t, time.Minute+time.Second, s.For, "the longest of the shape")
		}
	}
	require.Equal(t, invariant.Debug, sinceOf(d, "stays")[0].Spawned != "", "without Config.Debug nothing is recorded")
	never.Set(nil)
	require.NoError(t, g.WaitContext(background))
}

// With Debug the first dump knows since when, and where each task was started: by a task, by a goroutine, in a
// batch, from a backlog.
func TestSinceWithDebug(t *testing.T) {
	clock := task.NewClock(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	p := openWith(t, pool.Config{Workers: 2, Clock: clock, StallLimit: -1, Debug: true})
	var g, below task.Group
	var ready, never lock.Event
	task.SetName(&never, "never")
	op := func(cx *task.Cx) error {
		if err := ready.Wait(cx); err != nil {
			return err
		}
		return never.Wait(cx)
	}
	g.Go(p, &waiter{name: "goroutine's", op: op})
	g.GoAll(p, &waiter{name: "batch", op: op})
	started := false
	g.Go(p, &waiter{name: "parent", op: func(cx *task.Cx) error {
		if !started {
			started = true
			below.Go(cx, &waiter{name: "task's", op: op})
		}
		return below.Wait(cx)
	}})
	inDumpOf(t, p, 4)
	clock.Advance(time.Hour)
	ready.Set(nil)
	inDump(t, p, func(d *pool.Dump) bool {
		for _, o := range d.Objects {
			if o.Waiting == 3 && d.Suspended == 4 && len(d.Objects) == 1 {
				return task.ObjectName(&never) == o.Name
			}
		}
		return false
	})
	clock.Advance(time.Minute)
	d := p.Dump(pool.DumpOptions{Samples: -1})
	require.Equal(t, 4, d.Suspended)
	for _, name := range []string{"goroutine's", "batch", "task's"} {
		x := sinceOf(d, name)
		require.Len(t, x, 1, name)
		require.Equal(t, time.Minute, x[0].For, name)
		require.False(t, x[0].AtLeast)
		require.Contains(t, x[0].Spawned, "since_test.go:", name)
	}
	require.Equal(t, time.Hour+time.Minute, sinceOf(d, "parent")[0].For)
	never.Set(nil)
	require.NoError(t, g.WaitContext(background))
}
