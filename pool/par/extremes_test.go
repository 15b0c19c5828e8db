package par_test

import (
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
)

// A range may be as long as an int can say: a body that does not look at each index is through
// in no time, whatever it has cost before.
func TestForRangeWithoutAnEnd(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		var sum, last atomic.Int64
		var dear atomic.Bool
		body := func(lo, hi int) {
			if lo < 0 || lo >= hi {
				panic("no range")
			}
			if dear.Load() {
				for begin := time.Now(); time.Since(begin) < 50*time.Microsecond; {
				}
			}
			sum.Add(int64(hi - lo))
			for old := last.Load(); int64(hi) > old && !last.CompareAndSwap(old, int64(hi)); old = last.Load() {
			}
		}
		for _, n := range []int{math.MaxInt, math.MaxInt - 1, math.MaxInt - 1000, math.MaxInt/2 + 1, math.MaxInt>>23 + 1, math.MaxInt, 0, -1, math.MinInt} {
			for _, was := range []bool{false, true, false} {
				dear.Store(was)
				par.ForRange(p, min(n, 100), body) // teaches what it costs
				dear.Store(false)
				sum.Store(0)
				last.Store(0)
				par.ForRange(p, n, body)
				require.EqualValues(t, max(n, 0), sum.Load(), n)
				require.EqualValues(t, max(n, 0), last.Load(), n)
				got := par.ReduceRange(p, n, func(acc [2]int, lo, hi int) [2]int {
					if acc[1] != 0 && acc[1] != lo {
						panic("not in order")
					}
					return [2]int{acc[0] + hi - lo, hi}
				}, func(x, y [2]int) [2]int { return [2]int{x[0] + y[0], y[1]} })
				require.Equal(t, [2]int{max(n, 0), max(n, 0)}, got)
			}
		}
	})
}

// The same where each call takes longer than a block should, as on a slow machine: no clock tells that it is cheaper to
// ask for more.
func TestForRangeOfSlowCalls(t *testing.T) {
	p := open(t, 2)
	var sum atomic.Int64
	par.ForRange(p, math.MaxInt, func(lo, hi int) {
		for begin := time.Now(); time.Since(begin) < 5*time.Microsecond; {
		}
		sum.Add(int64(hi - lo))
	})
	require.EqualValues(t, math.MaxInt, sum.Load())
}

// Loops of no iterations call nothing.
func TestNothing(t *testing.T) {
	p := open(t, 2)
	for _, n := range []int{0, -1, math.MinInt} {
		par.For(p, n, func(int) { panic("called") })
		par.ForRange(p, n, func(_, _ int) { panic("called") })
		par.ForScope(p, n, func(pool.Scope, int) { panic("called") })
		require.NoError(t, par.TryFor(p, n, func(int) error { panic("called") }))
		require.Zero(t, par.ReduceRange(p, n, func(_, _, _ int) int { panic("called") }, func(_, _ int) int { panic("called") }))
	}
}

// comb is a list with a leaf beside each node.
type comb struct{ children []*comb }

func combs(n int, leafFirst bool) *comb {
	leaf := &comb{}
	root := leaf
	for range n {
		if leafFirst {
			root = &comb{[]*comb{leaf, root}}
		} else {
			root = &comb{[]*comb{root, leaf}}
		}
	}
	return root
}

// A tree may be as deep as it has nodes, whoever helps.
func TestWalkDeep(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(1 << 19))
	n := 300_000
	if brief() {
		n = 20_000 // as deep as would overflow the stack, several times
	}
	trees := map[string]*comb{"leaf first": combs(n, true), "leaf last": combs(n, false)}
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for name, root := range trees {
			for _, pause := range []time.Duration{0, time.Microsecond} {
				var seen atomic.Int64
				par.Walk(p, root, func(n *comb) []*comb {
					if seen.Add(1); len(n.children) == 0 {
						for begin := time.Now(); time.Since(begin) < pause; {
						}
					}
					return n.children
				})
				require.EqualValues(t, 2*n+1, seen.Load(), name)
				seen.Store(0)
				par.WalkAppend(p, root, func(_ pool.Scope, n *comb, c []*comb) []*comb { seen.Add(1); return append(c, n.children...) })
				require.EqualValues(t, 2*n+1, seen.Load(), name)
				seen.Store(0)
				par.WalkScope(p, root, func(_ pool.Scope, n *comb) []*comb { seen.Add(1); return n.children })
				require.EqualValues(t, 2*n+1, seen.Load(), name)
			}
		}
	})
}

// Two threads that hand a list to each other, node by node, as they do if its leaves are dear,
// do not wait for each other one level deeper each time.
func TestWalkHandedOver(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(1 << 19))
	const n = 10_000
	for _, root := range []*comb{combs(n, true), combs(n, false)} {
		p := open(t, 2)
		var seen atomic.Int64
		par.Walk(p, root, func(n *comb) []*comb {
			if seen.Add(1); len(n.children) == 0 {
				for begin := time.Now(); time.Since(begin) < 100*time.Microsecond; {
				}
			}
			return n.children
		})
		require.EqualValues(t, 2*n+1, seen.Load())
	}
}

// A node may have any number of children, and the slice that they come in is the caller's again.
func TestWalkWide(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		const n = 200_000
		seen := make([]atomic.Int32, n+1)
		all := make([]int, n)
		for i := range all {
			all[i] = i + 1
		}
		par.Walk(p, 0, func(v int) []int {
			seen[v].Add(1)
			if v == 0 {
				return all
			}
			return nil
		})
		for i := range seen {
			require.EqualValues(t, 1, seen[i].Load(), i)
		}
		require.True(t, slices.IsSorted(all) && all[0] == 1, "the slice was written to")
	})
}

