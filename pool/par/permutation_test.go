package par_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
)

// arrangers are the functions that arrange elements by a comparator. Each returns where they
// are, while or after it runs.
var arrangers = map[string]func(p *pool.Pool, s []float64, compare func(a, b float64) int) (in []float64, run func()){
	"SortFunc": func(p *pool.Pool, s []float64, compare func(a, b float64) int) ([]float64, func()) {
		return s, func() { par.SortFunc(p, s, compare) }
	},
	"SortStableFunc": func(p *pool.Pool, s []float64, compare func(a, b float64) int) ([]float64, func()) {
		return s, func() { par.SortStableFunc(p, s, compare) }
	},
	"MergeFunc": func(p *pool.Pool, s []float64, compare func(a, b float64) int) ([]float64, func()) {
		dst := make([]float64, len(s))
		k := len(s) / 3
		return dst, func() { par.MergeFunc(p, dst, s[:k], s[k:], compare) }
	},
	"MergeFunc of much and little": func(p *pool.Pool, s []float64, compare func(a, b float64) int) ([]float64, func()) {
		dst := make([]float64, len(s))
		k := len(s) - len(s)/100
		return dst, func() { par.MergeFunc(p, dst, s[:k], s[k:], compare) }
	},
}

// naive is what many write, and no order if there are NaNs.
func naive(a, b float64) int {
	if a < b {
		return -1
	} else if a > b {
		return 1
	}
	return 0
}

// outcome is how a call has ended.
type outcome string

// try runs f on a goroutine of its own.
func try(f func()) outcome {
	ended := make(chan outcome)
	go func() {
		how := outcome("Goexit")
		defer func() {
			if v := recover(); v != nil {
				how = outcome(fmt.Sprint("panic: ", v))
			}
			ended <- how
		}()
		f()
		how = "returned"
	}()
	return <-ended
}

// Whatever a comparator does, all elements are there afterwards.
func TestPermutation(t *testing.T) {
	ns := []int{2, 3, 5, 17, 40, 1025, 5000, 20_000}
	if !brief() {
		ns = append(ns, 60_000)
	}
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for name, arrange := range arrangers {
			for _, n := range ns {
				original := floats(n)
				rounds := 10
				if brief() {
					rounds = 4
				}
				if n > 10_000 {
					rounds = 3
				}
				// check runs it with a comparator that knows how often it was called.
				check := func(what string, compare func(k int64, a, b float64) int) (calls int64, how outcome) {
					s := slices.Clone(original)
					var k atomic.Int64
					in, run := arrange(p, s, func(a, b float64) int { return compare(k.Add(1), a, b) })
					how = try(run)
					got := slices.Clone(in)
					slices.Sort(got)
					require.True(t, sameFloats(slices.Sorted(slices.Values(original)), got), "%s of %d, %s, %s: elements are lost", name, n, what, how)
					return k.Load(), how
				}
				all, how := check("an order", func(_ int64, a, b float64) int { return cmp.Compare(a, b) })
				require.EqualValues(t, "returned", how)
				for _, compare := range []func(a, b float64) int{
					naive,
					func(a, b float64) int { return -cmp.Compare(a, b) },
					func(_, _ float64) int { return -1 },
					func(_, _ float64) int { return 1 },
					func(_, _ float64) int { return rand.IntN(3) - 1 },
					func(_, _ float64) int { return math.MinInt },
				} {
					_, how := check("no order", func(_ int64, a, b float64) int { return compare(a, b) })
					require.EqualValues(t, "returned", how)
				}
				for round := range rounds {
					at := 1 + rand.Int64N(max(all/2, 1))
					if round < 3 {
						at = min(int64(round+1), max(all, 1))
					}
					calls, how := check(fmt.Sprint("a panic at ", at), func(k int64, a, b float64) int {
						if k >= at {
							panic(errOdd)
						}
						return cmp.Compare(a, b)
					})
					require.Equal(t, calls < at, how == "returned", how)
					calls, how = check(fmt.Sprint("one panic at ", at), func(k int64, a, b float64) int {
						if k == at {
							panic(errOdd)
						}
						return rand.IntN(3) - 1
					})
					require.Equal(t, calls < at, how == "returned", how)
					calls, how = check(fmt.Sprint("a Goexit at ", at), func(k int64, a, b float64) int {
						if k == at {
							runtime.Goexit()
						}
						return naive(a, b)
					})
					require.Equal(t, calls < at, how == "returned", how)
					require.Equal(t, calls >= at, how == "Goexit", how)
				}
			}
		}
	})
}

// What is not in order at all is merged into something that has all of it.
func TestMergeOfDisorder(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for _, n := range []int{2, 100, 5000, 300_000} {
			s, dst := floats(n), make([]float64, n)
			par.Merge(p, dst, s[:n/2], s[n/2:])
			require.True(t, sameFloats(slices.Sorted(slices.Values(s)), slices.Sorted(slices.Values(dst))), n)
		}
	})
}

// A sort that panics stops soon on all threads.
func TestSortStableStops(t *testing.T) {
	p := open(t, 2)
	const n = 300_000
	s := inputs(n)["random"]
	var calls atomic.Int64
	for range 10 { // a thread may lose its processor just before it panics, and the others go on
		calls.Store(0)
		require.Error(t, caught(func() {
			par.SortStableFunc(p, slices.Clone(s), func(a, b int) int {
				if calls.Add(1) == 10_000 {
					panic(errOdd)
				}
				return cmp.Compare(a, b)
			})
		}))
		if calls.Load() < n {
			break
		}
	}
	require.Less(t, calls.Load(), int64(n))
}
