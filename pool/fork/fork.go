// Package fork is fork-join: a recursive computation that offers parts of its work to idle
// threads, for about a nanosecond a fork.
//
// It knows what a computation is, and neither workers nor tasks. A pool has a [Team] of
// participants, one for each of its workers and some for other threads, and is asked for the rest
// through a [Host]: who is parked, and whom to notify. Only slow paths ask. Package pool is the host that
// users meet, and shows them [Fork] and [Scope] under its own name; a host of another kind has a
// team of its own, and everything in package par runs on it.
//
//	fork.go         positions, and the stack of frames below them
//	window.go       when a frame is promoted to a job
//	job.go          a job: stolen, computed, joined
//	participant.go  a thread that computes
//	team.go         the participants of one pool, and the Host
//	start.go        where a computation starts, and how it ends
//	closures.go     the grades that take closures
//	control.go      what ends a computation early
//	checks.go       what debug builds check
package fork

import (
	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/pad"
)

// Fork is a position in a recursive computation. Its function is given one beside the
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
// This is the fastest grade: a fork costs about a nanosecond, because it only writes a
// frame. The frames are the owner's. Once in a while, and only if another thread has nothing to do,
// the oldest frame, which is the biggest part, is promoted to a job that others can steal. Whether
// it is time is asked when a part is joined; so this grade is right for fine recursion, and
// useless for two parts that take milliseconds: use [Fork.Join] there, or pool.Do, which ask
// before each part, too.
//
// A position must be used by the function that was given it, while it runs; that function must
// not wait for a task inside.
//
// The idea is Spice's (github.com/judofyr/spice) and that of heartbeat scheduling
// (Acar et al., PLDI 2018), without a heart that beats: threads without work ask for it.
type Fork[A, R any] struct {
	s *stack[A, R]
	t uint32
}

// stack is the memory of one computation on one participant: the frames that have not been promoted,
// and the jobs made of those that have. The frame of the fork at position t is frames[t]. Forks beyond
// the end have none, and are always kept: their computation is deep, and the oldest frames are the
// biggest parts.
type stack[A, R any] struct {
	scope
	fn     func(Fork[A, R], A) R
	shared []*job[A, R] // of the frames below scope.oldest
	_      pad.Line
	frames [depth]frame[A]
}

const (
	// depth is how many frames a stack has.
	depth = 1 << 10
	last  = depth - 1
	// maxSpares is how many stacks a participant keeps.
	maxSpares = 16
)

// frame is the argument of a part.
type frame[A any] struct {
	a  A
	st uint32
}

// The states of a frame.
const (
	blank    = iota // not used since the scope began
	written         // by Put
	promoted        // a job was made of it
)

// Put offers a part of the work, by its argument: another thread may compute it until
// [Fork.Kept] or [Fork.Take] is called on the same position. Meanwhile go on with the
// result as position. Every Put is followed by exactly one Kept, in the opposite order.
func (f Fork[A, R]) Put(a A) Fork[A, R] {
	if invariant.Enabled {
		f.s.checkPut(f.t)
	}
	r := &f.s.frames[min(f.t, last)]
	r.a, r.st = a, written
	return Fork[A, R]{f.s, f.t + 1}
}

// Offer is Put for a part that may take long: it asks right here whether another thread wants
// the part, and not only at a join.
func (f Fork[A, R]) Offer(a A) Fork[A, R] {
	g := f.Put(a)
	if f.s.eager > 0 || !f.s.within(f.t) {
		f.s.slowPath(f.t, 1)
	}
	return g
}

// Wanted reports whether another thread has nothing to do, and no part is on offer: it is time
// to cut what the caller is at in two, and to [Fork.Offer] one half. It is for loops,
// which ask every few microseconds; asking costs a nanosecond.
func (f Fork[A, R]) Wanted() bool { return !f.s.within(f.t) && f.s.pollDemand(f.t) }

// Kept reports whether the part that was put at this position is still the caller's,
// who computes it then by a plain call, with this position. Else: see [Fork.Take].
func (f Fork[A, R]) Kept() bool {
	if invariant.Enabled {
		f.s.checkKept(f.t)
	}
	w := f.s.window.Load() // within, which needs the type's dictionary here
	return f.t-uint32(w) < uint32(w>>spanShift)
}

