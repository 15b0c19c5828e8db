package par_test

import (
	"crypto/sha1"
	"encoding/binary"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
)

// utsTree is a tree of the Unbalanced Tree Search benchmark (Olivier et al., "UTS: An Unbalanced
// Tree Search Benchmark", LCPC 2006): nobody knows how large a subtree is before it was walked. A
// node is a SHA-1 state, and the number of its children is drawn from that. The parameters and
// sizes of T1 and T3 are those of the reference implementation.
type utsTree struct {
	name  string
	seed  uint32
	roots float64 // children of the root, or of each node if geometric, in the mean
	depth int32   // geometric: there are no children from here on; 0: binomial
	q     float64 // binomial: the probability of m children
	m     int
	size  int
}

var (
	utsT1 = utsTree{name: "T1", seed: 19, roots: 4, depth: 10, size: 4_130_071}
	utsT3 = utsTree{name: "T3", seed: 42, roots: 2000, q: 0.124875, m: 8, size: 4_112_897}
	// Small ones of the same kinds, for tests.
	utsSmall = []utsTree{
		{name: "geometric", seed: 19, roots: 3, depth: 6},
		{name: "binomial", seed: 42, roots: 50, q: 0.12, m: 8},
		{name: "alone", seed: 1, roots: 0, q: 0.1, m: 2},
	}
)

// utsMost bounds the children of a node, but for the root of a binomial tree.
const utsMost = 100

type utsNode struct {
	state [sha1.Size]byte
	depth int32
}

func (t *utsTree) root() (n utsNode) {
	binary.BigEndian.PutUint32(n.state[16:], t.seed)
	n.state = sha1.Sum(n.state[:])
	return n
}

// child is the i-th child.
func (n *utsNode) child(i int) utsNode {
	var text [sha1.Size + 4]byte
	copy(text[:], n.state[:])
	binary.BigEndian.PutUint32(text[sha1.Size:], uint32(i))
	return utsNode{sha1.Sum(text[:]), n.depth + 1}
}

// children returns how many there are.
func (t *utsTree) children(n *utsNode) int {
	u := float64(binary.BigEndian.Uint32(n.state[16:])&math.MaxInt32) / (1 << 31)
	switch {
	case t.depth > 0:
		mean := t.roots
		if n.depth >= t.depth {
			mean = 0
		}
		return min(int(math.Log(1-u)/math.Log(1-1/(1+mean))), utsMost)
	case n.depth == 0:
		return int(t.roots)
	case u < t.q:
		return t.m
	}
	return 0
}

// count walks what is below n, by plain calls.
func (t *utsTree) count(n utsNode) int {
	nodes := 1
	for i := range t.children(&n) {
		nodes += t.count(n.child(i))
	}
	return nodes
}

// siblings are some of the children of a node.
type siblings struct {
	tree   *utsTree
	parent utsNode
	lo, hi int
}

// joined is count by [pool.Fork.Join], of siblings in halves.
func joined(f pool.Fork[siblings, int], s siblings) int {
	switch s.hi - s.lo {
	case 0:
		return 0
	case 1:
		n := s.parent.child(s.lo)
		return 1 + joined(f, siblings{s.tree, n, 0, s.tree.children(&n)})
	}
	lower, upper := s, s
	lower.hi = (s.lo + s.hi) / 2
	upper.lo = lower.hi
	a, b := f.Join(lower, upper)
	return a + b
}

func (t *utsTree) join(p *pool.Pool) int {
	n := t.root()
	return 1 + pool.Call(p, joined, siblings{t, n, 0, t.children(&n)})
}

// walked is count by [par.WalkAppend].
func (t *utsTree) walked(p *pool.Pool) int {
	counts := pool.NewLocal[int](p, nil)
	par.WalkAppend(p, t.root(), func(s pool.Scope, n utsNode, children []utsNode) []utsNode {
		*counts.In(s)++
		for i := range t.children(&n) {
			children = append(children, n.child(i))
		}
		return children
	})
	nodes := 0
	for n := range counts.All() {
		nodes += *n
	}
	return nodes
}

// cut is count by a goroutine a processor, each with as many of the nodes of a level as the
// others: that of the first level with enough of them.
func (t *utsTree) cut() int {
	level := []utsNode{t.root()}
	above := 0
	for len(level) > 0 && len(level) < 64*runtime.NumCPU() {
		var next []utsNode
		for _, n := range level {
			for i := range t.children(&n) {
				next = append(next, n.child(i))
			}
		}
		above += len(level)
		level = next
	}
	sums := make([]int, runtime.NumCPU())
	static(len(level), func(part, lo, hi int) {
		sum := 0
		for _, n := range level[lo:hi] {
			sum += t.count(n)
		}
		sums[part] = sum
	})
	for _, s := range sums {
		above += s
	}
	return above
}

// goroutines is count with a goroutine for a child, as long as there are few.
func (t *utsTree) goroutines() int {
	var nodes, running atomic.Int64
	var wg sync.WaitGroup
	var walk func(n utsNode) int
	walk = func(n utsNode) int {
		sum := 1
		for i := range t.children(&n) {
			c := n.child(i)
			if running.Load() < int64(4*runtime.NumCPU()) {
				running.Add(1)
				wg.Go(func() {
					nodes.Add(int64(walk(c)))
					running.Add(-1)
				})
				continue
			}
			sum += walk(c)
		}
		return sum
	}
	sum := walk(t.root())
	wg.Wait()
	return sum + int(nodes.Load())
}

func TestUTS(t *testing.T) {
	p := open(t, 4)
	for _, tree := range utsSmall {
		t.Run(tree.name, func(t *testing.T) {
			want := tree.count(tree.root())
			require.Equal(t, want, tree.join(p))
			require.Equal(t, want, tree.walked(p))
			require.Equal(t, want, tree.cut())
			require.Equal(t, want, tree.goroutines())
		})
	}
}

// BenchmarkUTS walks T1 and T3; x is over the plain recursion.
func BenchmarkUTS(b *testing.B) {
	for _, tree := range []utsTree{utsT1, utsT3} {
		for _, c := range []struct {
			name string
			f    func(p *pool.Pool) int
		}{
			{"join", tree.join},
			{"walk", tree.walked},
			{"static", func(*pool.Pool) int { return tree.cut() }},
			{"goroutines", func(*pool.Pool) int { return tree.goroutines() }},
		} {
			b.Run(tree.name+"/"+c.name, func(b *testing.B) {
				p := openAll(b)
				check := func(n int) {
					if n != tree.size {
						b.Fatalf("%d nodes, want %d", n, tree.size)
					}
				}
				ratio(b, tree.size, least(b, nil, func() { check(tree.count(tree.root())) }, func() { check(c.f(p)) }))
			})
		}
	}
}
