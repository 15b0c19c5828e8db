package fork

import (
	"math"

	"github.com/heist-go/heist/task"
)

// The easiest grades: parts are closures, and get a [Scope] to go on with. Both keep the closures in
// the frames of a computation, which is found again by the type of its stack.

// Do computes several functions, as pool.Do does. They are not none.
func Do(from Origin, fs []func(Scope)) {
	x, e := from.enter()
	s := open(x, procedure)
	var ok bool
	defer s.leave(e, &ok)
	all(Fork[func(Scope), none]{s, 0}, fs)
	ok = true
}

// DoIn is Do in a scope: of the same kind, if it can be, and so without a scope of its own.
func DoIn(at Scope, fs []func(Scope)) {
	s, ok := at.of.promoter.(*stack[func(Scope), none])
	if !ok {
		Do(Origin{Scope: at}, fs)
		return
	}
	at.check()
	var returned bool
	defer s.unwind(at.t, &returned)
	all(Fork[func(Scope), none]{s, at.t}, fs)
	returned = true
}

// Both computes two functions with results, as pool.Both does.
func Both[A, B any](from Origin, f func(Scope) A, g func(Scope) B) (A, B) {
	x, e := from.enter()
	s := open(x, function[B])
	var ok bool
	defer s.leave(e, &ok)
	a, b := both(Fork[func(Scope) B, B]{s, 0}, f, g)
	ok = true
	return a, b
}

// BothIn is Both in a scope, as DoIn is Do.
func BothIn[A, B any](at Scope, f func(Scope) A, g func(Scope) B) (A, B) {
	s, ok := at.of.promoter.(*stack[func(Scope) B, B])
	if !ok {
		return Both(Origin{Scope: at}, f, g)
	}
	at.check()
	var returned bool
	defer s.unwind(at.t, &returned)
	a, b := both(Fork[func(Scope) B, B]{s, at.t}, f, g)
	returned = true
	return a, b
}

// unwind ends what was begun at t of a scope that goes on, as leave does for a whole one. It is
// deferred.
func (s *stack[A, R]) unwind(t uint32, returned *bool) {
	if *returned {
		return
	}
	v := recover() // nil: Goexit
	s.joinFrom(t)
	s.top = min(s.top, t) // what was put and not promoted must not be promoted any more
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

// function is procedure for functions with a result.
func function[R any](f Fork[func(Scope) R, R], get func(Scope) R) R { return get(f.Scope()) }

// all computes the functions: the first one here, the others here or elsewhere.
func all(f Fork[func(Scope), none], fs []func(Scope)) {
	g, s := f, f.s
	if len(fs) > 2 && s.owner.team != nil {
		n := min(len(fs)-1, s.owner.team.vacancies(), math.MaxUint8)
		s.eager = max(s.eager, uint8(max(n, 0)))
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
