package pool_test

import (
	"context"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

func TestManyTasks(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 4})
	var n atomic.Int64
	var g task.Group
	for range 10_000 {
		g.Go(p, act(func(*task.Cx) { n.Add(1) }))
	}
	require.NoError(t, g.WaitContext(background))
	require.EqualValues(t, 10_000, n.Load())
}

// grow returns a task that counts itself and has three children, and so on.
func grow(n *atomic.Int64, depth, limit int) task.Task {
	var g task.Group
	g.SetLimit(limit)
	var seq task.Seq
	return task.Func(func(cx *task.Cx) error {
		return seq.Run(cx, func(cx *task.Cx) error {
			n.Add(1)
			for range 3 {
				if depth > 0 {
					g.Go(cx, grow(n, depth-1, limit))
				}
			}
			return nil
		}, g.Wait)
	})
}

func TestTree(t *testing.T) {
	var n atomic.Int64
	require.NoError(t, openWith(t, pool.Config{Workers: 4}).Run(background, grow(&n, 8, 0)))
	require.EqualValues(t, (19683-1)/2, n.Load())
}

// Spawning never blocks, so that a limit holds nobody up for ever: neither a task
// that spawns in the group that it waits for, nor one worker for all.
func TestSpawningFromInsideNeverDeadlocks(t *testing.T) {
	for workers := 1; workers <= 4; workers++ {
		p := open(t, workers)
		for limit := range 4 {
			var n atomic.Int64
			require.NoError(t, p.Run(background, grow(&n, 6, limit)))
			require.EqualValues(t, (2187-1)/2, n.Load(), "%d workers, limit %d", workers, limit)
		}
	}
}

func TestConfigThatIsWrong(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	for _, workers := range []int{-1, 4097} {
		p, err := pool.New(pool.Config{Workers: workers})
		require.Nil(t, p)
		require.ErrorContains(t, err, "pool: new: ")
		require.ErrorContains(t, err, "workers: the number must be from 1 to 4096")
	}
	require.Equal(t, before, runtime.GOMAXPROCS(0))
}

func TestConfigDefaults(t *testing.T) {
	procs := runtime.GOMAXPROCS(0)
	p := openWith(t, pool.Config{})
	require.Equal(t, procs, p.Workers())
	require.Equal(t, pool.Stats{Workers: procs, Idle: procs}, p.Stats())

	require.NoError(t, p.Run(background, act(func(*task.Cx) {})))
	require.Greater(t, runtime.GOMAXPROCS(0), procs)
	second := openWith(t, pool.Config{})
	require.Equal(t, procs, second.Workers(), "what the first has added does not count")
}

func TestThreadsStartWhenThereIsWork(t *testing.T) {
	p := openWith(t, fixed(pool.Config{Workers: 4}))
	require.Zero(t, p.Stats().Threads)
	require.NoError(t, p.Run(background, act(func(*task.Cx) {})))
	// The second: whoever was woken and finds work wakes the next.
	require.LessOrEqual(t, p.Stats().Threads, 2+monitor, "for one task")
	require.NotZero(t, p.Stats().Threads)

	meet(t, p, 4, nil)
	require.Equal(t, 4+monitor, p.Stats().Threads)
}

// In a process of its own, because the shared pool stays.
func TestDefault(t *testing.T) {
	if !isChild() {
		out, err := child(t)
		require.NoError(t, err, out)
		return
	}
	procs := runtime.GOMAXPROCS(0)
	var all [8]*pool.Pool
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() { all[i] = pool.Default() })
	}
	wg.Wait()
	for _, p := range all {
		require.Same(t, all[0], p)
	}
	require.Equal(t, procs, all[0].Workers())
	require.Zero(t, all[0].Stats().Threads)
	require.Equal(t, procs, runtime.GOMAXPROCS(0), "it has had no work")
	require.NoError(t, pool.Default().Run(background, act(func(*task.Cx) {})))
	require.Equal(t, 2*procs+1, runtime.GOMAXPROCS(0), "it was opened once")
}

func TestRun(t *testing.T) {
	p := open(t, 2)
	require.NoError(t, p.Run(background, act(func(*task.Cx) {})))
	require.Equal(t, errBoom, p.Run(background, task.Func(func(*task.Cx) error { return errBoom })))

	var n atomic.Int64
	require.NoError(t, p.Run(background, act(func(cx *task.Cx) {
		for range 100 {
			cx.Go(act(func(*task.Cx) { n.Add(1) }))
		}
	})))
	require.EqualValues(t, 100, n.Load(), "it waits for all that its task has started")
}