// Take returns the result of the part that was put at this position: another thread's,
// or computed now after all. It is given the argument again. It raises the panic of
// the part as a *task.PanicError.
//
//go:noinline
func (f Fork[A, R]) Take(a A) R {
	if j := f.s.reclaim(f.t); j != nil {
		f.s.owner.join(&j.Job)
		j.raise()
		return j.r
	}
	f.s.slowPath(f.t, 0)
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
// because it asks whether another thread wants the second one before the first one begins.
func (f Fork[A, R]) Join(a, b A) (R, R) {
	g := f.Put(b)
	if !f.s.within(f.t) {
		f.s.slowPath(f.t, 1)
	}
	x := f.s.fn(g, a)
	if f.Kept() {
		return x, f.s.fn(f, b)
	}
	return x, f.Take(b)
}

// Scope returns the position for a computation with another type of argument.
func (f Fork[A, R]) Scope() Scope { return Scope{of: &f.s.scope, t: f.t} }

// job is a Job with its argument and its result.
type job[A, R any] struct {
	Job
	fn func(Fork[A, R], A) R
	a  A // written by the owner when it promotes the frame
	r  R // the thief's; read when the job is done
}

// promote makes a job of the oldest frame.
func (s *stack[A, R]) promote() *Job {
	r := &s.frames[s.oldest]
	r.st = promoted
	j := &job[A, R]{fn: s.fn, a: r.a}
	j.owner, j.body, j.control = s.owner, j, s.control
	s.shared = append(s.shared, j)
	s.oldest++
	return &j.Job
}

// reclaim takes the frame at t back. If a thief has it, it returns the job, which the caller has to
// join. The newest job of the participant's deque is that of t, or a thief has taken it (W5).
func (s *stack[A, R]) reclaim(t uint32) *job[A, R] {
	if t >= s.oldest {
		return nil
	}
	s.joinFrom(t + 1)
	j := s.shared[t]
	mine := s.frames[t].st == promoted
	if !mine { // j is of an older frame at t
		s.joinFrom(t)
		return nil
	}
	s.pop()
	if s.owner.deque.Pop() != nil {
		return nil
	}
	return j
}

// pop forgets the newest of the jobs.
func (s *stack[A, R]) pop() {
	s.oldest--
	s.shared[s.oldest] = nil
	s.shared = s.shared[:s.oldest]
}

// joinFrom waits for the jobs from t on, and drops their results: a panic, or a
// Goexit, has jumped over their joins.
func (s *stack[A, R]) joinFrom(t uint32) {
	for s.oldest > t {
		j := s.shared[s.oldest-1]
		s.pop()
		if s.owner.deque.Pop() == nil {
			s.owner.wait(&j.Job, false)
		}
	}
}

// run implements body: x's thread computes the job.
func (j *job[A, R]) run(x *Participant) {
	s := open(x, j.fn)
	defer s.close()
	j.r = j.fn(Fork[A, R]{s, 0}, j.a)
	if invariant.Enabled {
		s.checks.checkEnd()
	}
}

// open begins a scope on the participant.
func open[A, R any](x *Participant, fn func(Fork[A, R], A) R) *stack[A, R] {
	s := unused[A, R](x)
	s.fn = fn
	x.begin(&s.scope)
	return s
}

// unused returns a stack that is not in use.
func unused[A, R any](x *Participant) *stack[A, R] {
	for i := len(x.spares) - 1; i >= 0; i-- {
		if s, ok := x.spares[i].(*stack[A, R]); ok {
			n := len(x.spares) - 1
			x.spares[i], x.spares[n] = x.spares[n], nil
			x.spares = x.spares[:n]
			return s
		}
	}
	s := &stack[A, R]{}
	s.owner, s.promoter = x, s
	return s
}

// close ends the scope, whatever has ended the computation, and leaves nothing of it behind.
func (s *stack[A, R]) close() {
	s.joinFrom(0)
	s.owner.end(&s.scope)
	for i := range s.frames { // or they would keep what they point to
		if s.frames[i].st == blank {
			break
		}
		s.frames[i] = frame[A]{}
	}
	s.fn = nil
	if x := s.owner; len(x.spares) < maxSpares {
		x.spares = append(x.spares, s)
	}
}
