package pool_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns a pool that is closed with the test.
func open(t testing.TB, workers int) *pool.Pool {
	p, err := pool.New(pool.Config{Workers: workers})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func TestManyTasks(t *testing.T) {
	p := open(t, 4)
	var n atomic.Int64
	var g task.Group
	for range 10_000 {
		g.Go(p, task.Func(func(*task.Cx) error { n.Add(1); return nil }))
	}
	require.NoError(t, g.WaitContext(context.Background()))
	require.EqualValues(t, 10_000, n.Load())
}

func TestTree(t *testing.T) {
	p := open(t, 4)
	var n atomic.Int64
	var grow func(depth int) task.Task
	grow = func(depth int) task.Task {
		var g task.Group
		started := false
		return task.Func(func(cx *task.Cx) error {
			if !started {
				started = true
				n.Add(1)
				for range 3 {
					if depth > 0 {
						g.Go(cx, grow(depth-1))
					}
				}
			}
			return g.Wait(cx)
		})
	}
	require.NoError(t, p.Run(context.Background(), grow(8)))
	require.EqualValues(t, (19683-1)/2, n.Load())
}
