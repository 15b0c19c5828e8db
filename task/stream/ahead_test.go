package stream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/stream"
)

// counted is a stream that says how many values it was asked for.
func counted(n *int) *stream.Stream[int] {
	return stream.Func(func(cx *task.Cx) (int, error) {
		*n++
		return *n - 1, nil
	})
}

func TestBufferPullsAhead(t *testing.T) {
	var n int
	s := counted(&n).Buffer(3)
	steps(t,
		rounds(3), once(func(*task.Cx) { require.Zero(t, n, "not before the first Next") }),
		next(t, s, 0), rounds(5),
		once(func(*task.Cx) { require.Equal(t, 4, n) }),
		next(t, s, 1), rounds(5),
		once(func(*task.Cx) { require.Equal(t, 5, n) }),
		s.Close, ends(t, s, task.ErrClosed),
	)
}

func TestBufferPassesOnErrorsLast(t *testing.T) {
	s := failing(count(3), errBoom).Buffer(8)
	steps(t, next(t, s, 0), rounds(9), next(t, s, 1), next(t, s, 2), ends(t, s, errBoom))
	s = jerky(count(1)).Buffer(8)
	steps(t, next(t, s, 0), ends(t, s, io.EOF))
}

func TestPanicsAreRaised(t *testing.T) {
	bad := func() *stream.Stream[int] {
		return stream.Map(jerky(count(3)), func(v int) int {
			if v == 1 {
				panic("oops")
			}
			return v
		})
	}
	second := func(_ *task.Cx, v int) (int, error) {
		if v == 1 {
			panic("oops")
		}
		return v, nil
	}
	never := chans.New[int](1)
	sixth := func(cx *task.Cx, v int) (int, error) {
		if v == 5 {
			panic("oops")
		}
		if v > 0 {
			return never.Recv(cx) // until it is canceled
		}
		return v, nil
	}
	for name, of := range map[string]func() *stream.Stream[int]{
		"buffer": func() *stream.Stream[int] { return bad().Buffer(2) },
		"seq": func() *stream.Stream[int] {
			return stream.FromSeq(func(yield func(int) bool) {
				if yield(0) {
					panic("oops")
				}
			})
		},
		"concurrent":  func() *stream.Stream[int] { return stream.MapConcurrent(jerky(count(9)), 1, second) },
		"unordered":   func() *stream.Stream[int] { return stream.MapUnordered(jerky(count(9)), 1, second) },
		"a later one": func() *stream.Stream[int] { return stream.MapConcurrent(jerky(count(9)), 9, sixth) },
	} {
		for where, run := range runners(t) {
			t.Run(name+"/"+where, func(t *testing.T) {
				s := of()
				var p *task.PanicError
				func() {
					defer func() { p, _ = recover().(*task.PanicError) }()
					_ = run(background, seq(next(t, s, 0), func(cx *task.Cx) error { return s.ForEach(cx, func(*task.Cx, int) error { return nil }) }))
				}()
				require.NotNil(t, p)
				require.Equal(t, "oops", p.Value)
			})
		}
	}
}

// A panic that Next has raised, and that was recovered, comes neither from Close nor at the end of the task.
func TestPanicsAreRaisedOnce(t *testing.T) {
	second := func(_ *task.Cx, v int) (int, error) {
		if v == 1 {
			panic("oops")
		}
		return v, nil
	}
	mapped := func() *stream.Stream[int] {
		return stream.Map(jerky(count(3)), func(v int) int { v, _ = second(nil, v); return v })
	}
	for name, of := range map[string]func() *stream.Stream[int]{
		"map":    mapped,
		"buffer": func() *stream.Stream[int] { return mapped().Buffer(2) },
		"seq": func() *stream.Stream[int] {
			return stream.FromSeq(func(yield func(int) bool) {
				if yield(0) {
					panic("oops")
				}
			})
		},
		"concurrent":          func() *stream.Stream[int] { return stream.MapConcurrent(jerky(count(9)), 3, second) },
		"unordered":           func() *stream.Stream[int] { return stream.MapUnordered(jerky(count(9)), 1, second) },
		"buffer of its calls": func() *stream.Stream[int] { return stream.MapConcurrent(jerky(count(9)), 1, second).Buffer(2) },
	} {
		for where, run := range runners(t) {
			for _, closes := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/closes %t", name, where, closes), func(t *testing.T) {
					s := of()
					var p *task.PanicError
					recovers := func(cx *task.Cx) (err error) {
						defer func() {
							if r := recover(); r != nil {
								p, _ = r.(*task.PanicError)
								require.True(t, p != nil || r == "oops", r)
							}
						}()
						_, err = s.Next(cx)
						return err
					}
					all := []op{next(t, s, 0), recovers}
					if closes {
						all = append(all, s.Close)
					}
					require.NoError(t, run(background, seq(all...)))
				})
			}
		}
	}
}

