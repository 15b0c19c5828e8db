package task

import (
	"time"

	"github.com/heist-go/heist/internal/invariant"
)

// Counters are the figures of a [Runner]. They belong to its worker.
type Counters struct {
	Polls    uint64 // calls of Poll, and of what replaces it while a task awaits its children
	Spawned  uint64 // tasks started from within polls
	Finished uint64 // tasks finished
	Wrapped  uint64 // Pending errors that were wrapped before they were returned
	Panics   uint64 // panics and Goexits in tasks
}

// Runner polls frames for one worker. Its methods belong to that worker.
type Runner struct {
	Count Counters

	rt            *Runtime
	index         int
	queue         Queue
	sim           Simulator    // the runtime's
	floor         int32        // what the budget of a poll counts down to: see (*Cx).Spend
	hides         uint32       // what a poll does not see of the word: see (*Cx).Waker
	members       memberList   // detached tasks that were started here
	timers        timers       // what was armed here
	waiters       *waiter      // free, linked by next
	spares        int          // how many
	lists         []*armedList // free
	kept          [][]any      // free, by kind: see Keep
	abandoned     *attachment  // what the poll that ends has not called, on its way out
	wakes         []wakeup     // see (*WaitSet).WakeAll
	now           time.Time    // see Cx.Now
	nanos         int64        // see Cx.nanos
	deferred      *Timer       // armed in the poll in progress, and not in the wheel yet
	deferredUntil int64        // its deadline
	cx            *Cx          // the poll in progress
	own           Cx
	watch         watch
	scratch       []byte   // see Cx.Scratch
	lent          [][]byte // debug builds: what else is lent to the polled task
	resumed       []part   // where a Yield has returned nil, in the poll resumedIn
	resumedIn     uint64
	phase         phase
	tracks        bool              // see (*Cx).Tracked
	settles       bool              // see StepSampled
	ended         func(Task, error) // see SetEnded
	slotKept      bool              // its frame's slot in the group is the caller's; see (*Group).vacate
	crash         error             // a panic that was recovered and is still to be dealt with
	orphan        error             // a panic of a child that nobody has waited for
}

// phase says whose code runs, should it panic.
type phase uint8

const (
	outside phase = iota
	polling
	releasing // inside of hooks of what is released
	finishing // inside Finish
	reporting // inside a group's Failed
)

// Init makes the runner ready to poll frames, with q for the tasks that become runnable meanwhile. It
// is called before [Open], or before [AddSpare].
func (r *Runner) Init(q Queue) {
	r.queue = q
	r.cx = &r.own
}

// RunRecovering runs loop, which calls Step over and over, and recovers the panics of tasks. It
// returns false after a panic, and true when loop has returned. The caller calls it again after false;
// a task that calls runtime.Goexit ends the goroutine: then it is called on a new one.
func (r *Runner) RunRecovering(loop func()) (ended bool) {
	if invariant.Enabled {
		r.isHere()
	}
	defer func() {
		if ended {
			return
		}
		p := recover()
		if r.phase == outside {
			if p != nil {
				panic(p) // not a task's: ours
			}
			return
		}
		r.Count.Panics++
		r.crash = ErrGoexit
		if p != nil {
			r.crash = newPanic(Name(r.cx.frame.self), p)
		}
	}()
	if err := r.crash; err != nil {
		r.crash = nil
		r.recovered(err)
	}
	loop()
	return true
}

// recovered goes on with the task that has panicked, where it did.
func (r *Runner) recovered(err error) {
	f, cx := r.cx.frame, r.cx
	cx.branch, cx.part = nil, 0
	r.answer(f)
	switch r.phase {
	case polling, releasing:
		r.complete(f, cx, err)
	case finishing:
		r.report(f, cx, err)
	case reporting:
		g := f.members.group
		g.suspect(f.rt, f.self, err)
		g.record(f.rt, err)
		r.retire(f, cx, err)
	}
}

// Step polls a frame that was taken out of a queue, once. With inherit the poll
// has what is left of the budget of the poll before: for a frame that was woken
// by it, so that two tasks which wake each other do not keep the worker.
func (r *Runner) Step(f *Frame, inherit bool) {
	was := f.state.start()
	if f.out.Get() != nil {
		was |= r.comes(f)
	}
	cx := r.begin(f, was, inherit)
	r.Count.Polls++
	if (was&(completing|draining|fromBacklog) != 0 || was&fresh != 0 && f.canceled() != nil) && !r.prepare(f, cx, was) {
		return
	}
	r.phase = polling
	err := f.self.Poll(cx)
	if r.watch.probe.Load() != noProbe {
		r.answer(f)
	}
	if _, ok := err.(*pending); !ok {
		r.complete(f, cx, err)
		return
	}
	if invariant.Enabled || was&listed == 0 || !cx.armed {
		r.suspend(f, cx, was)
		return
	}
	if r.deferred != nil { // suspend, where nothing is special
		r.armDeferred()
	}
	if f.attached != nil {
		r.review(f, cx)
	}
	r.phase = outside
	if cx.again != 0 {
		f.again(cx.again, 0)
	} else if !f.state.pend(0) {
		return
	}
	r.queue.Later(f)
}

