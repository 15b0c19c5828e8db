package sim_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/fork"
	"github.com/heist-go/heist/pool/par"
	"github.com/heist-go/heist/pool/sim"
	"github.com/heist-go/heist/task"
)

func fib(n int) int {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}

// forked is fib, with a fork at each call.
func forked(f pool.Fork[int, int], n int) int {
	if n < 2 {
		return n
	}
	x := forked(f.Put(n-2), n-1)
	if f.Kept() {
		return x + forked(f, n-2)
	}
	return x + f.Take(n-2)
}

func joined(f pool.Fork[int, int], n int) int {
	if n < 2 {
		return n
	}
	x, y := f.Join(n-1, n-2)
	return x + y
}

// Each grade computes what plain calls do, from a poll, in a Job, from a goroutine and from the test,
// while other tasks run.
func TestComputations(t *testing.T) {
	const n = 9
	programs := map[string]func(s *sim.Sim, check func(int)){
		"put in a poll": func(s *sim.Sim, check func(int)) {
			s.Go(task.Func(func(cx *task.Cx) error { check(pool.Call(cx, forked, n)); return nil }))
		},
		"join in a poll": func(s *sim.Sim, check func(int)) {
			s.Go(task.Func(func(cx *task.Cx) error { check(pool.Call(cx, joined, n)); return nil }))
		},
		"both, twice at a time": func(s *sim.Sim, check func(int)) {
			for range 2 {
				s.Go(task.Func(func(cx *task.Cx) error {
					x, y := pool.Both(cx, func(s pool.Scope) int { return pool.Call(s, joined, n-1) }, func(s pool.Scope) int { return pool.Call(s, forked, n-2) })
					check(x + y)
					return nil
				}))
			}
		},
		"job": func(s *sim.Sim, check func(int)) {
			var job pool.Job[int]
			s.Go(task.Func(func(cx *task.Cx) error {
				v, err := job.Do(cx, func(s pool.Scope) int { return pool.Call(s, joined, n) })
				if err == nil {
					check(v)
				}
				return err
			}))
		},
		"goroutine": func(s *sim.Sim, check func(int)) {
			s.Goroutine(func() { check(pool.Call(s.Team(), joined, n)) })
		},
		"test": func(s *sim.Sim, check func(int)) { check(pool.Call(s.Team(), joined, n)) },
	}
	for name, program := range programs {
		t.Run(name, func(t *testing.T) {
			busy := 0
			sim.Config{Seeds: 200}.Test(t, func(s *sim.Sim) {
				var g task.Group
				for range 2 {
					g.Go(s, task.Func(func(cx *task.Cx) error { return nil }))
				}
				computed := 0
				program(s, func(v int) {
					require.Equal(s, fib(n), v)
					computed++
				})
				s.Wait()
				require.NotZero(s, computed)
				computing, externals, scopes := s.Team().Census()
				require.Zero(s, computing+externals+scopes)
				if s.Steps() > 20 {
					busy++
				}
			})
			require.Equal(t, name != "test", busy > 0, "the test's function computes alone")
		})
	}
}

// Two parts that add to a number without a lock lose an addition on some schedule.
func TestPartsInterleave(t *testing.T) {
	racy := func(s *sim.Sim) {
		total := 0
		add := func(pool.Scope) {
			v := total
			s.Point()
			total = v + 1
		}
		s.Go(task.Func(func(cx *task.Cx) error {
			pool.Do(cx, add, add, add)
			return nil
		}))
		s.Wait()
		require.Equal(s, 3, total)
	}
	f := failing(t, sim.Config{}, "Not equal", racy)
	again, err := sim.Config{}.Replay(f.Schedule, racy)
	require.NoError(t, err)
	require.NotNil(t, again)
	require.Contains(t, again.Reason, "Not equal")
}