func TestRunUntilItsContextIsDone(t *testing.T) {
	p := open(t, 2)
	ctx, cancel := context.WithCancelCause(background)
	var a tally
	started := &probe{tally: &a, poll: func(cx *task.Cx) error {
		cancel(errBoom)
		return untilCanceled(cx)
	}}
	err := p.Run(ctx, started)
	require.ErrorIs(t, err, task.ErrCanceled)
	require.ErrorIs(t, err, errBoom)
	require.Equal(t, err, started.err)

	late := &probe{tally: &a}
	require.ErrorIs(t, p.Run(ctx, late), errBoom)
	a.check(t, 2)
	require.EqualValues(t, 1, a.polled.Load(), "the second was canceled from the start")
}

func TestGo(t *testing.T) {
	p := open(t, 2)
	var a tally
	good := &probe{tally: &a, poll: func(cx *task.Cx) error { return cx.Yield() }}
	bad := &probe{tally: &a, poll: func(cx *task.Cx) error { return errBoom }}
	p.Go(good)
	p.Go(bad)
	require.NoError(t, good.WaitContext(background))
	require.Equal(t, errBoom, bad.WaitContext(background))
	require.Equal(t, errBoom, bad.Err())
	a.check(t, 2)
}

// A batch arrives as one: the worker is woken once, and what the first task starts
// comes after the last of the batch.
func TestGoAllIsOneNotification(t *testing.T) {
	const tasks = 1000
	for name, goAll := range map[string]func(*pool.Pool, ...task.Task){
		"pool":  (*pool.Pool).GoAll,
		"group": func(p *pool.Pool, ts ...task.Task) { new(task.Group).GoAll(p, ts...) },
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, 1)
			require.NoError(t, p.Run(background, act(func(*task.Cx) {})))
			idle(t, p)
			before := p.Stats()

			var order []int // one worker: no lock
			var last task.Promise[int]
			goAll(p, several(tasks, func(i int) task.Task {
				return act(func(cx *task.Cx) {
					order = append(order, i)
					if i == 0 {
						cx.Go(act(func(*task.Cx) { last.Resolve(len(order), nil) }))
					}
				})
			})...)
			n, err := last.WaitContext(background)
			require.NoError(t, err)
			require.Equal(t, tasks, n)
			require.IsIncreasing(t, order)

			idle(t, p)
			after := p.Stats()
			injected(t, tasks, before, after)
			require.EqualValues(t, tasks+1, after.Polls-before.Polls)
			require.LessOrEqual(t, after.Parks-before.Parks, uint64(1))
		})
	}
	p := open(t, 1)
	p.GoAll()
	require.Zero(t, p.Stats().Threads, "for nothing")
}

func TestGroupOnAPool(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 4})
	var a tally
	var g task.Group
	for range 100 {
		g.Go(p, &probe{tally: &a})
	}
	until(t, "all parked", func() bool { return a.polled.Load() == 100 })
	g.GoAll(p, several(100, func(i int) task.Task {
		return &probe{tally: &a, poll: func(cx *task.Cx) error {
			if i == 50 {
				return errBoom
			}
			return untilCanceled(cx)
		}}
	})...)
	require.Equal(t, errBoom, g.WaitContext(background), "the first error ends them all")
	a.check(t, 200)
}

func TestGroupWithALimitOnAPool(t *testing.T) {
	p := open(t, 4)
	const limit = 3
	var g task.Group
	g.SetLimit(limit)
	var full task.Promise[int] // as many as may be are there
	var now, most, ended atomic.Int64
	for range 1000 {
		var seq task.Seq
		g.Go(p, task.Func(func(cx *task.Cx) error {
			return seq.Run(cx, func(*task.Cx) error {
				n := now.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				if n == limit {
					full.Resolve(0, nil)
				}
				return nil
			}, func(cx *task.Cx) error {
				_, err := full.Wait(cx)
				return err
			}, (*task.Cx).Yield, func(*task.Cx) error {
				now.Add(-1)
				ended.Add(1)
				return nil
			})
		}))
	}
	require.NoError(t, g.WaitContext(background))
	require.EqualValues(t, 1000, ended.Load())
	require.EqualValues(t, limit, most.Load())
}

