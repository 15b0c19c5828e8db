package stream_test

import (
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/stream"
)

// Sizes that are larger than what comes cost what comes.
func TestHugeSizes(t *testing.T) {
	const n = 1000
	count := func() *stream.Stream[int] { return stream.Repeat(7).Take(n) }
	length := func(s *stream.Stream[int]) int {
		t.Helper()
		var got []int
		require.NoError(t, task.Run(background, task.Func(func(cx *task.Cx) error { return s.Collect(cx, &got) })))
		return len(got)
	}
	for _, huge := range []int{n + 1, math.MaxInt >> 8, math.MaxInt} {
		for name, s := range map[string]*stream.Stream[[]int]{
			"Window":       stream.Window(count(), huge, 1),
			"Window, step": stream.Window(count(), huge, huge),
		} {
			require.NoError(t, task.Run(background, task.Func(func(cx *task.Cx) error {
				w, err := s.Next(cx)
				if task.IsPending(err) {
					return err
				}
				require.Empty(t, w, name)
				require.Equal(t, io.EOF, err, name)
				return s.Close(cx)
			})))
		}
		require.Equal(t, n, length(stream.FlatMap(stream.Batch(count(), huge, -1), func(b []int) *stream.Stream[int] { return stream.FromSlice(b) })))
		require.Equal(t, n, length(count().Buffer(huge)))
		require.Equal(t, n, length(count().Take(huge)))
		require.Zero(t, length(count().Skip(huge)))
		double := func(_ *task.Cx, v int) (int, error) { return 2 * v, nil }
		require.Equal(t, n, length(stream.MapConcurrent(count(), huge, double)))
		require.Equal(t, n, length(stream.MapUnordered(count(), huge, double)))
	}
	for _, none := range []int{0, -1, math.MinInt} {
		require.Zero(t, length(count().Take(none)))
		require.Equal(t, n, length(count().Skip(none)))
		require.Panics(t, func() { count().Buffer(none) })
		require.Panics(t, func() { stream.Window(count(), none, 1) })
		require.Panics(t, func() { stream.Window(count(), 1, none) })
	}
	var sizes []int
	s := stream.Window(count(), 100, math.MaxInt) // one, and then nothing but what is left out
	require.NoError(t, task.Run(background, task.Func(func(cx *task.Cx) error {
		for {
			w, err := s.Next(cx)
			switch {
			case task.IsPending(err):
				return err
			case err == io.EOF:
				return nil
			}
			sizes = append(sizes, len(w))
		}
	})))
	require.Equal(t, []int{100}, sizes)
}
