// Command treewalk adds up a tree whose branches are of very different size: what cannot be
// cut into equal shares beforehand.
//
//	go run ./examples/treewalk -nodes 5000000
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/heist-go/heist/pool"
)

// node is a number, and others below it.
type node struct {
	value    int
	children []node
}

// grow makes a tree of n nodes. A branch gets a random part of what is left, so that there
// are short ones, long ones, and paths that hardly fork at all.
func grow(random *rand.Rand, n int) (root node) {
	root.value = random.IntN(1000)
	for n--; n > 0; {
		part := 1 + int(float64(n)*random.Float64())
		root.children = append(root.children, grow(random, part))
		n -= part
	}
	return root
}

// plain is the recursion as one writes it.
func plain(t *node) int {
	sum := t.value
	for i := range t.children {
		sum += plain(&t.children[i])
	}
	return sum
}

// parallel is the same, with all children but the first on offer while that one is visited:
// the later ones have the lower positions, as what is offered last is joined first.
func parallel(f pool.Fork[*node, int], t *node) int {
	sum := t.value
	n := len(t.children)
	if n == 0 {
		return sum
	}
	below := f
	for i := n - 1; i > 0; i-- {
		below = below.Put(&t.children[i])
	}
	sum += parallel(below, &t.children[0])
	for i := 1; i < n; i++ {
		child, at := &t.children[i], f.Nth(n-1-i)
		if at.Kept() {
			sum += parallel(at, child) // a plain call: at most of the nodes it is one
		} else {
			sum += at.Take(child)
		}
	}
	return sum
}

// shape returns how deep the tree is, and which part of it is below its largest branch.
func shape(t *node) (depth int, largest float64) {
	var count func(t *node, level int) int
	count = func(t *node, level int) int {
		depth = max(depth, level)
		n := 1
		for i := range t.children {
			n += count(&t.children[i], level+1)
		}
		return n
	}
	all := count(t, 1)
	for i := range t.children {
		largest = max(largest, float64(count(&t.children[i], 2))/float64(all))
	}
	return depth, largest
}

// least returns the shortest time of several that f takes, and its result.
func least(f func() int) (result int, took time.Duration) {
	for i := range 5 {
		start := time.Now()
		result = f()
		if d := time.Since(start); i == 0 || d < took {
			took = d
		}
	}
	return result, took
}

func main() {
	nodes := flag.Int("nodes", 5_000_000, "how many nodes the tree has")
	seed := flag.Uint64("seed", 1, "another tree")
	flag.Parse()
	tree := grow(rand.New(rand.NewPCG(*seed, 0)), *nodes)
	depth, largest := shape(&tree)
	fmt.Printf("%d nodes, %d deep, %.0f %% of them in one of %d branches\n", *nodes, depth, 100*largest, len(tree.children))

	p := pool.Default()
	want, alone := least(func() int { return plain(&tree) })
	sum, together := least(func() int { return pool.Call(p, parallel, &tree) })
	fmt.Printf("sequential   %8.2f ms, %5.2f ns a node\n", alone.Seconds()*1e3, float64(alone)/float64(*nodes))
	fmt.Printf("fork-join    %8.2f ms, %5.2f ns a node, %d workers: %.2f times as fast\n",
		together.Seconds()*1e3, float64(together)/float64(*nodes), p.Workers(), float64(alone)/float64(together))
	if sum != want {
		fmt.Println("treewalk: the sums differ:", want, sum)
		os.Exit(1)
	}
}