// A function that is not there is told so at once, where there is something to call it with.
func TestNilFunctions(t *testing.T) {
	p := open(t, 2)
	add := func(x, y int) int { return x + y }
	for name, f := range map[string]func(s []int){
		"For":               func(s []int) { par.For(p, len(s), nil) },
		"ForRange":          func(s []int) { par.ForRange(p, len(s), nil) },
		"ForScope":          func(s []int) { par.ForScope(p, len(s), nil) },
		"ForEach":           func(s []int) { par.ForEach(p, s, nil) },
		"TryFor":            func(s []int) { _ = par.TryFor(p, len(s), nil) },
		"TryForEach":        func(s []int) { _ = par.TryForEach(p, s, nil) },
		"TryMap":            func(s []int) { _, _ = par.TryMap[*pool.Pool, int, int](p, s, nil) },
		"Map":               func(s []int) { par.Map[*pool.Pool, int, int](p, s, nil) },
		"Filter":            func(s []int) { par.Filter(p, s, nil) },
		"Find":              func(s []int) { par.Find(p, s, nil) },
		"Any":               func(s []int) { par.Any(p, s, nil) },
		"All":               func(s []int) { par.All(p, s, nil) },
		"Reduce":            func(s []int) { par.Reduce(p, s, 0, nil) },
		"ReduceRange":       func(s []int) { par.ReduceRange(p, len(s), nil, add) },
		"ReduceRange merge": func(s []int) { par.ReduceRange(p, len(s), func(acc, _, _ int) int { return acc }, nil) },
		"ReduceFixed":       func(s []int) { par.ReduceFixed(p, s, 0, nil) },
		"Fold":              func(s []int) { par.Fold(p, s, func() int { return 0 }, nil, add) },
		"Fold merge":        func(s []int) { par.Fold(p, s, func() int { return 0 }, add, nil) },
		"Scan":              func(s []int) { par.Scan(p, s, s, nil) },
		"ScanExclusive":     func(s []int) { par.ScanExclusive(p, s, s, 0, nil) },
		"SortFunc":          func(s []int) { par.SortFunc(p, s, nil) },
		"SortStableFunc":    func(s []int) { par.SortStableFunc(p, s, nil) },
		"MergeFunc":         func(s []int) { par.MergeFunc(p, make([]int, 2*len(s)), s, s, nil) },
		"Histogram":         func(s []int) { par.Histogram(p, s, 3, nil) },
		"GroupBy":           func(s []int) { par.GroupBy[*pool.Pool, int, int](p, s, nil) },
		"BFS":               func(s []int) { par.BFS(p, s, nil) },
		"Walk": func(s []int) {
			if len(s) > 0 {
				par.Walk(p, 0, nil)
			}
		},
		"WalkAppend": func(s []int) {
			if len(s) > 0 {
				par.WalkAppend(p, 0, nil)
			}
		},
		"WalkScope": func(s []int) {
			if len(s) > 0 {
				par.WalkScope(p, 0, nil)
			}
		},
	} {
		require.NotPanics(t, func() { f(nil) }, name)
		for _, n := range []int{2, 5000} {
			require.Contains(t, string(try(func() { f(make([]int, n)) })), "par: the function to call is nil", name)
		}
	}
	require.PanicsWithValue(t, "par: MinMaxFunc: empty list", func() { par.MinMaxFunc(p, []int{}, nil) })
	require.Contains(t, string(try(func() { par.MinMaxFunc(p, []int{1}, nil) })), "par: the function to call is nil")
}

// A panic or a Goexit in whatever function of the caller's ends the call with that, when none
// runs any more.
func TestEveryFunctionFails(t *testing.T) {
	const n = 4096
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for name, f := range visitors(n) {
			for _, at := range []int64{1, 2, 50, n / 16} {
				for want, fail := range map[string]func(){"panic: ": func() { panic(errOdd) }, "Goexit": func() { runtime.Goexit() }} {
					var calls, running atomic.Int64
					how := try(func() {
						pool.Do(p, func(s pool.Scope) {
							_ = f(s, func() {
								running.Add(1)
								defer running.Add(-1)
								if calls.Add(1) == at {
									fail()
								}
							})
						})
					})
					require.Contains(t, string(how), want, "%s at %d", name, at)
					require.Zero(t, running.Load(), name)
				}
			}
		}
	})
}

// A NaN is equal to nothing, and breaks nothing: all is as in the loops of package slices.
func TestNaN(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for _, n := range []int{1, 2, 100, 5000, 20_000} {
			s := floats(n)
			s[n/2] = math.NaN()
			nans, distinct := 0, map[float64]bool{}
			for _, v := range s {
				if v != v {
					nans++
				} else {
					distinct[v] = true
				}
			}
			require.Len(t, par.Unique(p, s), nans+len(distinct), n)
			least, greatest := par.MinMax(p, s)
			require.True(t, math.IsNaN(least) && math.IsNaN(greatest), n)
			require.NotPanics(t, func() { par.MinMaxFunc(p, s, naive) }) // no order: it may be any
			require.True(t, math.IsNaN(par.Sum(p, s)), n)
			groups := par.GroupBy(p, s, func(v float64) float64 { return v })
			all := 0
			for _, g := range groups { // those of NaN cannot be asked for, but are there
				all += len(g)
			}
			require.Equal(t, n, all)
			sorted := slices.Sorted(slices.Values(s))
			c := slices.Clone(s)
			par.Sort(p, c)
			require.True(t, sameFloats(sorted, c), n)
			dst := make([]float64, 2*n)
			par.Merge(p, dst, c, c)
			require.True(t, sameFloats(slices.Sorted(slices.Values(append(slices.Clone(s), s...))), dst), n)
			require.True(t, par.Any(p, s, math.IsNaN), n)
		}
	})
}
