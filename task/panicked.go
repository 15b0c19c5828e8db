package task

import (
	"fmt"
	"os"
	"runtime"
)

// A panic goes to whoever waits for the task that has panicked, or for its group. If nobody does at
// that moment it is reported at once, because it may be long until somebody comes, or nobody ever
// does; it is still kept for those who come. If its holder, a group or a handle, is dropped before
// anybody has seen it, it is reported once more. A detached task has nobody who could come: the
// process ends.

// SetPanicked sets a hook for panics in children that nobody waits for, before [Open]. f is
// called where the task was polled, possibly by several threads at a time, and once more by a
// goroutine for a panic that nobody has ever seen. Without f the panic is written to the
// standard error.
func SetPanicked(rt *Runtime, f func(*PanicError)) { rt.panicked = f }

// GoroutinePanics returns how many goroutines of groups have panicked, or called
// runtime.Goexit. Those in polls are in the [Counters].
func GoroutinePanics(rt *Runtime) uint64 { return rt.panics.Load() }

// reportPanic tells about a panic that nobody waits for, once.
func (rt *Runtime) reportPanic(p *PanicError) {
	// Claim. The report: it is made once.
	// Pairs with: (*Frame).alone.
	if p.reported.Swap(true) {
		return
	}
	reportTo(rt.panicked, p)
}

// reportTo reports a panic to the hook, or to the standard error.
func reportTo(hook func(*PanicError), p *PanicError) {
	if hook != nil {
		hook(p)
		return
	}
	fmt.Fprintf(os.Stderr, "nobody waits for this panic: %v\n", p)
}

// unseen is a panic and its hook, for the time when its holder has been dropped.
type unseen struct {
	p    *PanicError
	hook func(*PanicError)
}

// keep has a panic reported once more when holder, a group or a handle, is dropped and nobody
// has seen it; or when the last of them is, if it has climbed.
func keep[T any](holder *T, rt *Runtime, p *PanicError) {
	p.holders.Add(1) // Initialisation: before anything can drop holder
	runtime.AddCleanup(holder, func(u unseen) {
		// Claim. The last report: of the holders that are dropped, one is the last.
		// Pairs with: keep, seen.
		if u.p.holders.Add(-1) == 0 && !u.p.seen.Load() {
			reportTo(u.hook, u.p)
		}
	}, unseen{p, rt.panicked})
}

// Unseen reports whether a panic is kept for those who wait, and nobody has come so far.
func Unseen(p *PanicError) bool { return p.holders.Load() > 0 && !p.seen.Load() }

// seen marks a panic as one that somebody knows of.
//
// Pairs with: keep.
func seen(err error) error {
	if p, ok := err.(*PanicError); ok {
		p.seen.Store(true) // Hint. Late, it is reported once too often.
	}
	return err
}

// alone reports the panic of a task without a group.
func (f *Frame) alone(p *PanicError) {
	held, ok := f.self.(interface{ joinable(*Runtime, *PanicError) })
	if ok {
		held.joinable(f.rt, p)
	}
	switch {
	case !f.joiners.Empty():
	case ok:
		f.rt.reportPanic(p)
	default: // nobody will ever see it
		// Claim. The report, as in reportPanic.
		// Pairs with: (*Runtime).reportPanic.
		if hook := f.rt.panicked; hook != nil && !p.reported.Swap(true) {
			hook(p)
		}
		if s := f.rt.sim; s != nil {
			s.Crash(p)
			return
		}
		crash(p)
	}
}

// crash ends the process: nobody will ever see the panic otherwise. It is a
// variable for the test.
var crash = func(p *PanicError) { go panic(p) }
