//go:build explore

package stream

import (
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
)

// bounded is for what cannot be enumerated: schedules with at most so many preemptions,
// one less with -short.
func bounded(preemptions int) explore.Options {
	if testing.Short() {
		preemptions--
	}
	return explore.Options{Preemptions: max(preemptions, 1)}
}

// result is a value that notices when nothing orders who makes it and who takes it.
type result = *explore.Plain[int]

// collects is a task that pulls s to its end.
func collects(s *Stream[result], got *[]int, want error) *rig.Task {
	return rig.Named("consumer", func(cx *task.Cx) error {
		for {
			p, err := s.Next(cx)
			if task.IsPending(err) {
				return err
			}
			if err != nil {
				if err != want {
					return err
				}
				return s.Close(cx)
			}
			*got = append(*got, p.Get())
		}
	})
}

// working: values that are worked on by as many tasks, pulled by a task on one worker or the
// other.
func working(of func(*Stream[int], int, func(*task.Cx, int) (result, error)) *Stream[result], values, n int) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 2)
		s := of(FromSlice([]int{1, 2, 3}[:values]), n, func(_ *task.Cx, v int) (result, error) {
			p := new(explore.Plain[int])
			p.Set(v)
			return p, nil
		})
		var got []int
		r.Start(collects(s, &got, io.EOF))
		x.Final(func() {
			r.Settled()
			slices.Sort(got)
			x.Assert(slices.Equal(got, []int{1, 2, 3}[:values]), "got %v", got)
		})
	}
}

func TestExploreWork(t *testing.T) {
	t.Run("ordered", func(t *testing.T) { explore.Check(t, bounded(2), working(MapConcurrent[int, result], 3, 2)) })
	t.Run("unordered", func(t *testing.T) { explore.Check(t, bounded(2), working(MapUnordered[int, result], 3, 2)) })
}

// A call that fails, while another waits until it is canceled: the end of the stream is the
// failure, and comes when both have ended.
func TestExploreFailure(t *testing.T) {
	failure := errors.New("failure")
	for name, of := range map[string]func(*Stream[int], int, func(*task.Cx, int) (result, error)) *Stream[result]{
		"ordered": MapConcurrent[int, result], "unordered": MapUnordered[int, result],
	} {
		t.Run(name, func(t *testing.T) {
			explore.Check(t, bounded(2), func(x *explore.X) {
				r := rig.New(x, 2)
				var never task.Promise[result]
				ended := new(explore.Plain[int])
				s := of(FromSlice([]int{1, 2}), 2, func(cx *task.Cx, v int) (result, error) {
					if v == 1 {
						return nil, failure
					}
					p, err := never.Wait(cx)
					if !task.IsPending(err) {
						ended.Set(1)
					}
					return p, err
				})
				var err error
				r.Start(rig.Named("consumer", func(cx *task.Cx) error {
					_, err = s.Next(cx)
					if task.IsPending(err) {
						return err
					}
					ended.Get() // ordered behind the other's end, if it has begun
					return nil
				}))
				x.Final(func() {
					r.Settled()
					x.Assert(err == failure, "the end is %v", err)
				})
			})
		})
	}
}

// A buffer is pulled to its end, or closed with the pump in whatever it does.
func TestExploreBuffer(t *testing.T) {
	buffered := func(values, take int) func(*explore.X) {
		return func(x *explore.X) {
			r := rig.New(x, 2)
			s := Map(FromSlice([]int{1, 2, 3}[:values]), func(v int) result {
				p := new(explore.Plain[int])
				p.Set(v)
				return p
			}).Buffer(1).Take(take)
			var got []int
			r.Start(collects(s, &got, io.EOF))
			x.Final(func() {
				r.Settled()
				x.Assert(slices.Equal(got, []int{1, 2, 3}[:min(values, take)]), "got %v", got)
			})
		}
	}
	t.Run("to its end", func(t *testing.T) { explore.Check(t, bounded(2), buffered(2, 9)) })
	t.Run("closed", func(t *testing.T) { explore.Check(t, bounded(2), buffered(3, 1)) })
}

// The owner looks, is put into the set, and looks no more.
func TestRefuteAPopThatLooksOnce(t *testing.T) {
	rig.Refute(t, 2, "deadlock", func(x *explore.X) {
		r := rig.New(x, 2)
		var l jobQueue[int, int]
		r.StartOn(0, rig.Named("owner", func(cx *task.Cx) error {
			if l.take() == nil {
				l.set.Listen(cx, &l.mu)
				return cx.Suspend()
			}
			l.set.Forget(cx)
			return nil
		}))
		r.StartOn(1, rig.Named("job", func(*task.Cx) error {
			l.push(&job[int, int]{})
			return nil
		}))
	})
}
