package task_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
)

// caller is a task that calls a blocking function, once.
type caller struct {
	task.Frame
	call task.Blocking[int]
	f    func(context.Context) (int, error)
	got  int
	err  error
}

func (a *caller) Poll(cx *task.Cx) error {
	a.got, a.err = a.call.Do(cx, a.f)
	return a.err
}

// called is a task for a function, with a class of its own.
func called(f func(context.Context) (int, error)) *caller {
	a := &caller{f: f}
	a.call.Limiter = &task.Limiter{Limit: 1}
	return a
}

func runs(t task.Task) error { return task.Run(context.Background(), t) }

// empties waits until nothing of the class runs: a goroutine leaves it after it has woken
// the task. If one stays, that is for ever.
func empties(c *task.Limiter) {
	for c.Stats().Running > 0 {
		runtime.Gosched()
	}
}

func TestBlocking(t *testing.T) {
	a := called(func(context.Context) (int, error) { return 7, nil })
	require.NoError(t, runs(a))
	require.Equal(t, 7, a.got)

	a = called(func(context.Context) (int, error) { return 8, errBoom })
	require.ErrorIs(t, runs(a), errBoom)
	require.Equal(t, 8, a.got, "the value comes with the error")
}

func TestBlockingPanics(t *testing.T) {
	func() {
		defer func() {
			p, ok := recover().(*task.PanicError)
			require.True(t, ok)
			require.ErrorIs(t, p, errBoom)
			require.Contains(t, string(p.Stack), "TestBlockingPanics", "the stack is the function's")
		}()
		_ = runs(called(func(context.Context) (int, error) { panic(errBoom) }))
		t.Error("it did not panic")
	}()

	a := called(func(context.Context) (int, error) { runtime.Goexit(); return 0, nil })
	require.ErrorIs(t, runs(a), task.ErrGoexit)
	empties(a.call.Limiter)
}

// The function's context has the values of the task's, and is done when the task is
// canceled; the task ends when the function has.
func TestBlockingCancel(t *testing.T) {
	type key struct{}
	ctx, cancel := context.WithCancelCause(context.WithValue(context.Background(), key{}, "value"))
	ended := false
	a := called(func(ctx context.Context) (int, error) {
		if ctx.Value(key{}) != "value" {
			return 0, errors.New("no value")
		}
		cancel(errBoom)
		<-ctx.Done()
		ended = true
		return 0, context.Cause(ctx)
	})
	require.ErrorIs(t, task.Run(ctx, a), errBoom)
	require.True(t, ended)
	require.ErrorIs(t, a.err, task.ErrCanceled, "also if the context is done before the task knows")
}

// A function that fails because the task is canceled fails as an operation does; what it
// says by itself is there, too. One that has a result all the same has it.
func TestBlockingCanceledErrors(t *testing.T) {
	errOwn := errors.New("its own")
	for _, c := range []struct {
		name string
		f    func(ctx context.Context) (int, error)
		text string
		is   []error
	}{
		{"context's error", func(ctx context.Context) (int, error) { return 0, ctx.Err() }, "task: blocking: task: canceled: boom", []error{task.ErrCanceled, context.Canceled, errBoom}},
		{"own error", func(context.Context) (int, error) { return 0, errOwn }, "task: blocking: task: canceled: boom: its own", []error{task.ErrCanceled, errBoom, errOwn}},
		{"cause", func(ctx context.Context) (int, error) { return 0, context.Cause(ctx) }, "task: canceled: boom", []error{task.ErrCanceled, errBoom}},
		{"result", func(context.Context) (int, error) { return 5, nil }, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			begun := make(chan struct{})
			a := called(func(ctx context.Context) (int, error) {
				close(begun)
				<-ctx.Done()
				return c.f(ctx)
			})
			l := newLab(context.Background())
			var g task.Group
			g.Go(l, a)
			l.work()
			<-begun
			g.Cancel(errBoom)
			for task.IsPending(a.err) { // its goroutine leaves the class first, then wakes it
				l.work()
				runtime.Gosched()
			}
			for _, err := range c.is {
				require.EqualError(t, a.err, c.text)
				require.ErrorIs(t, a.err, err)
			}
			if c.is == nil {
				require.NoError(t, a.err)
				require.Equal(t, 5, a.got)
			}
		})
	}
	a := called(func(context.Context) (int, error) { return 0, errOwn })
	require.Equal(t, errOwn, runs(a), "an error without a cancellation is not touched")
}

