package stream_test

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/stream"
)

func inTimeAll[T any](t *testing.T, s *stream.Stream[T]) (vs []stream.Pair[int, T]) {
	t.Helper()
	stamped := stamp(s)
	inTime(t, func(cx *task.Cx) error { return stamped.Collect(cx, &vs) })
	return vs
}

func TestBatchInTime(t *testing.T) {
	vs := inTimeAll(t, stream.Batch(script(
		timed{5 * ms, 0}, timed{1 * ms, 1}, timed{1 * ms, 2}, // three
		timed{5 * ms, 3}, timed{9 * ms, 4}, // two in ten
		timed{30 * ms, 5}, // alone
		timed{30 * ms, 6}, // the rest
	), 3, 10*ms))
	require.Equal(t, []stream.Pair[int, []int]{
		at(7, []int{0, 1, 2}), at(22, []int{3, 4}), at(61, []int{5}), at(81, []int{6}),
	}, vs)
}

func TestBatchBeforeAnError(t *testing.T) {
	s := stream.Batch(stream.Chain(script(timed{1 * ms, 0}), stream.Err[int](errBoom)), 3, time.Hour)
	inTime(t, next(t, s, []int{0}), ends(t, s, errBoom))
}

// A source that is never out of values does not put off a batch whose time has come.
func TestBatchOfABusySource(t *testing.T) {
	var began time.Time
	s := stream.Batch(stream.Repeat(1), 1<<30, ms)
	require.NoError(t, task.Run(background, seq(
		once(func(cx *task.Cx) { began = cx.Now() }),
		func(cx *task.Cx) error {
			vs, err := s.Next(cx)
			if err == nil {
				require.NotEmpty(t, vs)
				require.GreaterOrEqual(t, cx.Now().Sub(began), ms)
			}
			return err
		})))
}

// Having lost a select a batch keeps its time.
func TestBatchInASelect(t *testing.T) {
	c, other := chans.New[int](1), chans.New[int](1)
	s := stream.Batch(stream.FromChan(c), 9, 10*ms)
	var sel combine.Select
	var pause task.Timer
	var began time.Time
	lose := func(cx *task.Cx) error {
		_, err := sel.Wait(cx,
			func(cx *task.Cx) error { _, err := s.Next(cx); return err },
			func(cx *task.Cx) error { _, err := other.Recv(cx); return err })
		return err
	}
	send := func(c *chans.Chan[int]) op {
		return once(func(cx *task.Cx) { require.NoError(t, c.TrySend(cx, 1)) })
	}
	inTime(t,
		once(func(cx *task.Cx) { began = cx.Now() }), send(c), send(other), lose,
		func(cx *task.Cx) error { return pause.Sleep(cx, 4*ms) }, send(other), lose,
		next(t, s, []int{1}),
		once(func(cx *task.Cx) { require.EqualValues(t, 10, cx.Now().Sub(began)/ms) }),
		s.Close,
	)
}

func TestThrottle(t *testing.T) {
	vs := inTimeAll(t, script(
		timed{3 * ms, 0}, timed{1 * ms, 1}, timed{0, 2}, timed{50 * ms, 3}, timed{1 * ms, 4},
	).Throttle(10*ms))
	require.Equal(t, []stream.Pair[int, int]{
		at(3, 0), at(14, 1), at(24, 2), at(84, 3), at(95, 4), // the source is asked when it is time
	}, vs)
	vs = inTimeAll(t, stream.FromSlice(count(4)).Throttle(10*ms))
	require.Equal(t, []stream.Pair[int, int]{at(0, 0), at(10, 1), at(20, 2), at(30, 3)}, vs)
}

func TestDebounce(t *testing.T) {
	vs := inTimeAll(t, script(
		timed{3 * ms, 0}, timed{9 * ms, 1}, timed{9 * ms, 2}, // until 21
		timed{20 * ms, 3},
		timed{20 * ms, 4}, timed{1 * ms, 5}, // the last at once
	).Debounce(10*ms))
	require.Equal(t, []stream.Pair[int, int]{at(31, 2), at(51, 3), at(62, 5)}, vs)
}

func TestDebounceOfWhatIsThere(t *testing.T) {
	require.Equal(t, []int{999}, all(t, stream.FromSlice(count(1000)).Debounce(time.Hour)))
	s := failing([]int{1, 2}, errBoom).Debounce(time.Hour)
	steps(t, next(t, s, 2), ends(t, s, errBoom))
}

func TestTicks(t *testing.T) {
	var pause task.Timer
	s := stamp(stream.Ticks(10 * ms))
	var seen []int
	tick := func(cx *task.Cx) error {
		p, err := s.Next(cx)
		if err == nil {
			seen = append(seen, p.A)
		}
		return err
	}
	inTime(t, tick, tick,
		func(cx *task.Cx) error { return pause.Sleep(cx, 25*ms) }, // 45
		tick, tick,
	)
	require.Equal(t, []int{10, 20, 45, 50}, seen)
}

func TestTicksEndWithTheirTask(t *testing.T) {
	p := open(t)
	ticks := 0
	s := stream.Ticks(ms / 10)
	var started task.Promise[int]
	var g task.Group
	g.Go(p, seq(func(cx *task.Cx) error {
		return s.ForEach(cx, func(*task.Cx, time.Time) error {
			ticks++
			started.Resolve(0, nil)
			return nil
		})
	}))
	_, err := started.WaitContext(background)
	require.NoError(t, err)
	g.Drain()
	require.NoError(t, g.WaitContext(background))
	require.NotZero(t, ticks)
}

// Canceled while they wait for a time, they end.
func TestTimeIsCanceled(t *testing.T) {
	pending := func() *stream.Stream[int] {
		return stream.Func(func(cx *task.Cx) (int, error) {
			cx.Waker() // somebody
			return 0, cx.Suspend()
		})
	}
	for name, s := range map[string]*stream.Stream[int]{
		"throttle": stream.Repeat(1).Throttle(time.Hour),
		"debounce": stream.Chain(stream.Once(1), pending()).Debounce(time.Hour),
		"batch":    flatten(stream.Batch(stream.Chain(stream.Once(1), pending()), 2, time.Hour)),
		"ticks":    stream.Map(stream.Ticks(time.Hour), func(time.Time) int { return 0 }),
	} {
		t.Run(name, func(t *testing.T) {
			var g task.Group
			err := task.Run(background, seq(
				once(func(cx *task.Cx) {
					g.Go(cx, seq(func(cx *task.Cx) error {
						return s.ForEach(cx, func(*task.Cx, int) error { return nil })
					}))
				}), rounds(5),
				once(func(*task.Cx) { g.Cancel(errBoom) }), g.Wait,
			))
			require.ErrorIs(t, err, errBoom)
		})
	}
}

func TestCloseStopsTimers(t *testing.T) {
	s := stream.Repeat(1).Throttle(time.Hour)
	d := stream.Merge(stream.Ticks(time.Minute), stream.Ticks(time.Hour))
	inTime(t,
		next(t, s, 1), stuck(t, s), s.Close, ends(t, s, task.ErrClosed),
		stuck(t, d), d.Close, ends(t, d, task.ErrClosed),
		ends(t, stream.Ticks(time.Hour).Take(0), io.EOF),
	)
}
