package stream_test

import (
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/stream"
)

func TestNextAndPeek(t *testing.T) {
	s := stream.FromSlice([]int{1, 2})
	steps(t,
		once(func(cx *task.Cx) {
			for range 3 {
				v, err := s.Peek(cx)
				require.NoError(t, err)
				require.Equal(t, 1, v)
			}
		}),
		next(t, s, 1), next(t, s, 2),
		once(func(cx *task.Cx) {
			_, err := s.Peek(cx)
			require.Equal(t, io.EOF, err)
		}),
		ends(t, s, io.EOF),
	)
}

func TestSources(t *testing.T) {
	require.Empty(t, all(t, stream.Empty[int]()))
	require.Equal(t, []int{7}, all(t, stream.Once(7)))
	require.Equal(t, []int{7, 7, 7}, all(t, stream.Repeat(7).Take(3)))
	require.Equal(t, count(1000), all(t, stream.FromSlice(count(1000))))
	require.Equal(t, count(9), all(t, stream.Of[int](jerky(count(9)))))
	steps(t, ends(t, stream.Err[int](errBoom), errBoom))
}

// gen is a generator with a Close that takes two polls.
type gen struct {
	left   int
	end    error
	fault  error // of Close
	closed int
}

func (g *gen) Next(*task.Cx) (int, error) {
	if g.left == 0 {
		return 99, g.end // what comes with an error is nobody's
	}
	g.left--
	return g.left, nil
}

func (g *gen) Close(cx *task.Cx) error {
	cx.Shield() // it has to come about
	if err := cx.Yield(); err != nil {
		return err
	}
	g.closed++
	return g.fault
}

