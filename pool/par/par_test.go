package par_test

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
	"github.com/heist-go/heist/task"
)

func TestFor(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for _, n := range append(sizes(), -1) {
			for range 3 { // not known, known, and again
				seen := make([]int32, max(n, 0))
				par.For(p, n, func(i int) { atomic.AddInt32(&seen[i], 1) })
				par.ForRange(p, n, func(lo, hi int) {
					if lo >= hi {
						panic("empty")
					}
					for i := lo; i < hi; i++ {
						atomic.AddInt32(&seen[i], 1)
					}
				})
				for i, k := range seen {
					require.EqualValues(t, 2, k, "%d of %d", i, n)
				}
			}
		}
		var sum atomic.Int64
		s := inputs(1000)["random"]
		par.ForEach(p, s, func(v int) { sum.Add(int64(slow(v))) })
		want := int64(0)
		for _, v := range s {
			want += int64(v)
		}
		require.Equal(t, want, sum.Load())
	})
}

// An expensive loop uses all workers: its iterations wait for each other. The first loop
// of its kind is a trial.
func TestForCoarse(t *testing.T) {
	const n = 4
	p := open(t, n)
	var work atomic.Int64
	var barrier atomic.Pointer[sync.WaitGroup]
	body := func(int) {
		work.Add(int64(slow(1)))
		if b := barrier.Load(); b != nil {
			b.Done()
			b.Wait()
		}
		for range 100 {
			work.Add(int64(slow(1)))
		}
	}
	par.For(p, n, body)
	for range 20 {
		b := new(sync.WaitGroup)
		b.Add(n)
		barrier.Store(b)
		par.For(p, n, body)
	}
}

var errOdd = errors.New("odd")

func TestTryFor(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for _, n := range sizes() {
			require.NoError(t, par.TryFor(p, n, func(int) error { return nil }))
			if n == 0 {
				continue
			}
			for _, bad := range []int{0, n / 3, n - 1} {
				seen := make([]atomic.Bool, n)
				err := par.TryFor(p, n, func(i int) error {
					seen[i].Store(true)
					if i >= bad {
						return fmt.Errorf("%d: %w", i, errOdd)
					}
					return nil
				})
				require.ErrorIs(t, err, errOdd)
				require.EqualError(t, err, fmt.Sprintf("%d: odd", bad))
				for i := range bad {
					require.True(t, seen[i].Load(), "%d of %d", i, n)
				}
			}
		}
		s, err := par.TryMap(p, []int{1, 2, 3}, func(v int) (string, error) { return fmt.Sprint(v), nil })
		require.NoError(t, err)
		require.Equal(t, []string{"1", "2", "3"}, s)
		_, err = par.TryMap(p, []int{1, 2, 3}, func(v int) (string, error) { return "", errOdd })
		require.ErrorIs(t, err, errOdd)
		require.ErrorIs(t, par.TryForEach(p, []int{1}, func(int) error { return errOdd }), errOdd)
	})
}

func TestMapFilter(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for _, n := range sizes() {
			for name, s := range inputs(n) {
				var twice, kept []int
				for _, v := range s {
					twice = append(twice, 2*v)
					if v%3 == 0 {
						kept = append(kept, v)
					}
				}
				got := par.Map(p, s, func(v int) int { return 2 * v })
				require.Len(t, got, n)
				require.True(t, slices.Equal(twice, got), "%s %d", name, n)
				require.True(t, slices.Equal(kept, par.Filter(p, s, func(v int) bool { return v%3 == 0 })), "%s %d", name, n)
			}
		}
		require.Nil(t, par.Map(p, []int(nil), func(v int) int { return v }))
		require.Panics(t, func() { par.MapInto(p, make([]int, 1), []int{1, 2}, func(v int) int { return v }) })
	})
}

// matrix is something whose multiplication is associative, and not commutative.
type matrix struct{ a, b, c, d uint32 }

func mul(x, y matrix) matrix {
	return matrix{x.a*y.a + x.b*y.c, x.a*y.b + x.b*y.d, x.c*y.a + x.d*y.c, x.c*y.b + x.d*y.d}
}

var identity = matrix{1, 0, 0, 1}

func matrices(n int) []matrix {
	s := make([]matrix, n)
	for i, v := range inputs(n)["random"] {
		s[i] = matrix{uint32(v), uint32(v >> 3), uint32(i), uint32(v ^ i)}
	}
	return s
}

