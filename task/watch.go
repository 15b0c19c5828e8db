package task

import "github.com/heist-go/heist/internal/atomicx"

// watch is a probe for polls that take long: a scheduler's monitor asks, and the worker answers at the end of the
// poll in progress. An answer that is still owed when the monitor looks again says that the worker has
// been in one poll all that time.
//
//	         Ask                  Accuse
//	nothing -----> whether -----------------> which
//	   ^              |                         |
//	   '--------------'-------------------------'   answer, at the end of a poll;
//	                                                from which it stores the name first
//
// # Invariants
//
//	W1  Only the monitor asks and accuses, and only the worker answers: question leaves whether by one
//	    compare-and-swap of the two.
//	W2  Whoever is accused was being polled when the monitor asked, and is the task whose poll the
//	    answer ends.
//	W3  The name of an accused task is there when question is nothing again.
//
// # Order
//
// answer stores the name, and then answers; the monitor sees the answer, and then looks for the name.
//
// # Price
//
// One load for each poll, and no reading of the clock.
type watch struct {
	question atomicx.Uint32          // written by the monitor; cleared by the worker
	name     atomicx.Pointer[string] // of the task whose poll was too long
}

// The questions.
const (
	nothing = iota
	whether // the poll has ended
	which   // task it was: it has taken too long
)

// Watched is a Queue that learns when its worker has answered the monitor: about as often as the monitor
// looks, it learns that time goes by.
type Watched interface {
	Queue
	Answered()
}

// Ask asks the worker to answer at the end of its poll. For the monitor.
func (r *Runner) Ask() {
	// Hint. The worker answers once it sees it.
	r.watch.question.Store(whether)
}

// Owes reports whether no poll has ended since Ask. For the monitor.
func (r *Runner) Owes() bool { return r.watch.question.Load() != nothing }

// Accuse asks for the name of the task, too. For the monitor, while the worker owes
// an answer; it reports false if it does not any more.
func (r *Runner) Accuse() bool {
	// Claim. The question, which the worker may be answering (W1).
	// Pairs with: (*Runner).answer.
	return r.watch.question.CompareAndSwap(whether, which)
}

// Culprit returns the name of the last task that Accuse has asked for, once, or "".
// For the monitor.
func (r *Runner) Culprit() string {
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
		q.Answered()
	}
	for {
		q := r.watch.question.Load()
		if q == which {
			name := Name(f.self)
			// Publish. The name, before the answer (W3).
			// Pairs with: (*Runner).Culprit.
			r.watch.name.Store(&name)
		}
		// Claim. The question, which becomes another one once at most (W1).
		// Pairs with: (*Runner).Accuse.
		if r.watch.question.CompareAndSwap(q, nothing) {
			return
		}
	}
}
