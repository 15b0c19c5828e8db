package par_test

import (
	"flag"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
)

// The rows par/... Each benchmark runs both contenders in turn and reports how many times
// as fast ours is, the least time of each. A static split is the same work cut by hand for
// as many goroutines as there are workers: it shows what the machine allows.

// least returns the least time of each of the functions, run in turn. Each has another
// one that prepares it, which is not timed.
func least(b *testing.B, prepare func(), fs ...func()) []time.Duration {
	best := make([]time.Duration, len(fs))
	for range b.N {
		for i, f := range fs {
			if prepare != nil {
				prepare()
			}
			begin := time.Now()
			f()
			if d := time.Since(begin); best[i] == 0 || d < best[i] {
				best[i] = d
			}
		}
	}
	return best
}

func ratio(b *testing.B, n int, best []time.Duration) {
	b.ReportMetric(float64(best[0])/float64(best[1]), "x")
	b.ReportMetric(float64(best[1])/float64(n), "ns/elem")
	b.ReportMetric(0, "ns/op")
}

// static runs body on equal parts of [0, n).
func static(n int, body func(part, lo, hi int)) {
	w := runtime.NumCPU()
	var wg sync.WaitGroup
	for k := range w {
		wg.Go(func() { body(k, k*n/w, (k+1)*n/w) })
	}
	wg.Wait()
}

// openAll opens a pool. It must be done in the benchmark itself: package testing sets
// GOMAXPROCS before each, which the pool has made larger.
func openAll(b *testing.B) *pool.Pool {
	p, err := pool.New(pool.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = p.Close() })
	return p
}

func randoms(n int) []int {
	r := rand.New(rand.NewPCG(3, 4))
	s := make([]int, n)
	for i := range s {
		s[i] = int(r.Uint64() >> 1)
	}
	return s
}

// elements is how many there are: fewer in a run that only looks whether all works.
func elements(full int) int {
	if f := flag.Lookup("test.benchtime"); f.Value.String() == "1x" {
		return full / 100
	}
	return full
}

func BenchmarkParSort(b *testing.B) {
	n := elements(10_000_000)
	source := randoms(n)
	s := make([]int, n)
	prepare := func() { copy(s, source) }
	check := func() {
		if !slices.IsSorted(s) {
			b.Fatal("not sorted")
		}
	}
	b.Run("ints", func(b *testing.B) {
		p := openAll(b)
		ratio(b, n, least(b, prepare, func() { slices.Sort(s) }, func() { par.Sort(p, s) }))
		check()
	})
	compare := func(x, y int) int {
		if x < y {
			return -1
		} else if x > y {
			return 1
		}
		return 0
	}
	b.Run("func", func(b *testing.B) {
		p := openAll(b)
		ratio(b, n, least(b, prepare, func() { slices.SortFunc(s, compare) }, func() { par.SortFunc(p, s, compare) }))
		check()
	})
	b.Run("stable", func(b *testing.B) {
		p := openAll(b)
		ratio(b, n, least(b, prepare, func() { slices.SortStableFunc(s, compare) }, func() { par.SortStableFunc(p, s, compare) }))
		check()
	})
	b.Run("in-order", func(b *testing.B) {
		p := openAll(b)
		slices.Sort(source)
		ratio(b, n, least(b, prepare, func() { slices.Sort(s) }, func() { par.Sort(p, s) }))
		check()
	})
}

// The quicksort that is written everywhere, with goroutines and with forks: a goroutine for
// each partition, as ours has a fork for each, and with goroutines for those of more than
// 2,048 elements only, a bound that somebody has to find.
func BenchmarkParQuicksort(b *testing.B) {
	n := elements(10_000_000)
	source := randoms(n)
	s := make([]int, n)
	prepare := func() { copy(s, source) }
	for name, bound := range map[string]int{"same": 0, "tuned": 2048} {
		b.Run(name, func(b *testing.B) {
			p := openAll(b)
			best := least(b, prepare, func() { goQuicksort(s, bound) }, func() { pool.Call(p, quicksort, s) })
			ratio(b, n, best)
			if !slices.IsSorted(s) {
				b.Fatal("not sorted")
			}
		})
	}
}

func insertion(s []int) {
	for i := 1; i < len(s); i++ {
		for k := i; k > 0 && s[k] < s[k-1]; k-- {
			s[k], s[k-1] = s[k-1], s[k]
		}
	}
}