// A function whose turn has not come is taken back.
func TestBlockingCancelWhileItWaits(t *testing.T) {
	c := &task.Limiter{Name: "one", Limit: 1}
	begun, release := make(chan struct{}), make(chan struct{})
	l := newLab(context.Background())
	first := &caller{f: func(context.Context) (int, error) { close(begun); <-release; return 1, nil }}
	second := &caller{f: func(context.Context) (int, error) { t.Error("it has run"); return 2, nil }}
	first.call.Limiter, second.call.Limiter = c, c
	var g task.Group
	g.Failed = func(task.Task, error) error { return nil }
	g.Go(l, first)
	g.Go(l, second)
	l.work()
	<-begun
	require.Equal(t, task.LimiterStats{Name: "one", Limit: 1, Running: 1, Waiting: 1}, c.Stats())
	second.Cancel(errBoom)
	l.work()
	require.ErrorIs(t, second.err, errBoom)
	require.Zero(t, c.Stats().Waiting)
	close(release)
	for first.got == 0 {
		l.work()
		runtime.Gosched()
	}
	require.Equal(t, 1, first.got)
}

// Who ends without the result, waits for the function, and the result is dropped.
func TestBlockingDrop(t *testing.T) {
	begun := make(chan struct{})
	dropped := 0
	a := &abandoner{begun: begun}
	a.call.Drop = func(v int) { dropped = v }
	a.f = func(ctx context.Context) (int, error) {
		close(begun)
		<-ctx.Done() // it is told
		return 9, nil
	}
	require.ErrorIs(t, runs(a), errBoom)
	require.Equal(t, 9, dropped)
}

// abandoner calls a function, and ends when that has begun.
type abandoner struct {
	caller
	begun chan struct{}
	asked bool
}

func (a *abandoner) Poll(cx *task.Cx) error {
	if !a.asked {
		a.asked = true
		if _, err := a.call.Do(cx, a.f); !task.IsPending(err) {
			return err
		}
	}
	<-a.begun
	return errBoom
}

// At most so many run at a time, the others in the order in which they came; and of
// many that are canceled at random nothing is left.
func TestBlockingMany(t *testing.T) {
	const calls, limit = 1000, 4
	c := &task.Limiter{Limit: limit}
	var running, most, ran atomic.Int64
	var g task.Group
	g.Failed = func(task.Task, error) error { return nil }
	all := make([]*caller, calls)
	require.NoError(t, runs(task.Func(func(cx *task.Cx) error {
		if all[0] == nil {
			for i := range all {
				all[i] = &caller{f: func(ctx context.Context) (int, error) {
					defer running.Add(-1)
					if n := running.Add(1); n > most.Load() {
						most.Store(n)
					}
					ran.Add(1)
					runtime.Gosched()
					return i, ctx.Err()
				}}
				all[i].call.Limiter = c
				g.Go(cx, all[i])
			}
			r := rand.New(rand.NewPCG(5, 5))
			for range calls / 3 {
				all[r.IntN(calls)].Cancel(nil)
			}
		}
		return g.Wait(cx)
	})))
	require.LessOrEqual(t, most.Load(), int64(limit))
	require.NotZero(t, ran.Load())
	good := 0
	for i, a := range all {
		if a.err == nil && a.Err() == nil {
			require.Equal(t, i, a.got)
			good++
		}
	}
	require.GreaterOrEqual(t, good, calls/2)
	empties(c)
	require.Zero(t, c.Stats().Waiting)
}

func TestBlockingIsFair(t *testing.T) {
	const calls = 20
	c := &task.Limiter{Limit: 1}
	var order []int // one at a time: no lock
	var g task.Group
	var all [calls]caller
	require.NoError(t, runs(task.Func(func(cx *task.Cx) error {
		for i := range all {
			if all[i].f == nil {
				all[i].f = func(context.Context) (int, error) { order = append(order, i); return i, nil }
				all[i].call.Limiter = c
				g.Go(cx, &all[i])
			}
		}
		return g.Wait(cx)
	})))
	require.Len(t, order, calls)
	require.IsIncreasing(t, order)
}

