package stream_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/stream"
)

// file is something that is to be closed.
type file struct{ closed int }

func (f *file) Close() error { f.closed++; return nil }

func opened(_ *task.Cx, f *file) (*file, error) { return f, nil }

// TestWhatNobodyTakesIsDropped: a stream has made values that nobody takes, because it is closed:
// each is closed once, or goes to the hook; those that were taken are not.
func TestWhatNobodyTakesIsDropped(t *testing.T) {
	for name, of := range map[string]func(s *stream.Stream[*file]) *stream.Stream[*file]{
		"Buffer":        func(s *stream.Stream[*file]) *stream.Stream[*file] { return s.Buffer(8) },
		"MapConcurrent": func(s *stream.Stream[*file]) *stream.Stream[*file] { return stream.MapConcurrent(s, 8, opened) },
		"MapUnordered":  func(s *stream.Stream[*file]) *stream.Stream[*file] { return stream.MapUnordered(s, 8, opened) },
		"Peek": func(s *stream.Stream[*file]) *stream.Stream[*file] {
			return s.Take(2)
		},
	} {
		for _, hook := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				l := rig.NewLab()
				defer task.ReleaseClock(&l.Runtime)
				files := make([]*file, 4)
				for i := range files {
					files[i] = &file{}
				}
				s := of(stream.FromSlice(files))
				dropped := map[*file]int{}
				if hook {
					s = s.OnDrop(func(f *file) { dropped[f]++ })
				}
				var first *file
				pause := rounds(8)
				var g task.Group
				g.Go(&l.Runtime, seq(
					func(cx *task.Cx) (err error) { first, err = s.Next(cx); return err },
					func(cx *task.Cx) error { _, err := s.Peek(cx); return err },
					pause,
					s.Close,
				))
				l.Work()
				require.NoError(t, g.WaitContext(background))
				require.Zero(t, first.closed+dropped[first], "it was taken")
				n := 0
				for _, f := range files {
					require.LessOrEqual(t, f.closed+dropped[f], 1)
					if hook {
						require.Zero(t, f.closed)
					}
					n += f.closed + dropped[f]
				}
				want := 3
				if name == "Peek" {
					want = 1
				}
				require.Equal(t, want, n, "of those that were made")
			})
		}
	}
}

// TestHalfAPairIsDropped: what one source of a Zip has given, and the other has no partner for.
func TestHalfAPairIsDropped(t *testing.T) {
	for _, second := range []bool{false, true} {
		f, c := &file{}, chans.New[int](1)
		a, b := stream.Once(f), stream.FromChan(c)
		var next op
		if second {
			z := stream.Zip(b, a)
			next = func(cx *task.Cx) error { _, err := z.Next(cx); return err }
		} else {
			z := stream.Zip(a, b)
			next = func(cx *task.Cx) error { _, err := z.Next(cx); return err }
		}
		c.Close(nil)
		steps(t, func(cx *task.Cx) error {
			err := next(cx)
			if task.IsPending(err) {
				return err
			}
			require.ErrorIs(t, err, io.EOF)
			return nil
		})
		require.Equal(t, 1, f.closed)
	}
}
