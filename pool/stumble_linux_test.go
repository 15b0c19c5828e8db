//go:build heistdebug

package pool_test

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// Threads lose their processors for milliseconds between the steps of who activates a spare, hands over,
// departs and exits. All the same each task is polled, and in the end all is given back.
func TestStumbles(t *testing.T) {
	for _, workers := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			var trips atomic.Int64
			pool.Trip(t, func() {
				if trips.Add(1); rand.IntN(3) == 0 {
					nap := syscall.NsecToTimespec(rand.Int64N(int64(3 * time.Millisecond)))
					_ = syscall.Nanosleep(&nap, nil)
				}
			})
			p := openWith(t, pool.Config{Workers: workers, MaxThreads: workers + 3})
			for range 3 {
				var a tally
				var g task.Group
				var computed atomic.Int64
				const jobs, times, polls = 10, 5, 8
				for range jobs {
					g.Go(p, &crunch{times: times, do: func(pool.Scope) int {
						spinFor(500 * time.Microsecond)
						computed.Add(1)
						return 1
					}})
				}
				for range polls { // they take long, and say nothing
					g.Go(p, a.probe(func(cx *task.Cx) error {
						for range 5 {
							cx.Go(a.probe(succeed))
						}
						spinFor(5 * time.Millisecond)
						return nil
					}))
				}
				require.NoError(t, g.WaitContext(background))
				require.EqualValues(t, jobs*times, computed.Load())
				a.check(t, polls*6)
				until(t, "all to be given back", func() bool {
					s := p.Stats()
					return s.Spares == 0 && s.Threads <= workers+monitor && s.Live == 0 && p.Away() == 0 && s.Computing == 0
				})
			}
			require.Positive(t, trips.Load())
		})
	}
}

// spinFor computes for so long.
func spinFor(d time.Duration) {
	for begin := time.Now(); time.Since(begin) < d; {
	}
}
