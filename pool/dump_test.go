//go:build unix

package pool_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/bridge"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
)

// inDump waits until a dump has what holds asks for.
func inDump(t testing.TB, p *pool.Pool, holds func(*pool.Dump) bool) (d *pool.Dump) {
	t.Helper()
	until(t, "a dump with what is expected", func() bool {
		d = p.Dump(pool.DumpOptions{Samples: -1})
		return holds(d)
	})
	return d
}

// waits returns the waits of all tasks whose name contains name.
func waitsOf(d *pool.Dump, name string) (list []pool.WaitDump) {
	for _, s := range d.Shapes {
		for _, x := range s.Tasks {
			if strings.Contains(x.Name, name) {
				list = append(list, x.Waits...)
			}
		}
	}
	return list
}

// waiter is a task with a name that waits by op until it is canceled.
type waiter struct {
	task.Frame
	name string
	op   func(cx *task.Cx) error
}

func (w *waiter) Poll(cx *task.Cx) error { return w.op(cx) }
func (w *waiter) TaskName() string       { return w.name }

// Each kind of waiting has a row.
func TestDumpFindsEachKindOfWait(t *testing.T) {
	p := open(t, 2)
	var (
		g, other, limited task.Group
		mutex             lock.Mutex
		rw                lock.RWMutex
		sem               = lock.NewSemaphore(5)
		once              lock.OnceValue[int]
		notify            lock.Notify
		event             lock.Event
		barrier           = lock.NewBarrier(2)
		cond              lock.Cond
		guard             lock.Mutex
		ctx               bridge.Context
		either            combine.Any[int]
		rate              = lock.NewRateLimiter(1, time.Hour, 1)
		strand            lock.Strand[int]
		promise           task.Promise[int]
		ch                = chans.New[int](1)
		full              = chans.New[int](1)
		slow              task.Blocking[int]
		hold              = make(chan struct{})
		job               pool.Job[int]
		timer             task.Timer
		wakers            = make(chan task.Waker, 1)
	)
	cond.L = &guard
	later, end := context.WithCancel(background)
	defer end()
	require.True(t, mutex.TryLock())
	require.True(t, rw.TryLock())
	require.True(t, sem.TryAcquire(3))
	require.NoError(t, full.SendContext(background, 1))
	task.SetName(&mutex, "accounts")
	require.NoError(t, rate.WaitContext(background))
	limited.SetLimit(1)
	never := &waiter{name: "never", op: func(cx *task.Cx) error { _, err := promise.Wait(cx); return err }}
	g.Go(p, never)
	other.Go(p, &waiter{name: "member", op: func(cx *task.Cx) error { _, err := promise.Wait(cx); return err }})
	limited.Go(p, &waiter{name: "limited", op: func(cx *task.Cx) error { _, err := promise.Wait(cx); return err }})
	g.Go(p, strand.Turn(1, func(cx *task.Cx) error { _, err := promise.Wait(cx); return err }))
	g.Go(p, strand.Turn(1, func(cx *task.Cx) error { return nil }))
	reads := pipe(t, p)
	for _, c := range []struct {
		name, kind, what string
		op               func(cx *task.Cx) error
		more             func(w pool.WaitDump)
	}{
		{"task", "end", "task", never.Wait, func(w pool.WaitDump) { require.Equal(t, "pool_test.waiter", w.Note) }},
		{"group", "end", "task.Group", other.Wait, func(w pool.WaitDump) { require.Equal(t, "of 1 members", w.Note) }},
		{"mutex", "turn", "lock.Mutex", mutex.Lock, func(w pool.WaitDump) {
			require.Equal(t, [3]any{1, 1, "accounts"}, [3]any{w.Place, w.Line, w.Name})
			require.Zero(t, w.Asks)
		}},
		{"rwmutex", "turn", "lock.RWMutex", rw.RLock, func(w pool.WaitDump) { require.Zero(t, w.Asks) }},
		{"writer", "turn", "lock.RWMutex", rw.Lock, func(w pool.WaitDump) { require.Zero(t, w.Asks) }},
		{"semaphore", "turn", "lock.Semaphore", func(cx *task.Cx) error { return sem.Acquire(cx, 3) },
			func(w pool.WaitDump) { require.EqualValues(t, 3, w.Asks) }},
		{"notify", "turn", "lock.Notify", notify.Wait, nil},
		{"event", "event", "lock.Event", event.Wait, nil},
		{"promise", "event", "task.Promise[int]", func(cx *task.Cx) error { _, err := promise.Wait(cx); return err }, nil},
		{"receive", "turn", "chans.Chan", func(cx *task.Cx) error { _, err := ch.Recv(cx); return err }, nil},
		{"send", "turn", "chans.Chan", func(cx *task.Cx) error { return full.Send(cx, 2) }, nil},
		{"limit", "turn", "the limit of a task.Group", func(cx *task.Cx) error { return limited.GoWait(cx, &waiter{}) }, nil},
		{"maker", "turn", "lock.OnceValue", func(cx *task.Cx) error {
			_, err := once.Get(cx, promise.Wait)
			return err
		}, func(w pool.WaitDump) { require.True(t, w.Holds) }},
		{"user", "turn", "lock.OnceValue", func(cx *task.Cx) error {
			_, err := once.Get(cx, promise.Wait)
			return err
		}, func(w pool.WaitDump) { require.Equal(t, 1, w.Place) }},
		{"rate", "turn", "lock.RateLimiter", func(cx *task.Cx) error { return rate.Wait(cx) }, nil},
		{"blocking", "call", "task.Blocking", func(cx *task.Cx) error {
			_, err := slow.Do(cx, func(context.Context) (int, error) { <-hold; return 0, nil })
			return err
		}, func(w pool.WaitDump) { require.Contains(t, w.Note, "it runs") }},
		{"job", "call", "task", func(cx *task.Cx) error {
			_, err := job.Do(cx, func(pool.Scope) int { <-hold; return 0 })
			return err
		}, nil},
		{"sleep", "timer", "timer", func(cx *task.Cx) error { return timer.Sleep(cx, time.Hour) },
			func(w pool.WaitDump) { require.Greater(t, w.In, 50*time.Minute) }},
		{"descriptor", "descriptor", "read", func(cx *task.Cx) error { return reads.Wait(cx, reactor.Read) },
			func(w pool.WaitDump) { require.Positive(t, w.FD) }},
		{"barrier", "turn", "lock.Barrier", func(cx *task.Cx) error { _, err := barrier.Wait(cx); return err }, nil},
		{"condition", "turn", "lock.Cond", func(cx *task.Cx) error { return cond.LockWhen(cx, func() bool { return false }) }, nil},
		{"context", "turn", "bridge.Context", func(cx *task.Cx) error { return ctx.Done(cx, later) }, nil},
	} {
		x := &waiter{name: "the " + c.name + " row", op: c.op}
		g.Go(p, x)
		d := inDump(t, p, func(d *pool.Dump) bool { return len(waitsOf(d, x.name)) > 0 })
		found := waitsOf(d, x.name)
		at := slices.IndexFunc(found, func(w pool.WaitDump) bool { return w.Kind == c.kind && w.What == c.what })
		require.GreaterOrEqual(t, at, 0, "%s: %v", c.name, found)
		w := found[at]
		if c.more != nil {
			c.more(w)
		}
		if c.kind == "end" || c.kind == "turn" || c.kind == "event" {
			require.NotEmpty(t, w.ID, c.name)
		}
	}
	// A Waker, a turn of a strand, branches, and goroutines.
	g.Go(p, &waiter{name: "a waker", op: func(cx *task.Cx) error {
		if err := cx.Err(); err != nil {
			return err
		}
		select {
		case wakers <- cx.Waker():
		default:
		}
		return cx.Suspend()
	}})
	g.Go(p, &waiter{name: "either", op: func(cx *task.Cx) error {
		_, _, err := either.Wait(cx, promise.Wait, promise.Wait)
		return err
	}})
	g.Goroutine(p, func(ctx context.Context) error { <-ctx.Done(); return nil })
	d := inDump(t, p, func(d *pool.Dump) bool {
		return d.Members == 1 && d.Blocking == 1 && len(waitsOf(d, "either")) == 3 // itself, and two
	})
	exposed := false
	for _, s := range d.Shapes {
		for _, x := range s.Tasks {
			exposed = exposed || x.Name == "a waker" && x.Waker && len(x.Waits) == 0
		}
	}
	require.True(t, exposed)
	var turn pool.WaitDump
	for _, s := range d.Shapes {
		if strings.HasPrefix(s.Kind, "lock.Turn") && len(s.Tasks[0].Waits) == 1 && s.Tasks[0].Waits[0].Kind == "turn" {
			turn = s.Tasks[0].Waits[0]
		}
	}
	require.Equal(t, "task", turn.What)
	require.False(t, d.Quiescent)
	require.Empty(t, d.Deadlocks)
	close(hold)
	for _, g := range []*task.Group{&g, &other, &limited} {
		g.Cancel(errBoom)
	}
	promise.Resolve(0, nil)
	_ = g.WaitContext(background)
}

