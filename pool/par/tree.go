package par

import (
	"time"

	"github.com/heist-go/heist/pool"
)

// tree is a loop in blocks of a fixed size, whose results are merged as a balanced binary
// tree: which depends on the length alone.
type tree[R any] struct {
	abortFlag
	size  int
	leaf  func(lo, hi int) R
	merge func(x, y R) R
}

type branch[R any] struct {
	*tree[R]
	lo, hi int
}

// fixed runs the tree over [0, n), n > 0.
func fixed[P pool.Place, R any](on P, c *cost, n int, t *tree[R]) R {
	mustCall(c != &unknown)
	if takesTurns(on) {
		c = decided()
	}
	d := c.of(n)
	if n <= t.size || d != 0 && d < enough(on) {
		defer raise()
		begin := time.Now()
		r := t.alone(0, n)
		if c != &cheap {
			c.learn(n, time.Since(begin))
		}
		return r
	}
	begin := time.Now()
	r := pool.Call(on, grow[R], branch[R]{t, 0, n})
	if took := time.Since(begin); c != &cheap && (d == 0 || took < ripe) && !t.aborted.Load() {
		c.learn(n, took)
	}
	return r
}

// half returns where a branch is cut: between blocks.
func (t *tree[R]) half(lo, hi int) int {
	blocks := (hi - lo + t.size - 1) / t.size
	return lo + (blocks+1)/2*t.size
}

func (t *tree[R]) alone(lo, hi int) R {
	if hi-lo <= t.size {
		return t.leaf(lo, hi)
	}
	mid := t.half(lo, hi)
	x := t.alone(lo, mid)
	return t.merge(x, t.alone(mid, hi))
}

func grow[R any](f pool.Fork[branch[R], R], b branch[R]) (r R) {
	if b.aborted.Load() {
		return r
	}
	ended := false
	defer b.unless(&ended)
	r = b.grow(f)
	ended = true
	return r
}

func (b *branch[R]) grow(f pool.Fork[branch[R], R]) (r R) {
	if b.hi-b.lo <= b.size {
		if f.Scope().Err() != nil {
			b.abort()
			return r
		}
		return b.leaf(b.lo, b.hi)
	}
	mid := b.half(b.lo, b.hi)
	x, y := f.Join(branch[R]{b.tree, b.lo, mid}, branch[R]{b.tree, mid, b.hi})
	if b.aborted.Load() { // x or y may be of nothing. Pairs with: (*abortFlag).abort.
		return r
	}
	return b.merge(x, y)
}
