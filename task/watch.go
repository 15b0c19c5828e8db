package task

import "github.com/heist-go/heist/internal/atomicx"

// watch is a probe for polls that take long: a scheduler's monitor sets it, and the worker answers at the end of the
// poll in progress. A probe that is still pending when the monitor looks again says that the worker has
// been in one poll all that time.
//
//	       Probe            RequestName
//	none -------> probed -------------> nameAsked
//	  ^              |                     |
//	  '--------------'---------------------'   answer, at the end of a poll;
//	                                           from nameAsked it stores the name first
//
// # Invariants
//
//	W1  Only the monitor probes and requests names, and only the worker answers: probe leaves probed by one
//	    compare-and-swap of the two.
//	W2  The task that is named was being polled when the monitor probed, and is the one whose poll the
//	    answer ends.
//	W3  The name is there when the probe is none again.
//
// # Order
//
// answer stores the name, and then answers; the monitor sees the answer, and then looks for the name.
//
// # Price
//
// One load for each poll, and no reading of the clock.
type watch struct {
	probe atomicx.Uint32          // written by the monitor; cleared by the worker
	name  atomicx.Pointer[string] // of the task whose poll was too long
}

// The states of a probe.
const (
	noProbe = iota
	probed
	nameAsked // probed, and the name of the task is requested
)

// Watched is a Queue that learns what its worker does. Its methods are called within [Runner.Step], before
// anybody else may have the frame.
type Watched interface {
	Queue
	// Answered is called when the worker answers the monitor, at the end of the poll of f: that was being polled
	// when the monitor has asked. As often as the monitor looks, the queue learns that time goes by.
	Answered(f *Frame)
	// Started is called when the worker begins to poll a frame that has a stamp.
	Started(f *Frame, s *Stamp)
}

// Probe has the worker answer at the end of its poll. For the monitor.
func (r *Runner) Probe() {
	// Hint. The worker answers once it sees it.
	r.watch.probe.Store(probed)
}

// ProbePending reports whether no poll has ended since Probe. For the monitor.
func (r *Runner) ProbePending() bool { return r.watch.probe.Load() != noProbe }

// RequestName asks for the name of the task, too. For the monitor, while a probe is
// pending; it reports false if none is any more.
func (r *Runner) RequestName() bool {
	// Claim. The probe, which the worker may be answering (W1).
	// Pairs with: (*Runner).answer.
	return r.watch.probe.CompareAndSwap(probed, nameAsked)
}

// TakeName returns the name of the last task that RequestName has asked for, once, or "".
// For the monitor.
func (r *Runner) TakeName() string {
	if r.watch.name.Load() == nil {
		return ""
	}
	// Claim. The name (W3).
	// Pairs with: (*Runner).answer.
	return *r.watch.name.Swap(nil)
}

// answer answers the monitor. f was polled, and is the worker's still: nobody else
// may ask it for its name.
func (r *Runner) answer(f *Frame) {
	if q, ok := r.queue.(Watched); ok {
		q.Answered(f)
	}
	for {
		q := r.watch.probe.Load()
		if q == nameAsked {
			name := Name(f.self)
			// Publish. The name, before the answer (W3).
			// Pairs with: (*Runner).TakeName.
			r.watch.name.Store(&name)
		}
		// Claim. The probe, which changes once at most meanwhile (W1).
		// Pairs with: (*Runner).RequestName.
		if r.watch.probe.CompareAndSwap(q, noProbe) {
			return
		}
	}
}
