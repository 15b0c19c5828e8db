package stream_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
	"github.com/heist-go/heist/task/stream"
)

// TestNextWaitsForForEach: a value that a function is in the middle of is nobody else's.
func TestNextWaitsForForEach(t *testing.T) {
	l := rig.NewLab()
	defer task.ReleaseClock(&l.Runtime)
	s := stream.FromSlice(count(2))
	var e lock.Event
	var each, other []int
	var all combine.All
	var g task.Group
	g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error {
		return all.Wait(cx,
			func(cx *task.Cx) error {
				return s.ForEach(cx, func(cx *task.Cx, v int) error {
					if err := e.Wait(cx); err != nil {
						return err
					}
					if each = append(each, v); v == 0 {
						return errBoom
					}
					return nil
				})
			},
			func(cx *task.Cx) error {
				v, err := s.Next(cx)
				if err == nil {
					other = append(other, v)
				}
				return err
			})
	}))
	l.Work()
	require.Empty(t, other)
	e.Set(nil)
	l.Work()
	require.ErrorIs(t, g.WaitContext(background), errBoom)
	require.Equal(t, []int{0}, each)
	require.Empty(t, other)
	steps(t, next(t, s, 1))
}

// TestTurnOfTheNextBranch: an operation that has had its value, and whose branch has not ended, is not in
// the way of another one.
func TestTurnOfTheNextBranch(t *testing.T) {
	for name, of := range map[string]func(c *chans.Chan[int]) *stream.Stream[int]{
		"FromChan":      func(c *chans.Chan[int]) *stream.Stream[int] { return stream.FromChan(c) },
		"Buffer":        func(c *chans.Chan[int]) *stream.Stream[int] { return stream.FromChan(c).Buffer(4) },
		"MapConcurrent": func(c *chans.Chan[int]) *stream.Stream[int] { return stream.MapConcurrent(stream.FromChan(c), 4, same) },
		"Merge":         func(c *chans.Chan[int]) *stream.Stream[int] { return stream.Merge(stream.FromChan(c)) },
		"Then":          func(c *chans.Chan[int]) *stream.Stream[int] { return stream.Then(stream.FromChan(c), same) },
		"Func": func(c *chans.Chan[int]) *stream.Stream[int] {
			var other lock.Event
			return stream.Func(func(cx *task.Cx) (int, error) { // waits for two things, and leaves one
				_ = other.Wait(cx)
				return c.Recv(cx)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := rig.NewLab()
			defer task.ReleaseClock(&l.Runtime)
			c := chans.New[int](4)
			s := of(c)
			var a, b task.Branch
			var got []int
			had := [2]bool{}
			var g task.Group
			g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error {
				var waits error
				for i, br := range []*task.Branch{&a, &b} {
					if had[i] {
						continue
					}
					err := br.PollPart(cx, i, func(cx *task.Cx) error {
						v, err := s.Next(cx)
						if err == nil {
							got = append(got, v)
						}
						return err
					})
					if had[i] = err == nil; !had[i] {
						waits = err
					}
				}
				return waits
			}))
			l.Work()
			require.NoError(t, c.TrySend(nil, 1))
			require.NoError(t, c.TrySend(nil, 2))
			l.Work()
			require.Equal(t, []int{1, 2}, got)
			require.NoError(t, g.WaitContext(background))
		})
	}
}

// TestCleanupGoesWithTheValue: a permit that a source has acquired with a value is held as long as the task
// that pulls, not as long as it waits for the next value.
func TestCleanupGoesWithTheValue(t *testing.T) {
	for name, of := range map[string]func(s *stream.Stream[int]) *stream.Stream[int]{
		"Debounce":      func(s *stream.Stream[int]) *stream.Stream[int] { return s.Debounce(ms) },
		"Filter":        func(s *stream.Stream[int]) *stream.Stream[int] { return s.Filter(func(int) bool { return true }) },
		"MapConcurrent": func(s *stream.Stream[int]) *stream.Stream[int] { return stream.MapConcurrent(s, 2, same) },
		"Merge":         func(s *stream.Stream[int]) *stream.Stream[int] { return stream.Merge(s) },
		"Then":          func(s *stream.Stream[int]) *stream.Stream[int] { return stream.Then(s, same) },
	} {
		t.Run(name, func(t *testing.T) {
			l := rig.NewLab()
			defer task.ReleaseClock(&l.Runtime)
			sem := lock.NewSemaphore(1)
			var permit lock.Permit
			var never, end lock.Event
			asked := false
			s := of(stream.Func(func(cx *task.Cx) (int, error) {
				if asked {
					return 0, never.Wait(cx)
				}
				err := permit.Acquire(cx, sem, 1)
				asked = err == nil
				return 1, err
			}))
			had := false
			var g task.Group
			g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error {
				if !had {
					if _, err := s.Next(cx); err != nil {
						return err
					}
					had = true
				}
				return end.Wait(cx)
			}))
			l.Run()
			require.True(t, had)
			require.False(t, sem.TryAcquire(1))
			end.Set(nil)
			l.Work()
			require.NoError(t, g.WaitContext(background))
			require.True(t, sem.TryAcquire(1))
		})
	}
}
