package combine

import (
	"errors"

	"github.com/heist-go/heist/task"
)

// half is one operation of a join: its result is kept until the others are over, or the
// join is let go of.
type half[T any] struct {
	branch task.Branch
	value  T
	over   bool
}

// begins reports whether this is the first time in a round, and forgets the one before.
func (h *half[T]) begins(cx *task.Cx) bool {
	if !h.branch.Begins(cx) {
		return false
	}
	h.take()
	return true
}

// poll polls op unless it is over. It returns nil when it is.
func (h *half[T]) poll(cx *task.Cx, op func(*task.Cx) (T, error)) error {
	if h.begins(cx); h.over {
		return nil
	}
	err := h.branch.Poll(cx, func(cx *task.Cx) (err error) {
		h.value, err = op(cx)
		return err
	})
	if !task.IsPending(err) {
		h.branch.End(cx)
		h.over = err == nil
	}
	return err
}

// take returns the result, and makes the half ready for the next.
func (h *half[T]) take() T {
	v := h.value
	var none T
	h.value, h.over = none, false
	return v
}

// drop lets go of the operation, and of its result.
func (h *half[T]) drop(cx *task.Cx) {
	h.branch.End(cx)
	h.take()
}

// Join2 waits for two operations. The zero value is ready.
type Join2[A, B any] struct {
	a half[A]
	b half[B]
}

// Wait waits until both operations are over, and returns their results; or the first
// error, and then the other operation is let go of, or its result forgotten. a is polled
// before b.
func (j *Join2[A, B]) Wait(cx *task.Cx, a func(*task.Cx) (A, error), b func(*task.Cx) (B, error)) (A, B, error) {
	err := first(
		func() error { return j.a.poll(cx, a) },
		func() error { return j.b.poll(cx, b) },
	)
	if err != nil {
		if !task.IsPending(err) {
			j.a.drop(cx)
			j.b.drop(cx)
		}
		var noA A
		var noB B
		return noA, noB, err
	}
	return j.a.take(), j.b.take(), nil
}

// first polls all halves: the first error that is not Pending, else Pending if any is.
func first(polls ...func() error) error {
	var pending error
	for _, poll := range polls {
		if err := poll(); err != nil {
			if !task.IsPending(err) {
				return err
			}
			pending = err
		}
	}
	return pending
}

// Join3 waits for three operations. The zero value is ready.
type Join3[A, B, C any] struct {
	a half[A]
	b half[B]
	c half[C]
}

// Wait waits until all three operations are over; see [Join2.Wait].
func (j *Join3[A, B, C]) Wait(cx *task.Cx, a func(*task.Cx) (A, error), b func(*task.Cx) (B, error), c func(*task.Cx) (C, error)) (A, B, C, error) {
	err := first(
		func() error { return j.a.poll(cx, a) },
		func() error { return j.b.poll(cx, b) },
		func() error { return j.c.poll(cx, c) },
	)
	if err != nil {
		if !task.IsPending(err) {
			j.a.drop(cx)
			j.b.drop(cx)
			j.c.drop(cx)
		}
		var noA A
		var noB B
		var noC C
		return noA, noB, noC, err
	}
	return j.a.take(), j.b.take(), j.c.take(), nil
}

// All waits for any number of operations. The zero value is ready.
//
// All of those that are not over are polled each time one of them has moved, by one worker:
// for more than a dozen, or for work that takes time, use a [task.Group].
type All struct{ parts []half[struct{}] }

// Wait waits until all operations are over; or until one has failed: then it returns that
// error, and the others are let go of. They are polled in the order in which they are
// given.
func (a *All) Wait(cx *task.Cx, ops ...Op) error {
	a.parts = resize(a.parts, len(ops))
	var pending error
	for i, op := range ops {
		if i > 0 {
			if err := spent(cx); err != nil {
				return err
			}
		}
		err := a.parts[i].poll(cx, func(cx *task.Cx) (struct{}, error) { return struct{}{}, op(cx) })
		if task.IsPending(err) {
			pending = err
		} else if err != nil {
			a.drop(cx)
			return err
		}
	}
	if pending == nil {
		a.drop(cx)
	}
	return pending
}

func (a *All) drop(cx *task.Cx) {
	for i := range a.parts {
		a.parts[i].drop(cx)
	}
}

// resize makes room for the operations of a Wait that begins.
func resize[T any](parts []half[T], n int) []half[T] {
	if len(parts) == n {
		return parts
	}
	if cap(parts) >= n {
		return parts[:n]
	}
	return make([]half[T], n)
}

// Any waits for the first of several operations that succeeds: the same question to
// several servers. The zero value is ready.
type Any[T any] struct {
	parts  []half[T]
	failed []error
}

// Wait waits until one of the operations has succeeded, and returns which, and its result;
// the others are let go of. If all have failed it returns their errors, joined. They are
// polled in the order in which they are given.
func (a *Any[T]) Wait(cx *task.Cx, ops ...func(*task.Cx) (T, error)) (at int, v T, err error) {
	some(len(ops))
	a.parts = resize(a.parts, len(ops))
	if len(a.failed) != len(ops) {
		a.failed = make([]error, len(ops))
	}
	var pending error
	for i, op := range ops {
		if a.parts[i].begins(cx) {
			a.failed[i] = nil
		}
		if a.failed[i] != nil {
			continue
		}
		if i > 0 {
			if err := spent(cx); err != nil {
				return -1, v, err
			}
		}
		switch err := a.parts[i].poll(cx, op); {
		case err == nil:
			v := a.parts[i].take()
			a.drop(cx)
			return i, v, nil
		case task.IsPending(err):
			pending = err
		default:
			a.failed[i] = err
		}
	}
	if pending != nil {
		return -1, v, pending
	}
	err = errors.Join(a.failed...)
	a.drop(cx)
	return -1, v, err
}

func (a *Any[T]) drop(cx *task.Cx) {
	for i := range a.parts {
		a.parts[i].drop(cx)
	}
	clear(a.failed)
}
