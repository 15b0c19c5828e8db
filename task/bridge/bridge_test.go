package bridge_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/bridge"
	"github.com/heist-go/heist/task/combine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	background = context.Background()
	errBoom    = errors.New("boom")
)

func open(t testing.TB, workers int) *pool.Pool {
	t.Helper()
	p, err := pool.New(pool.Config{Workers: workers})
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

// TestChan: tasks receive what goroutines send, each value once and in its order, until
// the channel is closed.
func TestChan(t *testing.T) {
	p := open(t, 2)
	for _, room := range []int{0, 1, 16} {
		c := make(chan int, room)
		in := bridge.Chan[int]{C: c}
		const values, tasks = 1000, 3
		var got [tasks][]int
		var g task.Group
		for i := range tasks {
			g.Go(p, task.Func(func(cx *task.Cx) error {
				for {
					v, err := in.Recv(cx)
					if errors.Is(err, task.ErrClosed) {
						return nil
					}
					if err != nil {
						return err
					}
					got[i] = append(got[i], v)
				}
			}))
		}
		for i := range values {
			c <- i
		}
		close(c)
		require.NoError(t, g.WaitContext(background))
		seen := make([]bool, values)
		for _, vs := range got {
			for i, v := range vs {
				require.False(t, seen[v], "%d twice", v)
				seen[v] = true
				require.True(t, i == 0 || vs[i-1] < v, "out of order")
			}
		}
		require.NotContains(t, seen, false)
	}
}

// TestChanGivesUp: when nobody waits any more, nobody receives: the goroutine has ended, and
// a value that comes later is still in the channel; one that came at that moment is kept.
func TestChanGivesUp(t *testing.T) {
	p := open(t, 1)
	c := make(chan int)
	in := bridge.Chan[int]{C: c}
	var sel combine.Select
	var stop task.Promise[int]
	wait := func(cx *task.Cx) error {
		i, err := sel.Wait(cx,
			func(cx *task.Cx) error { _, err := in.Recv(cx); return err },
			func(cx *task.Cx) error { _, err := stop.Wait(cx); return err },
		)
		if err == nil && i == 0 {
			return errBoom
		}
		return err
	}
	var g task.Group
	g.Go(p, task.Func(wait))
	stop.Resolve(0, nil)
	require.NoError(t, g.WaitContext(background))

	const values = 100
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range values {
			c <- i
		}
	}()
	for i := 0; i < values; {
		// One that waits and is canceled at some moment, and one that receives.
		var canceled, g task.Group
		got := -1
		canceled.Go(p, task.Func(func(cx *task.Cx) error {
			v, err := in.Recv(cx)
			if err == nil {
				got = v
			}
			return err
		}))
		canceled.Cancel(errBoom)
		if canceled.WaitContext(background) == nil {
			require.Equal(t, i, got)
			i++
			continue
		}
		g.Go(p, task.Func(func(cx *task.Cx) error {
			v, err := in.Recv(cx)
			got = v
			return err
		}))
		require.NoError(t, g.WaitContext(background))
		require.Equal(t, i, got, "a value is lost, or came twice")
		i++
	}
	<-sent
}

func TestContext(t *testing.T) {
	p := open(t, 1)
	ctx, cancel := context.WithCancelCause(background)
	var end bridge.Context
	var g task.Group
	polls := 0
	g.Go(p, task.Func(func(cx *task.Cx) error {
		polls++
		if err := end.Done(cx, ctx); err != nil {
			return err
		}
		return end.Done(cx, ctx) // sticky
	}))
	cancel(errBoom)
	require.NoError(t, g.WaitContext(background))
	require.LessOrEqual(t, polls, 2)
}

// TestContextGivenUp: a wait that is given up does not stay with the context, and its
// context's end is not mistaken for that of the next wait.
func TestContextGivenUp(t *testing.T) {
	p := open(t, 1)
	var end bridge.Context
	for range 200 {
		first, cancelFirst := context.WithCancel(background)
		second, cancelSecond := context.WithCancel(background)
		var sel combine.Select
		var stop, over task.Promise[int]
		var g task.Group
		given := false
		g.Go(p, task.Func(func(cx *task.Cx) error {
			if !given {
				_, err := sel.Wait(cx,
					func(cx *task.Cx) error { return end.Done(cx, first) },
					func(cx *task.Cx) error { _, err := stop.Wait(cx); return err },
				)
				if err != nil {
					return err
				}
				given = true
			}
			if err := end.Done(cx, second); err != nil {
				return err
			}
			if second.Err() == nil {
				return errBoom
			}
			_, err := over.Wait(cx)
			return err
		}))
		go cancelFirst()
		stop.Resolve(0, nil)
		over.Resolve(0, nil)
		<-first.Done()
		cancelSecond()
		require.NoError(t, g.WaitContext(background))
	}
}

func TestGoroutines(t *testing.T) {
	p := open(t, 1)
	var gs bridge.Goroutines
	require.NoError(t, gs.WaitContext(background), "none")
	release := make(chan struct{})
	sum := make([]int, 4)
	for i := range sum {
		gs.Go(func() {
			<-release
			sum[i] = i
		})
	}
	require.Equal(t, 4, gs.Len())
	var g task.Group
	for range 2 {
		g.Go(p, task.Func(gs.Wait))
	}
	canceled, cancel := context.WithCancelCause(background)
	cancel(errBoom)
	require.ErrorIs(t, gs.WaitContext(canceled), errBoom)
	close(release)
	require.NoError(t, gs.WaitContext(background))
	require.NoError(t, g.WaitContext(background))
	require.Equal(t, []int{0, 1, 2, 3}, sum)
}
