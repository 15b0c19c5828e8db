package explore_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/explore"
)

// Two increments, each a load and a store: the explorer finds the lost update,
// and its schedule replays to the same failure.
func TestLostUpdate(t *testing.T) {
	model := func(x *explore.X) {
		var n explore.Int64
		add := func() { n.Store(n.Load() + 1) }
		x.Go("a", add)
		x.Go("b", add)
		x.Final(func() { x.Assert(n.Load() == 2, "n is %d", n.Load()) })
	}
	f := explore.Refute(t, explore.Options{}, model)
	require.Equal(t, "n is 1", f.Reason)
	require.Contains(t, strings.Join(f.Trace, "\n"), "explore_test.go:", "the trace names source lines")

	again := explore.Run(explore.Options{Replay: f.Schedule}, model)
	require.NotNil(t, again.Failure)
	require.Equal(t, f.Reason, again.Failure.Reason)
	require.Equal(t, 1, again.Schedules)
}

func TestAtomicAddIsNotLost(t *testing.T) {
	explore.Check(t, explore.Options{}, func(x *explore.X) {
		var n explore.Uint32
		for range 3 {
			x.Go("adder", func() { n.Add(1); n.Add(1) })
		}
		x.Final(func() { x.Assert(n.Load() == 6, "n is %d", n.Load()) })
	})
}

// How many interleavings there are is known for small programs: independent
// operations have one, k conflicting writes by as many threads have k!.
func TestCountsOnlyWhatDiffers(t *testing.T) {
	r := explore.Check(t, explore.Options{}, func(x *explore.X) {
		var v [4]explore.Int32
		for i := range v {
			x.Go("independent", func() { v[i].Store(1); v[i].Store(2) })
		}
	})
	require.Equal(t, 1, r.Schedules)

	r = explore.Check(t, explore.Options{}, func(x *explore.X) {
		var v explore.Int32
		for range 4 {
			x.Go("writer", func() { v.Store(1) })
		}
	})
	require.Equal(t, 24, r.Schedules)
}

// Peterson's lock excludes; with the two stores swapped it does not. Both
// threads wait through explore.Wait, so a deadlock would be found too.
func TestPeterson(t *testing.T) {
	lock := func(swapped bool) func(x *explore.X) {
		return func(x *explore.X) {
			var want [2]explore.Bool
			var turn explore.Int32
			var inside explore.Plain[int]
			for me := range 2 {
				other := 1 - me
				x.Go("thread", func() {
					if swapped {
						turn.Store(int32(other))
						want[me].Store(true)
					} else {
						want[me].Store(true)
						turn.Store(int32(other))
					}
					for want[other].Load() && turn.Load() == int32(other) {
						// Either change may let us in: two conditions, two waits.
						if explore.Choose(2) == 0 {
							explore.Wait(&turn, func() bool { return turn.Peek() == int32(me) || !want[other].Peek() })
						} else {
							explore.Wait(&want[other], func() bool { return turn.Peek() == int32(me) || !want[other].Peek() })
						}
					}
					inside.Set(inside.Get() + 1) // a data race unless excluded
					want[me].Store(false)
				})
			}
		}
	}
	explore.Check(t, explore.Options{Preemptions: 4}, lock(false))
	f := explore.Refute(t, explore.Options{}, lock(true))
	require.Contains(t, f.Reason, "data race")
}

func TestDeadlock(t *testing.T) {
	f := explore.Refute(t, explore.Options{}, func(x *explore.X) {
		var l [2]explore.Bool
		take := func(b *explore.Bool) {
			for !b.CompareAndSwap(false, true) {
				explore.Wait(b, func() bool { return !b.Peek() })
			}
		}
		x.Go("ab", func() { take(&l[0]); take(&l[1]); l[1].Store(false); l[0].Store(false) })
		x.Go("ba", func() { take(&l[1]); take(&l[0]); l[0].Store(false); l[1].Store(false) })
	})
	require.Contains(t, f.Reason, "deadlock: ab, ba blocked")
}

func TestLivelock(t *testing.T) {
	f := explore.Refute(t, explore.Options{MaxSteps: 100}, func(x *explore.X) {
		var stop explore.Bool
		x.Go("spinner", func() {
			for !stop.Load() {
			}
		})
		x.Go("stopper", func() { stop.Store(true) })
	})
	require.Contains(t, f.Reason, "livelock")
}