func TestReduceScan(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for _, n := range sizes() {
			s := matrices(n)
			inclusive, exclusive := make([]matrix, n), make([]matrix, n)
			product := identity
			for i, m := range s {
				exclusive[i] = product
				product = mul(product, m)
				inclusive[i] = product
			}
			require.Equal(t, product, par.Reduce(p, s, identity, mul), n)
			require.Equal(t, product, par.ReduceFixed(p, s, identity, mul), n)
			require.Equal(t, product, par.Fold(p, s, func() matrix { return identity }, mul, mul), n)

			dst := make([]matrix, n)
			last := par.Scan(p, dst, s, mul)
			require.True(t, slices.Equal(inclusive, dst), n)
			if n > 0 {
				require.Equal(t, product, last)
			}
			require.Equal(t, product, par.ScanExclusive(p, dst, s, identity, mul))
			require.True(t, slices.Equal(exclusive, dst), n)
			par.Scan(p, s, s, mul) // in place
			require.True(t, slices.Equal(inclusive, s), n)
		}
		require.Panics(t, func() { par.Scan(p, make([]matrix, 1), matrices(2), mul) })
	})
}

// The sums of floating-point numbers are the same for any number of workers.
func TestFixed(t *testing.T) {
	for _, n := range sizes() {
		s := floats(n)
		for i, v := range s {
			if v != v || math.IsInf(v, 0) {
				s[i] = 1e-3
			}
		}
		var sums, products []float64
		everywhere(t, func(t *testing.T, p *pool.Pool) {
			for range 3 {
				sums = append(sums, par.Sum(p, s))
				products = append(products, par.ReduceFixed(p, s, 0, func(x, y float64) float64 { return x + float64(float32(y)) }))
			}
		})
		require.Len(t, slices.Compact(sums), 1)
		require.Len(t, slices.Compact(products), 1)
		plain := 0.0
		for _, v := range s {
			plain += v
		}
		require.InDelta(t, plain, sums[0], 1e-6)
	}
}

func TestMinMax(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for _, n := range sizes()[1:] {
			s := floats(n)
			least, greatest := par.MinMax(p, s)
			require.True(t, cmp.Compare(slices.Min(s), least) == 0 && cmp.Compare(slices.Max(s), greatest) == 0, n)
			for _, keys := range inputs(n) {
				is := items(keys)
				a, b := par.MinMaxFunc(p, is, byKey)
				require.Equal(t, slices.MinFunc(is, byKey), a)
				require.Equal(t, slices.MaxFunc(is, byKey), b)
			}
		}
		require.PanicsWithValue(t, "par: MinMax: empty list", func() { par.MinMax(p, []int{}) })
		require.PanicsWithValue(t, "par: MinMaxFunc: empty list", func() { par.MinMaxFunc(p, []int{}, cmp.Compare) })
	})
}

func TestFind(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for _, n := range sizes() {
			s := make([]int, n)
			for i := range s {
				s[i] = i
			}
			for _, at := range []int{0, n / 2, n - 1, n} {
				match := func(v int) bool { return v >= at }
				require.Equal(t, slices.IndexFunc(s, match), par.Find(p, s, match), "%d of %d", at, n)
				require.Equal(t, at < n && n > 0, par.Any(p, s, match))
				require.Equal(t, at == 0 || n == 0 || at < 0, par.All(p, s, match), "%d of %d", at, n)
			}
		}
	})
}

// A loop that was not worth sharing is shared when its function has become dear.
func TestBecomesDear(t *testing.T) {
	p := open(t, 2)
	var dear atomic.Bool
	var inside, most atomic.Int64
	body := func(int) {
		if !dear.Load() {
			return
		}
		if n := inside.Add(1); n > most.Load() {
			most.Store(n)
		}
		for begin := time.Now(); time.Since(begin) < 200*time.Microsecond; {
		}
		inside.Add(-1)
	}
	for range 10_000 {
		par.For(p, 16, body)
	}
	dear.Store(true)
	for calls := 0; most.Load() < 2; calls++ {
		require.Less(t, calls, 1000)
		par.For(p, 16, body)
	}
}

