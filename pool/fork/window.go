package fork

import (
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/invariant"
)

// How a frame gets to a thread that has nothing to do.
//
// A computation whose parts nobody wants is a plain recursion that writes frames. Whether another
// thread wants one is asked at a join, by one comparison: is the position inside the promotion
// window of its scope?
//
//	frames   | promoted | not promoted: the owner's alone ...
//	         0          oldest         floor           floor+span
//	                                   |    inside     |
//	                                   a join is fast, all others take the slow path
//
// A thread that finds nothing to do closes the window (span 0): a worker that searches or parks,
// and a joiner that waits. So the owner's next join takes the slow path, which promotes its oldest
// frame. The owner closes it, too, as a clock: the first joins of a scope, and then fewer and fewer,
// take the slow path. When the scope is older than minWakeAge and a worker is parked, the
// owner promotes a frame and has the worker unparked. So a computation of microseconds unparks nobody.
//
// # Word
//
//	window   the low spanShift bits   floor
//	         the others               span
//
// # Invariants
//
//	W1  A frame that has not been promoted is the owner's: no other thread reads it.
//	W2  floor is at least oldest. So the join of a promoted frame takes the slow path.
//	W3  The owner writes the whole window; others only clear the span.
//	W4  requested stays set until the owner has promoted a frame for it. As long as there is
//	    none, the span is cleared from oldest on.
//	W5  The jobs of a participant that no thief has taken are the newest of its deque, in the order of
//	    their frames, also across nested scopes: the oldest frame of the outermost scope is
//	    promoted first. So a join takes its job back by Pop, and needs no word to agree on who computes it.
//
// # Order
//
// A worker sets its parked bit, requests work of all participants in a scope, and parks. An owner
// whose scope is old enough looks at requested, and then at the parked bits. So the owner sees
// the bit; or the worker has set it later, and its request finds the scope, or the scope's first
// join finds the request (Store-load in begin, end, setWindow and requestWork). Nobody sleeps beside a
// long computation.
//
// # Price
//
// A fork is two plain stores; a join is an atomic load and a comparison, and no atomic write. A scope
// costs one atomic store at each end. The slow path costs an atomic store, and now and then a
// look at the clock.
type scope struct {
	window   atomicx.Uint64
	promoter interface{ promote() *Job }
	owner    *Participant
	control  *control
	oldest   uint32 // frames below were promoted
	top      uint32 // frames below this one may be
	young    bool   // not known to be older than minWakeAge
	eager    uint8  // how many forks are offered at once, if a thread is free
	step     uint32 // to the next fork that takes the slow path
	asked    uint32 // how often it was taken while the scope was young
	began    int64  // when it was taken first, or 0
	checks   checks
}

const (
	spanShift = 32
	floorMask = 1<<spanShift - 1
	wide      = 1 << (spanShift - 1) // a span that nothing is above

	// minWakeAge is how old a computation is before a worker is unparked for it: more than
	// unparking a thread takes.
	minWakeAge = int64(20 * time.Microsecond)
	// minShareAge is how old it is before it gives to a thread that is awake: more than it takes to
	// hand something over and to wait for it.
	minShareAge = int64(3 * time.Microsecond)
)

func span(floor, span uint32) uint64 { return uint64(span)<<spanShift | uint64(floor) }

// within reports whether t is inside the window. It is a method of the generic type, so that the
// compiler inlines it also in packages that know this one only by aliases.
func (s *stack[A, R]) within(t uint32) bool {
	w := s.window.Load()
	return t-uint32(w) < uint32(w>>spanShift)
}

// closeWindow clears the span (W3). Any thread.
func (s *scope) closeWindow() {
	// Hint. The owner's next join takes the slow path, which looks again.
	s.window.And(floorMask)
}

// begin begins a scope inside of the one that the participant is in.
func (x *Participant) begin(s *scope) {
	switch n := len(x.scopes); {
	case x.running != nil:
		s.control = x.running.control
	case n > 0:
		s.control = x.scopes[n-1].control
	default:
		s.control = &x.control
	}
	x.scopes = append(x.scopes, s)
	s.oldest, s.top, s.asked, s.began, s.step, s.young = 0, 0, 0, 0, 1, true
	if invariant.Enabled {
		s.checks = checks{}
	}
	if x.team == nil {
		s.window.Store(span(0, wide)) // the owner's: nobody else knows of it
		return
	}
	s.eager = x.team.eager
	s.window.Store(0) // the owner's still; the first join takes the slow path
	// Publish. Store-load: the first join finds a request that came before.
	// Pairs with: (*Participant).requestWork.
	x.current.Store(s)
}

