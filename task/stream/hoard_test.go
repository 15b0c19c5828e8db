package stream_test

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
	"github.com/heist-go/heist/task/stream"
)

// pull is an operator as what pulls the next of its values.
type pull = func(*task.Cx) error

func pulls[T any](s *stream.Stream[T]) pull {
	return func(cx *task.Cx) error { _, err := s.Next(cx); return err }
}

func same(_ *task.Cx, v int) (int, error) { return v, nil }

// pulled are all operators, on a source that has the values 1 and 2, and then those of a
// channel. other has two values, and then none.
var pulled = map[string]func(src, other *stream.Stream[int]) pull{
	"Batch of one":  func(s, _ *stream.Stream[int]) pull { return pulls(stream.Batch(s, 1, 0)) },
	"Batch":         func(s, _ *stream.Stream[int]) pull { return pulls(stream.Batch(s, 2, time.Hour)) },
	"Chain":         func(s, other *stream.Stream[int]) pull { return pulls(stream.Chain(s, other)) },
	"Chain, second": func(s, _ *stream.Stream[int]) pull { return pulls(stream.Chain(stream.Empty[int](), s)) },
	"Collect": func(s, _ *stream.Stream[int]) pull {
		var all []int
		return func(cx *task.Cx) error { return s.Collect(cx, &all) }
	},
	"Debounce":  func(s, _ *stream.Stream[int]) pull { return pulls(s.Debounce(10 * ms)) },
	"Enumerate": func(s, _ *stream.Stream[int]) pull { return pulls(stream.Enumerate(s)) },
	"Filter":    func(s, _ *stream.Stream[int]) pull { return pulls(s.Filter(func(v int) bool { return v == 1 })) },
	"FlatMap":   func(s, _ *stream.Stream[int]) pull { return pulls(stream.FlatMap(s, stream.Once[int])) },
	"FlatMap, inner": func(s, _ *stream.Stream[int]) pull {
		return pulls(stream.FlatMap(stream.Once(1), func(int) *stream.Stream[int] { return s }))
	},
	"ForEach": func(s, _ *stream.Stream[int]) pull {
		return func(cx *task.Cx) error { return s.ForEach(cx, func(*task.Cx, int) error { return nil }) }
	},
	"Map":           func(s, _ *stream.Stream[int]) pull { return pulls(stream.Map(s, func(v int) int { return v })) },
	"MapConcurrent": func(s, _ *stream.Stream[int]) pull { return pulls(stream.MapConcurrent(s, 4, same)) },
	"MapUnordered":  func(s, _ *stream.Stream[int]) pull { return pulls(stream.MapUnordered(s, 4, same)) },
	"Merge":         func(s, other *stream.Stream[int]) pull { return pulls(stream.Merge(s.Skip(2), other)) },
	"Merge, second": func(s, other *stream.Stream[int]) pull { return pulls(stream.Merge(other, s.Skip(2))) },
	"Merge of Merge": func(s, other *stream.Stream[int]) pull {
		return pulls(stream.Merge(stream.Merge(s.Skip(2), stream.Empty[int]()), other))
	},
	"Merge under Map": func(s, other *stream.Stream[int]) pull {
		return pulls(stream.Map(stream.Merge(s.Skip(2), other), func(v int) int { return v }))
	},
	"Peek": func(s, _ *stream.Stream[int]) pull {
		return func(cx *task.Cx) error {
			if _, err := s.Peek(cx); err != nil {
				return err
			}
			_, err := s.Next(cx)
			return err
		}
	},
	"Scan": func(s, _ *stream.Stream[int]) pull {
		return pulls(stream.Scan(s, 0, func(a, v int) int { return a + v }))
	},
	"Send": func(s, _ *stream.Stream[int]) pull {
		c := chans.New[int](8)
		return func(cx *task.Cx) error { return s.Send(cx, c) }
	},
	"Skip":        func(s, _ *stream.Stream[int]) pull { return pulls(s.Skip(1)) },
	"Take":        func(s, _ *stream.Stream[int]) pull { return pulls(s.Take(5)) },
	"TakeWhile":   func(s, _ *stream.Stream[int]) pull { return pulls(s.TakeWhile(func(int) bool { return true })) },
	"Then":        func(s, _ *stream.Stream[int]) pull { return pulls(stream.Then(s, same)) },
	"Throttle":    func(s, _ *stream.Stream[int]) pull { return pulls(s.Throttle(10 * ms)) },
	"Window":      func(s, _ *stream.Stream[int]) pull { return pulls(stream.Window(s, 2, 1)) },
	"Zip":         func(s, other *stream.Stream[int]) pull { return pulls(stream.Zip(s, other)) },
	"Zip, second": func(s, other *stream.Stream[int]) pull { return pulls(stream.Zip(other, s)) },
}

