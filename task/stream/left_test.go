package stream_test

import (
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
	"github.com/heist-go/heist/task/stream"
)

// leavesSome are the ways to leave values in a stream of 1, 2, 3, and of none for now, without tasks
// that work for it: those, and what they have, belong to the task.
var leavesSome = map[string]func(s *stream.Stream[int]) pull{
	"Peek": func(s *stream.Stream[int]) pull {
		return func(cx *task.Cx) error { _, err := s.Peek(cx); return err }
	},
	"Peek, of what may be anything": func(s *stream.Stream[int]) pull {
		some := stream.Map(s, func(v int) any { return v })
		return func(cx *task.Cx) error { _, err := some.Peek(cx); return err }
	},
	"ForEach": func(s *stream.Stream[int]) pull {
		return func(cx *task.Cx) error {
			return s.ForEach(cx, func(cx *task.Cx, _ int) error { return new(lock.Event).Wait(cx) })
		}
	},
	"Send": func(s *stream.Stream[int]) pull {
		c := chans.New[int](1)
		return func(cx *task.Cx) error { return s.Send(cx, c) }
	},
	"Then": func(s *stream.Stream[int]) pull {
		return pulls(stream.Then(s, func(cx *task.Cx, _ int) (int, error) { return 0, new(lock.Event).Wait(cx) }))
	},
	"Zip":      func(s *stream.Stream[int]) pull { return pulls(stream.Zip(s, stream.Ticks(time.Hour))) },
	"Batch":    func(s *stream.Stream[int]) pull { return pulls(stream.Batch(s, 5, time.Hour)) },
	"Window":   func(s *stream.Stream[int]) pull { return pulls(stream.Window(s, 5, 5)) },
	"Debounce": func(s *stream.Stream[int]) pull { return pulls(s.Debounce(time.Hour)) },
	"Debounce, of what may be anything": func(s *stream.Stream[int]) pull {
		return pulls(stream.Map(s, func(v int) any { return v }).Debounce(time.Hour))
	},
}

// TestWhatIsLeftIsNotKept: a task leaves a stream alone that has values, which no hook waits for and
// which need not be closed, and lives on: the stream goes with whoever has it.
func TestWhatIsLeftIsNotKept(t *testing.T) {
	if invariant.Enabled {
		t.Skip("checked builds look at all that is left")
	}
	for name, leaves := range leavesSome {
		t.Run(name, func(t *testing.T) {
			l := rig.NewLab()
			defer task.ReleaseClock(&l.Runtime)
			var away lock.Event
			var left weak.Pointer[stream.Stream[int]]
			polls := 0
			var g task.Group
			g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error {
				if polls++; polls > 1 {
					return away.Wait(cx)
				}
				s := stream.Chain(stream.FromSlice([]int{1, 2, 3}), stream.FromChan(chans.New[int](1)))
				left = weak.Make(s)
				if err := leaves(s)(cx); err != nil && !task.IsPending(err) {
					return err
				}
				cx.Wake(cx.Waker())
				return cx.Suspend()
			}))
			l.Work()
			for range 4 {
				runtime.GC()
			}
			require.Nil(t, left.Value(), "it is kept")
			away.Set(nil)
			l.Work()
			require.NoError(t, g.WaitContext(background))
		})
	}
}

// TestWhatIsClosedIsKept: of values that may be anything, those that are to be closed are, at the end
// of the task; others are there for the next one.
func TestWhatIsClosedIsKept(t *testing.T) {
	f := &file{}
	s := stream.FromSlice([]any{1, f, 2})
	steps(t, func(cx *task.Cx) error { _, err := s.Peek(cx); return err })
	steps(t, next(t, s, any(1)), func(cx *task.Cx) error { _, err := s.Peek(cx); return err })
	require.Equal(t, 1, f.closed)
	steps(t, ends(t, s, task.ErrClosed))
}
