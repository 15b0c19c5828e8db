package fork

import (
	"context"

	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/task"
)

// Scope is a position in a computation, whatever its type of argument: to start others inside.
// It must be used by the function that was given it, while it runs.
type Scope struct {
	of *scope
	t  uint32 // how many forks are below the position
}

// Participant returns the participant of the thread that is at the position. It is the caller's until the caller
// computes another part, or returns.
func (s Scope) Participant() *Participant { return s.of.owner }

// Now returns the time of the computation's host in nanoseconds, from any beginning.
func (s Scope) Now() int64 {
	if t := s.of.owner.team; t != nil {
		return t.host.Now()
	}
	return clock.Now()
}

// Origin is where a computation starts: one of its first three fields is set.
type Origin struct {
	// Team has the calling thread compute, and its workers help.
	Team *Team
	// Cx has the polling worker compute, and others help if the scheduler's driver is a [Driver].
	Cx *task.Cx
	// Scope is inside of another computation.
	Scope Scope

	// Terms are nil for most.
	Terms *Terms
}

// Terms are what else a computation depends on.
type Terms struct {
	// Context ends a computation on a Team.
	Context context.Context
	// Owner ends a computation in a poll, as the polled task does: it awaits the computation.
	Owner task.Cancellation
	// Counted says that the team counts the polling thread already.
	Counted bool
}

// entry is what the end of a computation undoes.
type entry struct {
	counted    bool // the team counts the thread
	registered bool // the participant is an external thread's
}

// Call computes fn(a), which may offer parts of its work to others by its position; it returns
// when all is done. It raises a panic in any part as a *task.PanicError, when no other part
// runs any more.
func Call[A, R any](from Origin, fn func(Fork[A, R], A) R, a A) R {
	x, e := from.enter()
	s := open(x, fn)
	var ok bool
	defer s.leave(e, &ok)
	r := fn(Fork[A, R]{s, 0}, a)
	ok = true
	return r
}

// Run is Call for a function of a scope.
func Run[R any](from Origin, f func(Scope) R) R { return Call(from, function[R], f) }

// leave ends a call. It is deferred.
func (s *stack[A, R]) leave(e entry, ok *bool) {
	var v any
	if !*ok {
		v = recover() // nil: Goexit
	}
	x, checks := s.owner, s.checks
	s.close()
	x.leave(e)
	if v != nil {
		panic(task.Recovered("a computation", v))
	}
	if invariant.Enabled && *ok {
		checks.checkEnd()
	}
}

// enter returns the participant on which a computation starts.
func (o Origin) enter() (*Participant, entry) {
	switch {
	case o.Team != nil:
		x := o.Team.register()
		if o.Terms != nil {
			x.control.ctx = o.Terms.Context
		}
		if x.team != nil {
			x.team.Enter()
		}
		return x, entry{counted: x.team != nil, registered: true}
	case o.Cx != nil:
		return o.enterPoll()
	}
	o.Scope.check()
	o.Scope.of.top = min(o.Scope.t, last) // what was put before may be promoted
	return o.Scope.of.owner, entry{}
}

// TeamOf returns the team that helps a computation in a poll, or nil.
func TeamOf(cx *task.Cx) *Team {
	if d, ok := cx.Scheduler().(Driver); ok {
		return d.Participant(cx.Worker()).team
	}
	return nil
}

// enterPoll is enter within a poll.
func (o Origin) enterPoll() (*Participant, entry) {
	d, ok := o.Cx.Scheduler().(Driver)
	if !ok { // task.Run, or another scheduler without a team
		x := solo()
		x.control.inPoll(o)
		return x, entry{registered: true}
	}
	x := d.Participant(o.Cx.Worker())
	if invariant.Enabled && !x.team.host.Runs(x.worker) {
		panic("pool: a *task.Cx was used by another thread than the one that polls: inside of a computation use its Scope")
	}
	if len(x.scopes) > 0 { // inside of another computation
		x.freeze()
		return x, entry{}
	}
	x.control.inPoll(o)
	if o.Terms != nil && o.Terms.Counted {
		return x, entry{}
	}
	x.team.Enter()
	return x, entry{counted: true}
}

// leave undoes enter.
func (x *Participant) leave(e entry) {
	if len(x.scopes) == 0 {
		x.control = control{}
		if x.running == nil {
			x.Return()
		}
	}
	if e.counted {
		x.team.Exit(false)
	}
	if e.registered {
		x.unregister()
	}
}
