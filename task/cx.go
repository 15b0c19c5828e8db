package task

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/park"
)

// Cx is a poll in progress. It is valid until Poll returns, on the goroutine that
// called Poll, and must not be kept.
type Cx struct {
	run      *Runner
	frame    *Frame
	was      uint32  // the state before the poll
	budget   int32   // operations left in this poll
	pendings int32   // operations that have suspended in this poll
	part     uint32  // which operation of the branch is in progress
	branch   *Branch // the part of the task in progress, or nil
	armed    bool    // something will wake the task
	marks
}

// marks are the flags of a poll: together, they are cleared by one store.
type marks struct {
	shielded bool    //
	clocked  bool    // the runner's now is this poll's
	timed    bool    // the runner's nanos are
	erred    bool    // debug builds: an operation has failed, so another way is fine
	looked   bool    // a Deadline was checked
	resumed  bool    // a Yield outside of all branches has returned nil
	again    requeue // whether the task will be queued again, and why
}

// requeue says whether the task will be queued again when the poll suspends, and why.
type requeue uint8

const (
	shortCut   requeue = 1 << iota // the budget is used up: nothing was abandoned
	afterYield                     // as the task wanted
)

const (
	// budget is how many operations a poll may complete before they return
	// Pending to let others run.
	budget = 128
	// maxPendings is how often a poll may go on after Pending. More is a loop
	// that ignores it: no task waits for so much side by side.
	maxPendings = 1 << 20
)

// Suspend is how an operation returns Pending: it says that something will wake
// the task. An operation of your own calls it after it has given [Cx.Waker] to
// whoever will; then a loop that ignores Pending is found out.
//
//heist:sticky
func (cx *Cx) Suspend() error {
	cx.armed = true
	if cx.pendings++; cx.pendings > maxPendings {
		cx.ignored()
	}
	return Pending
}

// ignored is a function of its own so that Suspend is inlined, as are other slow halves below.
func (cx *Cx) ignored() {
	panic(fmt.Sprintf("task: %s has gone on after Pending %d times in one Poll: return Pending from Poll", Name(cx.frame.self), maxPendings))
}

// Err returns an error that is ErrCanceled if the task has to end, and nil
// otherwise. A loop that computes for long asks it now and then.
func (cx *Cx) Err() error {
	if f := cx.frame; f.cause.Load() == nil && f.members.why.Load() == nil {
		return nil
	}
	return cx.canceled()
}

// Cancellation is a view of a task's cancellation for any thread.
type Cancellation struct{ frame *Frame }

// Cancellation returns the view for threads that work for the task. It is valid until the task has
// ended: their work must have ended before. In a shielded stage it never says that the task is canceled.
func (cx *Cx) Cancellation() Cancellation {
	if cx.shielded {
		return Cancellation{}
	}
	return Cancellation{cx.frame}
}

// Err returns why the task has to end, or nil. It does not count as an answer to the task,
// which still has to ask itself.
func (c Cancellation) Err() error {
	if c.frame != nil {
		if why := c.frame.canceled(); why != nil {
			return why.err
		}
	}
	return nil
}

func (cx *Cx) canceled() error {
	if c := cx.frame.canceled(); c != nil && !cx.shielded {
		cx.erred = true
		return c.err
	}
	return nil
}

// Shield postpones cancellation until the end of this stage of a [Seq] or a
// [Flow], or else of this poll: operations behave as if the task were not
// canceled. A task calls it at the beginning of a stage that has to complete, in
// every poll of that stage.
func (cx *Cx) Shield() { cx.shielded = true }

// Draining reports whether the task has to come to an end by itself: finish what
// it does, start nothing new. A task is woken once when that begins.
func (cx *Cx) Draining() bool { return cx.was&draining != 0 || cx.frame.members.draining.Load() }

// Now returns the time, which stands still during a poll.
func (cx *Cx) Now() time.Time {
	if r := cx.run; !cx.clocked {
		var at int64
		r.now, at = r.rt.now()
		if cx.timed { // the poll's time is that of its first reading, on both scales
			r.now = r.now.Add(time.Duration(r.nanos - at))
		} else {
			r.nanos = at
		}
		cx.clocked, cx.timed = true, true
	}
	return cx.run.now
}

// Yield lets other tasks run: it returns Pending once, and nil when it is called
// in the poll after that, which takes place when those that were in the queue
// have had their turn.
//
// Each part of a task, as a combinator has them, yields by itself.
//
//heist:sticky
func (cx *Cx) Yield() error {
	if cx.was&yielded != 0 {
		if cx.branch == nil && !cx.resumed {
			cx.resumed = true
			return nil
		}
		if cx.branch != nil && cx.mayResume() {
			return nil
		}
	}
	if err := cx.Err(); err != nil {
		return err
	}
	cx.again = afterYield
	return cx.Suspend()
}