func TestCloser(t *testing.T) {
	for name, of := range map[string]func(g *gen) *stream.Stream[int]{
		"of":       func(g *gen) *stream.Stream[int] { return stream.Of(g) },
		"filter":   func(g *gen) *stream.Stream[int] { return stream.Of(g).Filter(func(int) bool { return true }) },
		"merge":    func(g *gen) *stream.Stream[int] { return stream.Merge(stream.Of(g), stream.Empty[int]()) },
		"buffer":   func(g *gen) *stream.Stream[int] { return stream.Of(g).Buffer(1) },
		"skip":     func(g *gen) *stream.Stream[int] { return stream.Of(g).Skip(0) },
		"throttle": func(g *gen) *stream.Stream[int] { return stream.Of(g).Throttle(0) },
		"workers": func(g *gen) *stream.Stream[int] {
			return stream.MapConcurrent(stream.Of(g), 1, func(_ *task.Cx, v int) (int, error) { return v, nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := &gen{left: 1, end: io.EOF}
			s := of(g)
			steps(t, next(t, s, 0), ends(t, s, io.EOF))
			require.Equal(t, 1, g.closed)

			g = &gen{left: 1, end: errBoom, fault: io.ErrClosedPipe}
			s = of(g)
			steps(t, next(t, s, 0), ends(t, s, errBoom))
			require.Equal(t, 1, g.closed)

			g = &gen{left: 2, end: io.EOF}
			s = of(g)
			steps(t, next(t, s, 1), s.Close, ends(t, s, task.ErrClosed), s.Close)
			require.Equal(t, 1, g.closed)
		})
	}
	g := &gen{end: io.EOF, fault: errBoom}
	steps(t, ends(t, stream.Of(g), errBoom))
	g = &gen{left: 5, end: io.EOF}
	require.Equal(t, []int{4, 3}, all(t, stream.Of(g).Take(2)))
	require.Equal(t, 1, g.closed, "what has taken enough closes its source")
}

func TestCloseDropsWhatWasSeen(t *testing.T) {
	s := stream.FromSlice(count(3))
	steps(t,
		func(cx *task.Cx) error { _, err := s.Peek(cx); return err },
		s.Close, ends(t, s, task.ErrClosed),
	)
}

// Close of a stream that has ended already leaves its end as it is.
func TestCloseAfterTheEnd(t *testing.T) {
	s := stream.Empty[int]()
	steps(t, ends(t, s, io.EOF), s.Close, ends(t, s, io.EOF))
}

func TestThenSuspends(t *testing.T) {
	var answer task.Promise[string]
	calls := 0
	s := stream.Then(stream.FromSlice(count(2)), func(cx *task.Cx, v int) (string, error) {
		calls++
		return answer.Wait(cx)
	})
	steps(t,
		stuck(t, s), stuck(t, s),
		once(func(*task.Cx) { answer.Resolve("x", nil) }),
		next(t, s, "x"), next(t, s, "x"), ends(t, s, io.EOF),
	)
	require.Equal(t, 4, calls)
}

func TestThenFails(t *testing.T) {
	for _, want := range []error{errBoom, io.EOF} {
		s := stream.Then(jerky(count(5)), func(_ *task.Cx, v int) (int, error) {
			if v == 2 {
				return v, want
			}
			return v, nil
		})
		steps(t, next(t, s, 0), next(t, s, 1), ends(t, s, want))
	}
}

func TestFromChan(t *testing.T) {
	c := chans.New[int](2)
	box := chans.NewMailbox[int](4)
	news := chans.NewBroadcast[int](4)
	sub := news.Subscribe()
	state := chans.NewWatch(0)
	for i := range 2 {
		require.NoError(t, c.TrySend(nil, i))
		require.NoError(t, box.TrySend(nil, i))
		require.NoError(t, news.Send(nil, i))
	}
	watcher := state.Watch()
	require.NoError(t, state.Set(nil, 1))
	a, b, d, e := stream.FromChan(c), stream.FromChan(box), stream.FromChan(sub), stream.UntilClosed(watcher.Next)
	steps(t,
		next(t, a, 0), next(t, a, 1), stuck(t, a),
		next(t, b, 0), next(t, b, 1), stuck(t, b),
		next(t, d, 0), next(t, d, 1), stuck(t, d),
		next(t, e, 1), stuck(t, e),
		once(func(cx *task.Cx) { c.Close(cx); box.Close(cx); news.Close(cx); state.Close(cx) }),
		ends(t, a, io.EOF), ends(t, b, io.EOF), ends(t, d, io.EOF), ends(t, e, io.EOF),
	)
}

func TestFromASubscriptionThatLags(t *testing.T) {
	news := chans.NewBroadcast[int](1)
	s := stream.FromChan(news.Subscribe())
	for i := range 3 {
		require.NoError(t, news.Send(nil, i))
	}
	steps(t, func(cx *task.Cx) error {
		_, err := s.Next(cx)
		var lag *chans.LagError
		require.ErrorAs(t, err, &lag)
		return nil
	})
}

// A cancellation whose cause is that something was closed is not the end of a stream.
func TestCanceledBecauseClosed(t *testing.T) {
	s := stream.FromChan(chans.New[int](1))
	var g task.Group
	g.Failed = func(task.Task, error) error { return nil }
	puller := task.Func(func(cx *task.Cx) error {
		_, err := s.Next(cx)
		if !task.IsPending(err) {
			require.ErrorIs(t, err, task.ErrCanceled)
		}
		return err
	})
	steps(t,
		once(func(cx *task.Cx) { g.Go(cx, puller) }), rounds(2),
		once(func(*task.Cx) { g.Cancel(task.ErrClosed) }), g.Wait,
	)
}

// A stream that is let go of in the middle of a wait gives up its place.
func TestCloseGivesUpItsPlace(t *testing.T) {
	a, b := chans.New[int](1), chans.New[int](1)
	for name, s := range map[string]*stream.Stream[int]{
		"chan":  stream.FromChan(a),
		"merge": stream.Merge(stream.FromChan(a), stream.FromChan(b)),
		"chain": stream.Chain(stream.FromChan(a), stream.FromChan(b)),
		"flat":  stream.FlatMap(stream.Once(0), func(int) *stream.Stream[int] { return stream.FromChan(a) }),
		"then": stream.Then(stream.Once(0), func(cx *task.Cx, _ int) (int, error) {
			return a.Recv(cx)
		}),
		"debounce": stream.FromChan(a).Debounce(ms),
		"workers": stream.MapUnordered(stream.Once(0), 1, func(cx *task.Cx, _ int) (int, error) {
			return a.Recv(cx)
		}),
		"ordered": stream.MapConcurrent(stream.FromChan(a), 1, func(_ *task.Cx, v int) (int, error) { return v, nil }),
		"buffer":  stream.FromChan(a).Buffer(1),
		"deep": stream.Map(stream.Zip(stream.FromChan(a).Buffer(1), stream.Merge(stream.FromChan(b).Buffer(2), stream.FromChan(b))),
			func(p stream.Pair[int, int]) int { return p.A }),
	} {
		t.Run(name, func(t *testing.T) {
			steps(t,
				stuck(t, s), rounds(3), stuck(t, s), s.Close, ends(t, s, task.ErrClosed),
				once(func(cx *task.Cx) {
					require.NoError(t, a.TrySend(cx, 1))
					require.NoError(t, b.TrySend(cx, 1))
				}),
				rounds(3),
				once(func(cx *task.Cx) {
					require.Equal(t, 1, a.Len())
					require.Equal(t, 1, b.Len())
					for _, c := range []*chans.Chan[int]{a, b} {
						_, err := c.TryRecv(cx)
						require.NoError(t, err, "promised to nobody")
					}
				}),
			)
		})
	}
}

// Pulled in a select, and having lost, a stream goes on.
func TestStreamsInASelect(t *testing.T) {
	a, b := chans.New[int](1), chans.New[int](1)
	tick := chans.New[int](1)
	s := stream.FromChan(a)
	for name, s := range map[string]*stream.Stream[int]{
		"merge":    stream.Merge(s, stream.FromChan(b)),
		"buffer":   stream.FromChan(a).Buffer(1),
		"throttle": stream.FromChan(a).Throttle(1),
		"then":     stream.Then(stream.FromChan(b), func(cx *task.Cx, _ int) (int, error) { return a.Recv(cx) }),
		"workers":  stream.MapUnordered(stream.FromChan(a), 2, func(cx *task.Cx, v int) (int, error) { return v, cx.Yield() }),
	} {
		if name == "then" {
			require.NoError(t, b.TrySend(nil, 0))
		}
		var sel combine.Select
		var got []int
		losing := func(cx *task.Cx) error {
			i, err := sel.Wait(cx,
				func(cx *task.Cx) error {
					v, err := s.Next(cx)
					if err == nil {
						got = append(got, v)
					}
					return err
				},
				func(cx *task.Cx) error { _, err := tick.Recv(cx); return err },
			)
			if err == nil {
				require.Equal(t, 1, i)
			}
			return err
		}
		ring := once(func(cx *task.Cx) { require.NoError(t, tick.TrySend(cx, 0)) })
		steps(t,
			ring, losing, rounds(3), ring, losing,
			once(func(cx *task.Cx) { require.NoError(t, a.TrySend(cx, 7)) }),
			next(t, s, 7), s.Close,
		)
		require.Empty(t, got)
	}
}

func TestMergeIsFair(t *testing.T) {
	s := stream.Merge(stream.Repeat(0), stream.Repeat(1), stream.Repeat(2))
	var n [3]int
	for _, v := range all(t, s.Take(999)) {
		n[v]++
	}
	require.Equal(t, [3]int{333, 333, 333}, n)
}

// Two streams of one channel are two in its line.
func TestMergeOfOneChannelTwice(t *testing.T) {
	c := chans.New[int](1)
	s := stream.Merge(stream.FromChan(c), stream.FromChan(c))
	steps(t,
		stuck(t, s),
		once(func(cx *task.Cx) { require.NoError(t, c.TrySend(cx, 1)) }),
		next(t, s, 1), stuck(t, s),
		once(func(cx *task.Cx) { require.NoError(t, c.TrySend(cx, 2)) }),
		next(t, s, 2), s.Close,
	)
}

// What waits while a value is passed on does not stand in the way of other waits.
func TestWaitsBesideAStream(t *testing.T) {
	a, b := chans.New[int](1), chans.New[int](1)
	var other task.Promise[int]
	s := stream.Merge(stream.FromChan(a), stream.FromChan(b))
	z := stream.Zip(stream.FromChan(a), stream.FromChan(b))
	send := func(c *chans.Chan[int]) op {
		return once(func(cx *task.Cx) { require.NoError(t, c.TrySend(cx, 1)) })
	}
	var g task.Group
	resolver := seq(rounds(2), once(func(*task.Cx) { other.Resolve(1, nil) }))
	steps(t,
		stuck(t, s), send(b), next(t, s, 1), // a is still waited for
		once(func(cx *task.Cx) { g.Go(cx, resolver) }),
		func(cx *task.Cx) error { _, err := other.Wait(cx); return err },
		g.Wait, s.Close,
		stuck(t, z), send(a), stuck(t, z), send(b), next(t, z, stream.Pair[int, int]{A: 1, B: 1}),
	)
}

func TestWindowsAreNotOverwritten(t *testing.T) {
	ws := all(t, stream.Window(stream.FromSlice(count(100)), 5, 2))
	for i, w := range ws {
		for k := range w {
			require.Equal(t, 2*i+k, w[k])
		}
		require.Equal(t, 5, cap(w))
	}
}

func TestMistakes(t *testing.T) {
	s := stream.Empty[int]()
	id := func(_ *task.Cx, v int) (int, error) { return v, nil }
	for want, f := range map[string]func(){
		"stream: Batch(0): a batch has at least one value":                                  func() { stream.Batch(s, 0, 0) },
		"stream: Window(1, 0): a window has at least one value, and a step is at least one": func() { stream.Window(s, 1, 0) },
		"stream: Buffer(0): a buffer has room for at least one value":                       func() { s.Buffer(0) },
		"stream: MapConcurrent(0): at least one call has to be in progress":                 func() { stream.MapConcurrent(s, 0, id) },
		"stream: MapUnordered(-1): at least one call has to be in progress":                 func() { stream.MapUnordered(s, -1, id) },
		"stream: Ticks(0s): the time between ticks must be positive":                        func() { stream.Ticks(0) },
	} {
		require.PanicsWithValue(t, want, f)
	}
}

func TestForEach(t *testing.T) {
	s := jerky(count(5))
	var got []int
	var pause task.Promise[int]
	record := func(cx *task.Cx, v int) error {
		switch {
		case v == 1:
			if _, err := pause.Wait(cx); err != nil {
				return err
			}
		case v == 3:
			return errBoom
		}
		got = append(got, v)
		return nil
	}
	var g task.Group
	steps(t,
		once(func(cx *task.Cx) { g.Go(cx, seq(rounds(9), once(func(*task.Cx) { pause.Resolve(1, nil) }))) }),
		func(cx *task.Cx) error {
			err := s.ForEach(cx, record)
			if task.IsPending(err) {
				return err
			}
			require.Equal(t, errBoom, err)
			return nil
		},
		func(cx *task.Cx) error { return s.ForEach(cx, record) }, // goes on behind
		g.Wait,
	)
	require.Equal(t, []int{0, 1, 2, 4}, got)
	broken := failing([]int{}, errBoom)
	require.Equal(t, errBoom, task.Run(background, task.Func(func(cx *task.Cx) error {
		return broken.ForEach(cx, record)
	})))
}

func TestSend(t *testing.T) {
	c := chans.New[int](2)
	s, received := jerky(count(20)), stream.FromChan(c).Take(20)
	var got []int
	var g task.Group
	steps(t,
		once(func(cx *task.Cx) {
			g.Go(cx, seq(func(cx *task.Cx) error { return received.Collect(cx, &got) }))
		}),
		func(cx *task.Cx) error { return s.Send(cx, c) },
		g.Wait,
	)
	require.Equal(t, count(20), got)
	s = stream.Once(7)
	c.Close(nil)
	steps(t,
		once(func(cx *task.Cx) { require.ErrorIs(t, s.Send(cx, c), task.ErrClosed) }),
		next(t, s, 7),
	)
}

// A stream that has values at any time lets others have their turn, and ends with its task.
func TestBudget(t *testing.T) {
	for name, s := range map[string]*stream.Stream[int]{
		"repeat": stream.Repeat(1),
		"func":   stream.Func(func(*task.Cx) (int, error) { return 1, nil }),
		"filter": stream.Repeat(1).Filter(func(int) bool { return false }),
		"merge":  stream.Merge(stream.Repeat(1), stream.Repeat(2)),
		"flat":   stream.FlatMap(stream.Repeat(1), func(int) *stream.Stream[int] { return stream.Empty[int]() }),
		"skip":   stream.Repeat(1).Skip(1 << 30),
		"zip":    stream.Map(stream.Zip(stream.Repeat(1), stream.Repeat(2)), func(stream.Pair[int, int]) int { return 0 }),
	} {
		t.Run(name, func(t *testing.T) {
			var g task.Group
			err := task.Run(background, seq(
				once(func(cx *task.Cx) {
					g.Go(cx, seq(func(cx *task.Cx) error {
						return s.ForEach(cx, func(*task.Cx, int) error { return nil })
					}))
				}),
				rounds(10), // they come
				once(func(*task.Cx) { g.Cancel(errBoom) }),
				g.Wait,
			))
			require.ErrorIs(t, err, errBoom)
			require.ErrorIs(t, err, task.ErrCanceled)
		})
	}
}

func TestPanicInAFunction(t *testing.T) {
	bad := func(int) int { panic("oops") }
	var p *task.PanicError
	func() {
		defer func() { p, _ = recover().(*task.PanicError) }()
		_ = task.Run(background, seq(func(cx *task.Cx) error {
			_, err := stream.Map(stream.Once(1), bad).Next(cx)
			return err
		}))
	}()
	require.NotNil(t, p)
	require.Equal(t, "oops", p.Value)
}

func TestErrorsAreKept(t *testing.T) {
	wrapped := errors.Join(errBoom)
	for name, s := range map[string]*stream.Stream[int]{
		"func":   failing([]int{1}, wrapped),
		"filter": failing([]int{1}, wrapped).Filter(func(int) bool { return true }),
		"merge":  stream.Merge(failing([]int{1}, wrapped), stream.FromChan(chans.New[int](1))),
		"buffer": failing([]int{1}, wrapped).Buffer(4),
		"flat":   stream.FlatMap(failing([]int{1}, wrapped), stream.Once[int]),
		"workers": stream.MapConcurrent(failing([]int{1}, wrapped), 3, func(cx *task.Cx, v int) (int, error) {
			return v, cx.Yield()
		}),
	} {
		t.Run(name, func(t *testing.T) { steps(t, next(t, s, 1), ends(t, s, wrapped)) })
	}
}

func TestNoAllocations(t *testing.T) {
	if invariant.Enabled {
		t.Skip("the checks allocate")
	}
	double := func(v int) int { return 2 * v }
	c, d := chans.New[int](1), chans.New[int](1)
	fed := func(cx *task.Cx) {
		if c.TrySend(cx, 1) != nil || d.TrySend(cx, 2) != nil {
			panic("full")
		}
	}
	nothing := func(*task.Cx) {}
	zipped := stream.Map(stream.Zip(stream.FromChan(c), stream.FromChan(d)), func(p stream.Pair[int, int]) int { return p.A })
	merged := stream.Merge(stream.FromChan(c), stream.FromChan(d))
	for name, s := range map[string]struct {
		s      *stream.Stream[int]
		before func(*task.Cx)
	}{
		"map":       {stream.Map(stream.Repeat(1), double), nothing},
		"then":      {stream.Then(stream.Repeat(1), func(_ *task.Cx, v int) (int, error) { return v, nil }), nothing},
		"filter":    {stream.Repeat(1).Filter(func(int) bool { return true }), nothing},
		"take":      {stream.Repeat(1).Take(1000).Skip(2), nothing},
		"scan":      {stream.Scan(stream.Repeat(1), 0, func(a, v int) int { return a + v }), nothing},
		"chain":     {stream.Chain(stream.Empty[int](), stream.Repeat(1)), nothing},
		"merge":     {stream.Merge(stream.Repeat(1), stream.Repeat(2)), nothing},
		"enumerate": {stream.Map(stream.Enumerate(stream.Repeat(1)), func(p stream.Pair[int, int]) int { return p.A }), nothing},
		"throttle":  {stream.Repeat(1).Throttle(0), nothing},
		"zip":       {zipped, fed},
		"chans": {stream.Func(func(cx *task.Cx) (int, error) {
			v, err := merged.Next(cx)
			if err == nil {
				_, err = merged.Next(cx)
			}
			return v, err
		}), fed},
	} {
		t.Run(name, func(t *testing.T) {
			pull := func(cx *task.Cx) {
				s.before(cx)
				if _, err := s.s.Next(cx); err != nil {
					panic(err)
				}
			}
			steps(t, once(pull), once(pull), (*task.Cx).Yield, once(func(cx *task.Cx) {
				require.Zero(t, testing.AllocsPerRun(10, func() { pull(cx) }))
			}))
		})
	}
}
