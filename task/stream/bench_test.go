package stream_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/stream"
)

// What a value costs, all in one task (but for what works ahead), on a pool.
func BenchmarkStream(b *testing.B) {
	inc := func(v int) int { return v + 1 }
	work := func(_ *task.Cx, v int) (int, error) { return v, nil }
	for name, s := range map[string]func() *stream.Stream[int]{
		"source": func() *stream.Stream[int] { return stream.Repeat(1) },
		"map":    func() *stream.Stream[int] { return stream.Map(stream.Repeat(1), inc) },
		"map-10": func() (s *stream.Stream[int]) {
			s = stream.Repeat(1)
			for range 10 {
				s = stream.Map(s, inc)
			}
			return s
		},
		"merge-2":      func() *stream.Stream[int] { return stream.Merge(stream.Repeat(1), stream.Repeat(2)) },
		"buffer-64":    func() *stream.Stream[int] { return stream.Repeat(1).Buffer(64) },
		"concurrent-8": func() *stream.Stream[int] { return stream.MapConcurrent(stream.Repeat(1), 8, work) },
		"unordered-8":  func() *stream.Stream[int] { return stream.MapUnordered(stream.Repeat(1), 8, work) },
	} {
		b.Run(name, func(b *testing.B) {
			p := open(b)
			first := s().Take(b.N)
			b.ReportAllocs()
			b.ResetTimer()
			require.NoError(b, p.Run(background, seq(func(cx *task.Cx) error {
				return first.ForEach(cx, func(*task.Cx, int) error { return nil })
			})))
		})
	}
}
