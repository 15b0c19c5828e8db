package pool_test

import (
	"context"
	"errors"
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
	inBothModes(t, func(t *testing.T, c pool.Config) {
		p := openWith(t, fixed(with(c, 2)))
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
		require.Equal(t, 2+guard, p.Stats().Threads)
		idle(t, p)
		require.EqualValues(t, 7, p.Stats().Panics, "two go through a second task, one through none")
	})
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
	inBothModes(t, func(t *testing.T, c pool.Config) {
		p := openWith(t, fixed(with(c, 3)))
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
		require.Equal(t, 3+guard, p.Stats().Threads)
		idle(t, p)
		require.EqualValues(t, 25, p.Stats().Panics)

		require.Equal(t, task.ErrGoexit, p.Run(background, act(func(*task.Cx) { runtime.Goexit() })))
	})
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
