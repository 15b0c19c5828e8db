package pool

import (
	"context"

	"github.com/heist-go/heist/pool/fork"
	"github.com/heist-go/heist/task"
)

// Fork is a position in a recursive computation. Its function is given one beside the argument, to
// offer a part of the work to other threads. It is passed by value.
//
//	func sum(f pool.Fork[*node, int], n *node) int {
//		if n == nil {
//			return 0
//		}
//		left := sum(f.Put(n.right), n.left) // the right one may be taken meanwhile
//		if f.Kept() {
//			return n.value + left + sum(f, n.right) // nobody has: a plain call
//		}
//		return n.value + left + f.Take(n.right)
//	}
//
//	total := pool.Call(p, sum, root)
//
// Its methods are those of [fork.Fork]:
//
//	Put(a A) Fork[A, R]      offers a part of fine recursion: asks at the join whether a thread wants it
//	Offer(a A) Fork[A, R]    offers a part that may take long: asks at once
//	Kept() bool              whether the part is still the caller's, to compute by a plain call
//	Take(a A) R              its result, if it was not kept
//	Nth(i int) Fork[A, R]    the position after i more Puts
//	Join(a, b A) (R, R)      computes two parts of any size
//	Wanted() bool            whether it is time to Offer something: for loops
//	Scope() Scope            the position for another type of argument
//
// A position must be used by the function that was given it, while it runs; that function must not
// wait for a task inside.
type Fork[A, R any] = fork.Fork[A, R]

// Scope is a position in a computation, whatever its type of argument: to start others inside.
// It must be used by the function that was given it, while it runs. Its methods are those of
// [fork.Scope]:
//
//	Err() error    why the computation should end early, or nil
type Scope = fork.Scope

// Place is where a computation may start:
//
//   - a pool: the calling goroutine computes, and idle workers help it;
//   - a poll in progress, of a task on a pool: its worker computes, and others help.
//     The worker polls no other task meanwhile: for what takes long see [Job];
//   - a [Scope]: inside of another computation;
//   - the team of a pool of another kind: see [fork.Host].
type Place interface {
	*Pool | *task.Cx | Scope | *fork.Team
}

// origin returns where a computation on a place starts.
func origin[P Place](on P) fork.Origin {
	if s, ok := any(on).(Scope); ok { // by itself: together with pointers it would be allocated
		return fork.Origin{Scope: s}
	}
	switch on := any(on).(type) {
	case *Pool:
		return on.origin()
	case *task.Cx:
		return fork.Origin{Cx: on}
	case *fork.Team:
		return fork.Origin{Team: on}
	}
	panic("pool: no place to compute") // not with the constraint
}

func (p *Pool) origin() fork.Origin {
	if p == nil {
		panic("pool: a computation on a nil pool")
	}
	return fork.Origin{Team: p.team}
}

// originWith is origin for a computation that a context ends.
func (p *Pool) originWith(ctx context.Context) fork.Origin {
	from := p.origin()
	from.Terms = &fork.Terms{Context: ctx}
	return from
}

// Call computes fn(a), which may offer parts of its work to others by its position. The
// caller's thread computes, too; it returns when all is done. A panic in any part is
// raised as a *task.PanicError, when no other part runs any more.
//
// It costs some 60 ns. Nothing is lost on a pool that was closed: the computation then runs
// on the calling goroutine alone, as it does beside [fork.Externals] others.
func Call[P Place, A, R any](on P, fn func(Fork[A, R], A) R, a A) R {
	return fork.Call(origin(on), fn, a)
}

// CallContext is [Call] on a pool with a context: when that is done, [fork.Scope.Err] says so
// inside of the computation, and its cause is the error here, if it was done before the
// computation was.
func CallContext[A, R any](ctx context.Context, on *Pool, fn func(Fork[A, R], A) R, a A) (R, error) {
	if err := context.Cause(ctx); err != nil {
		return *new(R), err
	}
	r := fork.Call(on.originWith(ctx), fn, a)
	return r, context.Cause(ctx)
}

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
		fork.DoIn(s, fs)
		return
	}
	fork.Do(origin(on), fs)
}

// DoContext is [Do] on a pool with a context, as [CallContext] is [Call]: so a goroutine starts
// a computation that may be canceled. When ctx is done, [fork.Scope.Err] says so inside, and its cause
// is the error here, if it was done before the functions were.
//
//	err := pool.DoContext(ctx, p, func(s pool.Scope) { par.SortFunc(s, list, compare) })
func DoContext(ctx context.Context, on *Pool, fs ...func(Scope)) error {
	if err := context.Cause(ctx); err == nil && len(fs) > 0 {
		fork.Do(on.originWith(ctx), fs)
	}
	return context.Cause(ctx)
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
		return fork.BothIn(s, f, g)
	}
	return fork.Both(origin(on), f, g)
}

// Of returns the pool that helps a computation, or nil if its thread computes alone.
func Of(s Scope) *Pool {
	if t := s.Participant().Team(); t != nil {
		if h, ok := t.Host().(*seam); ok {
			return (*Pool)(h)
		}
	}
	return nil
}
