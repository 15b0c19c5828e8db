package par

import (
	"hash/maphash"
	"slices"

	"github.com/heist-go/heist/pool"
)

// Walk calls visit with the root of a tree, and with all nodes that visit has returned as
// the children of one. A node comes before its children; beyond that there is no order. The
// slice that visit returns is not kept.
//
// What is still to be visited is kept in a slice, not on the stack: a tree may be as deep as
// it has nodes.
func Walk[P pool.Place, N any](on P, root N, visit func(n N) (children []N)) {
	mustCall(visit != nil)
	WalkAppend(on, root, func(_ pool.Scope, n N, _ []N) []N { return visit(n) })
}

// WalkScope is [Walk] for a visit that computes in parallel itself: on the scope that it is
// given, which also says whether it is to end early. See [ForScope].
func WalkScope[P pool.Place, N any](on P, root N, visit func(s pool.Scope, n N) (children []N)) {
	mustCall(visit != nil)
	WalkAppend(on, root, func(s pool.Scope, n N, _ []N) []N { return visit(s, n) })
}

// WalkAppend is [WalkScope] without garbage: visit appends the children of a node to the slice that it is
// given, which is empty and is not to be kept, and returns it. Its scope tells whose [pool.Local] value it
// may add to.
//
//	par.WalkAppend(p, root, func(s pool.Scope, n *node, children []*node) []*node {
//		sums.In(s).add(n)
//		return append(children, n.left, n.right)
//	})
func WalkAppend[P pool.Place, N any](on P, root N, visit func(s pool.Scope, n N, children []N) []N) {
	mustCall(visit != nil)
	pool.Call(on, walk[N], forest[N]{walker: &walker[N]{visit: visit}, trees: append(make([]N, 0, 16), root)})
}

type walker[N any] struct {
	abortFlag
	visit func(s pool.Scope, n N, children []N) []N
}

// forest is a part of a walk: nodes with what is below them.
type forest[N any] struct {
	*walker[N]
	trees []N
	level int  // how many parts it is a part of
	back  bool // nobody has taken it: it is to be given back
}

const (
	// maxLevel is how many parts are inside of each other. Who waits for a part computes parts
	// of that, on its stack. Without a bound, two threads that hand a long list to each other,
	// node by node, would do that one level deeper each time.
	maxLevel = 64
	// maxOffers is how many parts are on offer, or not joined, by one that goes on.
	maxOffers = 512
)

// walk is the function of the computation. It returns what it has not visited: a part at the
// last level ends when others have nothing to do, so that who waits for it can give them
// something.
func walk[N any](f pool.Fork[forest[N], []N], p forest[N]) (left []N) {
	if p.back {
		return p.trees
	}
	ended := false
	defer p.unless(&ended)
	c := climber[N]{forest: p, f: f, at: f}
	left = c.climb()
	ended = true
	return left
}

// climber is a part of a walk in progress. Its trees are a stack: the last is the next one.
type climber[N any] struct {
	forest[N]
	f, at  pool.Fork[forest[N], []N] // where it began, and behind what is on offer
	offers [][]N
	skip   int   // visits from one question to the next
	read   int64 // when the clock was
}

func (c *climber[N]) climb() (left []N) {
	for {
		for len(c.trees) > 0 && c.goesOn() {
			c.trees = c.visits(c.trees)
		}
		if len(c.offers) == 0 {
			return c.trees
		}
		c.join()
	}
}

// visits visits some nodes, until the next question, and returns what is left of the stack.
func (c *climber[N]) visits(trees []N) []N {
	for left := c.skip; left > 0 && len(trees) > 0; left-- {
		n := len(trees) - 1
		v := trees[n]
		trees[n] = *new(N)
		trees = trees[:n]
		children := c.visit(c.at.Scope(), v, trees[n:n])
		// What was appended may lie where it belongs.
		if k := len(children); k > 0 && n+k <= cap(trees) && &children[0] == &trees[:n+1][n] {
			trees = trees[:n+k]
			slices.Reverse(trees[n:])
			continue
		}
		for i := len(children) - 1; i >= 0; i-- { // the first one is next
			trees = append(trees, children[i])
		}
	}
	return trees
}

// maxSkip is how many visits go by without a question, if they are short.
const maxSkip = 32