// pipe returns the end of a pipe that is read, as a source of p.
func pipe(t testing.TB, p *pool.Pool) *reactor.Source {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.Close() })
	fd, err := syscall.Dup(int(r.Fd()))
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.NoError(t, syscall.SetNonblock(fd, true))
	all, err := p.Reactor()
	require.NoError(t, err)
	s, err := all.NewSource(fd)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// A dump beside tasks that start, wait, wake each other, are canceled and end: no wake-up is lost, and no
// cancellation.
func TestDumpUnderLoad(t *testing.T) {
	p := open(t, 4)
	rounds := 300
	if slow() {
		rounds = 60
	}
	stop, dumped := make(chan struct{}), make(chan int, 2)
	for range cap(dumped) {
		go func() {
			n := 0
			for ; ; n++ {
				select {
				case <-stop:
					dumped <- n
					return
				default:
				}
				if d := p.Dump(pool.DumpOptions{}); len(d.Deadlocks) > 0 {
					panic("a deadlock of tasks that go on")
				}
			}
		}()
	}
	for range rounds {
		var g, canceled task.Group
		ping, pong := chans.New[int](1), chans.New[int](1)
		for _, c := range [][2]*chans.Chan[int]{{ping, pong}, {pong, ping}} {
			left := 20
			var seq task.Seq
			g.Go(p, task.Func(func(cx *task.Cx) error {
				for ; left > 0; left-- {
					if err := seq.Run(cx, func(cx *task.Cx) error { return c[0].Send(cx, 1) }, func(cx *task.Cx) error {
						_, err := c[1].Recv(cx)
						return err
					}); err != nil {
						return err
					}
					seq.Reset()
				}
				return nil
			}))
		}
		var never task.Promise[int]
		for range 30 {
			var own task.Group
			started := false
			canceled.Go(p, task.Func(func(cx *task.Cx) error {
				if !started {
					started = true
					own.Go(cx, task.Func(func(cx *task.Cx) error { _, err := never.Wait(cx); return err }))
				}
				return own.Wait(cx)
			}))
		}
		require.NoError(t, g.WaitContext(background))
		canceled.Cancel(errBoom)
		require.ErrorIs(t, canceled.WaitContext(background), task.ErrCanceled)
	}
	close(stop)
	for range cap(dumped) {
		require.Positive(t, <-dumped)
	}
}

