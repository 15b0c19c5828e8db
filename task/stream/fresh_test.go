package stream_test

import (
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
	"github.com/heist-go/heist/task/stream"
)

// TestFreshStreams: a task that lives on uses thousands of streams, and keeps nothing of those that it has
// left, unless they go on by contract.
func TestFreshStreams(t *testing.T) {
	if testing.Short() || invariant.Enabled {
		t.Skip("it takes long, and checked builds keep more")
	}
	const n, kept = 1_000, 64
	goesOn := map[string]bool{"MapConcurrent": true, "MapUnordered": true}
	has := map[string]bool{ // of what was left in the middle they still have values
		"Batch": true, "Window": true, "Debounce": true, "Zip": true, "Zip, second": true,
	}
	for name, operator := range pulled {
		for _, use := range []string{"after a value", "while it waits"} {
			if goesOn[name] || use == "while it waits" && has[name] {
				continue
			}
			t.Run(name+"/"+use, func(t *testing.T) {
				l := rig.NewLab()
				defer task.ReleaseClock(&l.Runtime)
				c := chans.New[int](1)
				var quit lock.Event
				var cur pull
				var of task.Waker
				do := func(cx *task.Cx) error { return nil }
				var g task.Group
				g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error {
					of = cx.Waker()
					if err := do(cx); err != nil {
						return err
					}
					return quit.Wait(cx)
				}))
				l.Work()
				fresh := func(n int) {
					for range n {
						s := stream.Chain(stream.FromSlice([]int{1, 2}), stream.FromChan(c))
						cur = operator(s, stream.FromSlice([]int{7, 8}))
						done := false
						do = func(cx *task.Cx) error {
							for !done {
								err := cur(cx)
								switch {
								case err == io.EOF:
									done = true
								case task.IsPending(err):
									return err
								case err != nil:
									return err
								default:
									done = use == "after a value" || sinks[name]
								}
							}
							return nil
						}
						of.Wake()
						l.Work()
						for range 3 {
							if !done {
								l.Clock.Advance(10 * ms)
								l.Work()
							}
						}
						do = func(cx *task.Cx) error { return nil }
						of.Wake()
						l.Work()
					}
					cur = nil
				}
				fresh(n / 10)
				heap := func() int64 {
					runtime.GC()
					runtime.GC()
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					return int64(m.HeapAlloc)
				}
				before := heap()
				fresh(n)
				require.LessOrEqual(t, heap()-before, int64(n*kept))
				quit.Set(nil)
				l.Work()
				require.NoError(t, g.WaitContext(background))
			})
		}
	}
}
