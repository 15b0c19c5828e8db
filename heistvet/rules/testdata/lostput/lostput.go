package lostput

import "github.com/heist-go/heist/pool"

type node struct {
	value       int
	left, right *node
}

func drops(f pool.Fork[*node, int], n *node) int {
	if n == nil {
		return 0
	}
	f.Put(n.right) // want `go on with the position that f.Put returns`
	left := drops(f, n.left)
	if f.Kept() {
		return left + drops(f, n.right)
	}
	return left + f.Take(n.right)
}

func forgets(f pool.Fork[*node, int], n *node) int {
	if n == nil {
		return 0
	}
	left := forgets(f.Put(n.right), n.left) // want `f.Put puts a part that nobody joins: call f.Kept, or Take`
	return n.value + left + forgets(f, n.right)
}

func second(f pool.Fork[*node, int], n *node) int {
	g := f.Put(n.left)
	h := g.Put(n.right) // want `g.Put puts a part that nobody joins`
	x := second(h, n)
	if f.Kept() {
		return x + second(f, n.left)
	}
	return x + f.Take(n.left)
}

// ---- what is right -----------------------------------------------------------

func sum(f pool.Fork[*node, int], n *node) int {
	if n == nil {
		return 0
	}
	left := sum(f.Put(n.right), n.left)
	if f.Kept() {
		return n.value + left + sum(f, n.right)
	}
	return n.value + left + f.Take(n.right)
}

func joins(f pool.Fork[*node, int], n *node) int {
	if n == nil {
		return 0
	}
	l, r := f.Join(n.left, n.right)
	return n.value + l + r
}

func several(f pool.Fork[*node, int], n *node) int {
	g := f
	for range 9 {
		g = g.Put(n.right)
	}
	x := several(g, n.left)
	for i := 8; i >= 0; i-- {
		if at := f.Nth(i); at.Kept() {
			x += several(at, n.right)
		} else {
			x += at.Take(n.right)
		}
	}
	return x
}

func chain(f pool.Fork[*node, int], n *node) int {
	x := chain(f.Put(n.left).Put(n.right), n)
	for i := 1; i >= 0; i-- {
		x += f.Nth(i).Take(n)
	}
	return x
}

func hands(f pool.Fork[*node, int], n *node) int {
	x := hands(f.Put(n.right), n.left)
	return x + rest(f, n.right)
}

func rest(f pool.Fork[*node, int], n *node) int { return f.Take(n) }

func closure(f pool.Fork[*node, int], n *node) (x int) {
	f.Offer(n)
	arrive := func() { x += f.Take(n) }
	arrive()
	return x
}
