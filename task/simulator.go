package task

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"go.uber.org/atomic"

	"github.com/heist-go/heist/internal/stack"
)

// This file is the seam for a scheduler that decides what happens beside what: a simulator
// (package pool/sim). It is nil in every other scheduler, at this price: a call of [Point] is
// one look at a word that nobody writes as long as no simulation runs; a simulated poll's
// budget lies below zero, so that Spend asks nothing more than it did; and what is drawn or
// started outside of polls looks at a field of its Runtime.

// Interruptible is an object that is told of the operations of a simulator's threads.
type Interruptible interface {
	// Point is called on a thread where an operation begins, before anything has happened. It
	// may return much later: others have run meanwhile. It is called without any lock.
	Point()
	// NoChange is told of a wake-up that has made nobody runnable: the Waker is nobody's, its life is over,
	// or the task was runnable, or in a poll, already.
	NoChange(w Waker)
}

// Simulator is a scheduler that runs one of its threads at a time, and decides at each
// operation whose turn is next. Its threads are goroutines that are marked by [Simulated].
type Simulator interface {
	Interruptible
	// Go runs f as a thread, which would have a goroutine of its own elsewhere. what says
	// what it is.
	Go(what string, f func())
	// Holds is told, of a runtime with [SetDebug], that a task has acquired n of object, a lock or permits, of that kind, or,
	// if n is negative, that what it had was given back.
	Holds(w Waker, object any, kind string, n int64)
	// Draw returns a number from 0 up to but not including n, where other schedulers draw lots.
	Draw(n int64) int64
	// Crash is told of a panic that would end the process: it has nobody who could wait for it.
	Crash(p *PanicError)
}

// SetSimulator makes rt's scheduler a simulator, before [Open].
func SetSimulator(rt *Runtime, s Simulator) { rt.sim = s }

var (
	// threads are the goroutines of simulators, by their numbers.
	threads sync.Map
	// simulated is how many there are.
	simulated atomic.Int32
)

// Simulated marks the calling goroutine as a thread whose operations s is told of, until done
// is called, by whatever goroutine.
func Simulated(s Interruptible) (done func()) {
	id := stack.Number()
	threads.Store(id, s)
	simulated.Inc()
	return func() {
		simulated.Dec()
		threads.Delete(id)
	}
}

// Point says that an operation of a shared object begins. Objects call it first of all, and
// without any lock: simulated, others may run before it returns. What calls [Cx.Spend] first
// need not. cx is the poll in progress, or nil: then a simulator's thread is found by its
// goroutine, which takes some microseconds.
func Point(cx *Cx) {
	if simulated.Load() != 0 {
		point(cx)
	}
}

// point is the slow half of Point, which is inlined. It returns who was told, or nil.
func point(cx *Cx) (told Interruptible) {
	if cx == nil {
		s, ok := threads.Load(stack.Number())
		if !ok {
			return nil
		}
		told = s.(Interruptible)
	} else if r := cx.run; r != nil && r.sim != nil {
		told = r.sim
	} else {
		return nil
	}
	told.Point()
	return told
}

// below is where the budgets of simulated polls begin to count: see (*Cx).Spend.
const below = -1 << 20

// start runs f as a goroutine of its own, or as a simulator's thread.
func (rt *Runtime) start(what string, f func()) {
	if rt != nil && rt.sim != nil {
		rt.sim.Go(what, f)
		return
	}
	go f()
}

// Advance is [Clock.Advance] for a simulator: those of rt's tasks that become runnable go to q.
func Advance(c *Clock, d time.Duration, rt *Runtime, q Queue) { c.advance(d, rt, q) }

// Holds tells the simulator of w's task, if it has one, that the task has acquired n of object, or, if n is
// negative, that they were given back, by whomever. It is for objects that ask [Cx.Tracked].
func Holds(w Waker, object any, kind string, n int64) {
	if simulated.Load() != 0 && w.frame.rt != nil && w.frame.rt.sim != nil {
		w.frame.rt.sim.Holds(w, object, kind, n)
	}
}

// Waits describes what a suspended task owns and waits for, as far as that is known; name is what the holder of a
// lock is called. It is for a scheduler that polls nobody meanwhile.
func Waits(f *Frame, name func(Waker) string) (what []string) {
	if f.state.bits.Load()&completing != 0 {
		what = append(what, "it has returned, and what it owns has not ended")
	}
	return describe(f.attached, what, name)
}

func describe(a *attachment, what []string, name func(Waker) string) []string {
	for ; a != nil; a = a.next {
		switch x := a.what.(type) {
		case *waiter:
			if x.queue != nil {
				what = append(what, "a place in the wait queue of a "+ObjectKind(x.what)+heldBy(x.what, name))
			} else {
				what = append(what, "something that has not happened")
			}
		case *armedList:
			what = append(what, "a timer")
		case *Operation:
			what = append(what, fmt.Sprintf("an operation of %T", x.owner))
		case *Branch:
			what = describe(x.attached, what, name)
		case *Group:
			if n := x.live.Load(); n == 1 {
				what = append(what, "owns a group of 1 member")
			} else {
				what = append(what, fmt.Sprintf("owns a group of %d members", n))
			}
		case interface{ joinable(*Runtime, *PanicError) }:
			what = append(what, "owns a handle")
		case *Cleanup:
		default:
			what = append(what, "a call on its way")
		}
	}
	return what
}

// heldBy says who holds an object, as far as that is known.
func heldBy(object any, name func(Waker) string) string {
	h, ok := object.(Holders)
	if !ok {
		return ""
	}
	list, _ := h.Holders()
	var names []string
	for _, h := range list {
		switch h = h.Settled(); {
		case h.Goroutine != 0:
			names = append(names, fmt.Sprintf("goroutine %d", h.Goroutine))
		case h.Ended != "":
			names = append(names, h.Ended+", which has ended")
		default:
			names = append(names, name(h.Task))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ", held by " + strings.Join(names, ", ")
}
