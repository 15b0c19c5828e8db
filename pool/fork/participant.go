package fork

import (
	"github.com/heist-go/heist/deque"
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/pad"
	"github.com/heist-go/heist/internal/park"
)

// Participant is what a thread needs to compute. Each worker of a team has one, and some are for
// external threads, which call a computation and run it themselves. Others see what is in its deque, and
// may request more; all else is its thread's. A thread without help has one of no team.
type Participant struct {
	team    *Team    // nil: nobody else knows this participant, and nothing is promoted
	index   int      // in the team, or among those without one
	worker  int      // of the team; external
	departs bool     // the host was told that the worker computes
	scopes  []*scope // the outermost first
	running *Job     // what is computed, if it is another participant's
	control control  // of the computation that has begun here
	spares  []any    // stacks that are not in use
	parker  park.Parker

	_         pad.Line
	requested atomicx.Bool           // a thread wants work; see W4
	current   atomicx.Pointer[scope] // the innermost scope
	_         pad.Line
	deque     deque.Deque[Job]
}

// external is the worker of a participant that has none.
const external = -1

// Team returns the participant's team, or nil.
func (x *Participant) Team() *Team { return x.team }

// Index returns the participant's number in its team: below [Team.Fixed] for the workers
// that the team has had from the beginning, and for external threads.
func (x *Participant) Index() int { return x.index }

// Computes reports whether the participant is in a scope. A hint. Any thread.
func (x *Participant) Computes() bool { return x.current.Load() != nil }

// Tidy drops memory that the participant does not need while it has nothing to do.
func (x *Participant) Tidy() { x.deque.Tidy() }

// Depart tells the host that the participant's worker computes from now on, once until [Participant.Return].
// Its thread only.
func (x *Participant) Depart() {
	if x.worker != external && !x.departs {
		x.departs = true
		x.team.host.Depart(x.worker)
	}
}

// Return ends Depart.
func (x *Participant) Return() {
	if x.departs {
		x.departs = false
		x.team.host.Return(x.worker)
	}
}
