//go:build unix

package pool_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
	"github.com/heist-go/heist/task/machine"
)

// guard is a lock that a goroutine and a task want.
type guard struct {
	take func(ctx context.Context) error // the goroutine's
	give func()
	want func(cx *task.Cx) error // the task's
	free func(cx *task.Cx)
}

func guards() map[string]guard {
	var m lock.Mutex
	var r, w lock.RWMutex
	s := lock.NewSemaphore(2)
	return map[string]guard{
		"lock.Mutex":             {m.LockContext, func() { m.Unlock(nil) }, m.Lock, m.Unlock},
		"lock.RWMutex":           {r.RLockContext, func() { r.RUnlock(nil) }, r.Lock, r.Unlock},
		"lock.RWMutex, to write": {w.LockContext, func() { w.Downgrade(nil); w.RUnlock(nil) }, w.Lock, w.Unlock},
		"lock.Semaphore": {
			func(ctx context.Context) error { return s.AcquireContext(ctx, 2) }, func() { s.Release(nil, 2) },
			func(cx *task.Cx) error { return s.Acquire(cx, 1) }, func(cx *task.Cx) { s.Release(cx, 1) },
		},
	}
}

// A goroutine has a lock, and waits for a task that wants it: a circle, whatever the goroutine works for.
func TestDeadlockOfAGoroutineThatHasALock(t *testing.T) {
	holders := map[string]func(p *pool.Pool, g *task.Group, f func(context.Context) error){
		"goroutine that holds a lock": func(_ *pool.Pool, g *task.Group, f func(context.Context) error) { go func() { _ = f(background) }() },
		"goroutine of a group":        func(p *pool.Pool, g *task.Group, f func(context.Context) error) { g.Goroutine(p, f) },
		"goroutine in github.com/heist-go/heist/pool_test.": func(p *pool.Pool, g *task.Group, f func(context.Context) error) {
			var b task.Blocking[int]
			g.Go(p, &waiter{name: "calls", op: func(cx *task.Cx) error {
				_, err := b.Do(cx, func(ctx context.Context) (int, error) { return 0, f(ctx) })
				return err
			}})
		},
	}
	for who, start := range holders {
		for what, l := range guards() {
			t.Run(who+", "+what, func(t *testing.T) {
				p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: true})
				var g, tasks task.Group
				x := &waiter{name: "wants it", op: func(cx *task.Cx) error {
					if err := l.want(cx); err != nil {
						return err
					}
					l.free(cx)
					return nil
				}}
				ended := make(chan error, 1)
				start(p, &g, func(ctx context.Context) error {
					if err := l.take(ctx); err != nil {
						ended <- err
						return err
					}
					defer l.give()
					tasks.Go(p, x)
					err := x.WaitContext(ctx)
					ended <- err
					return nil
				})
				d := inDump(t, p, func(d *pool.Dump) bool { return len(d.Deadlocks) > 0 })
				require.Len(t, d.Deadlocks, 1)
				require.Len(t, d.Deadlocks[0], 2)
				for _, one := range d.Deadlocks[0] {
					if one.Name == "pool_test.waiter" {
						require.Contains(t, what, one.Waits[0].What)
					} else {
						require.Contains(t, one.Name, who)
						require.Regexp(t, `^goroutine \d+$`, one.ID)
						require.Equal(t, "task", one.Waits[0].What)
						require.Equal(t, []string{one.ID}, d.Objects[0].Holders)
					}
				}
				tasks.Cancel(errBoom)
				require.ErrorIs(t, <-ended, errBoom)
				require.NoError(t, g.WaitContext(background))
				require.ErrorIs(t, tasks.WaitContext(background), errBoom)
			})
		}
	}
}

