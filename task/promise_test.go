package task_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
)

func TestPromise(t *testing.T) {
	var p task.Promise[string]
	var got [2]string
	reader := func(i int) task.Task {
		return steps(func(cx *task.Cx) (err error) {
			got[i], err = p.Wait(cx)
			return err
		})
	}
	var g task.Group
	require.NoError(t, runSteps(
		start(&g, reader(0), reader(1)), rounds(2),
		once(func(cx *task.Cx) {
			require.True(t, p.Resolve("first", nil))
			require.False(t, p.Resolve("second", errBoom))
		}),
		g.Wait,
	))
	require.Equal(t, [2]string{"first", "first"}, got)
	v, err := p.WaitContext(background)
	require.NoError(t, err)
	require.Equal(t, "first", v)
}

func TestPromiseOfAnError(t *testing.T) {
	var p task.Promise[int]
	p.Resolve(1, errBoom)
	v, err := p.WaitContext(background)
	require.Equal(t, errBoom, err)
	require.Equal(t, 1, v, "as os.File.Read and many others: both")
	require.Equal(t, errBoom, runSteps(await(&p)))
}

func TestPromiseIsSticky(t *testing.T) {
	var p task.Promise[int]
	var g task.Group
	require.NoError(t, runSteps(
		start(&g, steps(await(&p), once(func(cx *task.Cx) {
			for range 3 {
				v, err := p.Wait(cx)
				require.NoError(t, err)
				require.Equal(t, 7, v)
			}
		}))),
		rounds(1),
		once(func(*task.Cx) { p.Resolve(7, nil) }),
		g.Wait,
	))
}

func TestPromiseServesInOrder(t *testing.T) {
	const tasks = 100 // several batches of wake-ups
	var p task.Promise[int]
	var g task.Group
	var order []int
	all := []step{}
	for i := range tasks {
		all = append(all, start(&g, steps(await(&p), once(func(*task.Cx) { order = append(order, i) }))))
	}
	require.NoError(t, runSteps(append(all, rounds(2), resolve(&p), g.Wait)...))
	require.Len(t, order, tasks)
	require.IsIncreasing(t, order)
}

// Who gives up is not woken any more, and holds up nobody.
func TestPromiseWithoutOneOfItsWaiters(t *testing.T) {
	var p task.Promise[int]
	first, last := &recorder{poll: does(await(&p))}, &recorder{poll: does(await(&p))}
	quitter := &recorder{poll: does(await(&p))}
	var g task.Group
	g.Failed = forget
	require.NoError(t, runSteps(
		start(&g, first, quitter, last), rounds(2),
		once(func(*task.Cx) { quitter.Cancel(errBoom) }), rounds(3),
		once(func(*task.Cx) { require.Len(t, quitter.finished, 1) }),
		resolve(&p),
		g.Wait,
	))
	require.Equal(t, []error{nil}, first.finished)
	require.Equal(t, []error{nil}, last.finished)
	require.Equal(t, 2, quitter.polls)
}

func TestPromiseWaitContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(background)
	cancel(errBoom)
	var p task.Promise[int]
	_, err := p.WaitContext(ctx)
	require.ErrorIs(t, err, errBoom)
	require.ErrorContains(t, err, "task: wait: ")
	require.False(t, p.Awaited(), "nothing is left of the wait")

	p.Resolve(7, nil)
	v, err := p.WaitContext(ctx)
	require.NoError(t, err, "the value goes before the context")
	require.Equal(t, 7, v)
}

// A task that ends leaves the lists that it was on.
func TestPromiseOfATaskThatHasEnded(t *testing.T) {
	var a, b task.Promise[int]
	require.Equal(t, errBoom, runSteps(func(cx *task.Cx) error {
		_, _ = task.First(await(&a)(cx), await(&b)(cx))
		require.True(t, a.Awaited() && b.Awaited())
		return errBoom
	}))
	require.False(t, a.Awaited() || b.Awaited())
}

// Everybody at the same time: one Resolve wins, and everybody sees its value.
func TestPromiseResolvedByMany(t *testing.T) {
	const resolvers, waiters, times = 4, 4, 200
	for range times {
		var p task.Promise[*int]
		var winner atomic.Pointer[int]
		var wins atomic.Int32
		var all sync.WaitGroup
		for i := range resolvers {
			all.Go(func() {
				runtime.Gosched()
				if v := &i; p.Resolve(v, nil) {
					wins.Add(1)
					winner.Store(v)
				}
			})
		}
		var got [waiters]*int
		for i := range waiters - 1 {
			all.Go(func() { got[i], _ = p.WaitContext(background) })
		}
		require.NoError(t, runSteps(func(cx *task.Cx) (err error) {
			got[waiters-1], err = p.Wait(cx)
			return err
		}))
		all.Wait()
		require.EqualValues(t, 1, wins.Load())
		for _, v := range got {
			require.Same(t, winner.Load(), v)
		}
	}
}