// A worker in a long poll is found, with its stack; the tasks are, too.
func TestDumpBesideAWorkerThatIsStuck(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 2})
	var g task.Group
	hold := make(chan struct{})
	var event lock.Event
	g.Go(p, &waiter{name: "waits", op: event.Wait})
	g.Go(p, &waiter{name: "blocks its worker", op: func(*task.Cx) error { <-hold; return nil }})
	var stuck *pool.WorkerDump
	until(t, "a worker that is stuck", func() bool {
		d := p.Dump(pool.DumpOptions{Stacks: true})
		for i := range d.Workers {
			if w := &d.Workers[i]; w.State == "stuck" && w.Poll != "" {
				stuck = w
			}
		}
		return stuck != nil && len(waitsOf(d, "waits")) == 1
	})
	require.Contains(t, stuck.Poll, "(*waiter).Poll")
	require.Contains(t, strings.Join(stuck.Calls, "\n"), "TestDumpBesideAWorkerThatIsStuck")
	require.Positive(t, stuck.For)
	close(hold)
	event.Set(nil)
	require.NoError(t, g.WaitContext(background))
	until(t, "no worker is stuck", func() bool {
		return !slices.ContainsFunc(p.Dump(pool.DumpOptions{}).Workers, func(w pool.WorkerDump) bool { return w.State == "stuck" })
	})
}