// injected asserts that n tasks came from outside between two looks at a pool. On a busy
// machine a worker may seem stuck, and what is taken from its inbox, or from elsewhere, comes
// through the inbox of another then.
func injected(t *testing.T, n int, before, after pool.Stats) {
	t.Helper()
	got := after.Injected - before.Injected
	require.GreaterOrEqual(t, got, uint64(n))
	require.LessOrEqual(t, got, uint64(n)+after.Rescued-before.Rescued)
}

func TestStats(t *testing.T) {
	p := open(t, 2)
	require.NoError(t, p.Run(background, task.Func(func(cx *task.Cx) error {
		for range 9 {
			cx.Go(task.Func(func(cx *task.Cx) error { return cx.Yield() }))
		}
		return nil
	})))
	err := p.Run(background, task.Func(func(*task.Cx) error { runtime.Goexit(); return nil }))
	require.Equal(t, task.ErrGoexit, err)
	idle(t, p)

	s := p.Stats()
	require.EqualValues(t, 11, s.Spawned)
	require.EqualValues(t, 11, s.Finished)
	require.EqualValues(t, 1+2*9+1, s.Polls)
	injected(t, 2, pool.Stats{}, s) // from outside
	require.EqualValues(t, 1, s.Panics)
	require.Zero(t, s.Live)
	require.Equal(t, 2, s.Idle)
}

// The other worker has finished tasks whose spawn the first, in its poll, has not
// published yet.
func TestStatsInALongPoll(t *testing.T) {
	p := open(t, 2)
	var live int64
	require.NoError(t, p.Run(background, act(func(cx *task.Cx) {
		var ended sync.WaitGroup
		ended.Add(10)
		for range 10 {
			cx.Go(act(func(*task.Cx) { ended.Done() }))
		}
		p.Go(act(func(*task.Cx) {})) // from outside: wakes the other worker for sure
		ended.Wait()
		until(t, "the other worker idle", func() bool { return p.Stats().Idle == 1 })
		live = p.Stats().Live
	})))
	require.GreaterOrEqual(t, live, int64(0))
}

func TestLocal(t *testing.T) {
	p := openWith(t, fixed(pool.Config{Workers: 4}))
	made := 0
	sums := pool.NewLocal(p, func() []int { made++; return make([]int, 1) })
	require.Equal(t, 4, made)

	var g task.Group
	for range 1000 {
		g.Go(p, task.Func(func(cx *task.Cx) error {
			(*sums.Get(cx))[0]++
			return cx.Yield()
		}))
	}
	require.NoError(t, g.WaitContext(background))
	total := 0
	for s := range sums.All() {
		total += (*s)[0]
	}
	require.Equal(t, 2000, total, "each poll of each task")
}

func TestLocalIsTheWorkers(t *testing.T) {
	p := openWith(t, fixed(pool.Config{Workers: 4}))
	visits := pool.NewLocal[int](p, nil)
	meet(t, p, 4, func(cx *task.Cx) { *visits.Get(cx)++ })
	for n := range visits.All() {
		require.Equal(t, 1, *n)
	}
	for range visits.All() {
		break // stops early
	}
}

func TestLocalOfAnotherPool(t *testing.T) {
	p, other := open(t, 1), open(t, 1)
	local := pool.NewLocal[int](other, nil)
	raised := panicOf(t, func() {
		_ = p.Run(background, act(func(cx *task.Cx) { local.Get(cx) }))
	})
	require.Equal(t, "pool: Local.Get in a task of another pool", raised.Value)
}

// More workers than one word of the parking protocol has bits for.
func TestManyWorkers(t *testing.T) {
	const workers = 100
	require.Greater(t, workers, 2*pool.GroupSize)
	p := openWith(t, fixed(pool.Config{Workers: workers}))
	visits := pool.NewLocal[int](p, nil)
	for range 3 {
		meet(t, p, workers, func(cx *task.Cx) { *visits.Get(cx)++ })
	}
	for n := range visits.All() {
		assert.Equal(t, 3, *n)
	}
	require.Equal(t, workers+monitor, p.Stats().Threads)
	idle(t, p)
	require.NoError(t, p.Close())
	require.Zero(t, p.Stats().Threads)
}

