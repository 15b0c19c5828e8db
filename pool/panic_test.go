package pool_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// explode is where the panics of these tests come from: its name is in the stack.
func explode(value any) error { panic(value) }

// bomb is a task that panics in its second poll, when somebody may wait for it.
type bomb struct {
	task.Frame
	fuse task.Promise[int]
}

func (b *bomb) Poll(cx *task.Cx) error {
	if _, err := b.fuse.Wait(cx); err != nil {
		return err
	}
	return explode(errBoom)
}

// lit returns a bomb that goes off at once.
func lit() *bomb {
	b := new(bomb)
	b.fuse.Resolve(0, nil)
	return b
}

// A panic comes out of whatever waits for the task, with the stack of the child,
// and costs no worker.
func TestPanicsReachWhoWaits(t *testing.T) {
	p := openWith(t, fixed(pool.Config{Workers: 2}))
	meet(t, p, 2, nil)
	for name, wait := range map[string]func(){
		"Run": func() { _ = p.Run(background, lit()) },
		"group": func() {
			var g task.Group
			g.Go(p, lit())
			_ = g.WaitContext(background)
		},
		"handle": func() {
			h := task.Go(p, func(*task.Cx) (int, error) { return 0, explode(errBoom) })
			_, _ = h.WaitContext(background)
		},
		"owner": func() {
			var g task.Group
			var seq task.Seq
			_ = p.Run(background, task.Func(func(cx *task.Cx) error {
				return seq.Run(cx, func(cx *task.Cx) error {
					g.Go(cx, lit())
					return nil
				}, g.Wait)
			}))
		},
		"task that waits for the frame": func() {
			b := new(bomb)
			p.Go(b)
			polls := 0
			_ = p.Run(background, task.Func(func(cx *task.Cx) error {
				if polls++; polls == 2 {
					return b.Wait(cx)
				}
				err := b.Wait(cx) // it is listed now
				b.fuse.Resolve(0, nil)
				return err
			}))
		},
		"goroutine of a group": func() {
			var g task.Group
			g.Goroutine(p, func(context.Context) error { return explode(errBoom) })
			_ = g.WaitContext(background)
		},
	} {
		t.Run(name, func(t *testing.T) {
			raised := panicOf(t, wait)
			require.Equal(t, errBoom, raised.Value)
			require.ErrorIs(t, raised, errBoom)
			require.Contains(t, string(raised.Stack), "pool_test.explode")
		})
	}
	meet(t, p, 2, nil)
	require.Equal(t, 2+monitor, p.Stats().Threads)
	idle(t, p)
	require.EqualValues(t, 8, p.Stats().Panics, "two go through a second task")
}

func TestPanicCancelsTheSiblings(t *testing.T) {
	p := open(t, 2)
	var a tally
	var g task.Group
	for range 100 {
		g.Go(p, &probe{tally: &a})
	}
	g.Go(p, lit())
	raised := panicOf(t, func() { _ = g.WaitContext(background) })
	require.Equal(t, "*pool_test.bomb", raised.Task)
	a.check(t, 100)
	require.Zero(t, a.well.Load())
}

// runtime.Goexit ends the goroutine of a worker, but not the worker.
func TestGoexit(t *testing.T) {
	p := openWith(t, fixed(pool.Config{Workers: 3}))
	meet(t, p, 3, nil)
	var a tally
	g := task.Group{Failed: func(_ task.Task, err error) error {
		if err == task.ErrGoexit {
			return nil
		}
		return err
	}}
	for i := range 100 {
		g.Go(p, &probe{tally: &a, poll: func(*task.Cx) error {
			if i%4 == 0 {
				runtime.Goexit()
			}
			return nil
		}})
	}
	require.NoError(t, g.WaitContext(background))
	a.check(t, 100)
	require.EqualValues(t, 75, a.well.Load())

	meet(t, p, 3, nil)
	require.Equal(t, 3+monitor, p.Stats().Threads)
	idle(t, p)
	require.EqualValues(t, 25, p.Stats().Panics)

	require.Equal(t, task.ErrGoexit, p.Run(background, act(func(*task.Cx) { runtime.Goexit() })))
}

// All workers at once.
func TestGoexitOfEveryWorker(t *testing.T) {
	p := open(t, 3)
	for range 10 {
		g := task.Group{Failed: func(task.Task, error) error { return nil }}
		var here sync.WaitGroup
		here.Add(3)
		g.GoAll(p, several(3, func(int) task.Task {
			return act(func(*task.Cx) {
				here.Done()
				here.Wait()
				runtime.Goexit()
			})
		})...)
		require.NoError(t, g.WaitContext(background))
	}
	meet(t, p, 3, nil)
}

// A panic that nobody can see ends the process, with the child's stack.
func TestPanicThatNobodyWaitsForCrashes(t *testing.T) {
	if isChild() {
		p := open(t, 2)
		p.Go(lit())
		select {} // the crash ends it
	}
	out, err := child(t)
	var status *exec.ExitError
	require.True(t, errors.As(err, &status), "%v", err)
	require.Equal(t, 2, status.ExitCode())
	require.Contains(t, out, "panic: task: panic in *pool_test.bomb: boom")
	require.Contains(t, out, "pool_test.explode")
	require.Contains(t, out, "pool_test.(*bomb).Poll")
}

// told collects what a pool's hook is told.
type told struct {
	mu   sync.Mutex
	list []*task.PanicError
}