// What is found at once costs no more than that.
func TestFindEarly(t *testing.T) {
	p := open(t, 2)
	s := make([]int, 1_000_000)
	for range 2 { // a trial, and what is known to be expensive
		var asked atomic.Int64
		match := func(v int) bool { asked.Add(1); return slow(v) == 0 }
		require.Zero(t, par.Find(p, s, match))
		require.True(t, par.Any(p, s, match))
		require.False(t, par.All(p, s, func(v int) bool { return !match(v) }))
		require.Less(t, asked.Load(), int64(10_000))
	}
}

func TestGroups(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for _, n := range sizes() {
			for name, s := range inputs(n) {
				counts := make([]int, 7)
				groups := map[int][]int{}
				var unique []int
				seen := map[int]bool{}
				for _, v := range s {
					counts[v%7]++
					groups[v%7] = append(groups[v%7], v)
					if !seen[v] {
						seen[v] = true
						unique = append(unique, v)
					}
				}
				require.Equal(t, counts, par.Histogram(p, s, 7, func(v int) int { return v % 7 }))
				require.Equal(t, groups, par.GroupBy(p, s, func(v int) int { return v % 7 }))
				require.True(t, slices.Equal(unique, par.Unique(p, s)), "%s %d", name, n)
			}
		}
	})
}

func TestShuffle(t *testing.T) {
	for _, n := range sizes() {
		var first []int
		everywhere(t, func(t *testing.T, p *pool.Pool) {
			for range 2 {
				s := make([]int, n)
				for i := range s {
					s[i] = i
				}
				par.Shuffle(p, s, 7)
				if first == nil {
					first = slices.Clone(s)
				}
				require.True(t, slices.Equal(first, s), n)
			}
		})
		require.Equal(t, n > 3, !slices.IsSorted(first) && n > 3, n)
		slices.Sort(first)
		for i, v := range first {
			require.Equal(t, i, v)
		}
	}
}

// Each element comes to each tenth of the slice about as often.
func TestShuffleUniform(t *testing.T) {
	p := open(t, 2)
	const n, rounds = 40_000, 50
	var counts [10][10]int
	s := make([]int, n)
	for seed := range uint64(rounds) {
		for i := range s {
			s[i] = i
		}
		par.Shuffle(p, s, seed)
		for i, v := range s {
			counts[v*10/n][i*10/n]++
		}
	}
	chi2 := 0.0
	for _, row := range counts {
		for _, k := range row {
			d := float64(k) - n*rounds/100
			chi2 += d * d / (n * rounds / 100)
		}
	}
	require.Less(t, chi2, 150.0) // 81 degrees of freedom: one in 100,000
}

func TestWalk(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		var nodes, list atomic.Int64
		par.Walk(p, 12, func(n int) (children []int) { // a binomial tree
			nodes.Add(1)
			for i := range n {
				children = append(children, i)
			}
			return children
		})
		require.EqualValues(t, 1<<12, nodes.Load())
		par.Walk(p, 1_000_000, func(n int) []int { // a list
			if list.Add(1); n == 0 {
				return nil
			}
			return []int{n - 1}
		})
		require.EqualValues(t, 1_000_001, list.Load())
	})
}

// Children may be appended to what visit is given, in any number, or come in a slice of its own.
// Both halves of what is to be visited are about as much work, where a tree at one level is as much as all that
// are above it in the stack: a walk in which one has nearly nothing hands over without end.
func TestWalkHalves(t *testing.T) {
	for children := 2; children <= 8; children++ {
		var stack []int // the levels, as a walk down the first children leaves them
		work := func(levels []int) (sum float64) {
			for _, l := range levels {
				sum += math.Pow(float64(children), -float64(l))
			}
			return sum
		}
		for level := 1; level <= 10; level++ {
			stack = append(stack, slices.Repeat([]int{level}, children-1)...)
		}
		before, all := slices.Clone(stack), work(stack)
		given, kept := par.Halve(stack)
		require.ElementsMatch(t, before, slices.Concat(given, kept))
		require.GreaterOrEqual(t, len(given), len(kept))
		require.LessOrEqual(t, len(given), len(kept)+1)
		require.Greater(t, work(given), 0.3*all, "%d children", children)
		require.Greater(t, work(kept), 0.3*all, "%d children", children)
		for _, l := range stack[len(kept):] {
			require.Zero(t, l, "what was given is kept alive")
		}
	}
}

