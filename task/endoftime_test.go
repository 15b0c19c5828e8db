package task_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
	"github.com/heist-go/heist/task/stream"
	"github.com/heist-go/heist/timerwheel"
)

// forever waits for what never comes.
func forever() step { return await(new(task.Promise[int])) }

// delay is an object with a duration: op is over for the nth time, from 1 on, no earlier than
// n-free times each after the first call.
type delay struct {
	op   step
	each time.Duration
	free int
	last int // how often it is done; 0: again and again
}

// values is a stream of so many values; what comes after that never does.
func values(n int) *stream.Stream[int] {
	wait := forever()
	return stream.Func(func(cx *task.Cx) (int, error) {
		if n == 0 {
			return 0, wait(cx)
		}
		n--
		return n, nil
	})
}

// of is an operation whose value does not matter.
func of[T any](next func(*task.Cx) (T, error)) step {
	return func(cx *task.Cx) error {
		_, err := next(cx)
		return err
	}
}

// begun is an operation that is begun once.
func begun(begin func(cx *task.Cx), op step) step {
	done := false
	return func(cx *task.Cx) error {
		if !done {
			done = true
			begin(cx)
		}
		return op(cx)
	}
}

// delays are all kinds of objects with durations. Those of which more than one is counted
// are made of durations that are not short.
// longest is the longest spacing of a RateLimiter, which is its longest burst, too.
const longest = time.Duration(1 << 61)

var delays = map[string]func(d time.Duration) delay{
	"Timer.Sleep": func(d time.Duration) delay {
		t := new(task.Timer)
		return delay{each: d, op: func(cx *task.Cx) error { return t.Sleep(cx, d) }}
	},
	"Timer.Reset": func(d time.Duration) delay {
		t := new(task.Timer)
		return delay{each: d, op: begun(func(cx *task.Cx) { t.Reset(cx, d) }, t.Wait), last: 1}
	},
	"Timer.ResetWithin": func(d time.Duration) delay {
		t := new(task.Timer)
		return delay{each: d, op: begun(func(cx *task.Cx) { t.ResetWithin(cx, d, 1000) }, t.Wait), last: 1}
	},
	"Deadline": func(d time.Duration) delay {
		t, wait := new(task.Deadline), forever()
		return delay{each: d, op: func(cx *task.Cx) error {
			if t.Check(cx, d) != nil {
				return nil
			}
			return wait(cx)
		}, last: 1}
	},
	"Deadline.Extend": func(d time.Duration) delay {
		t, wait := new(task.Deadline), forever()
		return delay{each: d, op: begun(func(cx *task.Cx) {
			_ = t.Check(cx, 1)
			t.Extend(cx, d)
		}, func(cx *task.Cx) error {
			if t.Remaining(cx) > 0 {
				return wait(cx)
			}
			return t.Check(cx, d) // ErrTimeout
		}), last: 1}
	},
	"Ticker, burst": func(d time.Duration) delay { return delay{each: d, op: of((&task.Ticker{Every: d}).Tick)} },
	"Ticker, delay": func(d time.Duration) delay {
		return delay{each: d, op: of((&task.Ticker{Every: d, Missed: task.Delay}).Tick)}
	},
	"Ticker, skip": func(d time.Duration) delay {
		return delay{each: d, op: of((&task.Ticker{Every: d, Missed: task.Skip}).Tick)}
	},
	"Backoff": func(d time.Duration) delay {
		return delay{each: d - d/2, op: (&task.Backoff{Min: d, Max: d}).Wait}
	},
	"DelayQueue": func(d time.Duration) delay {
		q := new(task.DelayQueue[int])
		return delay{each: d, op: begun(func(cx *task.Cx) { q.Add(cx, 1, d) }, of(q.Next)), last: 1}
	},
	"Group.SetTimeout": func(d time.Duration) delay {
		g := new(task.Group)
		return delay{each: d, op: begun(func(cx *task.Cx) {
			g.SetTimeout(cx, d)
			g.Go(cx, task.Func(forever()))
		}, g.Wait), last: 1}
	},
	"RateLimiter": func(d time.Duration) delay {
		return delay{each: min(d, longest), op: lock.NewRateLimiter(1, d, 1).Wait, free: 1}
	},
	"RateLimiter, bursts": func(d time.Duration) delay {
		each := min(d, longest)
		return delay{each: each, op: lock.NewRateLimiter(1, d, 3).Wait, free: min(3, int(longest/each))}
	},
	"combine.Timeout": func(d time.Duration) delay {
		t, wait := new(combine.Timeout), forever()
		return delay{each: d, op: func(cx *task.Cx) error { return t.Wait(cx, d, wait) }}
	},
	"stream.Ticks":    func(d time.Duration) delay { return delay{each: d, op: of(stream.Ticks(d).Next)} },
	"stream.Throttle": func(d time.Duration) delay { return delay{each: d, op: of(values(100).Throttle(d).Next), free: 1} },
	"stream.Debounce": func(d time.Duration) delay { return delay{each: d, op: of(values(1).Debounce(d).Next)} },
	"stream.Batch":    func(d time.Duration) delay { return delay{each: d, op: of(stream.Batch(values(1), 2, d).Next)} },
}

// huge returns a duration of any magnitude, from least on, and often one of the ends.
func huge(rng *rand.Rand, least int) time.Duration {
	switch d := time.Duration(rng.Uint64()>>(1+rng.IntN(63-least))) | 1<<least; rng.IntN(6) {
	case 0:
		return math.MaxInt64 - d>>rng.IntN(63)
	case 1:
		return math.MaxInt64
	default:
		return d
	}
}

// TestNoSumOfTimesWraps: with any durations, at any times, nothing comes early, and nobody is
// polled without end; and what is due comes.
func TestNoSumOfTimesWraps(t *testing.T) {
	const most = 200 // polls of one task
	rounds := 300
	if testing.Short() {
		rounds = 50
	}
	for name, make := range delays {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, 7))
			over := 0
			for range rounds {
				l := rig.NewLab()
				if rng.IntN(3) > 0 {
					l.Clock.Advance(huge(rng, 0))
				}
				d := huge(rng, 58)
				k := make(d)
				start, polls, n := l.Nanos(), 0, 0
				what := func() string { return fmt.Sprintf("%v from %d on", d, start) }
				task.Detach(l, task.Func(func(cx *task.Cx) error {
					for {
						if polls++; polls > most {
							return errBoom
						}
						err := k.op(cx)
						if task.IsPending(err) || cx.Err() != nil { // at the end it is canceled
							return err
						}
						n++
						if passed := time.Duration(l.Nanos() - start); n > k.free && passed/time.Duration(n-k.free) < k.each {
							t.Errorf("%s: number %d after %v", what(), n, passed)
						}
						if n == k.last {
							return nil
						}
					}
				}))
				for range 6 {
					l.Work()
					l.Clock.Advance(huge(rng, 0))
				}
				l.Work()
				require.LessOrEqual(t, polls, most, what())
				if end := l.Nanos(); int64(d) < end-start-2*timerwheel.Tick {
					require.Positive(t, n, "%s, and now it is %d", what(), end)
					over++
				}
				l.CancelAll(errBoom)
				l.Work()
				require.Zero(t, l.Timers(), what())
				task.ReleaseClock(&l.Runtime)
			}
			require.Positive(t, over)
		})
	}
}
