package par

import "github.com/heist-go/heist/pool"

// For calls body with each of 0 to n-1. It blocks until all calls have returned.
func For[P pool.Place](on P, n int, body func(i int)) {
	defer raise()
	c := costOf(body)
	if c.isTiny(n) && !takesTurns(on) { // nothing but the loop should cost anything
		for i := range n {
			body(i)
		}
		return
	}
	each(on, c, n, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			body(i)
		}
	})
}

// ForRange calls body with ranges [lo, hi) that together are [0, n): for bodies that
// have something to set up, or that the compiler does better as a loop. How long the ranges
// are depends on what they cost, and on who helps.
func ForRange[P pool.Place](on P, n int, body func(lo, hi int)) {
	if n > 0 {
		each(on, costOf(body), n, body)
	}
}

// ForScope is [For] for bodies that compute in parallel themselves: they do so on the
// scope that they are given, so that all is one computation.
//
//	par.ForScope(p, len(rows), func(s pool.Scope, i int) {
//		par.Sort(s, rows[i])
//	})
func ForScope[P pool.Place](on P, n int, body func(s pool.Scope, i int)) {
	if n > 0 {
		mustCall(body != nil)
		pool.Call(on, scoped, span{&loop{body: body}, 0, n})
	}
}

type loop struct {
	abortFlag
	body func(s pool.Scope, i int)
}

// span is some iterations of a loop.
type span struct {
	*loop
	lo, hi int
}

func scoped(f pool.Fork[span, none], p span) (_ none) {
	ended := false
	defer p.unless(&ended)
	(&stepper{loop: p.loop}).halve(f, p.lo, p.hi)
	ended = true
	return
}

// stepper is a part of a loop.
type stepper struct {
	*loop
	pace
}

func (l *stepper) halve(f pool.Fork[span, none], lo, hi int) {
	for !l.aborted.Load() {
		if hi-lo == 1 {
			if l.isCanceled(f.Scope()) {
				l.abort()
				return
			}
			l.body(f.Scope(), lo)
			return
		}
		mid := lo + (hi-lo)/2
		upper := span{l.loop, mid, hi}
		l.halve(f.Offer(upper), lo, mid)
		if !f.Kept() {
			f.Take(upper)
			return
		}
		lo = mid
	}
}

// ForEach calls body with each element of s.
func ForEach[P pool.Place, T any](on P, s []T, body func(v T)) {
	each(on, costOf(body), len(s), func(lo, hi int) {
		for _, v := range s[lo:hi] {
			body(v)
		}
	})
}

// TryFor calls body with each of 0 to n-1 until one returns an error: the error of the
// lowest such index, and all lower ones have been called. Higher ones may have been, too. In a
// computation that is canceled before that is known, the error is why: see
// [pool.Scope.Err].
func TryFor[P pool.Place](on P, n int, body func(i int) error) error {
	return tryFor(on, costOf(body), n, body)
}

// tryFor is TryFor with what an iteration costs.
func tryFor[P pool.Place](on P, c *cost, n int, body func(i int) error) error {
	j, e := tries(body)
	run(on, c, n, j)
	if j.limit.Load() == canceledAt {
		return canceled(on)
	}
	return e.err
}

// TryForEach is [TryFor] for the elements of s.
func TryForEach[P pool.Place, T any](on P, s []T, body func(v T) error) error {
	return tryFor(on, costOf(body), len(s), func(i int) error { return body(s[i]) })
}