// A panic in a part ends the computation, when no part runs any more.
func TestPartPanics(t *testing.T) {
	errPart := errors.New("part")
	sim.Config{Seeds: 300}.Test(t, func(s *sim.Sim) {
		running := 0
		part := func(fails bool) func(pool.Scope) {
			return func(pool.Scope) {
				running++
				defer func() { running-- }()
				s.Point()
				if fails {
					panic(errPart)
				}
				s.Point()
			}
		}
		var g task.Group
		g.Go(s, task.Func(func(cx *task.Cx) (err error) {
			defer func() {
				p, ok := recover().(*task.PanicError)
				require.True(s, ok)
				require.ErrorIs(s, p, errPart)
				require.Zero(s, running)
			}()
			pool.Do(cx, part(false), part(true), part(false), part(true))
			return nil
		}))
		s.Wait()
		require.NoError(s, g.Err())
	})
}

// A host whose threads take turns is told by its type.
func TestHostTakesTurns(t *testing.T) {
	sim.Config{Seeds: 1}.Test(t, func(s *sim.Sim) {
		_, ok := s.Team().Host().(fork.Turns)
		require.True(s, ok)
	})
}

// The algorithms of package par give what plain loops do, on every schedule, and the same seed is the
// same run: nothing there depends on how long something takes.
func TestPar(t *testing.T) {
	compute := map[string]func(cx *task.Cx, s *sim.Sim){
		"for": func(cx *task.Cx, s *sim.Sim) {
			seen := make([]int, 9)
			par.For(cx, len(seen), func(i int) { seen[i]++ })
			require.Equal(s, []int{1, 1, 1, 1, 1, 1, 1, 1, 1}, seen)
		},
		"reduce": func(cx *task.Cx, s *sim.Sim) {
			require.Equal(s, "abcdefghij", par.Reduce(cx, strings.Split("abcdefghij", ""), "", func(x, y string) string { return x + y }))
		},
		"map in a computation": func(cx *task.Cx, s *sim.Sim) {
			var out []int
			pool.Do(cx, func(at pool.Scope) {
				out = par.Map(at, []int{1, 2, 3, 4, 5, 6}, func(v int) int { return v * v })
			})
			require.Equal(s, []int{1, 4, 9, 16, 25, 36}, out)
		},
		"walk": func(cx *task.Cx, s *sim.Sim) {
			nodes := 0
			par.Walk(cx, 4, func(n int) []int {
				nodes++
				if n == 0 {
					return nil
				}
				return []int{n - 1, n - 1}
			})
			require.Equal(s, 31, nodes)
		},
		"merge": func(cx *task.Cx, s *sim.Sim) {
			dst := make([]int, 8)
			par.MergeFunc(cx, dst, []int{1, 3, 5, 7}, []int{2, 4, 6, 8}, func(x, y int) int { return x - y })
			require.Equal(s, []int{1, 2, 3, 4, 5, 6, 7, 8}, dst)
		},
	}
	for name, f := range compute {
		t.Run(name, func(t *testing.T) {
			r := sim.Config{Seeds: 200, Repeat: 1}.Run(func(s *sim.Sim) {
				s.Go(task.Func(func(cx *task.Cx) error { f(cx, s); return nil }))
			})
			require.Nil(t, r.Failure)
			require.Greater(t, r.Distinct, 20, "%v", r)
		})
	}
}

// Each worker of a simulation has a value of its own, for its polls and for the parts that it takes.
func TestLocal(t *testing.T) {
	sim.Config{Seeds: 200}.Test(t, func(s *sim.Sim) {
		counts := pool.NewLocal[int](s.Team(), nil)
		for range 3 {
			s.Go(task.Func(func(cx *task.Cx) error {
				*counts.Get(cx)++
				pool.Do(cx, func(at pool.Scope) { *counts.In(at)++ }, func(at pool.Scope) { *counts.In(at)++ })
				return nil
			}))
		}
		s.Wait()
		total := 0
		for v := range counts.All() {
			total += *v
		}
		require.Equal(s, 9, total)
	})
}