// sinks pull a stream to its end.
var sinks = map[string]bool{"Collect": true, "ForEach": true, "Send": true}

// TestNobodyHoards: a task has pulled so many values, and does something else from then on. What
// it has not got is anybody's: nobody is in line for the values that come, or holds them.
func TestNobodyHoards(t *testing.T) {
	for name, operator := range pulled {
		for _, left := range []string{"after a value", "while it waits"} {
			if sinks[name] && left == "after a value" {
				continue // it does not return between two
			}
			t.Run(name+"/"+left, func(t *testing.T) {
				l := rig.NewLab()
				defer task.ReleaseClock(&l.Runtime)
				c := chans.New[int](8)
				src := stream.Chain(stream.FromSlice([]int{1, 2}), stream.FromChan(c))
				next := operator(src, stream.FromSlice([]int{7, 8}))
				var away, back lock.Event
				values, waited := 0, false
				var g task.Group
				g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error {
					for !waited {
						err := next(cx)
						if task.IsPending(err) {
							if left == "after a value" && values == 0 {
								return err // it has none yet
							}
							if waited = back.IsSet(); !waited {
								return task.All(err, back.Wait(cx))
							}
							cx.Waker().Wake() // it comes again, and does not call it
							return err
						}
						if waited = err == io.EOF; waited {
							break
						}
						require.NoError(t, err)
						if values++; left == "after a value" {
							waited = true
						}
						require.Less(t, values, 10)
					}
					return away.Wait(cx)
				}))
				for range 4 { // whatever the operator waits for besides
					l.Work()
					l.Clock.Advance(10 * ms)
				}
				l.Work()
				back.Set(nil)
				l.Work()
				for v := range 3 {
					require.NoError(t, c.TrySend(nil, v))
					got, err := c.TryRecv(nil)
					require.NoError(t, err, "somebody is in line for it")
					require.Equal(t, v, got)
				}
				away.Set(nil)
				l.Work()
				require.NoError(t, g.WaitContext(background))
			})
		}
	}
}

// TestCalledAgainKeepsItsPlace: who pulls the next value in the same poll has not left its place
// in a line, behind which others are.
func TestCalledAgainKeepsItsPlace(t *testing.T) {
	l := rig.NewLab()
	defer task.ReleaseClock(&l.Runtime)
	c := chans.New[int](1)
	s := stream.Merge(stream.FromChan(c), stream.FromSlice([]int{7, 8}))
	var got, other []int
	var g task.Group
	g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error { return s.Collect(cx, &got) }))
	l.Work()
	require.Equal(t, []int{7, 8}, got)
	g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error {
		v, err := c.Recv(cx)
		if err == nil {
			other = append(other, v)
		}
		return err
	}))
	l.Work()
	require.NoError(t, c.TrySend(nil, 1))
	l.Work()
	require.Equal(t, []int{7, 8, 1}, got)
	c.Close(nil)
	l.Work()
	require.ErrorIs(t, g.WaitContext(background), task.ErrClosed)
	require.Empty(t, other)
}
