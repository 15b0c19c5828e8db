package stream_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
	"github.com/heist-go/heist/task/stream"
)

// lends returns a stream of lent lines: one, and then none for now.
func lends() *stream.Stream[[]byte] {
	var never lock.Event
	had := false
	return stream.Func(func(cx *task.Cx) ([]byte, error) {
		if had {
			return nil, never.Wait(cx)
		}
		had = true
		return cx.Lend([]byte("line")), nil
	})
}

// TestLentIsNotKept: in checked builds, whatever keeps values longer than the poll refuses lent bytes.
func TestLentIsNotKept(t *testing.T) {
	if !invariant.Enabled {
		t.Skip("with -race or -tags heistdebug")
	}
	suspends := func(cx *task.Cx, _ []byte) error { return new(lock.Event).Wait(cx) }
	for name, of := range map[string]func(s *stream.Stream[[]byte]) pull{
		"Batch":         func(s *stream.Stream[[]byte]) pull { return pulls(stream.Batch(s, 2, time.Hour)) },
		"Buffer":        func(s *stream.Stream[[]byte]) pull { return pulls(s.Buffer(2)) },
		"Debounce":      func(s *stream.Stream[[]byte]) pull { return pulls(s.Debounce(time.Hour)) },
		"Window":        func(s *stream.Stream[[]byte]) pull { return pulls(stream.Window(s, 2, 1)) },
		"Zip":           func(s *stream.Stream[[]byte]) pull { return pulls(stream.Zip(s, stream.Ticks(time.Hour))) },
		"MapConcurrent": func(s *stream.Stream[[]byte]) pull { return pulls(stream.MapConcurrent(s, 2, jobQueue)) },
		"MapConcurrent, result": func(s *stream.Stream[[]byte]) pull {
			return pulls(stream.MapConcurrent(stream.Repeat(1), 2, func(cx *task.Cx, _ int) ([]byte, error) {
				return cx.Lend([]byte("line")), nil
			}))
		},
		"Scan": func(s *stream.Stream[[]byte]) pull {
			return pulls(stream.Scan(s, nil, func(_, v []byte) []byte { return v }))
		},
		"Then": func(s *stream.Stream[[]byte]) pull {
			return pulls(stream.Then(s, func(cx *task.Cx, v []byte) (int, error) { return 0, suspends(cx, v) }))
		},
		"Collect": func(s *stream.Stream[[]byte]) pull {
			var all [][]byte
			return func(cx *task.Cx) error { return s.Collect(cx, &all) }
		},
		"Fold": func(s *stream.Stream[[]byte]) pull {
			var last []byte
			return func(cx *task.Cx) error {
				return stream.Fold(cx, s, &last, func(_, v []byte) []byte { return v })
			}
		},
		"ForEach": func(s *stream.Stream[[]byte]) pull {
			return func(cx *task.Cx) error { return s.ForEach(cx, suspends) }
		},
		"Peek": func(s *stream.Stream[[]byte]) pull {
			return func(cx *task.Cx) error {
				if _, err := s.Peek(cx); err != nil {
					return err
				}
				return suspends(cx, nil)
			}
		},
		"Send": func(s *stream.Stream[[]byte]) pull {
			return func(cx *task.Cx) error { return s.Send(cx, chans.New[[]byte](1)) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				p, ok := recover().(error)
				require.True(t, ok, "it is kept")
				require.ErrorContains(t, p, "bytes.Clone")
			}()
			op, n := of(lends()), 0
			_ = task.Run(background, task.Func(func(cx *task.Cx) error {
				if n++; n > 10 {
					return nil
				}
				if err := op(cx); !task.IsPending(err) {
					return err
				}
				cx.Wake(cx.Waker())
				return cx.Suspend()
			}))
		})
	}
	t.Run("Values", func(t *testing.T) {
		p := open(t)
		require.Panics(t, func() {
			for range lends().Values(background, p) {
				break
			}
		})
	})
}

func jobQueue(_ *task.Cx, v []byte) (int, error) { return len(v), nil }

// TestLentInThePoll: what is done with lent bytes within the poll is fine.
func TestLentInThePoll(t *testing.T) {
	n := 0
	three := func() *stream.Stream[[]byte] {
		n := 0
		return stream.Func(func(cx *task.Cx) ([]byte, error) {
			if n++; n > 3 {
				return nil, io.EOF
			}
			return cx.Lend([]byte("line")), nil
		})
	}
	see := func(_ *task.Cx, v []byte) error {
		require.Equal(t, "line", string(v))
		n++
		return nil
	}
	var all [][]byte
	steps(t,
		func(cx *task.Cx) error { return three().ForEach(cx, see) },
		func(cx *task.Cx) error { // looked at, and taken
			s := three()
			v, err := s.Peek(cx)
			require.NoError(t, err)
			require.NoError(t, see(cx, v))
			return s.ForEach(cx, see)
		},
		func(cx *task.Cx) error {
			return stream.Zip(three(), three()).ForEach(cx, func(cx *task.Cx, p stream.Pair[[]byte, []byte]) error { return see(cx, p.B) })
		},
		func(cx *task.Cx) error {
			return stream.Batch(three(), 3, 0).ForEach(cx, func(cx *task.Cx, b [][]byte) error { return see(cx, b[2]) })
		},
		func(cx *task.Cx) error { return stream.Map(three(), bytes.Clone).Collect(cx, &all) },
	)
	require.Equal(t, 3+4+3+1, n)
	require.Equal(t, [][]byte{[]byte("line"), []byte("line"), []byte("line")}, all)
}