// A default class without a limit has the one that it has at first.
func TestBlockingWithoutALimit(t *testing.T) {
	before := task.DefaultLimiter.Limit
	defer func() { task.DefaultLimiter.Limit = before }()
	for _, limit := range []int{0, -1} {
		task.DefaultLimiter.Limit = limit
		for _, class := range []*task.Limiter{nil, {}} {
			a := called(func(context.Context) (int, error) { return 7, nil })
			a.call.Limiter = class
			require.NoError(t, runs(a))
			require.Equal(t, 7, a.got)
		}
		require.Equal(t, 16*runtime.NumCPU(), task.DefaultLimiter.Stats().Limit)
		empties(task.DefaultLimiter)
	}
}

// BenchmarkBlocking is a call, next to a goroutine that answers through a channel.
func BenchmarkBlocking(b *testing.B) {
	b.Run("heist", func(b *testing.B) {
		b.ReportAllocs()
		var call task.Blocking[int]
		i := 0
		_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
			for ; i < b.N; i++ {
				if _, err := call.Do(cx, func(context.Context) (int, error) { return 1, nil }); err != nil {
					return err
				}
			}
			return nil
		}))
	})
	b.Run("goroutine", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			answer := make(chan int, 1)
			go func() { answer <- 1 }()
			<-answer
		}
	})
}

// A class bounds how many wait, too; Try waits for nobody; and what has become of all is counted.
func TestBlockingIsRefused(t *testing.T) {
	class := &task.Limiter{Name: "one", Limit: 1, Queue: 1}
	begun, released := make(chan struct{}), make(chan struct{})
	hold := func(context.Context) (int, error) { close(begun); <-released; return 1, nil }
	release := sync.OnceFunc(func() { close(released) })
	quick := func(context.Context) (int, error) { return 2, nil }
	calls := make([]task.Blocking[int], 4)
	for i := range calls {
		calls[i].Limiter = class
	}
	first, second, third, fourth := task.Pending, task.Pending, task.Pending, task.Pending
	started := false
	require.NoError(t, task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if task.IsPending(first) {
			_, first = calls[0].Do(cx, hold)
		}
		if !started {
			started = true
			<-begun
		}
		if task.IsPending(second) {
			_, second = calls[1].Do(cx, quick)
		}
		if task.IsPending(third) {
			_, third = calls[2].Do(cx, quick)
		}
		if task.IsPending(fourth) {
			_, fourth = calls[3].Try(cx, quick)
		}
		if !task.IsPending(third) && !task.IsPending(fourth) {
			release()
		}
		return task.All(first, second)
	})))
	require.ErrorIs(t, third, task.ErrLimit)
	require.ErrorIs(t, fourth, task.ErrLimit)
	h := class.History()
	require.Equal(t, task.LimiterHistory{Depth: 1, Started: 2, Refused: 2, Waited: h.Waited, Longest: h.Longest}, h)
	require.Positive(t, h.Longest)
}

// In a stage that is shielded a function's context is not done, whatever becomes of the group.
func TestBlockingShielded(t *testing.T) {
	for what, before := range map[string]bool{"canceled before": true, "canceled meanwhile": false} {
		t.Run(what, func(t *testing.T) {
			var g task.Group
			var b task.Blocking[int]
			got := 0
			r := &recorder{poll: func(_ *recorder, cx *task.Cx) (err error) {
				cx.Shield()
				if before {
					g.Cancel(errBoom)
				}
				got, err = b.Do(cx, func(ctx context.Context) (int, error) {
					if !before {
						g.Cancel(errBoom)
					}
					return 7, ctx.Err()
				})
				return err
			}}
			require.NoError(t, runSteps(start(&g, r), g.Wait))
			require.Equal(t, []error{nil}, r.finished)
			require.Equal(t, 7, got)
		})
	}
}

// A task that has the result of a function may ask for its place at once.
func TestBlockingTryAfterTheOnlyOne(t *testing.T) {
	b := task.Blocking[int]{Limiter: &task.Limiter{Limit: 1}}
	n := 0
	require.NoError(t, runs(task.Func(func(cx *task.Cx) error {
		for ; n < 2000; n++ {
			if _, err := b.Try(cx, func(context.Context) (int, error) { return n, nil }); err != nil {
				return err
			}
		}
		return nil
	})))
}