func partition(s []int) int {
	pivot := s[len(s)/2]
	i, k := 0, len(s)-1
	for {
		for s[i] < pivot {
			i++
		}
		for s[k] > pivot {
			k--
		}
		if i >= k {
			return k + 1
		}
		s[i], s[k] = s[k], s[i]
		i++
		k--
	}
}

func goQuicksort(s []int, bound int) {
	if len(s) <= 32 {
		insertion(s)
		return
	}
	k := partition(s)
	if len(s) < bound {
		goQuicksort(s[:k], bound)
		goQuicksort(s[k:], bound)
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { goQuicksort(s[k:], bound) })
	goQuicksort(s[:k], bound)
	wg.Wait()
}

func quicksort(f pool.Fork[[]int, struct{}], s []int) (_ struct{}) {
	if len(s) <= 32 {
		insertion(s)
		return
	}
	k := partition(s)
	f.Join(s[:k], s[k:])
	return
}

var sink int

// numbers are a hundred million, and room is for as many. They are made when they are used
// first, once in a process: to touch so much memory takes seconds.
var (
	numbers = sync.OnceValue(func() []int32 {
		s := make([]int32, elements(100_000_000))
		for i := range s {
			s[i] = int32(uint32(i) * 2654435761)
		}
		return s
	})
	room = sync.OnceValue(func() []int32 { return slices.Clone(numbers()) })
)

func BenchmarkPar(b *testing.B) {
	workers := runtime.NumCPU()
	n := elements(100_000_000)
	add := func(x, y int32) int32 { return x + y }
	sum := func(acc int32, lo, hi int) int32 {
		for _, v := range numbers()[lo:hi] {
			acc += v
		}
		return acc
	}
	staticReduce := func(body func(acc int32, lo, hi int) int32) int {
		sums := make([]int32, workers)
		static(n, func(k, lo, hi int) { sums[k] = body(0, lo, hi) })
		r := int32(0)
		for _, v := range sums {
			r += v
		}
		return int(r)
	}

	b.Run("copy", func(b *testing.B) { // what the memory allows
		s, dst := numbers(), room()
		best := least(b, nil, func() { static(n, func(_, lo, hi int) { copy(dst[lo:hi], s[lo:hi]) }) })
		b.ReportMetric(float64(8*n)/float64(best[0]), "GB/s")
	})
	b.Run("reduce", func(b *testing.B) { // with a function a value
		s := numbers()
		p := openAll(b)
		op := opaque(add)
		ratio(b, n, least(b, nil,
			func() {
				sink = staticReduce(func(acc int32, lo, hi int) int32 {
					for _, v := range s[lo:hi] {
						acc = op(acc, v)
					}
					return acc
				})
			},
			func() { sink = int(par.Reduce(p, s, 0, op)) }))
	})
	b.Run("reduce-range", func(b *testing.B) { // with a loop
		numbers()
		p := openAll(b)
		ratio(b, n, least(b, nil,
			func() { sink = staticReduce(sum) },
			func() { sink = int(par.ReduceRange(p, n, sum, add)) }))
	})
	b.Run("sum", func(b *testing.B) {
		s := numbers()
		p := openAll(b)
		ratio(b, n, least(b, nil,
			func() { sink = staticReduce(sum) },
			func() { sink = int(par.Sum(p, s)) }))
	})
	b.Run("scan", func(b *testing.B) {
		s, dst := numbers(), room()
		p := openAll(b)
		ratio(b, n, least(b, nil,
			func() { // two passes
				sums := make([]int32, workers)
				static(n, func(k, lo, hi int) { sums[k] = sum(0, lo, hi) })
				static(n, func(k, lo, hi int) {
					acc := int32(0)
					for _, v := range sums[:k] {
						acc += v
					}
					d := dst[lo:hi]
					for i, v := range s[lo:hi] {
						acc += v
						d[i] = acc
					}
				})
			},
			func() { par.ScanSum(p, dst, s) }))
	})
	b.Run("histogram", func(b *testing.B) {
		s := numbers()
		p := openAll(b)
		const bins = 256
		bin := opaque(func(v int32) int { return int(uint8(v >> 8)) })
		ratio(b, n, least(b, nil,
			func() {
				counts := make([][bins]int, workers)
				static(n, func(k, lo, hi int) {
					for _, v := range s[lo:hi] {
						counts[k][bin(v)]++
					}
				})
				for i := range bins {
					for k := range workers {
						sink += counts[k][i]
					}
				}
			},
			func() { sink = par.Histogram(p, s, bins, bin)[0] }))
	})
	b.Run("map", func(b *testing.B) {
		s, dst := numbers(), room()
		p := openAll(b)
		f := opaque(func(v int32) int32 { return 3*v + 1 })
		ratio(b, n, least(b, nil,
			func() {
				static(n, func(_, lo, hi int) {
					for i, v := range s[lo:hi] {
						dst[lo+i] = f(v)
					}
				})
			},
			func() { par.MapInto(p, dst, s, f) }))
	})
	b.Run("for-uneven", func(b *testing.B) {
		p := openAll(b)
		const rows, cols = 400, 400
		counts := make([]int, rows)
		row := func(y int) {
			counts[y] = 0
			for x := range cols {
				counts[y] += escape(2*float64(x)/cols-1.5, 2*float64(y)/rows)
			}
		}
		ratio(b, rows, least(b, nil,
			func() {
				static(rows, func(_, lo, hi int) {
					for y := lo; y < hi; y++ {
						row(y)
					}
				})
			},
			func() { par.For(p, rows, row) }))
	})
	b.Run("tiny", func(b *testing.B) {
		p := openAll(b)
		const n, rounds = 16, 10_000
		var a [n]int
		body := opaque(func(i int) { a[i] += i * i })
		ratio(b, n*rounds, least(b, nil,
			func() {
				for range rounds {
					for i := range n {
						body(i)
					}
				}
			},
			func() {
				for range rounds {
					par.For(p, n, body)
				}
			}))
	})
}

