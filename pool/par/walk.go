package par

import (
	"hash/maphash"

	"github.com/heist-go/heist/pool"
)

// Walk calls visit with the root of a tree, and with all nodes that visit has returned as
// the children of one. A node comes before its children; beyond that there is no order. The
// slice that visit returns is not kept longer than its nodes are visited.
func Walk[P pool.Place, N any](on P, root N, visit func(n N) (children []N)) {
	pool.Call(on, walk[N], forest[N]{&walker[N]{visit: visit}, []N{root}})
}

// WalkScope is [Walk] for a visit that computes in parallel itself: on the scope that it is
// given, which also says whether it is to end early. See [ForScope].
func WalkScope[P pool.Place, N any](on P, root N, visit func(s pool.Scope, n N) (children []N)) {
	pool.Call(on, walk[N], forest[N]{&walker[N]{visitScope: visit}, []N{root}})
}

type walker[N any] struct {
	brake
	visit      func(n N) []N // or
	visitScope func(s pool.Scope, n N) []N
}

type forest[N any] struct {
	*walker[N]
	trees []N
}

func walk[N any](f pool.Fork[forest[N], none], p forest[N]) (_ none) {
	ended := false
	defer p.unless(&ended)
	(&climber[N]{walker: p.walker}).climb(f, p.trees)
	ended = true
	return
}

// climber is a part of a walk.
type climber[N any] struct {
	*walker[N]
	pace
}

func (w *climber[N]) climb(f pool.Fork[forest[N], none], trees []N) {
	for len(trees) > 0 && !w.pulled.Load() {
		if len(trees) == 1 {
			if w.isCanceled(f.Scope()) {
				w.pulled.Store(true)
				return
			}
			if w.visit != nil {
				trees = w.visit(trees[0])
			} else {
				trees = w.visitScope(f.Scope(), trees[0])
			}
			continue
		}
		half := len(trees) / 2
		upper := forest[N]{w.walker, trees[half:]}
		w.climb(f.Offer(upper), trees[:half])
		if !f.Kept() {
			f.Take(upper)
			return
		}
		trees = upper.trees
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
