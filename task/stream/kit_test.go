package stream_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(closing{m}) }

// closing runs the tests, and closes the pool of the examples.
type closing struct{ m *testing.M }

func (c closing) Run() int {
	defer pool.Default().Close()
	return c.m.Run()
}

const ms = time.Millisecond

var (
	background = context.Background()
	errBoom    = errors.New("boom")
)

// op is an operation.
type op = func(*task.Cx) error

// steps runs such a task on the calling goroutine.
func steps(t *testing.T, all ...op) {
	t.Helper()
	require.NoError(t, task.Run(background, seq(all...)))
}

// Steps of the kit of all packages: a task of steps, one that does not wait, one that lets others run.
var (
	seq    = rig.Steps
	once   = rig.Once
	rounds = rig.Rounds
)

// next is the step that pulls v.
func next[T any](t *testing.T, s *stream.Stream[T], v T) op {
	return func(cx *task.Cx) error {
		got, err := s.Next(cx)
		if task.IsPending(err) {
			return err
		}
		require.NoError(t, err)
		require.Equal(t, v, got)
		return nil
	}
}

// ends is the step that pulls the end, several times.
func ends[T any](t *testing.T, s *stream.Stream[T], want error) op {
	n := 3
	return func(cx *task.Cx) error {
		for ; n > 0; n-- {
			v, err := s.Next(cx)
			if task.IsPending(err) {
				return err
			}
			require.ErrorIs(t, err, want)
			require.Zero(t, v)
		}
		return nil
	}
}

// stuck is the step that finds nothing to pull yet.
func stuck[T any](t *testing.T, s *stream.Stream[T]) op {
	return once(func(cx *task.Cx) {
		v, err := s.Next(cx)
		require.True(t, task.IsPending(err), "%v %v", v, err)
		require.Zero(t, v)
	})
}

// all runs a stream to its end, on the calling goroutine.
func all[T any](t *testing.T, s *stream.Stream[T]) (vs []T) {
	t.Helper()
	steps(t, func(cx *task.Cx) error { return s.Collect(cx, &vs) })
	return vs
}

// jerky returns the stream of vs from a source that suspends at random points: it yields, or
// is woken by itself.
func jerky[T any](vs []T) *stream.Stream[T] {
	r := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	waits, ended := r.IntN(3), false
	return stream.Func(func(cx *task.Cx) (v T, err error) {
		if ended {
			panic("asked again after the end")
		}
		for ; waits > 0; waits-- {
			if r.IntN(2) == 0 {
				waits--
				cx.Wake(cx.Waker())
				return v, cx.Suspend()
			}
			if err := cx.Yield(); err != nil {
				return v, err
			}
		}
		if len(vs) == 0 {
			ended = true
			return v, io.EOF
		}
		v, vs = vs[0], vs[1:]
		waits = max(0, r.IntN(5)-2)
		return v, nil
	})
}

// failing is jerky that ends with err.
func failing[T any](vs []T, err error) *stream.Stream[T] {
	return stream.Chain(jerky(vs), stream.Err[T](err))
}

// count returns the numbers from 0 up to n.
func count(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// open opens a pool of two workers, for the time of a test.
func open(t testing.TB) *pool.Pool {
	p, err := pool.New(pool.Config{Workers: 2, Procs: -1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// runners are the places to run a task on.
func runners(t *testing.T) map[string]func(context.Context, task.Task) error {
	return map[string]func(context.Context, task.Task) error{"run": task.Run, "pool": open(t).Run}
}

// inTime runs the steps as a task, in a time that jumps to the next timer whenever nobody
// has anything to do.
func inTime(t *testing.T, all ...op) {
	t.Helper()
	armed, err := rig.InTime(all...)
	require.NoError(t, err)
	require.False(t, armed, "a timer is left")
}

// timed is a value that comes some time after the one before.
type timed struct {
	after time.Duration
	v     int
}

// script returns a stream of values that come in time.
func script(vs ...timed) *stream.Stream[int] {
	var timer task.Timer
	return stream.Func(func(cx *task.Cx) (int, error) {
		if len(vs) == 0 {
			return 0, io.EOF
		}
		if err := timer.Sleep(cx, vs[0].after); err != nil {
			return 0, err
		}
		v := vs[0].v
		vs = vs[1:]
		return v, nil
	})
}

// stamp returns the values with the time since the first poll, in milliseconds. (A timer is a
// tick late at most.)
func stamp[T any](s *stream.Stream[T]) *stream.Stream[stream.Pair[int, T]] {
	var begin time.Time
	return stream.Func(func(cx *task.Cx) (p stream.Pair[int, T], err error) {
		if begin.IsZero() {
			begin = cx.Now()
		}
		v, err := s.Next(cx)
		if err != nil {
			return p, err
		}
		return stream.Pair[int, T]{A: int(cx.Now().Sub(begin) / ms), B: v}, nil
	})
}

// at is one of them.
func at[T any](when int, v T) stream.Pair[int, T] { return stream.Pair[int, T]{A: when, B: v} }
