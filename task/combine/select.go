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
	some(len(ops))
	var pending error
	for i := range ops {
		if i > 0 {
			if err := spent(cx); err != nil {
				return -1, err
			}
		}
		at := i
		if !s.Ordered {
			at = (s.first + i) % len(ops)
		}
		err := s.branch.Poll(cx, ops[at])
		if !task.IsPending(err) {
			s.branch.End(cx)
			s.first = (s.first + 1) % len(ops)
			return at, err
		}
		pending = err
	}
	return -1, pending
}

// some makes sure that there is something to wait for.
func some(ops int) {
	if ops == 0 {
		panic("combine: a wait for the first of no operations would never be over")
	}
}

// Try is Wait that does not wait: if none of the operations is over, it lets go of them
// and returns -1, as a select statement with a default does.
func (s *Select) Try(cx *task.Cx, ops ...Op) (int, error) {
	at, err := s.Wait(cx, ops...)
	if at < 0 {
		s.branch.End(cx)
		return -1, nil
	}
	return at, err
}

// Race waits for the first of several operations with results of one type. It is a
// [Select] otherwise. The zero value is ready.
type Race[T any] struct{ sel Select }

// Wait waits until one of the operations is over, and returns which, and its result. All
// others are let go of.
func (r *Race[T]) Wait(cx *task.Cx, ops ...func(*task.Cx) (T, error)) (at int, v T, err error) {
	some(len(ops))
	var pending error
	for i := range ops {
		if i > 0 {
			if err := spent(cx); err != nil {
				return -1, v, err
			}
		}
		at := (r.sel.first + i) % len(ops)
		err := r.sel.branch.Poll(cx, func(cx *task.Cx) (err error) {
			v, err = ops[at](cx)
			return err
		})
		if !task.IsPending(err) {
			r.sel.branch.End(cx)
			r.sel.first = (r.sel.first + 1) % len(ops)
			return at, v, err
		}
		pending = err
	}
	return -1, v, pending
}
