package pool_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/heist-go/heist/pool"
)

// The rows forkjoin/... The cost of a fork is the difference between two runs of the same
// recursion, so each benchmark runs both, in turn, and reports the least of each.

// least returns the least time of each of the functions, run in turn.
func least(b *testing.B, fs ...func()) []time.Duration {
	best := make([]time.Duration, len(fs))
	b.ResetTimer() // a pool was opened
	for range b.N {
		for i, f := range fs {
			begin := time.Now()
			f()
			if d := time.Since(begin); best[i] == 0 || d < best[i] {
				best[i] = d
			}
		}
	}
	return best
}

// forks is how many forks fib(n) makes.
func forks(n int) float64 { return float64(fibSeq(n+1) - 1) }

var result int

func BenchmarkForkjoin(b *testing.B) {
	const n = 30
	want := fibSeq(n)
	check := func(b *testing.B, got int) {
		if got != want {
			b.Fatal("wrong result")
		}
	}
	perFork := func(name string, f func(p *pool.Pool) int) {
		b.Run(name, func(b *testing.B) {
			p := open(b, 1)
			b.ReportAllocs()
			best := least(b, func() { result = fibSeq(n) }, func() { check(b, f(p)) })
			b.ReportMetric(float64(best[1]-best[0])/forks(n), "ns/fork")
			b.ReportMetric(float64(best[0])/forks(n), "ns/call")
		})
	}
	perFork("fib", func(p *pool.Pool) int { return pool.Call(p, fib, n) })
	perFork("fib-join", func(p *pool.Pool) int { return pool.Call(p, fibJoin, n) })
	perFork("fib-closure", func(p *pool.Pool) int {
		x := 0
		pool.Do(p, func(s pool.Scope) { x = fibDo(s, n) })
		return x
	})
	perFork("fib-both", func(p *pool.Pool) int {
		x, _ := pool.Both(p, func(s pool.Scope) int { return fibBoth(s, n) }, func(pool.Scope) int { return 0 })
		return x
	})

	b.Run("fib-goroutine", func(b *testing.B) {
		const n = 20
		var fibGo func(n int) int
		fibGo = func(n int) int {
			if n < 2 {
				return n
			}
			var wg sync.WaitGroup
			y := 0
			wg.Go(func() { y = fibGo(n - 2) })
			x := fibGo(n - 1)
			wg.Wait()
			return x + y
		}
		p := open(b, 1)
		best := least(b, func() { result = fibSeq(n) }, func() { result = pool.Call(p, fib, n) }, func() { result = fibGo(n) })
		b.ReportMetric(float64(best[2]-best[0])/float64(max(best[1]-best[0], 1)), "x")
		b.ReportMetric(float64(best[2]-best[0])/forks(n), "ns/goroutine")
	})
}