// A dump while the pool closes, and after that.
func TestDumpWhileThePoolCloses(t *testing.T) {
	for range 20 {
		p, err := pool.New(pool.Config{Workers: 2})
		require.NoError(t, err)
		var promise task.Promise[int]
		for range 200 {
			p.Go(task.Func(func(cx *task.Cx) error { _, err := promise.Wait(cx); return err }))
		}
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			_ = p.Close()
		}()
		for open := true; open; {
			select {
			case <-closed:
				open = false
			default:
			}
			p.Dump(pool.DumpOptions{})
		}
		d := p.Dump(pool.DumpOptions{})
		require.Zero(t, d.Suspended)
		require.True(t, d.Closing)
	}
}

// The memory of a dump does not grow with the number of tasks.
func TestDumpOfManyTasks(t *testing.T) {
	n := 200_000
	if slow() {
		n = 20_000
	}
	p := open(t, 2)
	var g task.Group
	var promise task.Promise[int]
	tasks := make([]waiter, n)
	for i := range tasks {
		tasks[i] = waiter{name: fmt.Sprint("number ", i), op: func(cx *task.Cx) error { _, err := promise.Wait(cx); return err }}
	}
	for i := range tasks {
		g.Go(p, &tasks[i])
	}
	inDumpOf(t, p, n)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	from := time.Now()
	d := p.Dump(pool.DumpOptions{})
	took := time.Since(from)
	runtime.ReadMemStats(&after)
	bytes := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d tasks: %v, %d bytes allocated", n, took, bytes)
	require.Len(t, d.Shapes, 1)
	require.Equal(t, n, d.Shapes[0].Count)
	require.Len(t, d.Shapes[0].Tasks, 3)
	require.True(t, strings.HasPrefix(d.Shapes[0].Tasks[0].Name, "number "))
	require.Less(t, bytes, uint64(1<<20), "it allocates for each task")
	promise.Resolve(0, nil)
	require.NoError(t, g.WaitContext(background))
}

// inDumpOf waits until n tasks are suspended.
func inDumpOf(t testing.TB, p *pool.Pool, n int) {
	t.Helper()
	until(t, "suspended tasks", func() bool { return p.Dump(pool.DumpOptions{}).Suspended == n })
}

// rude is a task whose name is no name.
type rude struct {
	task.Frame
	name func() string
	op   func(cx *task.Cx) error
}

func (r *rude) Poll(cx *task.Cx) error { return r.op(cx) }
func (r *rude) TaskName() string       { return r.name() }

// Names are of bounded length and printable, and one that panics harms nobody.
func TestDumpOfRudeNames(t *testing.T) {
	p := open(t, 1)
	var g task.Group
	var event lock.Event
	for _, name := range []func() string{
		func() string { return strings.Repeat("x", 1<<20) },
		func() string { return "a\x1b[31m\nDEADLOCK" },
		func() string { panic("no name") },
	} {
		g.Go(p, &rude{name: name, op: event.Wait})
	}
	inDumpOf(t, p, 3)
	d := p.Dump(pool.DumpOptions{})
	require.Len(t, d.Shapes, 1)
	for _, x := range d.Shapes[0].Tasks {
		require.Less(t, len(x.Name), 1000)
		require.NotContains(t, x.Name, "\n")
		require.NotContains(t, x.Name, "\x1b")
	}
	require.Contains(t, fmt.Sprint(d.Shapes[0].Tasks), "whose TaskName has panicked: no name")
	event.Set(nil)
	require.NoError(t, g.WaitContext(background))
}