// It is none, if the goroutine goes on by itself, or by its context, or is not known to have the lock; or if somebody else
// has it, too, who goes on.
func TestNoDeadlockOfAGoroutineThatHasALock(t *testing.T) {
	for what, wait := range map[string]func(x *waiter, hold <-chan struct{}){
		"a bound on the time": func(x *waiter, _ <-chan struct{}) {
			ctx, cancel := context.WithTimeout(background, time.Hour)
			defer cancel()
			_ = x.WaitContext(ctx)
		},
		"a context that anybody may cancel": func(x *waiter, _ <-chan struct{}) {
			ctx, cancel := context.WithCancel(background)
			defer cancel()
			_ = x.WaitContext(ctx)
		},
		"something else":      func(_ *waiter, hold <-chan struct{}) { <-hold },
		"another that has it": func(x *waiter, _ <-chan struct{}) { _ = x.WaitContext(background) },
		"TryRLock":            func(x *waiter, _ <-chan struct{}) { _ = x.WaitContext(background) },
	} {
		t.Run(what, func(t *testing.T) {
			p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: true})
			var m lock.RWMutex
			var g task.Group
			hold, ended, other := make(chan struct{}), make(chan struct{}), make(chan struct{})
			if what == "another that has it" {
				require.NoError(t, m.RLockContext(background))
			}
			x := &waiter{name: "wants it", op: m.Lock}
			go func() {
				defer close(ended)
				if what == "TryRLock" {
					m.TryRLock()
				} else {
					_ = m.RLockContext(background)
				}
				defer m.RUnlock(nil)
				g.Go(p, x)
				close(other)
				wait(x, hold)
			}()
			<-other
			inDumpOf(t, p, 1)
			for range 100 {
				require.Empty(t, p.Dump(pool.DumpOptions{}).Deadlocks)
			}
			if what == "another that has it" {
				m.RUnlock(nil)
				inDump(t, p, func(d *pool.Dump) bool { return len(d.Deadlocks) == 1 })
			}
			close(hold)
			x.Cancel(errBoom)
			<-ended
			_ = g.WaitContext(background)
		})
	}
}

// A job cannot wait for tasks, so that nobody waits in a circle through one: the mistake is raised in who awaits it.
func TestJobsDoNotWait(t *testing.T) {
	p := open(t, 2)
	var m lock.Mutex
	for what, wait := range map[string]func(x *waiter){
		"for the end of a task": func(x *waiter) { _ = x.WaitContext(background) },
		"for a lock":            func(*waiter) { _ = m.LockContext(background) },
		"for a run":             func(*waiter) { _ = p.Run(background, &waiter{op: m.Lock}) },
	} {
		t.Run(what, func(t *testing.T) {
			var g task.Group
			var job pool.Job[int]
			var seq task.Seq
			x := &waiter{name: "has it"}
			x.op = func(cx *task.Cx) error {
				return seq.Run(cx, m.Lock, func(cx *task.Cx) error {
					_, err := job.Do(cx, func(pool.Scope) int { wait(x); return 0 })
					return err
				})
			}
			g.Go(p, x)
			panicked := panicOf(t, func() { _ = g.WaitContext(background) })
			require.Contains(t, panicked.Error(), "inside a task would stop its worker")
			m.Unlock(nil)
		})
	}
}

