package pool_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// Each hook is called as often as what it is about happens, beginnings as often as ends.
func TestHooks(t *testing.T) {
	for _, every := range []time.Duration{0, 1, -1} {
		var threads, stopped, parking, unparked, begun, ended, failed atomic.Int64
		count := func(n *atomic.Int64) func(int) { return func(int) { n.Add(1) } }
		p, err := pool.New(fixed(pool.Config{Workers: 3, Samples: every, Panicked: func(*task.PanicError) {}, Hooks: pool.Hooks{
			ThreadStarted: count(&threads), ThreadStopped: count(&stopped), Parking: count(&parking), Unparked: count(&unparked),
			TaskStarted: func(task.Task) { begun.Add(1) },
			TaskEnded: func(_ task.Task, err error) {
				ended.Add(1)
				if err != nil {
					failed.Add(1)
				}
			},
		}}))
		require.NoError(t, err)
		const n = 300
		g := task.Group{Failed: func(task.Task, error) error { return nil }, Panicked: func(task.Task, *task.PanicError) error { return nil }}
		for i := range n {
			switch i % 3 {
			case 0:
				g.Go(p, act(func(*task.Cx) { panic(errBoom) }))
			case 1:
				g.Go(p, task.Func(func(*task.Cx) error { return errBoom }))
			default:
				g.Go(p, &yielder{left: 3})
			}
		}
		require.NoError(t, g.WaitContext(background))
		require.Error(t, p.Run(background, act(func(*task.Cx) { runtime.Goexit() })))
		idle(t, p)
		require.EqualValues(t, n+1, begun.Load())
		require.EqualValues(t, n+1, ended.Load())
		require.EqualValues(t, 2*n/3+1, failed.Load())
		require.NoError(t, p.Close())
		require.Equal(t, threads.Load(), stopped.Load())
		require.GreaterOrEqual(t, threads.Load(), int64(2), "a Goexit costs a thread")
		require.Equal(t, parking.Load(), unparked.Load())
		require.Positive(t, parking.Load())
	}
}

func ExampleHooks() {
	p, err := pool.New(pool.Config{Hooks: pool.Hooks{
		ThreadStarted: func(worker int) { /* name the thread, or pin it to a core */ },
	}})
	if err != nil {
		panic(err)
	}
	_ = p.Close()
	// Output:
}