func (w *told) hook(p *task.PanicError) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, p)
}

func (w *told) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.list)
}

// A panic in a child that nobody waits for is reported at once, and counted, whatever the
// child is; and it is still there for who waits later.
func TestPanicThatNobodyWaitsForIsReported(t *testing.T) {
	for name, c := range map[string]func(p *pool.Pool) (wait func()){
		"member": func(p *pool.Pool) func() {
			var g task.Group
			g.Go(p, lit())
			return func() { _ = g.WaitContext(background) }
		},
		"goroutine": func(p *pool.Pool) func() {
			var g task.Group
			g.Goroutine(p, func(context.Context) error { return explode(errBoom) })
			return func() { _ = g.WaitContext(background) }
		},
		"handle": func(p *pool.Pool) func() {
			h := task.Go(p, func(*task.Cx) (int, error) { return 0, explode(errBoom) })
			return func() { _, _ = h.WaitContext(background) }
		},
		"child of a task that waits for something else": func(p *pool.Pool) func() {
			var top, g task.Group
			var never task.Promise[int]
			began := false
			top.Go(p, task.Func(func(cx *task.Cx) error {
				if !began {
					began = true
					g.Go(cx, lit())
				}
				_, err := never.Wait(cx)
				return err
			}))
			return func() {
				never.Resolve(0, nil)
				_ = top.WaitContext(background)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var w told
			p := openWith(t, pool.Config{Workers: 2, Panicked: w.hook})
			wait := c(p)
			until(t, "the report", func() bool { return w.count() == 1 })
			require.Equal(t, errBoom, w.list[0].Value)
			until(t, "the count", func() bool { return p.Stats().Panics == 1 })
			raised := panicOf(t, wait)
			require.Same(t, w.list[0], raised)
			require.Equal(t, 1, w.count(), "once")
		})
	}
}

// One that somebody waits for is not reported.
func TestPanicThatSomebodyWaitsForIsNot(t *testing.T) {
	var w told
	p := openWith(t, pool.Config{Workers: 2, Panicked: w.hook})
	for range 100 {
		_ = panicOf(t, func() { _ = p.Run(background, lit()) })
	}
	b := new(bomb)
	var g task.Group
	g.Go(p, b)
	polls := 0
	_ = panicOf(t, func() {
		_ = p.Run(background, task.Func(func(cx *task.Cx) error {
			if polls++; polls == 1 {
				defer b.fuse.Resolve(0, nil) // it waits then
			}
			return g.Wait(cx)
		}))
	})
	require.Zero(t, w.count())
}

// A group, or a handle, that is dropped before anybody has seen its panic is reported again.
func TestPanicThatNobodyHasSeen(t *testing.T) {
	for name, start := range map[string]func(p *pool.Pool, sees bool){
		"group": func(p *pool.Pool, sees bool) {
			g := new(task.Group)
			g.Go(p, lit())
			until(t, "the panic", func() bool { return p.Stats().Panics == 1 && p.Stats().Live == 0 })
			if sees {
				_ = caught(func() { _ = g.WaitContext(background) })
			}
		},
		"handle": func(p *pool.Pool, sees bool) {
			h := task.Go(p, func(*task.Cx) (int, error) { return 0, explode(errBoom) })
			until(t, "the panic", func() bool { return p.Stats().Panics == 1 && p.Stats().Live == 0 })
			if sees {
				_, err := h.Result()
				require.Error(t, err)
			}
		},
	} {
		for _, sees := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " ", sees), func(t *testing.T) {
				var w told
				p := openWith(t, pool.Config{Workers: 1, Panicked: w.hook})
				start(p, sees)
				require.Equal(t, 1, w.count())
				if sees {
					for range 5 {
						runtime.GC()
					}
					require.Equal(t, 1, w.count())
					return
				}
				until(t, "the second report", func() bool { runtime.GC(); return w.count() == 2 })
				require.Same(t, w.list[0], w.list[1])
			})
		}
	}
}

// Panicked of a group forgets a panic, or lets it count.
func TestPanicIsDecided(t *testing.T) {
	var w told
	p := openWith(t, pool.Config{Workers: 2, Panicked: w.hook})
	var a tally
	g := task.Group{Panicked: func(m task.Task, p *task.PanicError) error { return nil }}
	g.Go(p, lit())
	g.Go(p, a.probe(func(*task.Cx) error { return nil }))
	require.NoError(t, g.WaitContext(background))
	a.check(t, 1)
	require.Equal(t, 1, w.count())
	g = task.Group{Panicked: func(m task.Task, p *task.PanicError) error { return p }}
	g.Go(p, lit())
	require.Equal(t, errBoom, panicOf(t, func() { _ = g.WaitContext(background) }).Value)
	require.Equal(t, 2, w.count())
}

// Without a hook the panic is written to the standard error.
func TestPanicIsWritten(t *testing.T) {
	if isChild() {
		p := open(t, 1)
		var g task.Group
		g.Go(p, lit())
		until(t, "the panic", func() bool { return p.Stats().Panics == 1 && p.Stats().Live == 0 })
		_ = g.Err()
		return
	}
	out, err := child(t)
	require.NoError(t, err)
	require.Contains(t, out, "nobody waits for this panic: task: panic in *pool_test.bomb: boom")
	require.Contains(t, out, "pool_test.explode")
}