func TestPanicIsAFailure(t *testing.T) {
	f := explore.Refute(t, explore.Options{}, func(x *explore.X) {
		var p explore.Pointer[int]
		x.Go("a", func() { p.Store(new(int)) })
		x.Go("b", func() { _ = *p.Load() })
	})
	require.Contains(t, f.Reason, "nil pointer")
}

// A model that does something else when it is run again is no model.
func TestNotDeterministic(t *testing.T) {
	runs := 0
	f := explore.Run(explore.Options{}, func(x *explore.X) {
		var n explore.Int32
		runs++
		blocks := runs > 1
		x.Go("one", func() {
			if blocks {
				explore.Wait(&n, func() bool { return n.Peek() > 0 })
			}
			n.Add(1)
			n.Add(1)
		})
		x.Go("two", func() { n.Add(1) })
	}).Failure
	require.NotNil(t, f)
	require.Regexp(t, "^not deterministic: after [0-9]+ steps one could go on before, and cannot now", f.Reason)
}

// A field handed over by an atomic is ordered; one that is read without having
// observed the atomic is a race, in whatever order the two really ran.
func TestPlainHandOver(t *testing.T) {
	explore.Check(t, explore.Options{}, func(x *explore.X) {
		var ready explore.Uint64
		var data explore.Plain[string]
		x.Go("publisher", func() { data.Set("x"); ready.Store(1) })
		x.Go("observer", func() {
			if ready.Load() == 1 {
				x.Assert(data.Get() == "x", "stale")
			}
		})
	})
	f := explore.Refute(t, explore.Options{}, func(x *explore.X) {
		var ready explore.Uint64
		var data explore.Plain[string]
		x.Go("publisher", func() { ready.Store(1); data.Set("x") })
		x.Go("observer", func() {
			if ready.Load() == 1 {
				data.Get()
			}
		})
	})
	require.Contains(t, f.Reason, "data race")
}

// Each operation's effect and result, against sync/atomic's documentation.
func TestOperations(t *testing.T) {
	check := func() {
		var i explore.Int32
		i.Store(-3)
		require.EqualValues(t, -3, i.Load())
		require.EqualValues(t, -1, i.Add(2))
		require.EqualValues(t, -1, i.Swap(12))
		require.EqualValues(t, 12, i.And(6))
		require.EqualValues(t, 4, i.Or(3))
		require.EqualValues(t, 7, i.Peek())
		require.False(t, i.CompareAndSwap(6, 0))
		require.True(t, i.CompareAndSwap(7, 0))
		var u explore.Uint32
		require.EqualValues(t, ^uint32(0), u.Add(^uint32(0)))
		require.EqualValues(t, 0, u.Add(1), "wraps at its own width")
		var b explore.Bool
		require.False(t, b.Swap(true))
		require.False(t, b.CompareAndSwap(false, true))
		require.True(t, b.Load() && b.Peek())
		var p explore.Pointer[int]
		x, y := new(int), new(int)
		p.Store(x)
		require.Same(t, x, p.Swap(y))
		require.True(t, p.CompareAndSwap(y, nil))
		require.Nil(t, p.Load())
		require.Nil(t, p.Peek())
	}
	check() // outside an exploration
	explore.Check(t, explore.Options{}, func(x *explore.X) { x.Go("one", check) })
}

func TestTimedWaitGoesBothWays(t *testing.T) {
	outcomes := map[bool]int{}
	explore.Check(t, explore.Options{}, func(x *explore.X) {
		var token explore.Bool
		x.Go("sleeper", func() {
			outcomes[explore.WaitTimed(&token, token.Peek)]++
		})
		x.Go("waker", func() { token.Store(true) })
	})
	require.Len(t, outcomes, 2)
}

func TestChoose(t *testing.T) {
	seen := map[[2]int]int{}
	r := explore.Check(t, explore.Options{}, func(x *explore.X) {
		x.Go("one", func() { seen[[2]int{explore.Choose(3), explore.Choose(2)}]++ })
	})
	require.Len(t, seen, 6)
	require.Equal(t, 6, r.Schedules)
}

