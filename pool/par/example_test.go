package par_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
)

func ExampleFor() {
	squares := make([]int, 5)
	par.For(pool.Default(), len(squares), func(i int) { squares[i] = i * i })
	fmt.Println(squares)
	// Output: [0 1 4 9 16]
}

// A body that is a loop itself, which the compiler does better than calls.
func ExampleForRange() {
	s := make([]float64, 5)
	par.ForRange(pool.Default(), len(s), func(lo, hi int) {
		for i := range s[lo:hi] {
			s[lo+i] += 0.5
		}
	})
	fmt.Println(s)
	// Output: [0.5 0.5 0.5 0.5 0.5]
}

func ExampleForEach() {
	var letters atomic.Int64
	par.ForEach(pool.Default(), []string{"deque", "task", "pool"}, func(w string) { letters.Add(int64(len(w))) })
	fmt.Println(letters.Load())
	// Output: 13
}

// Rows that are sorted in parallel, each of them in parallel.
func ExampleForScope() {
	rows := [][]int{{3, 1, 2}, {9, 7, 8}}
	par.ForScope(pool.Default(), len(rows), func(s pool.Scope, i int) { par.Sort(s, rows[i]) })
	fmt.Println(rows)
	// Output: [[1 2 3] [7 8 9]]
}

// The error of the lowest index, as in a plain loop.
func ExampleTryFor() {
	err := par.TryFor(pool.Default(), 100, func(i int) error {
		if i%10 == 7 {
			return errors.New(fmt.Sprint("no ", i))
		}
		return nil
	})
	fmt.Println(err)
	// Output: no 7
}

func ExampleTryForEach() {
	err := par.TryForEach(pool.Default(), []string{"a", "b"}, func(s string) error { return nil })
	fmt.Println(err)
	// Output: <nil>
}

func ExampleMap() {
	fmt.Println(par.Map(pool.Default(), []string{"a", "b"}, strings.ToUpper))
	// Output: [A B]
}

func ExampleMapInto() {
	s := []int{1, 2, 3}
	par.MapInto(pool.Default(), s, s, func(v int) int { return -v })
	fmt.Println(s)
	// Output: [-1 -2 -3]
}

func ExampleTryMap() {
	_, err := par.TryMap(pool.Default(), []int{1, 0}, func(v int) (int, error) {
		if v == 0 {
			return 0, errors.New("division by zero")
		}
		return 1 / v, nil
	})
	fmt.Println(err)
	// Output: division by zero
}

func ExampleFilter() {
	fmt.Println(par.Filter(pool.Default(), []int{1, 2, 3, 4}, func(v int) bool { return v%2 == 0 }))
	// Output: [2 4]
}

func ExampleReduce() {
	longest := par.Reduce(pool.Default(), []string{"go", "heist", "pool"}, "", func(x, y string) string {
		if len(y) > len(x) {
			return y
		}
		return x
	})
	fmt.Println(longest)
	// Output: heist
}

func ExampleReduceRange() {
	s := []int{1, 2, 3, 4}
	sum := par.ReduceRange(pool.Default(), len(s), func(acc, lo, hi int) int {
		for _, v := range s[lo:hi] {
			acc += v
		}
		return acc
	}, func(x, y int) int { return x + y })
	fmt.Println(sum)
	// Output: 10
}

// The same bits for any number of workers.
func ExampleReduceFixed() {
	s := []float64{0.1, 0.2, 0.3}
	fmt.Println(par.ReduceFixed(pool.Default(), s, 0, func(x, y float64) float64 { return x + y }))
	// Output: 0.6000000000000001
}

func ExampleFold() {
	letters := par.Fold(pool.Default(), []string{"to", "be", "or"},
		func() map[rune]int { return map[rune]int{} },
		func(counts map[rune]int, word string) map[rune]int {
			for _, r := range word {
				counts[r]++
			}
			return counts
		},
		func(x, y map[rune]int) map[rune]int {
			for r, n := range y {
				x[r] += n
			}
			return x
		})
	fmt.Println(letters['o'])
	// Output: 2
}

func ExampleSum() {
	fmt.Println(par.Sum(pool.Default(), []int{1, 2, 3}))
	// Output: 6
}

func ExampleMinMax() {
	fmt.Println(par.MinMax(pool.Default(), []int{2, 3, 1}))
	// Output: 1 3
}

func ExampleMinMaxFunc() {
	fmt.Println(par.MinMaxFunc(pool.Default(), []string{"go", "heist"}, func(a, b string) int { return cmp.Compare(len(a), len(b)) }))
	// Output: go heist
}

func ExampleScan() {
	s := []int{1, 2, 3, 4}
	last := par.Scan(pool.Default(), s, s, func(x, y int) int { return x * y })
	fmt.Println(s, last)
	// Output: [1 2 6 24] 24
}

// Where each of several texts begins in their concatenation.
func ExampleScanExclusive() {
	lengths := []int{3, 1, 4}
	total := par.ScanExclusive(pool.Default(), lengths, lengths, 0, func(x, y int) int { return x + y })
	fmt.Println(lengths, total)
	// Output: [0 3 4] 8
}

func ExampleScanSum() {
	s := []int{3, 1, 4}
	fmt.Println(par.ScanSum(pool.Default(), s, s), s)
	// Output: 8 [3 4 8]
}