// end ends the innermost scope.
func (x *Participant) end(s *scope) {
	n := len(x.scopes) - 1
	if x.scopes[n] != s {
		panic("pool: a computation has ended that is not the innermost one: a Scope or Fork was used outside of the function that was given it")
	}
	x.scopes[n], s.control = nil, nil
	x.scopes = x.scopes[:n]
	if x.team == nil {
		return
	}
	var outer *scope
	if n > 0 {
		outer = x.scopes[n-1]
	}
	// Store-load: the scope first, then a look for a request that was meant for it.
	// Pairs with: (*Participant).requestWork.
	x.current.Store(outer)
	if outer != nil && x.requested.Load() {
		outer.closeWindow()
	}
}

// requestWork asks the participant to promote a frame. Any thread.
func (x *Participant) requestWork() {
	if x.requested.Load() {
		return // it knows
	}
	// Store-load: the request, then a look at the scope.
	// Pairs with: (*Participant).begin, (*Participant).end, (*scope).setWindow.
	x.requested.Store(true)
	if s := x.current.Load(); s != nil {
		s.closeWindow()
	}
}

// slowPath is taken at a position outside the window: it promotes a frame if there is demand, and
// sets the next window. own is 1 if the frame at t may be promoted, too, because its
// part is not about to be computed.
func (s *scope) slowPath(t, own uint32) {
	if s.owner.team == nil {
		return
	}
	s.top = min(t+own, last)
	demand := s.demand(own > 0) && !s.owner.promote()
	if demand {
		s.owner.requested.Store(true) // the owner's: the request stays until there is a frame (W4)
	}
	s.setWindow(t, own, demand)
}

// pollDemand is slowPath for a caller that could make a frame at t. It promotes an older one if
// there is one, and reports whether there is demand otherwise.
func (s *scope) pollDemand(t uint32) bool {
	if s.owner.team == nil || t >= last {
		return false
	}
	s.top = t
	eager := s.eager
	if s.demand(true) && !s.owner.promote() {
		s.eager = max(eager, 1) // for the frame that the caller makes now
		s.closeWindow()
		return true
	}
	if s.young {
		s.closeWindow() // a caller that asks so rarely can look at the clock each time
	} else {
		s.setWindow(t, 0, false)
	}
	return false
}

// demand reports whether a frame should be promoted. coarse says that the next question
// may come late.
func (s *scope) demand(coarse bool) bool {
	x := s.owner
	if x.running != nil && x.running.state.Load() == awaited {
		return true
	}
	requested := x.requested.Load()
	if coarse && s.eager > 0 { // even if nobody is parked: a worker that is about to park comes too late
		s.eager--
		return requested || x.team.hasRoom()
	}
	if !s.young {
		return requested
	}
	// Reading the clock takes as long as many fine joins: not each time.
	if s.asked++; !coarse && s.asked%8 != 0 && s.asked&(s.asked-1) != 0 {
		return requested && x.running != nil
	}
	now := x.team.host.Now()
	if s.began == 0 {
		s.began = now
	}
	if age := now - s.began; age < minWakeAge {
		return requested && (coarse || x.running != nil || age >= minShareAge && x.team.host.Searching())
	}
	s.young = false
	x.Depart()
	return requested || x.team.hasRoom() && x.team.host.Parked() > 0
}

// setWindow sets the next window, after a slow path at t.
func (s *scope) setWindow(t, own uint32, demand bool) {
	floor, ceiling := s.oldest, s.oldest+wide
	switch {
	case demand: // and there was no frame: when there is one (W4)
		ceiling = s.oldest
	case s.young || own > 0 && s.eager > 0:
		floor = max(floor, t) + 1 // the next join as far down as this one
		if own > 0 {
			ceiling = max(t, floor) + s.step
			s.step = min(s.step+s.step/2+1, wide>>8)
		}
	}
	// Store-load: the window first, then a look for a request that came meanwhile.
	// Pairs with: (*Participant).requestWork.
	s.window.Store(span(floor, max(ceiling, floor)-floor))
	if !demand && !s.young && s.owner.requested.Load() {
		s.closeWindow()
	}
}

// promote makes a job of the oldest frame, and tells a thread. It reports false if there is no
// frame that may be promoted.
func (x *Participant) promote() bool {
	for _, s := range x.scopes {
		if s.oldest >= s.top {
			continue
		}
		x.Depart()
		x.requested.Store(false) // the owner's: it answers the request (W4)
		x.deque.Push(s.promoter.promote())
		// The owner's, and setWindow looks again; and an ordinary Store, so that the job is visible
		// before the looks at who waits for one.
		s.window.Store(span(s.oldest, wide))
		if x.running == nil || !x.running.unparkJoiner() {
			x.team.notify()
		}
		return true
	}
	return false
}

// freeze keeps the frames of the innermost scope from being promoted: its position is unknown
// while another computation runs on top.
func (x *Participant) freeze() {
	if n := len(x.scopes); n > 0 {
		x.scopes[n-1].top = x.scopes[n-1].oldest
	}
}