// byYield and byBacklog are outcomes of a live frame, one that has yielded and one that has a
// place of the backlog: marks that its owner sets and comes clears, without a locked
// instruction, as a [Stamp] and a sighting. Nobody else looks at the outcome before the end.
var byYield, byBacklog = new(outcome), new(outcome)

// comes takes off the frame the mark of how it got into its queue, and returns the bit for it. What a
// task has returned that completes is no mark.
func (r *Runner) comes(f *Frame) uint32 {
	switch out := f.out.Get(); out {
	case nil:
	case byYield:
		f.out.Set(nil)
		return yielded
	case byBacklog:
		f.out.Set(nil)
		return fromBacklog
	default:
		if s := stampOf(out); s != nil {
			f.out.Set(nil)
			r.started(f, s)
		} else if sightingOf(out) != nil {
			f.out.Set(nil)
		}
	}
	return 0
}

// again ends a poll whose task is queued again, for the reason how. extra is added to the
// flags.
func (f *Frame) again(how requeue, extra uint32) {
	if how&afterYield != 0 {
		f.out.Set(byYield)
	}
	f.state.again(extra)
}

// begin sets up the Cx: in debug builds a new one each poll, so that one that was
// kept is found out.
func (r *Runner) begin(f *Frame, was uint32, inherit bool) *Cx {
	left := r.cx.budget
	if !inherit {
		left = budget + r.floor
	}
	cx := r.cx
	if invariant.Enabled {
		cx = new(Cx)
		r.cx = cx
	}
	cx.run, cx.frame, cx.was = r, f, was&^r.hides
	cx.budget, cx.pendings, cx.armed, cx.marks = left, 0, false, marks{}
	return cx
}

// prepare is the part of Step for polls that are not ordinary. It reports whether
// Step calls Poll.
func (r *Runner) prepare(f *Frame, cx *Cx, was uint32) bool {
	if was&fromBacklog != 0 {
		r.rt.backlog.give(cx, 1)
	}
	if was&draining != 0 {
		for a := f.attached; a != nil; a = a.next {
			a.what.drain()
		}
	}
	if was&completing != 0 {
		r.complete(f, cx, f.out.Get().err)
		return false
	}
	if c := f.canceled(); c != nil && was&fresh != 0 {
		r.complete(f, cx, c.err)
		return false
	}
	return true
}

// suspend ends a poll that returned Pending.
func (r *Runner) suspend(f *Frame, cx *Cx, was uint32) {
	if !cx.armed && f.state.bits.Load()&(woken|exposed|completing) == 0 {
		panic("task: " + Name(f.self) + " has returned Pending, but nothing will wake it: return Pending only from an operation, or after Waker")
	}
	r.armDeferred()
	if was&completing == 0 {
		r.review(f, cx)
	}
	if invariant.Enabled && len(r.lent)+len(r.scratch) > 0 {
		f.attached.mustOwn()
	}
	r.phase = outside
	again := cx.again
	cx.poison()
	extra := uint32(0)
	if was&listed == 0 {
		extra = listed
		f.members.add(f)
	}
	if again != 0 {
		f.again(again, extra)
		r.queue.Later(f)
	} else if f.state.pend(extra) {
		r.queue.Later(f)
	}
}

// review ends the operations that the poll has not called, if the task waits from now on.
// Hooks that panic do so in the task.
func (r *Runner) review(f *Frame, cx *Cx) {
	f.attached.review(cx, cx.again == 0)
	if r.abandoned != nil {
		r.abandon(cx)
	}
}

// Rest lets go of what the runner needs only while it polls. A worker calls it
// before it parks: it is in no poll, which answers the monitor's question.
func (r *Runner) Rest() {
	r.cx.frame = nil
	clear(r.resumed)
	if cap(r.scratch) > keptScratch {
		r.scratch = nil
	}
	if r.ProbePending() {
		// Hint. It is in no poll: there is nobody to accuse.
		r.watch.probe.Store(noProbe)
	}
}

// Polls reports whether a poll, or what is a part of it, is in progress. Its worker only.
func (r *Runner) Polls() bool { return r.phase != outside }