func ExampleSort() {
	s := []int{3, 1, 2}
	par.Sort(pool.Default(), s)
	fmt.Println(s)
	// Output: [1 2 3]
}

func ExampleSortFunc() {
	s := []string{"heist", "go"}
	par.SortFunc(pool.Default(), s, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	fmt.Println(s)
	// Output: [go heist]
}

func ExampleSortStableFunc() {
	s := []string{"task", "pool", "go"}
	par.SortStableFunc(pool.Default(), s, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	fmt.Println(s)
	// Output: [go task pool]
}

func ExampleMerge() {
	dst := make([]int, 5)
	par.Merge(pool.Default(), dst, []int{1, 3, 5}, []int{2, 4})
	fmt.Println(dst)
	// Output: [1 2 3 4 5]
}

func ExampleMergeFunc() {
	dst := make([]string, 3)
	par.MergeFunc(pool.Default(), dst, []string{"a", "C"}, []string{"b"}, func(a, b string) int {
		return strings.Compare(strings.ToLower(a), strings.ToLower(b))
	})
	fmt.Println(dst)
	// Output: [a b C]
}

func ExampleFind() {
	fmt.Println(par.Find(pool.Default(), []int{4, 8, 15, 16}, func(v int) bool { return v%2 == 1 }))
	// Output: 2
}

func ExampleAny() {
	fmt.Println(par.Any(pool.Default(), []int{4, 8}, func(v int) bool { return v > 5 }))
	// Output: true
}

func ExampleAll() {
	fmt.Println(par.All(pool.Default(), []int{4, 8}, func(v int) bool { return v > 5 }))
	// Output: false
}

func ExampleHistogram() {
	fmt.Println(par.Histogram(pool.Default(), []int{1, 2, 2, 9}, 3, func(v int) int { return min(v, 2) }))
	// Output: [0 1 3]
}

func ExampleGroupBy() {
	groups := par.GroupBy(pool.Default(), []string{"go", "to", "task"}, func(s string) int { return len(s) })
	for _, n := range slices.Sorted(maps.Keys(groups)) {
		fmt.Println(n, groups[n])
	}
	// Output:
	// 2 [go to]
	// 4 [task]
}

func ExampleUnique() {
	fmt.Println(par.Unique(pool.Default(), []int{3, 1, 3, 2, 1}))
	// Output: [3 1 2]
}

func ExampleShuffle() {
	s := []int{1, 2, 3, 4, 5}
	par.Shuffle(pool.Default(), s, 42)
	slices.Sort(s)
	fmt.Println(s)
	// Output: [1 2 3 4 5]
}

func ExampleWalk() {
	type dir struct {
		size int
		subs []*dir
	}
	root := &dir{1, []*dir{{2, nil}, {3, []*dir{{4, nil}}}}}
	sizes := make(chan int, 4)
	par.Walk(pool.Default(), root, func(d *dir) []*dir {
		sizes <- d.size
		return d.subs
	})
	fmt.Println(<-sizes+<-sizes+<-sizes+<-sizes, "in all")
	// Output: 10 in all
}

// The leaves of a tree that is made while it is walked.
func ExampleWalkAppend() {
	p := pool.Default()
	leaves := pool.NewLocal[int](p, nil)
	par.WalkAppend(p, "", func(s pool.Scope, path string, children []string) []string {
		if len(path) == 3 {
			*leaves.In(s)++
			return children
		}
		return append(children, path+"l", path+"r")
	})
	sum := 0
	for n := range leaves.All() {
		sum += *n
	}
	fmt.Println(sum, "leaves")
	// Output: 8 leaves
}

// Nodes whose lists are sorted in parallel, each of them in parallel.
func ExampleWalkScope() {
	type node struct {
		list []int
		subs []*node
	}
	leaf := &node{list: []int{3, 1, 2}}
	root := &node{list: []int{9, 7, 8}, subs: []*node{leaf}}
	par.WalkScope(pool.Default(), root, func(s pool.Scope, n *node) []*node {
		par.Sort(s, n.list)
		return n.subs
	})
	fmt.Println(root.list, leaf.list)
	// Output: [7 8 9] [1 2 3]
}

// How far away the numbers are if one may add one or double.
func ExampleBFS() {
	distance := make([]int, 11)
	par.BFS(pool.Default(), []int{1}, func(n, d int) (next []int) {
		distance[n] = d
		for _, m := range []int{n + 1, 2 * n} {
			if m <= 10 {
				next = append(next, m)
			}
		}
		return next
	})
	fmt.Println(distance[1:])
	// Output: [0 1 2 2 3 3 4 3 4 4]
}

func ExamplePipeline() {
	lines := strings.SplitSeq("one two three", " ")
	for upper := range par.Pipeline(pool.Default(), lines, strings.ToUpper) {
		fmt.Println(upper)
	}
	// Output:
	// ONE
	// TWO
	// THREE
}

func ExampleForSeq() {
	lengths := make(chan int, 3)
	par.ForSeq(pool.Default(), strings.SplitSeq("one two three", " "), func(s string) { lengths <- len(s) })
	fmt.Println(<-lengths + <-lengths + <-lengths)
	// Output: 11
}
