package pool

import (
	"math"

	"github.com/heist-go/heist/task"
)

// The easiest grades: parts are closures, and get a [Scope], to go on. Both keep the
// closures in the records of a computation, which is found again by the type of those.

// Do computes several functions, which may run at the same time, and returns when all
// have. It is right for work of any size. Its price are the closures, which are allocated:
// some 50 ns each; for what takes less than some microseconds in all, a plain call of the
// functions is faster.
//
// A panic of one is raised as a *task.PanicError, when none runs any more.
func Do[P Place](on P, fs ...func(Scope)) {
	if len(fs) == 0 {
		return
	}
	if s, ok := any(on).(Scope); ok {
		if l, ok := s.of.promoter.(*ledger[func(Scope), none]); ok {
			s.check()
			var done bool
			defer l.unwind(s.t, &done)
			all(Fork[func(Scope), none]{l, s.t}, fs)
			done = true
			return
		}
	}
	x, guest := admit(any(on))
	l := open(x, procedure)
	var ok bool
	defer l.end(guest, &ok)
	all(Fork[func(Scope), none]{l, 0}, fs)
	ok = true
}

// Both is [Do] for two functions with results. It is cheaper, too: only the second closure
// is allocated, and there are no variables that both have to share.
//
//	func sum(s pool.Scope, n *node) int {
//		if n == nil {
//			return 0
//		}
//		x, y := pool.Both(s,
//			func(s pool.Scope) int { return sum(s, n.left) },
//			func(s pool.Scope) int { return sum(s, n.right) })
//		return n.value + x + y
//	}
func Both[P Place, A, B any](on P, f func(Scope) A, g func(Scope) B) (A, B) {
	if s, ok := any(on).(Scope); ok {
		if l, ok := s.of.promoter.(*ledger[func(Scope) B, B]); ok {
			s.check()
			var done bool
			defer l.unwind(s.t, &done)
			a, b := both(Fork[func(Scope) B, B]{l, s.t}, f, g)
			done = true
			return a, b
		}
	}
	x, guest := admit(any(on))
	l := open(x, function[B])
	var ok bool
	defer l.end(guest, &ok)
	a, b := both(Fork[func(Scope) B, B]{l, 0}, f, g)
	ok = true
	return a, b
}

// unwind ends what was begun at t of a scope that goes on: as end does for a whole one. It is
// deferred.
func (s *ledger[A, R]) unwind(t uint32, done *bool) {
	if *done {
		return
	}
	v := recover() // nil: Goexit
	s.settle(t)
	s.top = min(s.top, t) // what was put and offered to nobody is not to be offered any more
	s.checks.open = min(s.checks.open, t)
	if v != nil {
		panic(task.Recovered("a computation", v))
	}
}

// none is the result of a function that has none.
type none struct{}

// procedure is the function of a computation with functions that have no result.
func procedure(f Fork[func(Scope), none], do func(Scope)) (_ none) {
	do(f.Scope())
	return
}

// function is that for those that have one.
func function[R any](f Fork[func(Scope) R, R], get func(Scope) R) R { return get(f.Scope()) }

// all computes the functions: the first one here, the others here or elsewhere.
func all(f Fork[func(Scope), none], fs []func(Scope)) {
	g, s := f, f.s
	if len(fs) > 2 && s.seat.pool != nil {
		n := min(len(fs)-1, s.seat.pool.vacancies(), math.MaxUint8)
		s.fresh = max(s.fresh, uint8(max(n, 0)))
	}
	for _, do := range fs[1:] {
		g = g.Offer(do)
	}
	fs[0](g.Scope())
	for i := len(fs) - 2; i >= 0; i-- {
		if at := f.Nth(i); at.Kept() {
			fs[i+1](at.Scope())
		} else {
			at.Take(fs[i+1])
		}
	}
}

// both computes two.
func both[A, B any](at Fork[func(Scope) B, B], f func(Scope) A, g func(Scope) B) (A, B) {
	a := f(at.Offer(g).Scope())
	if at.Kept() {
		return a, g(at.Scope())
	}
	return a, at.Take(g)
}
