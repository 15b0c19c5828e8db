package fork

import (
	"runtime"

	"github.com/heist-go/heist/deque"
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/task"
)

// Job is a part of a computation that any thread of the team may take: a frame that was promoted.
// It lies in its owner's deque until a thief has stolen it, or the owner has taken it
// back; the deque decides who computes it.
//
//	owner   promote --> deque --> Pop      takes it back, and computes it by a plain call
//	                      |
//	thief                 +--> Steal --> Compute --> done
//	                                        |          |
//	joiner            join: helps the thief, with what that promotes, and parks
//
// # States
//
//	from      method          to        who
//	pending   prepareToPark   awaited   the joiner: it is about to park
//	awaited   wait            pending   the joiner: it looks again
//	awaited   unparkJoiner    pending   the thief: it has promoted something the joiner may help with
//	any       finish          done      the thief; it unparks the joiner if that was awaited
//
// # Invariants
//
//	J1  A job that was stolen is computed once, by its thief, and becomes done once, whatever ends it: a
//	    result, a panic, or a Goexit.
//	J2  Who turns awaited into something else, but for the joiner itself, unparks the joiner.
//	J3  What is in the thief's deque as long as the job is not done is a part of the job. So a
//	    joiner that helps computes only what it waits for anyway: its stack does not grow with
//	    unrelated work, and no part of it asks for a lock that is held across the join.
//	    (Leapfrogging: Wagner and Calder, PPoPP 1993.)
//
// # Order
//
// A joiner says that it is awaited, and then looks at the thief's deque; a thief pushes what it has
// promoted, and then looks whether it is awaited (Store-load in wait and unparkJoiner). For the
// result publishing is enough.
//
// # Price
//
// An allocation when a frame is promoted. A job that is taken back costs a Pop more than one that was
// kept; a stolen one a Steal, a store and a swap. A join parks after joinSpins looks.
type Job struct {
	body    interface{ run(*Participant) }
	owner   *Participant
	control *control
	thief   atomicx.Pointer[Participant]
	state   atomicx.Uint32
	failure *task.PanicError // of the thief; read when it is done
	exited  bool             // likewise: by runtime.Goexit
}

const (
	pending = iota
	awaited
	done
)

// isDone reports whether there is a result. Any thread.
func (j *Job) isDone() bool { return j.state.Load() == done }

// raise re-raises the panic or the Goexit that ended the job, if one did.
func (j *Job) raise() {
	if j.failure != nil {
		panic(j.failure)
	}
	if j.exited {
		runtime.Goexit()
	}
}

// Compute computes a job that was stolen, on the participant's thread. The thread computes
// already, or the team counts it as one that does (see [Team.TryEnter]); then Compute ends that.
func (x *Participant) Compute(j *Job) {
	x.freeze()
	outer := x.running
	x.running = j
	// Publish. Pairs with: (*Participant).wait.
	j.thief.Store(x)
	returned := false
	defer func() {
		if !returned {
			if v := recover(); v != nil {
				j.failure = task.Recovered("a fork", v)
			} else {
				j.exited = true
			}
		}
		x.running = outer
		if outer == nil && len(x.scopes) == 0 {
			x.team.Exit(true) // before the joiner can go on, and find too many at work
		}
		j.finish()
	}()
	j.body.run(x)
	returned = true
}

// finish publishes the result.
func (j *Job) finish() {
	owner := j.owner
	// Publish. The result: the joiner sees it, or is awaited and unparked (J2).
	// Pairs with: (*Job).prepareToPark.
	if j.state.Swap(done) == awaited {
		owner.parker.Unpark()
	}
}

// prepareToPark says that the joiner is about to park. It reports false if the job is done.
func (j *Job) prepareToPark() bool {
	// Claim. The right to be unparked. Pairs with: (*Job).finish, (*Job).unparkJoiner.
	return j.state.CompareAndSwap(pending, awaited)
}

// unparkJoiner unparks the joiner, if it is awaited. The thief's.
func (j *Job) unparkJoiner() bool {
	// Store-load: what the joiner may take is in the deque before.
	// Pairs with: (*Participant).wait.
	if j.state.Load() != awaited {
		return false
	}
	// Claim. Pairs with: (*Job).prepareToPark.
	if !j.state.CompareAndSwap(awaited, pending) {
		return false
	}
	j.owner.parker.Unpark()
	return true
}

// join waits until the job is done. Meanwhile it helps the thief (J3).
func (x *Participant) join(j *Job) { x.wait(j, true) }

// wait is join, or without help: where nothing else may run any more.
func (x *Participant) wait(j *Job, helps bool) {
	for tries := 0; !j.isDone(); tries++ {
		// Pairs with: (*Participant).Compute.
		if y := j.thief.Load(); y != nil && helps {
			if x.help(j, y) {
				tries = 0
				continue
			}
			y.requestWork()
		}
		if tries < joinSpins && x.team.turns == nil {
			continue
		}
		if !j.prepareToPark() {
			return
		}
		// Store-load: awaited first, then a look at what there is to take.
		// Pairs with: (*Job).unparkJoiner.
		if y := j.thief.Load(); y != nil && helps {
			if y.requestWork(); y.deque.Len() > 0 {
				// Hint. If it fails the thief has answered, and left a token.
				j.state.CompareAndSwap(awaited, pending)
				continue
			}
		}
		x.park(j)
		// Hint. If it succeeds it was a token of before: nobody has answered.
		j.state.CompareAndSwap(awaited, pending)
		tries = 0
	}
}

// park parks the joiner until it is unparked, or there is a token.
func (x *Participant) park(j *Job) {
	if t := x.team.turns; t != nil {
		t.Await(func() bool { return j.state.Load() != awaited })
		return
	}
	x.parker.Park()
}

// help computes a part of the job that y, its thief, has promoted.
func (x *Participant) help(j *Job, y *Participant) bool {
	k, r := y.deque.StealIf(func(*Job) bool { return !j.isDone() }) // J3
	if r != deque.Stolen {
		return false
	}
	y.requestWork() // so that the next one need not wait
	returned := false
	defer func() {
		if !returned { // a Goexit in k: j must still be done before its join is
			x.wait(j, false)
		}
	}()
	x.Compute(k)
	returned = true
	return true
}