func TestWalkAppend(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		const n = 3000
		seen := make([]atomic.Int32, n)
		own := []int{1, 2, 3}
		par.WalkAppend(p, 0, func(_ pool.Scope, v int, children []int) []int {
			require.Empty(t, children)
			seen[v].Add(1)
			switch {
			case v == 0:
				return own
			case v%7 == 0:
				return append(make([]int, 0, 1000), seq(3*v+1, 3*v+4, n)...)
			}
			return append(children, seq(3*v+1, 3*v+4, n)...)
		})
		for i := range seen {
			require.EqualValues(t, 1, seen[i].Load(), i)
		}
		require.Equal(t, []int{1, 2, 3}, own)

		var order []int
		one := open(t, 1)
		par.WalkAppend(one, 0, func(_ pool.Scope, v int, children []int) []int {
			order = append(order, v)
			return append(children, seq(2*v+1, 2*v+3, 7)...)
		})
		require.Equal(t, []int{0, 1, 3, 4, 2, 5, 6}, order, "the first child is next")
	})
}

// seq returns the numbers from lo on below hi and n.
func seq(lo, hi, n int) (s []int) {
	for i := lo; i < min(hi, n); i++ {
		s = append(s, i)
	}
	return s
}

// A walk of nodes that are not kept makes no garbage.
func TestWalkAppendAllocates(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates")
	}
	p := open(t, 1)
	visit := func(_ pool.Scope, v int, children []int) []int {
		if v == 0 {
			return children
		}
		return append(children, v-1, v-1)
	}
	allocs := testing.AllocsPerRun(10, func() { par.WalkAppend(p, 12, visit) }) // 8,191 nodes
	require.Less(t, allocs, 20.0)
}

func TestBFS(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		const side = 60 // a grid that is a torus
		distance := make([]int, side*side)
		var visits atomic.Int64
		n := par.BFS(p, []int{0, 0}, func(n, d int) []int {
			distance[n] = d
			visits.Add(1)
			x, y := n%side, n/side
			at := func(x, y int) int { return (y+side)%side*side + (x+side)%side }
			return []int{at(x+1, y), at(x-1, y), at(x, y+1), at(x, y-1)}
		})
		require.Equal(t, side*side, n)
		require.EqualValues(t, n, visits.Load())
		for i, d := range distance {
			x, y := i%side, i/side
			require.Equal(t, min(x, side-x)+min(y, side-y), d)
		}
		require.Zero(t, par.BFS(p, nil, func(int, int) []int { return nil }))
	})
}

func TestPipeline(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for _, n := range sizes() {
			numbers := func(yield func(int) bool) {
				for i := range n {
					if !yield(i) {
						return
					}
				}
			}
			twice := par.Pipeline(p, numbers, func(v int) int { return 2 * v })
			texts := par.Pipeline(p, twice, func(v int) string { return fmt.Sprint(v) })
			i := 0
			for s := range texts {
				require.Equal(t, fmt.Sprint(2*i), s)
				i++
			}
			require.Equal(t, n, i)
			i = 0
			for range texts { // stops early
				if i++; i == 10 {
					break
				}
			}
			require.Equal(t, min(n, 10), i)
			var sum atomic.Int64
			par.ForSeq(p, numbers, func(v int) { sum.Add(int64(v)) })
			require.Equal(t, int64(n)*int64(n-1)/2, sum.Load())
		}
		var pulled atomic.Int64 // the source is on another goroutine
		yielded := 0
		for range par.Pipeline(p, func(yield func(int) bool) {
			for i := 0; i < 100_000 && yield(i); i++ {
				pulled.Add(1)
			}
		}, func(v int) int { return v }) {
			yielded++
			require.LessOrEqual(t, int(pulled.Load())-yielded, 2048)
		}
	})
}

// Algorithms inside of algorithms, on all places.
func TestNested(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		table := func(row func(i int) int) []int {
			return par.Map(p, []int{0, 1, 2, 3, 4, 5, 6, 7}, row)
		}
		s := inputs(5000)["random"]
		want := par.Sum(p, s)
		row := func(int) int { return par.Reduce(p, s, 0, func(x, y int) int { return x + y }) }
		for range 3 {
			for _, got := range table(row) {
				require.Equal(t, want, got)
			}
		}
		in(t, p, func(cx *task.Cx) {
			require.Equal(t, want, par.Sum(cx, s))
			c := slices.Clone(s)
			rows := make([]int, 10)
			defer func() { require.Equal(t, slices.Repeat([]int{want}, 10), rows) }()
			par.Sort(cx, c)
			require.True(t, slices.IsSorted(c))
			par.ForScope(cx, 10, func(sc pool.Scope, i int) {
				rows[i] = par.Reduce(sc, s, 0, func(x, y int) int { return x + slow(y) })
			})
		})
		pool.Do(p,
			func(sc pool.Scope) { require.Equal(t, want, par.Sum(sc, s)) },
			func(sc pool.Scope) { par.SortStableFunc(sc, slices.Clone(s), cmp.Compare[int]) })
	})
}