// mayResume reports whether a Yield inside of a branch returns nil in a poll after one that has yielded: once for each part of
// the task, so that one that does nothing but yield keeps none of the others waiting.
func (cx *Cx) mayResume() bool {
	r := cx.run
	if r.resumedIn != r.Count.Polls {
		clear(r.resumed)
		r.resumed, r.resumedIn = r.resumed[:0], r.Count.Polls
	}
	// One poll ends, also if it makes new parts without end.
	if p := (part{cx.branch, cx.part}); len(r.resumed) < budget && !slices.Contains(r.resumed, p) {
		r.resumed = append(r.resumed, p)
		return true
	}
	return false
}

// part is one of the operations of a branch.
type part struct {
	branch *Branch
	number uint32
}

// Spend takes one operation from the poll's budget. When that is used up it
// queues the task again and returns Pending, so that a task whose operations are
// always ready does not keep its worker. Operations call it when they are ready;
// so may a loop of a task's own. An operation that has to wait costs nothing, or the last of many
// that wait side by side would never be asked; nor does a result (of a task, a group, a
// [Promise]) that a task asks for again.
//
//heist:sticky
func (cx *Cx) Spend() error {
	if cx.budget > 0 {
		cx.budget--
		return nil
	}
	return cx.spend()
}

// spend is the slow half of Spend: the budget is used up, or the poll is
// simulated, whose budget is below zero.
func (cx *Cx) spend() error {
	if s := cx.run.sim; s != nil {
		s.Point()
		if cx.budget > below {
			cx.budget--
			return nil
		}
	}
	cx.again |= shortCut
	return cx.Suspend()
}

// suspendUnspent gives back the budget that Spend took, and suspends.
func (cx *Cx) suspendUnspent() error {
	cx.budget++
	return cx.Suspend()
}

// Spent reports whether the poll's budget is used up: operations will return Pending
// until the next poll, so a combinator need not try the rest of its own.
func (cx *Cx) Spent() bool { return cx.budget <= cx.run.floor }

// Go starts t beside the polled task: as a member of the same group, or detached
// if that is.
func (cx *Cx) Go(t Task) {
	if g := cx.frame.members.group; g != nil {
		g.Go(cx, t)
		return
	}
	Detach(cx, t)
}

// Context returns a context with the values and the cancellation of the task's
// group, for calls into packages that want one. It is not done when only this
// task is canceled. Give it to calls that do not block, or to goroutines.
func (cx *Cx) Context() context.Context {
	if g := cx.frame.members.group; g != nil {
		return g.Context()
	}
	return cx.run.rt.Context()
}

// Tracked reports whether the scheduler wants to know who holds what: see [SetDebug]. Objects that a task holds
// across polls ask.
func (cx *Cx) Tracked() bool { return cx.run.tracks }

// Worker returns the number of the worker that polls, from 0 up to but not
// including the scheduler's number of workers. The next poll may be another
// worker's.
func (cx *Cx) Worker() int { return cx.run.index }

// Runtime returns the runtime of the scheduler that polls.
func (cx *Cx) Runtime() *Runtime { return cx.run.rt }

// On reports whether the task is polled by a worker of rt.
func (cx *Cx) On(rt *Runtime) bool { return cx.run.rt == rt }

func (cx *Cx) place() (*Runtime, *Cx) {
	if cx.frame == nil {
		panic("task: a Cx was used after its poll has returned")
	}
	return cx.run.rt, cx
}

// checkStage panics if the task begins a wait without a reason: it still waits for something, has not
// called that again since another wait was over, and nothing else has happened that it may know of.
// Most likely a stage has run twice. The caller holds the lock, unless that is nil.
func (cx *Cx) checkStage(held *park.Mutex) {
	if cx.mayTurn() {
		return
	}
	for a := *cx.attachments(); a != nil && a.waiter() != nil; a = a.next {
		w := a.waiter()
		if w.asked || w.mayAbandon || w.part != cx.part || w.over(held) {
			continue
		}
		if !happened(cx.frame.attached, held) {
			panic(fmt.Sprintf("task: %s waits for something new while what it waited for has not happened and was not called again: guard the stages of Poll (Seq, Flow, or a field)", Name(cx.frame.self)))
		}
	}
}

// mayTurn reports whether the task has a reason to take another way that has nothing to do with
// what it waits for.
func (cx *Cx) mayTurn() bool {
	return cx.erred || cx.was&draining != 0 || cx.frame.canceled() != nil || cx.frame.state.bits.Load()&(completing|exposed) != 0
}

// poison makes every later use of the Cx fail, in checked builds.
func (cx *Cx) poison() {
	if invariant.Enabled {
		r := cx.run
		r.cx = &r.own
		r.own.budget = cx.budget // begin may pass it on
		r.spoil()
		*cx = Cx{pendings: maxPendings}
	}
}