func TestFromSeqIsLazy(t *testing.T) {
	made := make(chan int, 100)
	ended := false
	s := stream.FromSeq(func(yield func(int) bool) {
		defer func() { ended = true }()
		for i := 0; ; i++ {
			made <- i
			if !yield(i) {
				return
			}
		}
	})
	steps(t,
		rounds(2), once(func(*task.Cx) { require.Empty(t, made) }),
		next(t, s, 0), next(t, s, 1), next(t, s, 2),
		once(func(*task.Cx) { require.LessOrEqual(t, len(made), 4) }),
		s.Close, ends(t, s, task.ErrClosed),
		once(func(*task.Cx) { require.True(t, ended) }),
	)
}

func TestFromSeq2(t *testing.T) {
	var seq2 iter.Seq2[int, error] = func(yield func(int, error) bool) {
		_ = yield(1, nil) && yield(2, nil) && yield(3, errBoom) && yield(4, nil)
	}
	s := stream.FromSeq2(seq2)
	steps(t, next(t, s, 1), next(t, s, 2), ends(t, s, errBoom))
}

// What is dropped in the middle ends with its task: the goroutine is gone.
func TestFromSeqEndsWithItsTask(t *testing.T) {
	ended := false
	s := stream.FromSeq(func(yield func(int) bool) {
		for yield(1) {
		}
		ended = true
	})
	steps(t, next(t, s, 1))
	require.True(t, ended)
}

func TestValues(t *testing.T) {
	p := open(t)
	for _, n := range []int{0, 1, 15, 16, 17, 1000} {
		got := []int{}
		for v, err := range jerky(count(n)).Values(background, p) {
			require.NoError(t, err)
			got = append(got, v)
		}
		require.Equal(t, count(n), got)
	}
}

func TestValuesOfAStreamThatFails(t *testing.T) {
	var got []int
	var last error
	for v, err := range failing(count(5), errBoom).Values(background, open(t)) {
		if last = err; err == nil {
			got = append(got, v)
		}
	}
	require.Equal(t, count(5), got)
	require.Equal(t, errBoom, last)
}

func TestValuesIsLeft(t *testing.T) {
	g := &gen{left: 1000}
	for v, err := range stream.Of(g).Values(background, open(t)) {
		require.NoError(t, err)
		if v < 990 {
			break
		}
	}
	require.Equal(t, 1, g.closed, "the task has ended, without a race")
}

func TestValuesIsCanceled(t *testing.T) {
	p := open(t)
	ctx, cancel := context.WithCancelCause(background)
	defer cancel(nil)
	n := 0
	var last error
	for v, err := range stream.Merge(stream.FromSlice(count(50)), stream.FromChan(chans.New[int](1))).Values(ctx, p) {
		if last = err; err != nil {
			require.Zero(t, v)
			continue
		}
		if n++; n == 50 {
			cancel(errBoom)
		}
	}
	require.ErrorIs(t, last, task.ErrCanceled)
	require.ErrorIs(t, last, errBoom)
	for v, err := range stream.FromSlice(count(9)).Values(ctx, p) { // it is not started at all
		require.Zero(t, v)
		require.ErrorIs(t, err, errBoom)
	}
}

func TestValuesRaisesPanics(t *testing.T) {
	var p *task.PanicError
	func() {
		defer func() { p, _ = recover().(*task.PanicError) }()
		for range stream.Map(stream.Once(1), func(int) int { panic("oops") }).Values(background, open(t)) {
			t.Error("a value")
		}
	}()
	require.NotNil(t, p)
	require.Equal(t, "oops", p.Value)
}

func TestValuesOnAClosedPool(t *testing.T) {
	p := open(t)
	require.NoError(t, p.Close())
	var errs []error
	for _, err := range stream.Once(1).Values(background, p) {
		errs = append(errs, err)
	}
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], task.ErrClosed)
}

// The way from an iterator through a stream to an iterator.
func TestThereAndBack(t *testing.T) {
	p := open(t)
	s := stream.FromSeq(slices.Values(count(200))).Buffer(3)
	var got []int
	for v, err := range stream.FromSeq2(s.Values(background, p)).Values(background, p) {
		require.NoError(t, err)
		got = append(got, v)
	}
	require.Equal(t, count(200), got)
}

// Buffers in buffers end together, however the task that pulls ends.
func TestBuffersEndWithTheirTask(t *testing.T) {
	for where, run := range runners(t) {
		t.Run(where, func(t *testing.T) {
			c := chans.New[int](1)
			s := stream.Merge(stream.FromChan(c).Buffer(2).Buffer(3), stream.Once(1)).Buffer(1)
			err := run(background, seq(next(t, s, 1), func(*task.Cx) error { return errBoom }))
			require.True(t, errors.Is(err, errBoom))
			require.NoError(t, c.TrySend(nil, 1))
			_, err = c.TryRecv(nil)
			require.NoError(t, err, "nobody is in its line")
		})
	}
}
