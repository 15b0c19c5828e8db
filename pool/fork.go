package pool

import (
	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/pad"
)

// Fork is a position in a recursive computation: what its function is given beside its
// argument, to offer a part of the work to other threads. It is passed by value.
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
// This is the fastest grade: a fork costs about a nanosecond, because it is nothing
// but a record that is written. The records are the owner's. Once in a while, and only
// if somebody has nothing to do, the oldest one, which is the biggest part, becomes a
// [branch] that others can take. Whether it is time is asked when a part is joined; so
// this grade is right for fine recursion, and useless for two parts that take
// milliseconds: use [Fork.Join] there, or [Do], which ask before each part, too.
//
// A position must be used by the function that was given it, while it runs; it must
// not wait for a task inside.
//
// The idea is Spice's (github.com/judofyr/spice) and that of heartbeat scheduling
// (Acar et al., PLDI 2018), without a heart that beats: those who are hungry ask.
type Fork[A, R any] struct {
	s *ledger[A, R]
	t uint32
}

// ledger is what a seat needs for one computation: the records of parts that were offered
// to nobody yet, and the branches that some have become. The record of the fork at
// position t is recs[t]; there are none for those beyond the end, which are always
// kept: their computation is deep, and the oldest records are the biggest ones.
type ledger[A, R any] struct {
	head
	fn     func(Fork[A, R], A) R
	shared []*offer[A, R] // of the records below head.oldest
	_      pad.Line
	recs   [depth]record[A]
}

const (
	// depth is how many records a stack has.
	depth = 1 << 10
	last  = depth - 1
)

// record is the argument of a part.
type record[A any] struct {
	a  A
	st uint32
}

// What became of a record.
const (
	blank   = iota // not used since the scope began
	written        // by Put
	offered        // a branch was made of it
)

// Put offers a part of the work, by its argument: somebody else may compute it until
// [Fork.Kept] or [Fork.Take] is called on the same position. Meanwhile go on with the
// result as position. Every Put is followed by exactly one Kept, in the opposite order.
func (f Fork[A, R]) Put(a A) Fork[A, R] {
	if invariant.Enabled {
		f.s.checkPut(f.t)
	}
	r := &f.s.recs[min(f.t, last)]
	r.a, r.st = a, written
	return Fork[A, R]{f.s, f.t + 1}
}

// Offer is Put for a part that may take long: it asks right here whether somebody wants
// the part, and not only at a join.
func (f Fork[A, R]) Offer(a A) Fork[A, R] {
	g := f.Put(a)
	if f.s.fresh > 0 || !f.s.within(f.t) {
		f.s.trip(f.t, 1)
	}
	return g
}

// Wanted reports whether somebody has nothing to do, and no part is on offer: it is time
// to cut what the caller is at in two, and to [Fork.Offer] one half. It is for loops,
// which ask every few microseconds; asking costs a nanosecond.
func (f Fork[A, R]) Wanted() bool { return !f.s.within(f.t) && f.s.ask(f.t) }

// Kept reports whether the part that was put at this position is still the caller's,
// who computes it then by a plain call, with this position. Else: see [Fork.Take].
func (f Fork[A, R]) Kept() bool {
	if invariant.Enabled {
		f.s.checkKept(f.t)
	}
	return f.s.within(f.t)
}

// Take returns the result of the part that was put at this position: somebody else's,
// or computed now after all. It is given the argument again. It raises the panic of
// the part as a *task.PanicError.
//
//go:noinline
func (f Fork[A, R]) Take(a A) R {
	if b := f.s.reclaim(f.t); b != nil {
		f.s.seat.await(&b.branch)
		b.raise()
		return b.r
	}
	f.s.trip(f.t, 0)
	return f.s.fn(f, a)
}

// Nth returns the position after i more Puts, to join several parts:
//
//	g := f.Put(a).Put(b)
//	r := work(g, c)
//	if f.Nth(1).Kept() { ... } // b first: the opposite order
//	if f.Nth(0).Kept() { ... }
func (f Fork[A, R]) Nth(i int) Fork[A, R] { return Fork[A, R]{f.s, f.t + uint32(i)} }

