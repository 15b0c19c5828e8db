package task

import "github.com/heist-go/heist/internal/atomicx"

// watch is how a scheduler's guard finds polls that take long, at the price of one
// load a poll and no reading of the clock: the guard asks, and the worker answers
// at the end of the poll that is in progress. An answer that is still owed after a
// nap says that the worker has been in one poll all that time.
type watch struct {
	question atomicx.Uint32          // written by the guard; cleared by the worker
	name     atomicx.Pointer[string] // of the task whose poll was too long
}

// The questions.
const (
	nothing = iota
	whether // the poll has ended
	which   // task it was: it has taken too long
)

// Watched is a Queue that is told when its worker has answered the guard: so it learns,
// about as often as the guard looks, that time goes by.
type Watched interface {
	Queue
	Answered()
}

// Ask asks the worker to answer at the end of its poll. For the guard.
func (r *Runner) Ask() {
	// Hint. The worker answers once it sees it.
	r.watch.question.Store(whether)
}

// Owes reports whether no poll has ended since Ask. For the guard.
func (r *Runner) Owes() bool { return r.watch.question.Load() != nothing }

// Accuse asks for the name of the task, too. For the guard, while the worker owes
// an answer; it reports false if it does not any more.
func (r *Runner) Accuse() bool {
	// Claim. The question, which the worker may be answering.
	// Pairs with: (*Runner).answer.
	return r.watch.question.CompareAndSwap(whether, which)
}

// Culprit returns the name of the last task that Accuse has asked for, once, or "".
// For the guard.
func (r *Runner) Culprit() string {
	if r.watch.name.Load() == nil {
		return ""
	}
	// Claim. The name.
	// Pairs with: (*Runner).answer.
	return *r.watch.name.Swap(nil)
}

// answer answers the guard. f was polled, and is the worker's still: nobody else
// may ask it for its name.
func (r *Runner) answer(f *Frame) {
	if q, ok := r.queue.(Watched); ok {
		q.Answered()
	}
	for {
		q := r.watch.question.Load()
		if q == which { // first: the guard looks for it when the question is gone
			name := Name(f.self)
			// Publish. Pairs with: (*Runner).Culprit.
			r.watch.name.Store(&name)
		}
		// Claim. The question, which becomes another one once at most.
		// Pairs with: (*Runner).Accuse.
		if r.watch.question.CompareAndSwap(q, nothing) {
			return
		}
	}
}