// Goroutines and tasks take locks in one order, and wait for each other: no dump names a circle, and at the end nobody holds
// anything.
func TestNoDeadlockOfGoroutinesThatTakeTurns(t *testing.T) {
	const goroutines, rounds = 4, 200
	p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: true})
	var first, second lock.RWMutex
	var g task.Group
	var all sync.WaitGroup
	for i := range goroutines {
		all.Go(func() {
			for n := range rounds {
				take, give := first.LockContext, first.Unlock
				if (i+n)%3 == 0 {
					take, give = first.RLockContext, first.RUnlock
				}
				if take(background) != nil {
					return
				}
				x := &waiter{name: "takes turns", op: func(cx *task.Cx) error {
					if err := second.Lock(cx); err != nil {
						return err
					}
					second.Unlock(cx)
					return nil
				}}
				g.Go(p, x)
				_ = x.WaitContext(background)
				if second.RLockContext(background) == nil {
					second.RUnlock(nil)
				}
				give(nil)
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		all.Wait()
		close(ended)
	}()
	for going := true; going; {
		select {
		case <-ended:
			going = false
		default:
			require.Empty(t, p.Dump(pool.DumpOptions{}).Deadlocks)
		}
	}
	require.NoError(t, g.WaitContext(background))
	for _, m := range []*lock.RWMutex{&first, &second} {
		require.NoError(t, m.LockContext(background))
		x := &waiter{name: "last", op: m.RLock}
		g.Go(p, x)
		d := inDump(t, p, func(d *pool.Dump) bool { return len(waitsOf(d, "last")) == 1 })
		require.Len(t, d.Objects[0].Holders, 1, "the test's goroutine, and nobody of before")
		m.Unlock(nil)
		require.NoError(t, x.WaitContext(background))
		m.RUnlock(nil)
	}
}

// straight is a task as heistgen makes it of a function.
type straight struct {
	machine.Root
	op func(cx *task.Cx) error
}

func (s *straight) Poll(cx *task.Cx) error { return s.op(cx) }
func (*straight) TaskName() string         { return "pool_test.theFunction" }

// What heistgen has made of a function is called by the function's name, in deadlocks, shapes, paths, waits and metrics.
func TestDumpNamesFunctions(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 1, StallLimit: -1, Samples: 1})
	const name = "pool_test.theFunction"
	var g, below task.Group
	defer over(&g)
	inner := &straight{op: below.Wait} // in a circle with itself
	outer := &straight{}
	started := false
	outer.op = func(cx *task.Cx) error {
		if !started {
			started = true
			below.Go(cx, inner)
		}
		return inner.Wait(cx)
	}
	g.Go(p, outer)
	d := inDump(t, p, func(d *pool.Dump) bool { return len(d.Deadlocks) == 1 && d.Suspended == 2 })
	require.Equal(t, name, d.Deadlocks[0][0].Name)
	for _, s := range d.Shapes {
		require.Equal(t, name, s.Kind)
		if len(s.Path) > 0 {
			require.Equal(t, []string{name}, s.Path)
		} else {
			require.Equal(t, name, s.Tasks[0].Waits[0].Note)
		}
	}
	require.Len(t, d.Shapes, 2)
	kinds := p.Metrics().Kinds
	require.Len(t, kinds, 1)
	require.Equal(t, name, kinds[0].Kind)
}

// The records of who has what keep no lock that nobody can reach any more, though it was not given back, and no task that has
// ended; and of a lock that can be reached the holder is known, whoever else comes.
func TestRecordsKeepNothing(t *testing.T) {
	const rounds, each = 20, 1000
	type account struct {
		lock.Mutex
		_ [1 << 10]byte
	}
	p := openWith(t, pool.Config{Workers: 2, StallLimit: -1, Debug: true})
	var g task.Group
	defer over(&g)
	var kept lock.Mutex
	require.NoError(t, p.Run(background, &waiter{name: "forgets", op: kept.Lock}))
	g.Go(p, &waiter{name: "wants it", op: kept.Lock})
	inDumpOf(t, p, 1)
	who := p.Dump(pool.DumpOptions{}).Objects[0].Holders
	require.Len(t, who, 1)
	drop := func() {
		for range each {
			forgotten, dropped, used := new(account), new(account), new(account)
			require.NoError(t, p.Run(background, &waiter{name: "forgets", op: forgotten.Lock}))
			require.NoError(t, dropped.LockContext(background))
			require.NoError(t, p.Run(background, &waiter{name: "uses", op: func(cx *task.Cx) error {
				if err := used.Lock(cx); err != nil {
					return err
				}
				used.Unlock(cx)
				return nil
			}}))
		}
		runtime.GC()
	}
	heap := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	drop()
	before := heap()
	for range rounds {
		drop()
	}
	after := heap()
	t.Logf("%d kB, and %d kB after %d locks more", before>>10, after>>10, 3*rounds*each)
	require.Less(t, after-before, rounds*each*1<<10/4, "two of three locks of 1 kB are never given back")
	require.Equal(t, who, p.Dump(pool.DumpOptions{}).Objects[0].Holders)
	kept.Unlock(nil)
}

// A lock of which records exist may be a variable of the program.
var global lock.Mutex

func TestRecordOfAVariable(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 1, StallLimit: -1, Debug: true})
	var g task.Group
	for range 3 {
		require.NoError(t, global.LockContext(background))
		g.Go(p, &waiter{name: "wants it", op: global.Lock})
		inDumpOf(t, p, 1)
		require.Len(t, p.Dump(pool.DumpOptions{}).Objects[0].Holders, 1)
		global.Unlock(nil)
		require.NoError(t, g.WaitContext(background))
		global.Unlock(nil)
	}
}