// goesOn asks, between two visits, whether the walk has ended, and whether somebody wants a
// part of it. It reports false if the walk has ended, or if this part is at the last level
// and gives back what it has.
func (c *climber[N]) goesOn() bool {
	now := c.at.Scope().Now()
	begins := c.read == 0
	if now-c.read < int64(block) {
		c.skip = min(2*c.skip, maxSkip)
	} else {
		c.skip = 1
	}
	c.read = now
	switch {
	case c.aborted.Load():
		c.trees = nil
		return false
	case c.at.Scope().Err() != nil:
		c.abort()
		c.trees = nil
		return false
	case len(c.trees) < 2 || !c.at.Wanted():
		return true
	case c.level == maxLevel:
		return begins // it must visit something before
	}
	c.offer()
	return true
}

// offer offers half of the trees.
func (c *climber[N]) offer() {
	if len(c.offers) == maxOffers {
		for len(c.offers) > 0 { // all but the last ones have ended long ago
			c.join()
		}
	}
	given, kept := halve(c.trees)
	c.trees = kept
	c.at = c.at.Offer(forest[N]{walker: c.walker, trees: given, level: c.level + 1})
	c.offers = append(c.offers, given)
}

// halve takes every other tree off the stack, from the oldest on. So each half has as many of each depth: the
// trees near the root may be as large as all that are above them in the stack. Whoever had only those would be
// through at once, wait, and be given a part of a part, until all parts are at the last level.
func halve[N any](trees []N) (given, kept []N) {
	given, kept = make([]N, 0, (len(trees)+1)/2), trees[:0]
	for i, n := range trees {
		if i%2 == 0 {
			given = append(given, n)
		} else {
			kept = append(kept, n)
		}
	}
	clear(trees[len(kept):])
	return given, kept
}

// join takes back the last part that was offered, or waits for it.
func (c *climber[N]) join() {
	k := len(c.offers) - 1
	given := c.offers[k]
	c.offers[k] = nil
	c.offers = c.offers[:k]
	c.at = c.f.Nth(k)
	if !c.at.Kept() {
		given = c.at.Take(forest[N]{walker: c.walker, trees: given, back: true})
	}
	if !c.aborted.Load() {
		c.trees = slices.Insert(c.trees, 0, given...)
	}
}

// BFS calls visit once with each node of a graph that can be reached from the roots, and
// with its distance from the nearest of them: breadth first, all nodes of one distance
// before those of the next. visit returns the neighbors of the node, in a slice that is not
// kept. It reports how many nodes there were.
func BFS[P pool.Place, N comparable](on P, roots []N, visit func(n N, distance int) (neighbors []N)) (nodes int) {
	const shards = 64
	type lists = [shards][]N
	seed := maphash.MakeSeed()
	var seen [shards]map[N]none
	for i := range seen {
		seen[i] = map[N]none{}
	}
	sort := func(found *lists, ns []N) *lists {
		for _, n := range ns {
			k := maphash.Comparable(seed, n) % shards
			found[k] = append(found[k], n)
		}
		return found
	}
	c := costOf(visit)
	found := sort(new(lists), roots)
	for distance := 0; ; distance++ {
		candidates := 0
		for _, l := range found {
			candidates += len(l)
		}
		fresh := func(k int) {
			l := found[k][:0]
			for _, n := range found[k] {
				size := len(seen[k])
				if seen[k][n] = (none{}); len(seen[k]) > size {
					l = append(l, n)
				}
			}
			found[k] = l
		}
		if hashing.of(candidates) < ripe {
			for k := range shards {
				fresh(k)
			}
		} else {
			For(on, shards, fresh)
		}
		var frontier []N
		for _, l := range found {
			frontier = append(frontier, l...)
		}
		if len(frontier) == 0 {
			return nodes
		}
		nodes += len(frontier)
		j := &fold[*lists]{
			start: func() *lists { return new(lists) },
			body: func(found *lists, lo, hi int) *lists {
				for _, n := range frontier[lo:hi] {
					sort(found, visit(n, distance))
				}
				return found
			},
			merge: func(x, y *lists) *lists {
				for k := range x {
					x[k] = append(x[k], y[k]...)
				}
				return x
			},
		}
		if found = run(on, c, len(frontier), j); !j.isWhole() {
			return nodes
		}
	}
}