// A task that is woken while it is polled is polled once more, however often it
// was woken, and not again after that.
func TestWokenWhileRunning(t *testing.T) {
	p := open(t, 2)
	for name, wake := range map[string]func(cx *task.Cx, w task.Waker){
		"by itself":          func(cx *task.Cx, w task.Waker) { cx.Wake(w) },
		"by another thread":  func(_ *task.Cx, w task.Waker) { await(func() { w.Wake() }) },
		"by three, all over": func(cx *task.Cx, w task.Waker) { await(w.Wake, w.Wake, func() { w.Wake(); w.Wake() }) },
	} {
		t.Run(name, func(t *testing.T) {
			var polls atomic.Int64
			var w task.Waker
			sleeper := &probe{tally: new(tally), poll: func(cx *task.Cx) error {
				if polls.Add(1) == 1 {
					w = cx.Waker()
					wake(cx, w)
				}
				return untilCanceled(cx)
			}}
			p.Go(sleeper)
			until(t, "the second poll", func() bool { return polls.Load() >= 2 })
			idleBut(t, p, 1)
			require.EqualValues(t, 2, polls.Load())

			w.Wake()
			until(t, "the third poll", func() bool { return polls.Load() >= 3 })
			idleBut(t, p, 1)
			require.EqualValues(t, 3, polls.Load())

			sleeper.Cancel(nil)
			require.ErrorIs(t, sleeper.WaitContext(background), task.ErrCanceled)
			require.EqualValues(t, 4, polls.Load())
			w.Wake() // too late, and harmless
			idle(t, p)
			require.EqualValues(t, 4, polls.Load())
		})
	}
}

// await runs the functions on goroutines, all together, and waits for them.
func await(fs ...func()) {
	var wg sync.WaitGroup
	for _, f := range fs {
		wg.Go(f)
	}
	wg.Wait()
}

// idleBut waits until all workers are idle while some tasks live on.
func idleBut(t testing.TB, p *pool.Pool, live int64) {
	t.Helper()
	until(t, "idle workers", func() bool {
		s := p.Stats()
		return s.Idle == s.Workers && s.Searching == 0 && s.Live == live
	})
}

func TestMistakesInsideATask(t *testing.T) {
	p := open(t, 2)
	for want, mistake := range map[string]func(){
		"pool: Run inside a task would stop its worker: start the other task in a Group and Wait(cx) for it": func() { _ = p.Run(background, act(func(*task.Cx) {})) },
		"pool: Close inside a task would wait for that task: close the pool from a goroutine":                func() { _ = p.Close() },
		"pool: Shutdown inside a task would wait for that task: shut the pool down from a goroutine":         func() { _ = p.Shutdown(background) },
		"task: Run inside a task would stop its worker: start the other task in a Group and Wait(cx) for it": func() { _ = task.Run(background, act(func(*task.Cx) {})) },
		"task: WaitContext inside a task would stop its worker: call Wait(cx) and return its error":          func() { waitForSleeper(p) },
	} {
		raised := panicOf(t, func() { _ = p.Run(background, act(func(*task.Cx) { mistake() })) })
		require.Equal(t, want, raised.Value)
	}
	require.NoError(t, p.Run(background, act(func(*task.Cx) {})), "and the pool is as good as before")
}

// waitForSleeper waits, as goroutines do, for a task that does not end.
func waitForSleeper(p *pool.Pool) {
	sleeper := &probe{tally: new(tally)}
	p.Go(sleeper)
	_ = sleeper.WaitContext(background)
}

// The context of a group that nobody owns ends with its last member: a parent
// that lives longer must not keep it.
func TestContextOfAGroupEnds(t *testing.T) {
	p := open(t, 2)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	g := task.WithContext(ctx)
	var seen context.Context
	g.Go(p, task.Func(func(cx *task.Cx) error { seen = cx.Context(); return nil }))
	require.NoError(t, g.WaitContext(context.Background()))
	<-seen.Done()
	require.NoError(t, ctx.Err())
}

// A pool has the methods that its documentation shows, and none of what it is made of.
func TestPoolShowsWhatItHas(t *testing.T) {
	var inner []string
	for m := range reflect.TypeFor[*task.Runtime]().Methods() {
		inner = append(inner, m.Name)
	}
	require.Contains(t, inner, "CancelAll")
	for m := range reflect.TypeFor[*pool.Pool]().Methods() {
		require.NotContains(t, inner, m.Name)
	}
}
