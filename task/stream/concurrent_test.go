package stream_test

import (
	"context"
	"io"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/stream"
)

type work = func(*task.Cx, int) (int, error)

// both are the two operators.
var both = map[string]func(*stream.Stream[int], int, work) *stream.Stream[int]{
	"concurrent": stream.MapConcurrent[int, int],
	"unordered":  stream.MapUnordered[int, int],
}

func TestNeverMoreThanN(t *testing.T) {
	total := 3000
	if testing.Short() {
		total = 300
	}
	const n = 4
	for name, of := range both {
		for where, run := range runners(t) {
			t.Run(name+"/"+where, func(t *testing.T) {
				var active, most, taken atomic.Int64
				given := 0
				source := stream.Map(stream.FromSlice(count(total)), func(v int) int {
					require.LessOrEqual(t, int(taken.Add(1)), given+n, "taken ahead")
					return v
				})
				first := make([]bool, total)
				s := of(source, n, func(cx *task.Cx, v int) (int, error) {
					if !first[v] {
						first[v] = true
						now := active.Add(1)
						for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
						}
					}
					if v%10 != 0 {
						if err := cx.Yield(); err != nil {
							return 0, err
						}
					}
					active.Add(-1)
					return v, nil
				})
				var got []int
				require.NoError(t, run(background, seq(func(cx *task.Cx) error {
					return s.ForEach(cx, func(_ *task.Cx, v int) error {
						given++
						got = append(got, v)
						return nil
					})
				})))
				require.Greater(t, int(most.Load()), 1)
				require.LessOrEqual(t, int(most.Load()), n)
				if name == "unordered" {
					require.False(t, slices.IsSorted(got), "they overtake each other")
					slices.Sort(got)
				}
				require.Equal(t, count(total), got)
			})
		}
	}
}

func TestUnorderedOvertakes(t *testing.T) {
	var slow task.Promise[int]
	f := func(cx *task.Cx, v int) (int, error) {
		if v == 0 {
			return slow.Wait(cx)
		}
		return v, nil
	}
	for name, of := range both {
		t.Run(name, func(t *testing.T) {
			slow = task.Promise[int]{}
			s := of(stream.FromSlice(count(4)), 2, f)
			resolve := once(func(*task.Cx) { slow.Resolve(7, nil) })
			if name == "unordered" {
				steps(t, next(t, s, 1), next(t, s, 2), next(t, s, 3), stuck(t, s), resolve, next(t, s, 7), ends(t, s, io.EOF))
			} else {
				steps(t, stuck(t, s), rounds(3), stuck(t, s), resolve, next(t, s, 7), next(t, s, 1), next(t, s, 2), next(t, s, 3), ends(t, s, io.EOF))
			}
		})
	}
}

// An error comes in its place, or at once, and the others are canceled and have ended then.
func TestWorkFails(t *testing.T) {
	for name, of := range both {
		for where, run := range runners(t) {
			t.Run(name+"/"+where, func(t *testing.T) {
				var running atomic.Int64
				never := chans.New[int](1)
				s := of(jerky(count(20)), 5, func(cx *task.Cx, v int) (int, error) {
					switch {
					case v < 3:
						return v, cx.Yield()
					case v == 3:
						return 0, errBoom
					}
					running.Add(1)
					defer running.Add(-1)
					return never.Recv(cx)
				})
				var got []int
				err := run(background, seq(func(cx *task.Cx) error { return s.Collect(cx, &got) }))
				require.Equal(t, errBoom, err)
				if name == "concurrent" {
					require.Equal(t, count(3), got)
				}
				require.Zero(t, running.Load())
				require.NoError(t, never.TrySend(nil, 1))
				_, err = never.TryRecv(nil)
				require.NoError(t, err)
			})
		}
	}
}

func TestWorkIsCanceled(t *testing.T) {
	for name, of := range both {
		t.Run(name, func(t *testing.T) {
			never := chans.New[int](1)
			ended := 0
			s := of(stream.Repeat(1), 5, func(cx *task.Cx, v int) (int, error) {
				_, err := never.Recv(cx)
				if !task.IsPending(err) {
					require.ErrorIs(t, err, task.ErrCanceled)
					ended++
				}
				return v, err
			})
			ctx, cancel := context.WithCancelCause(background)
			err := task.Run(ctx, seq(stuck(t, s), rounds(3), once(func(*task.Cx) { cancel(errBoom) }), ends(t, s, errBoom)))
			require.NoError(t, err)
			require.Equal(t, 5, ended, "all n have begun")
		})
	}
}

// child is a task that waits until it is canceled.
type child struct {
	task.Frame
	ended *atomic.Int64
}

func (c *child) Poll(cx *task.Cx) error {
	if err := cx.Err(); err != nil {
		return err
	}
	cx.Waker()
	return task.Pending
}

func (c *child) Finish(error) { c.ended.Add(1) }

// A call is a task: what it has started ends with it, before its result is there.
func TestWorkOwnsWhatItStarts(t *testing.T) {
	for name, of := range both {
		for where, run := range runners(t) {
			t.Run(name+"/"+where, func(t *testing.T) {
				var ended atomic.Int64
				s := of(stream.FromSlice(count(20)), 3, func(cx *task.Cx, v int) (int, error) {
					new(task.Group).Go(cx, &child{ended: &ended})
					return v, nil
				})
				n := 0
				require.NoError(t, run(background, seq(func(cx *task.Cx) error {
					return s.ForEach(cx, func(*task.Cx, int) error {
						n++
						require.GreaterOrEqual(t, int(ended.Load()), n)
						return nil
					})
				})))
				require.Equal(t, 20, n)
			})
		}
	}
}

// The frames are used again: there is nothing to allocate for a value.
func TestWorkAllocates(t *testing.T) {
	if invariant.Enabled {
		t.Skip("the checks allocate")
	}
	p := open(t) // the queue of task.Run is a slice that moves
	for name, of := range both {
		t.Run(name, func(t *testing.T) {
			mallocs := func(n int) uint64 {
				s := of(stream.FromSlice(count(n)), 4, func(cx *task.Cx, v int) (int, error) { return v, cx.Yield() })
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				require.NoError(t, p.Run(background, seq(func(cx *task.Cx) error {
					return s.ForEach(cx, func(*task.Cx, int) error { return nil })
				})))
				runtime.ReadMemStats(&after)
				return after.Mallocs - before.Mallocs
			}
			mallocs(10)
			require.Less(t, mallocs(10_000), uint64(1_000))
		})
	}
}