// opaque keeps the compiler from knowing a function that is handed over as a value.
//
//go:noinline
func opaque[F any](f F) F { return f }

// escape counts the steps of Mandelbrot's iteration.
func escape(re, im float64) (n int) {
	x, y := 0.0, 0.0
	for n < 1000 && x*x+y*y < 4 {
		x, y = x*x-y*y+re, 2*x*y+im
		n++
	}
	return n
}

// Where a loop becomes worth to be shared: as a loop of package par, against the plain one,
// by how long that takes. Calls follow each other, so helpers may be awake.
func BenchmarkParCrossover(b *testing.B) {
	out := make([]int, 1<<14)
	body := func(i int) { out[i] = int(escape(0.3, float64(i)*1e-9)) }
	for n := 16; n <= 1<<14; n *= 4 {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			p := openAll(b)
			const rounds = 50
			best := least(b, nil,
				func() {
					for range rounds {
						for i := range n {
							body(i)
						}
					}
				},
				func() {
					for range rounds {
						par.For(p, n, body)
					}
				})
			b.ReportMetric(float64(best[0])/rounds/1e3, "µs(plain)")
			ratio(b, n*rounds, best)
		})
	}
}

// A walk against the recursion that is written by hand: over trees with two children a node,
// and over a list with a leaf beside each node.
func BenchmarkParWalk(b *testing.B) {
	type node struct{ children []*node }
	var full func(depth int) *node
	full = func(depth int) *node {
		if depth == 0 {
			return &node{}
		}
		return &node{[]*node{full(depth - 1), full(depth - 1)}}
	}
	comb := func(n int, first bool) *node {
		leaf := &node{}
		root := leaf
		for range n {
			if first {
				root = &node{[]*node{root, leaf}}
			} else {
				root = &node{[]*node{leaf, root}}
			}
		}
		return root
	}
	var walk func(n *node, visit func(n *node) []*node)
	walk = func(n *node, visit func(n *node) []*node) {
		for _, c := range visit(n) {
			walk(c, visit)
		}
	}
	for _, c := range []struct {
		name   string
		root   *node
		nodes  int
		rounds int
	}{
		{"tiny", full(3), 15, 10_000},
		{"small", full(7), 255, 1000},
		{"medium", full(11), 4095, 100},
		{"large", full(20), 1<<21 - 1, 1},
		{"comb", comb(200_000, true), 400_001, 1},
		{"comb-mirrored", comb(200_000, false), 400_001, 1},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := openAll(b)
			visit := opaque(func(n *node) []*node { return n.children })
			ratio(b, c.nodes*c.rounds, least(b, nil,
				func() {
					for range c.rounds {
						walk(c.root, visit)
					}
				},
				func() {
					for range c.rounds {
						par.Walk(p, c.root, visit)
					}
				}))
		})
	}
}