// scaling runs f on pools of several sizes beside the sequential g, and reports how many
// times as fast it is.
func scaling(b *testing.B, g func(), f func(p *pool.Pool)) {
	for _, w := range []int{1, 2, 4, 8, 16} {
		if w > runtime.NumCPU() {
			break
		}
		b.Run(fmt.Sprintf("workers-%d", w), func(b *testing.B) {
			p := open(b, w)
			best := least(b, g, func() { f(p) })
			b.ReportMetric(float64(best[0])/float64(best[1]), "x")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func BenchmarkForkjoinScale(b *testing.B) {
	b.Run("fib", func(b *testing.B) {
		scaling(b, func() { result = fibSeq(36) }, func(p *pool.Pool) { result = pool.Call(p, fib, 36) })
	})
	b.Run("nqueens", func(b *testing.B) {
		const n = 13
		scaling(b, func() { result = queensSeq(emptyBoard(n)) }, func(p *pool.Pool) { result = pool.Call(p, queens, emptyBoard(n)) })
	})
	b.Run("tree", func(b *testing.B) {
		trees := make([]*leafy, 64)
		for i := range trees {
			trees[i] = sprout(14)
		}
		for _, w := range []int{2, 4, 8, 16} {
			if w > runtime.NumCPU() {
				break
			}
			p := open(b, w)
			b.Run(fmt.Sprintf("static-%d", w), func(b *testing.B) {
				best := least(b,
					func() {
						for _, t := range trees {
							result = staticSum(t, w)
						}
					},
					func() {
						for _, t := range trees {
							result = pool.Call(p, treeSum, t)
						}
					})
				b.ReportMetric(float64(best[0])/float64(best[1]), "x")
				b.ReportMetric(float64(best[1])/float64(len(trees)), "ns/tree")
			})
		}
	})
	b.Run("tree-small", func(b *testing.B) {
		t := sprout(10)
		p := open(b, runtime.NumCPU())
		const rounds = 1000
		best := least(b,
			func() {
				for range rounds {
					result = t.sum()
				}
			},
			func() {
				for range rounds {
					result = pool.Call(p, treeSum, t)
				}
			})
		b.ReportMetric(float64(best[0])/float64(best[1]), "x")
		b.ReportMetric(float64(best[1])/rounds, "ns/tree")
	})
	b.Run("skynet", func(b *testing.B) {
		leaves := 1_000_000
		want := leaves / 2 * (leaves - 1) // modulo the size of an int
		p := open(b, runtime.NumCPU())
		best := least(b,
			func() {
				c := make(chan int)
				go skynetGo(c, 0, leaves)
				if <-c != want {
					b.Fatal("wrong result")
				}
			},
			func() {
				if pool.Call(p, skynet, subtree{0, leaves}) != want {
					b.Fatal("wrong result")
				}
			})
		b.ReportMetric(float64(best[0])/float64(best[1]), "x")
		b.ReportMetric(float64(best[1])/float64(leaves), "ns/leaf")
	})
	for _, leaves := range []int{2, 4, 8} {
		const length = 40 * time.Millisecond
		p := open(b, runtime.NumCPU())
		ideal := length * time.Duration((leaves+runtime.NumCPU()-1)/runtime.NumCPU())
		spin := func() {
			for begin := time.Now(); time.Since(begin) < length; {
			}
		}
		b.Run(fmt.Sprintf("coarse-do-%d", leaves), func(b *testing.B) {
			fs := make([]func(pool.Scope), leaves)
			for i := range fs {
				fs[i] = func(pool.Scope) { spin() }
			}
			best := least(b, func() { pool.Do(p, fs...) })
			b.ReportMetric(float64(ideal)/float64(best[0]), "of-ideal")
		})
		b.Run(fmt.Sprintf("coarse-join-%d", leaves), func(b *testing.B) {
			f := func(f pool.Fork[int, int], n int) int {
				if n == 1 {
					spin()
					return 1
				}
				x, y := f.Join(n/2, n/2)
				return x + y
			}
			best := least(b, func() { pool.Call(p, f, leaves) })
			b.ReportMetric(float64(ideal)/float64(best[0]), "of-ideal")
		})
	}
}

// ---- the workloads ------------------------------------------------------------------

type leafy struct {
	left, right *leafy
	value       int
}

func sprout(depth int) *leafy {
	if depth == 0 {
		return nil
	}
	return &leafy{sprout(depth - 1), sprout(depth - 1), depth}
}

func (n *leafy) sum() int {
	if n == nil {
		return 0
	}
	return n.value + n.left.sum() + n.right.sum()
}

func treeSum(f pool.Fork[*leafy, int], n *leafy) int {
	s := n.value
	switch {
	case n.left == nil && n.right == nil:
		return s
	case n.left == nil:
		return s + treeSum(f, n.right)
	case n.right == nil:
		return s + treeSum(f, n.left)
	}
	s += treeSum(f.Put(n.right), n.left)
	if f.Kept() {
		return s + treeSum(f, n.right)
	}
	return s + f.Take(n.right)
}

// staticSum cuts the tree by hand.
func staticSum(n *leafy, goroutines int) int {
	if goroutines < 2 {
		return n.sum()
	}
	var wg sync.WaitGroup
	right := 0
	wg.Go(func() { right = staticSum(n.right, goroutines/2) })
	left := staticSum(n.left, goroutines-goroutines/2)
	wg.Wait()
	return n.value + left + right
}

// board is a row of a board, what attacks it, and where a queen may still be tried.
type board struct{ all, cols, left, right, free uint32 }

func emptyBoard(n int) board { return board{all: 1<<n - 1, free: 1<<n - 1} }

// next is the row below, with a queen at bit.
func (b board) next(bit uint32) board {
	c, l, r := b.cols|bit, (b.left|bit)<<1, (b.right|bit)>>1
	return board{b.all, c, l, r, b.all &^ (c | l | r)}
}

func queensSeq(b board) int {
	if b.cols == b.all {
		return 1
	}
	count := 0
	for b.free != 0 {
		bit := b.free & -b.free
		b.free ^= bit
		count += queensSeq(b.next(bit))
	}
	return count
}

// queens tries one column, and the others of the row may be taken meanwhile.
func queens(f pool.Fork[board, int], b board) int {
	if b.cols == b.all {
		return 1
	}
	count := 0
	for b.free != 0 {
		bit := b.free & -b.free
		b.free ^= bit
		if b.free == 0 {
			return count + queens(f, b.next(bit))
		}
		count += queens(f.Put(b), b.next(bit))
		if !f.Kept() {
			return count + f.Take(b)
		}
	}
	return count
}

type subtree struct{ first, size int }

func skynet(f pool.Fork[subtree, int], n subtree) int {
	if n.size == 1 {
		return n.first
	}
	part := n.size / 10
	g := f
	for i := range 9 {
		g = g.Put(subtree{n.first + i*part, part})
	}
	sum := skynet(g, subtree{n.first + 9*part, part})
	for i := 8; i >= 0; i-- {
		if at := f.Nth(i); at.Kept() {
			sum += skynet(at, subtree{n.first + i*part, part})
		} else {
			sum += at.Take(subtree{n.first + i*part, part})
		}
	}
	return sum
}

func skynetGo(c chan int, first, size int) {
	if size == 1 {
		c <- first
		return
	}
	part, sum := size/10, 0
	parts := make(chan int)
	for i := range 10 {
		go skynetGo(parts, first+i*part, part)
	}
	for range 10 {
		sum += <-parts
	}
	c <- sum
}

// The two rows that bench/peers/native has for others, in the same units.
func BenchmarkForkjoinPeer(b *testing.B) {
	trees := make([]*leafy, 64)
	for i := range trees {
		trees[i] = sprout(14)
	}
	for _, w := range []int{1, 2, 4, 8, 16} {
		if w > runtime.NumCPU() {
			break
		}
		b.Run(fmt.Sprintf("fib/workers-%d", w), func(b *testing.B) {
			p := open(b, w)
			best := least(b, func() { result = pool.Call(p, fib, 30) }, func() { result = pool.Call(p, fibJoin, 30) })
			b.ReportMetric(best[0].Seconds()*1e3, "ms")
			b.ReportMetric(best[1].Seconds()*1e3, "ms(Join)")
			b.ReportMetric(0, "ns/op")
		})
		b.Run(fmt.Sprintf("tree/workers-%d", w), func(b *testing.B) {
			p := open(b, w)
			best := least(b, func() {
				for _, t := range trees {
					result = pool.Call(p, treeSum, t)
				}
			})
			b.ReportMetric(best[0].Seconds()*1e6/float64(len(trees)), "µs/tree")
			b.ReportMetric(0, "ns/op")
		})
	}
}