// The reduction must not lose behaviour: on random programs the exhaustive
// search sees exactly the outcomes that plain enumeration sees, in fewer
// interleavings.
func TestReductionLosesNothing(t *testing.T) {
	programs := 120
	if testing.Short() {
		programs = 25
	}
	saved := 0
	for seed := range programs {
		reduced, r1 := outcomes(explore.Options{}, uint64(seed))
		all, r2 := outcomes(explore.Options{Preemptions: 1000}, uint64(seed))
		require.True(t, r1.Complete && r2.Complete)
		require.Equal(t, all, reduced, "program %d", seed)
		require.LessOrEqual(t, r1.Schedules, r2.Schedules)
		saved += r2.Schedules - r1.Schedules
	}
	require.Positive(t, saved)
	t.Logf("the reduction saved %d interleavings on %d programs", saved, programs)
}

// outcomes runs a random program and collects what its threads read, and
// whether they were blocked for ever.
func outcomes(o explore.Options, seed uint64) (map[string]bool, explore.Report) {
	rng := rand.New(rand.NewPCG(seed, 7))
	type op struct{ kind, on int }
	program := make([][]op, 2+rng.IntN(2))
	for i := range program {
		for range 1 + rng.IntN(3) {
			program[i] = append(program[i], op{rng.IntN(5), rng.IntN(2)})
		}
	}
	seen := map[string]bool{}
	r := explore.Run(o, func(x *explore.X) {
		var vars [2]explore.Int32
		log := make([][]int32, len(program))
		for i, ops := range program {
			x.Go("t", func() {
				for n, op := range ops {
					v := &vars[op.on]
					switch op.kind {
					case 0:
						log[i] = append(log[i], v.Load())
					case 1:
						v.Store(int32(10*i + n + 1))
					case 2:
						log[i] = append(log[i], v.Add(100))
					case 3:
						if v.CompareAndSwap(0, 5) {
							log[i] = append(log[i], -1)
						}
					case 4: // waits if somebody makes it true; else times out
						if explore.WaitTimed(v, func() bool { return v.Peek() != 0 }) {
							log[i] = append(log[i], -2)
						}
					}
				}
			})
		}
		x.Final(func() { seen[fmt.Sprint(log, vars[0].Peek(), vars[1].Peek())] = true })
	})
	return seen, r
}

func TestRandomFindsADeepBug(t *testing.T) {
	// Three preemptions at the right places: out of reach for uniform choice
	// alone in few schedules, found by the two kinds in turn.
	model := func(x *explore.X) {
		var step, bad explore.Int32
		x.Go("a", func() {
			for range 10 {
				step.Load()
			}
			if step.CompareAndSwap(1, 2) && step.Load() == 3 {
				bad.Store(1)
			}
		})
		x.Go("b", func() { step.CompareAndSwap(0, 1); step.CompareAndSwap(2, 3) })
		x.Final(func() { x.Assert(bad.Load() == 0, "reached") })
	}
	f := explore.Refute(t, explore.Options{Random: 20_000, Seed: 1}, model)
	require.Equal(t, "reached", explore.Run(explore.Options{Replay: f.Schedule}, model).Failure.Reason)
}

func TestReplayRefusesNonsense(t *testing.T) {
	model := func(x *explore.X) { x.Go("only", func() {}) }
	for _, s := range []string{"z", "a9999999", "A", "b", "=1"} {
		require.NotNil(t, explore.Run(explore.Options{Replay: s}, model).Failure, s)
	}
}

// A tour: a hand-over with the two lines in the wrong order.
func Example() {
	report := explore.Run(explore.Options{}, func(x *explore.X) {
		var flag explore.Bool
		var data explore.Plain[int]
		x.Go("writer", func() {
			flag.Store(true) // too early
			data.Set(42)
		})
		x.Go("reader", func() {
			if flag.Load() {
				data.Get()
			}
		})
	})
	fmt.Println(report.Failure.Reason)
	fmt.Println("replay with", report.Failure.Schedule)
	// Output:
	// data race: reader reads a plain field that writer has written, and nothing orders the two
	// replay with a2b2
}

func BenchmarkExecution(b *testing.B) {
	steps := 0
	for b.Loop() {
		steps += explore.Run(explore.Options{Random: 10}, func(x *explore.X) {
			var v explore.Int64
			for range 3 {
				x.Go("t", func() {
					for range 10 {
						v.Add(1)
					}
				})
			}
		}).Steps
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(steps), "ns/step")
}