// The owners of a group, the stage of a task, and what is canceled.
func TestDumpSaysWhereTasksAre(t *testing.T) {
	p := open(t, 2)
	var event, shielded lock.Event
	var g task.Group
	g.Go(p, &staged{op: event.Wait})
	g.Go(p, &waiter{name: "canceled", op: func(cx *task.Cx) error {
		cx.Shield()
		return shielded.Wait(cx)
	}})
	d := inDump(t, p, func(d *pool.Dump) bool { return d.Suspended == 3 })
	for _, s := range d.Shapes {
		switch s.Kind {
		case "pool_test.staged":
			require.Equal(t, "step 2", s.Stage)
		default:
			if s.Tasks[0].Name == "below" {
				require.Equal(t, []string{"pool_test.staged"}, s.Path)
			}
		}
	}
	g.Cancel(errBoom)
	d = inDump(t, p, func(d *pool.Dump) bool { // the others have ended
		return len(d.Shapes) == 1 && d.Shapes[0].Canceled && d.Shapes[0].Tasks[0].Name == "canceled"
	})
	require.Contains(t, d.Shapes[0].Tasks[0].Canceled, "boom")
	shielded.Set(nil)
	_ = g.WaitContext(background)
}

// staged is a task with a Seq, and a group.
type staged struct {
	task.Frame
	seq task.Seq
	own task.Group
	op  func(cx *task.Cx) error
}

func (s *staged) Poll(cx *task.Cx) error { return s.seq.Run(cx, s.start, s.own.Wait) }

func (s *staged) start(cx *task.Cx) error {
	s.own.Go(cx, &waiter{name: "below", op: s.op})
	return nil
}

// An object may be given a name, which goes with it.
func TestObjectName(t *testing.T) {
	m := new(lock.Mutex)
	task.SetName(m, "a name")
	require.Equal(t, "a name", task.ObjectName(m))
	require.Empty(t, task.ObjectName(new(lock.Mutex)))
	require.Empty(t, task.ObjectName(nil))
	runtime.KeepAlive(m)
}

// A worker that is stuck does not look at its inbox: a dump counts what is in it, and loses nothing. Metrics say how long
// inboxes were.
func TestDumpCountsTheInboxOfAStuckWorker(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 1, MaxThreads: 1, StallLimit: time.Millisecond})
	stuck, free := make(chan struct{}), make(chan struct{})
	var g task.Group
	g.Go(p, act(func(*task.Cx) { close(stuck); <-free }))
	<-stuck
	const frames = 100
	ran := 0
	for range frames {
		g.Go(p, act(func(*task.Cx) { ran++ }))
	}
	d := inDump(t, p, func(d *pool.Dump) bool { return d.Workers[0].State == "stuck" })
	require.Equal(t, frames, d.Workers[0].Arrived)
	require.Equal(t, frames, p.Dump(pool.DumpOptions{}).Workers[0].Arrived, "they are there again")
	close(free)
	require.NoError(t, g.WaitContext(background))
	require.Equal(t, frames, ran)
	idle(t, p)
	w := p.Metrics().Workers[0]
	require.EqualValues(t, frames, w.Longest)
	require.EqualValues(t, frames+1, w.Injected)
	require.EqualValues(t, 2, w.Inboxes)
}

// The timers that are due next are in a dump, the first first.
func TestDumpOfTimers(t *testing.T) {
	clock := task.NewClock(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	p := openWith(t, pool.Config{Workers: 2, Clock: clock, StallLimit: -1})
	var g task.Group
	for i := range 30 {
		var timer task.Timer
		g.Go(p, &waiter{name: "sleeps", op: func(cx *task.Cx) error { return timer.Sleep(cx, time.Duration(30-i)*time.Minute) }})
	}
	inDumpOf(t, p, 30)
	d := p.Dump(pool.DumpOptions{})
	require.Equal(t, 30, d.Timers)
	require.Len(t, d.Next, 10)
	for i, in := range d.Next {
		require.Equal(t, time.Duration(i+1)*time.Minute, in)
	}
	clock.Advance(time.Hour)
	require.NoError(t, g.WaitContext(background))
	require.Empty(t, p.Dump(pool.DumpOptions{}).Next)
}

// The workers of a pool that is closed have ended.
func TestDumpOfAClosedPool(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 2})
	require.NoError(t, err)
	require.NoError(t, p.Run(background, new(empty)))
	require.NoError(t, p.Close())
	d := p.Dump(pool.DumpOptions{})
	require.NotEmpty(t, d.Workers)
	for _, w := range d.Workers {
		require.Equal(t, "ended", w.State)
	}
}
