package combine

import "github.com/heist-go/heist/task"

// Select waits for the first of several operations. The zero value is ready.
//
// It is fair: the operations are polled in turn, beginning with another one after each
// Wait that is over. So one of n that is ready each time wins at least every n-th Wait,
// however eager the others are.
type Select struct {
	// Ordered makes the first the most urgent: they are polled in the order in which
	// they are given, always.
	Ordered bool

	branch task.Branch
	first  int // which is polled first
}

// Wait waits until one of the operations is over, and returns which, and its error. All
// others are let go of.
func (s *Select) Wait(cx *task.Cx, ops ...Op) (int, error) {
	return s.wait(cx, len(ops), func(cx *task.Cx, at int) error { return ops[at](cx) })
}

// wait is Wait for n operations, one of which poll polls.
func (s *Select) wait(cx *task.Cx, n int, poll func(cx *task.Cx, at int) error) (int, error) {
	some(n)
	var pending error
	for i := range n {
		if i > 0 {
			if err := spent(cx); err != nil {
				return -1, err
			}
		}
		at := i
		if !s.Ordered {
			at = (s.first + i) % n
		}
		err := s.branch.PollPart(cx, at, func(cx *task.Cx) error { return poll(cx, at) })
		if !task.IsPending(err) {
			s.branch.End(cx)
			s.first = (s.first + 1) % n
			return at, err
		}
		pending = err
	}
	return -1, pending
}

// some makes sure that there is something to wait for.
func some(ops int) {
	if ops == 0 {
		panic("combine: a wait for the first of no operations would never be over: wait for one at least (Select.Try does not wait)")
	}
}

// Try is Wait that does not wait: if none of the operations is over, it lets go of them
// and returns -1, as a select statement with a default does. It returns Pending if the poll's
// budget is used up before all of them were asked, or while another branch waits by the same
// Select; called again it goes on. Of no operations
// none is over.
func (s *Select) Try(cx *task.Cx, ops ...Op) (int, error) {
	if len(ops) == 0 {
		return -1, nil
	}
	asked := false
	at, err := s.wait(cx, len(ops), func(cx *task.Cx, at int) error { asked = true; return ops[at](cx) })
	if at < 0 {
		if !asked { // another branch is in the middle of it
			return -1, err
		}
		if cx.Spent() { // not all were asked, perhaps
			return -1, cx.Spend()
		}
		s.branch.End(cx)
		return -1, nil
	}
	return at, err
}

// End lets go of what is in progress: see [Timeout.End].
func (s *Select) End(cx *task.Cx) { s.branch.End(cx) }

// Race waits for the first of several operations with results of one type. It is a
// [Select] otherwise. The zero value is ready.
type Race[T any] struct{ sel Select }

// Wait waits until one of the operations is over, and returns which, and its result. All
// others are let go of.
func (r *Race[T]) Wait(cx *task.Cx, ops ...func(*task.Cx) (T, error)) (at int, v T, err error) {
	won := false
	//heistvet:ignore deferpoll: a poll that suspends has not won, and the call does nothing
	defer func() {
		if won { // a hook of those that have lost has panicked
			task.Discard(v, nil)
		}
	}()
	at, err = r.sel.wait(cx, len(ops), func(cx *task.Cx, at int) (err error) {
		v, err = ops[at](cx)
		won = err == nil
		return err
	})
	won = false
	return at, v, err
}

// End lets go of what is in progress: see [Timeout.End].
func (r *Race[T]) End(cx *task.Cx) { r.sel.End(cx) }