// Join computes two parts, of which the second may be taken meanwhile, and returns their
// results. It is the friendly grade: some nanoseconds, and right for parts of any size,
// because whether somebody wants the second one is asked before the first one begins.
func (f Fork[A, R]) Join(a, b A) (R, R) {
	g := f.Put(b)
	if !f.s.within(f.t) {
		f.s.trip(f.t, 1)
	}
	x := f.s.fn(g, a)
	if f.Kept() {
		return x, f.s.fn(f, b)
	}
	return x, f.Take(b)
}

// Scope returns the position for what has another type of argument; see [Call], [Do].
func (f Fork[A, R]) Scope() Scope { return Scope{of: &f.s.head, t: f.t} }

// offer is a branch with its argument, and its result.
type offer[A, R any] struct {
	branch
	fn func(Fork[A, R], A) R
	a  A
	r  R
}

// promote makes a branch of the oldest record.
func (s *ledger[A, R]) promote() *branch {
	r := &s.recs[s.oldest]
	r.st = offered
	b := &offer[A, R]{fn: s.fn, a: r.a}
	b.owner, b.body, b.control = s.seat, b, s.control
	s.shared = append(s.shared, b)
	s.oldest++
	return &b.branch
}

// reclaim takes the record at t back. If somebody else has it, it returns the branch,
// which is to be awaited.
//
// The branches of a seat that nobody has taken are the newest of its deque, in the order
// of their records; so what is joined is the newest one, or it was taken.
func (s *ledger[A, R]) reclaim(t uint32) *offer[A, R] {
	if t >= s.oldest {
		return nil
	}
	s.settle(t + 1)
	b := s.shared[t]
	mine := s.recs[t].st == offered
	if !mine { // b is of an older record at t
		s.settle(t)
		return nil
	}
	s.pop()
	if s.seat.deque.Pop() != nil {
		return nil
	}
	return b
}

// pop forgets the newest of the branches.
func (s *ledger[A, R]) pop() {
	s.oldest--
	s.shared[s.oldest] = nil
	s.shared = s.shared[:s.oldest]
}

// settle waits for the branches from t on, and drops their results: a panic, or a
// Goexit, has jumped over their joins.
func (s *ledger[A, R]) settle(t uint32) {
	for s.oldest > t {
		b := s.shared[s.oldest-1]
		s.pop()
		if s.seat.deque.Pop() == nil {
			s.seat.wait(&b.branch, false)
		}
	}
}

// run implements body: x's thread computes the branch.
func (b *offer[A, R]) run(x *seat) {
	s := open(x, b.fn)
	defer s.close()
	b.r = b.fn(Fork[A, R]{s, 0}, b.a)
	if invariant.Enabled {
		s.checks.checkEnd()
	}
}

// open begins a scope on the seat.
func open[A, R any](x *seat, fn func(Fork[A, R], A) R) *ledger[A, R] {
	s := spare[A, R](x)
	s.fn = fn
	x.enter(&s.head)
	return s
}

// spare returns a stack that is not in use.
func spare[A, R any](x *seat) *ledger[A, R] {
	for i := len(x.spares) - 1; i >= 0; i-- {
		if s, ok := x.spares[i].(*ledger[A, R]); ok {
			n := len(x.spares) - 1
			x.spares[i], x.spares[n] = x.spares[n], nil
			x.spares = x.spares[:n]
			return s
		}
	}
	s := &ledger[A, R]{}
	s.seat, s.promoter = x, s
	return s
}

// maxSpares is how many stacks a seat keeps.
const maxSpares = 16

// close ends the scope. Nothing of it is left behind, whatever ended it.
func (s *ledger[A, R]) close() {
	s.settle(0)
	s.seat.leave(&s.head)
	for i := range s.recs { // or they would keep what they point to
		if s.recs[i].st == blank {
			break
		}
		s.recs[i] = record[A]{}
	}
	s.fn = nil
	if x := s.seat; len(x.spares) < maxSpares {
		x.spares = append(x.spares, s)
	}
}
