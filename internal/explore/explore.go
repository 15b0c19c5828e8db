// Package explore runs a small concurrent program under every interleaving of
// its atomic operations, and says which one breaks it.
//
// A model is a function that builds fresh state and declares threads:
//
//	explore.Check(t, explore.Options{}, func(x *explore.X) {
//		var top explore.Int64
//		x.Go("a", func() { top.Add(1) })
//		x.Go("b", func() { top.Add(1) })
//		x.Final(func() { x.Assert(top.Load() == 2, "top is %d", top.Load()) })
//	})
//
// Real code is explored as it stands: it uses [internal/atomicx], whose types
// are those of sync/atomic in ordinary builds and those of this package with
// the build tag explore.
//
// # Why interleavings are the whole story
//
// Go's atomics are sequentially consistent: every execution is some
// interleaving of the threads' operations. There is no reordering to search,
// as there is for C++ or Rust, but for the release stores of [internal/atomicx]: each waits in a store buffer,
// as on x86, and drains at any moment; buffer.go has the rules. Plain fields that a protocol hands from thread
// to thread are declared as [Plain]: an access that no chain of atomic
// operations orders is reported as a data race. The race detector cannot do
// that here, because it sees the explorer's own hand-offs.
//
// # Three searches
//
//   - The default is exhaustive. Interleavings that differ only in the order of
//     independent operations are visited once (dynamic partial order reduction
//     of Flanagan and Godefroid, POPL 2005, with sleep sets and the source sets of
//     Abdulla, Aronis, Jonsson and Sagonas, POPL 2014).
//   - Preemptions bounds how often a thread that could go on is interrupted
//     (Musuvathi and Qadeer, PLDI 2007), for models too large for the first. A store that stays in its buffer
//     while the thread goes on costs one, too.
//   - Random draws schedules from a seed, alternating uniform choice and the
//     priorities of PCT (Burckhardt and others, ASPLOS 2010).
//
// A failure carries its schedule in a short text form; [Options.Replay] runs
// just that one.
//
// # Rules for models
//
// All state that threads share must be traced, or only be written by one thread
// and read in Final. A model must be deterministic but for [Choose]. Threads
// must not block in anything but [Wait] and [WaitTimed], and must not spin: a
// loop waits for another thread through Wait. One exploration runs at a time.
package explore

import (
	"fmt"
	"strings"
	"sync"
)

// Options says how to search. The zero value searches exhaustively.
type Options struct {
	// Preemptions, when above 0, bounds the number of preemptions in a schedule.
	Preemptions int
	// Random, when above 0, is the number of schedules to draw.
	Random int
	// Seed starts the draws of Random.
	Seed uint64
	// MaxSchedules ends the search early; the report is then not Complete.
	// Default 4,000,000.
	MaxSchedules int
	// MaxSteps is the length at which a schedule counts as a livelock.
	// Default 5,000.
	MaxSteps int
	// Replay is the schedule of a Failure: run it, and nothing else.
	Replay string
}

// Report says what was searched and what was found.
type Report struct {
	Schedules int  // interleavings run to their end
	Redundant int  // cut short: equivalent to one that was run
	Steps     int  // operations executed, in all
	Longest   int  // operations in the longest schedule
	Complete  bool // nothing within the bound is left
	Failure   *Failure
}

func (r Report) String() string {
	s := fmt.Sprintf("%d interleavings, %d steps, longest %d", r.Schedules, r.Steps, r.Longest)
	if !r.Complete {
		s += ", not exhaustive"
	}
	return s
}

// Failure is one interleaving that breaks the model.
type Failure struct {
	Reason   string
	Schedule string   // for Options.Replay
	Trace    []string // one line per operation
}

func (f *Failure) Error() string {
	return fmt.Sprintf("explore: %s\nschedule: %s\n%s", f.Reason, f.Schedule, strings.Join(f.Trace, "\n"))
}

// X is one execution of a model.
type X struct{ e *engine }

// Go declares a thread. It is for the model's body, not for threads.
func (x *X) Go(name string, f func()) { x.e.add(name, f) }

// Final declares a function that runs after the last thread has ended.
func (x *X) Final(f func()) { x.e.final = f }

// Assert ends the execution as a failure unless ok.
func (x *X) Assert(ok bool, format string, args ...any) {
	if !ok {
		panic(broken(fmt.Sprintf(format, args...)))
	}
}

// broken is what Assert panics with; halt is what unwinds the other threads.
type (
	broken string
	halt   struct{}
)

// one serialises explorations: the traced types find theirs through a global.
var one sync.Mutex

// Run searches the interleavings of model and stops at the first that fails.
func Run(o Options, model func(*X)) Report {
	one.Lock()
	defer one.Unlock()
	if o.MaxSchedules <= 0 {
		o.MaxSchedules = 4_000_000
	}
	if o.MaxSteps <= 0 {
		o.MaxSteps = 5_000
	}
	if o.Replay != "" {
		return replayOnly(o, model)
	}
	r := search(o, model)
	if r.Failure != nil { // once more, writing down what happens
		if again := replayOnly(Options{Replay: r.Failure.Schedule, MaxSteps: o.MaxSteps}, model).Failure; again != nil {
			r.Failure.Trace = again.Trace
		}
	}
	return r
}

func replayOnly(o Options, model func(*X)) Report {
	s, err := parseSchedule(o.Replay)
	if err != nil {
		return Report{Failure: &Failure{Reason: err.Error(), Schedule: o.Replay}}
	}
	e := execute(&replay{decisions: s}, o.MaxSteps, true, model)
	return Report{Schedules: 1, Steps: e.steps, Longest: e.steps, Failure: e.failure}
}

// tb is the part of testing.TB that is needed; the package is usable without.
type tb interface {
	Helper()
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
	Name() string
}

// Check searches model and fails the test with the first broken interleaving.
// It logs how many it has seen.
func Check(t tb, o Options, model func(*X)) Report {
	t.Helper()
	r := Run(o, model)
	if r.Failure != nil {
		t.Fatalf("after %v:\n%v", r, r.Failure)
	}
	if !r.Complete && o.Random == 0 && o.Replay == "" {
		t.Fatalf("explore: %v: raise MaxSchedules, or bound Preemptions", r)
	}
	t.Logf("explored %v", r)
	return r
}

// Refute is for negative controls: it fails the test if the search finds
// nothing wrong with model. It logs the interleaving that was found.
func Refute(t tb, o Options, model func(*X)) Failure {
	t.Helper()
	r := Run(o, model)
	if r.Failure == nil {
		t.Fatalf("explore: the broken variant passed %v: the explorer or the model is blind", r)
	}
	t.Logf("caught after %v: %s\nschedule: %s", r, r.Failure.Reason, r.Failure.Schedule)
	return *r.Failure
}