// A panic at any index surfaces once, as what it was, and nothing runs any more.
func TestPanics(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for _, n := range []int{1, 2, 100, 5000, 20_000} {
			s := inputs(n)["random"]
			for _, at := range []int64{1, int64(n+1) / 2, int64(n)} {
				var calls, running atomic.Int64
				boom := func(v int) int {
					running.Add(1)
					defer running.Add(-1)
					if calls.Add(1) == at {
						panic(errOdd)
					}
					return v
				}
				for name, f := range map[string]func(){
					"for":     func() { par.For(p, n, func(i int) { boom(i) }) },
					"foreach": func() { par.ForEach(p, s, func(v int) { boom(v) }) },
					"tryfor":  func() { _ = par.TryFor(p, n, func(i int) error { boom(i); return nil }) },
					"map":     func() { par.Map(p, s, boom) },
					"filter":  func() { par.Filter(p, s, func(v int) bool { return boom(v) == 0 }) },
					"find":    func() { par.Find(p, s, func(v int) bool { return boom(v) < 0 }) },
					"group":   func() { par.GroupBy(p, s, boom) },
					"reduce":  func() { par.Reduce(p, append(s, 0), 0, func(x, y int) int { return boom(x + y) }) },
					"fixed":   func() { par.ReduceFixed(p, append(s, 0, 0), 0, func(x, y int) int { return boom(x + y) }) },
					"scan":    func() { par.Scan(p, make([]int, n+1), append(s, 0), func(x, y int) int { return boom(x + y) }) },
					"walk":    func() { par.Walk(p, n, func(n int) []int { boom(n); return []int{n - 1} }) },
					"append": func() {
						par.WalkAppend(p, n, func(_ pool.Scope, n int, c []int) []int { boom(n); return append(c, n-1) })
					},
					"scope":    func() { par.ForScope(p, n, func(_ pool.Scope, i int) { boom(i) }) },
					"pipeline": func() { par.ForSeq(p, slices.Values(s), func(v int) { boom(v) }) },
				} {
					calls.Store(0)
					err := caught(f)
					require.ErrorIs(t, err, errOdd, "%s %d", name, n)
					require.Contains(t, string(err.Stack), "TestPanics", name)
					require.Zero(t, running.Load(), name)
				}
				if n > 1 {
					compare := func(a, b int) int { boom(a); return cmp.Compare(a, b) }
					for name, f := range map[string]func(){
						"sort":   func() { par.SortFunc(p, slices.Clone(s), compare) },
						"stable": func() { par.SortStableFunc(p, slices.Clone(s), compare) },
					} {
						calls.Store(at - 1 - at%int64(n-1))
						if at > int64(n-1) {
							calls.Store(at - 1)
						}
						err := caught(f)
						require.ErrorIs(t, err, errOdd, "%s %d", name, n)
						require.Zero(t, running.Load(), name)
					}
				}
			}
		}
	})
}

func caught(f func()) (err *task.PanicError) {
	defer func() {
		if v := recover(); v != nil {
			err = v.(*task.PanicError)
		}
	}()
	f()
	return nil
}

// A Goexit in a part ends the goroutine that waits for it.
func TestGoexit(t *testing.T) {
	p := open(t, 2)
	for _, n := range []int{1, 10_000} {
		ended := make(chan bool)
		go func() {
			returned := false
			defer func() { ended <- !returned }()
			par.For(p, n, func(i int) {
				if slow(i) == n/2 {
					runtime.Goexit()
				}
			})
			returned = true
		}()
		require.True(t, <-ended)
	}
}

// A panic in any of the caller's functions arrives as a *task.PanicError.
func TestFoldStartPanics(t *testing.T) {
	p := open(t, 1)
	defer func() { require.IsType(t, (*task.PanicError)(nil), recover()) }()
	par.Fold(p, []int{1}, func() int { panic("start") }, func(a, v int) int { return a + v }, func(x, y int) int { return x + y })
}
