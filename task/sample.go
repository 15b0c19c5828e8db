package task

import (
	"reflect"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
)

// What a scheduler samples, now and then, of what its tasks do: how long one was runnable until its poll
// ([Stamp]), and what a poll has led to ([Runner.StepSampled]). Polls that are not sampled take the same way as
// without.

// Stamp says since when a task is runnable. It travels with one frame at a time, in the place of
// the frame's outcome, which is free as long as the task is neither polled nor done.
//
//	        Put, before the frame is queued             Step
//	free -----------------------------------> with it -------> Started, free
//
// # Invariants
//
//	P1  A stamp is with one frame at most: Put claims it, and the Step of that frame frees it.
//	P2  A frame's outcome is written by who has the frame: who has made it runnable, until it is queued, and
//	    who has taken it out of a queue.
//
// # Order
//
// The queue orders what Put has written before what Step reads, as all that is in a frame.
//
// # Price
//
// A compare-and-swap and a store for a frame that has a stamp; for others nothing: Step looks at the outcome in any
// case.
type Stamp struct {
	mark  outcome // what the frame has; its error is the stamp
	at    atomicx.Plain[int64]
	inbox bool         // see Arrived
	with  atomicx.Bool // it is with a frame
}

// stampMark is a Stamp as the error of an outcome.
type stampMark Stamp

func (*stampMark) Error() string { return "task: a stamp" }

// stampOf returns the stamp that is an outcome, or nil.
func stampOf(out *outcome) *Stamp {
	if out != nil {
		if m, ok := out.err.(*stampMark); ok {
			return (*Stamp)(m)
		}
	}
	return nil
}

// Put gives f the stamp, at the time now: the caller has made f runnable, or has started it, and has not queued it.
// It reports false if the stamp is with another frame, or if there is no place for it: the task has been refused
// before, or has ended but for what it owns.
func (s *Stamp) Put(f *Frame, now int64) bool {
	// Claim. The stamp (P1). Pairs with: (*Runner).started.
	if out := f.out.Get(); out != nil && sightingOf(out) == nil || s.with.Load() || !s.with.CompareAndSwap(false, true) {
		return false
	}
	s.at.Set(now)
	s.inbox, s.mark.err = false, (*stampMark)(s)
	f.out.Set(&s.mark)
	return true
}

// PutOn is Put for the oldest frame of a batch, on its way into an inbox.
func (s *Stamp) PutOn(b Batch, now int64) bool {
	if b.oldest == nil || !s.Put(b.oldest, now) {
		return false
	}
	s.inbox = true
	return true
}

// Since returns when it was put there.
func (s *Stamp) Since() int64 { return s.at.Get() }

// Arrived returns the stamp of a frame that the caller has taken out of an inbox, once; nil: it has none.
func Arrived(f *Frame) *Stamp {
	s := stampOf(f.out.Get())
	if s == nil || !s.inbox {
		return nil
	}
	s.inbox = false
	return s
}

// started takes the stamp off f, whose Step begins.
func (r *Runner) started(f *Frame, s *Stamp) {
	if q, ok := r.queue.(Watched); ok {
		q.Started(f, s)
	}
	// Publish. That the stamp is free, after it was read. Pairs with: (*Stamp).Put.
	s.with.Store(false)
}

// StepSampled is [Runner.Step] with q in the place of the runner's queue, which [Runner.SetQueue] puts back after a
// panic. It reports whether the poll was futile: none of the task's operations has succeeded, and it waits
// again, or is queued again. That is not said of first polls, nor of tasks that have had a [Waker], or come to their end: those
// may have done anything.
func (r *Runner) StepSampled(f *Frame, inherit bool, q Queue) (futile bool) {
	left := r.cx.budget
	if !inherit {
		left = budget + r.floor
	}
	bits, finished, usual := f.state.bits.Load(), r.Count.Finished, r.queue
	r.settles = false
	r.queue = q
	r.Step(f, inherit)
	r.queue = usual
	return bits&(fresh|exposed|completing|draining) == 0 && r.Count.Finished == finished && !r.settles && r.cx.budget == left
}

// SetQueue has the runner's polls queue to q from now on. Its worker only, outside of polls.
func (r *Runner) SetQueue(q Queue) { r.queue = q }

// KindKey is what tells kinds of tasks apart: see [Kind]. It is comparable, and keeps no task alive.
type KindKey struct {
	typ  reflect.Type
	code uintptr
}

// KeyOf returns the key of t's kind. Any thread; it costs some nanoseconds.
func KeyOf(t Task) KindKey {
	if c, ok := t.(coded); ok {
		return KindKey{code: c.code()}
	}
	return KindKey{typ: reflect.TypeOf(t)}
}

// Charge adds d to the processor time of f's group and of those that this is below. Within the poll of f, or
// what is a part of it.
func Charge(f *Frame, d time.Duration) {
	f.around(maxCharged, func(g *Group) bool {
		g.cpu.Add(int64(d)) // Count. Pairs with: (*Group).CPU.
		return true
	})
}

// maxCharged is how many groups and handles above a task are charged.
const maxCharged = 64

// CPU returns how much processor time the group's members have used, and those of groups below, as far as their
// scheduler samples it: the worker's time from one sample to the next counts for the task that is polled at that
// moment. It is exact to some samples, which are some milliseconds apart while a worker is busy; of a scheduler that takes none
// it is 0. Any goroutine.
//
// Pairs with: Charge.
func (g *Group) CPU() time.Duration { return time.Duration(g.cpu.Load()) }
