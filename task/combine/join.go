package combine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/heist-go/heist/task"
)

// half is one operation of a join: its result is kept until the others are over, or the
// join is let go of.
type half[T any] struct {
	branch task.Branch
	value  T
	over   bool
}

// poll polls op unless it is over. It returns nil when it is.
func (h *half[T]) poll(cx *task.Cx, op func(*task.Cx) (T, error)) error {
	if h.over {
		return nil
	}
	err := h.branch.Poll(cx, func(cx *task.Cx) (err error) {
		h.value, err = op(cx)
		return err
	})
	if !task.IsPending(err) {
		h.over = err == nil // first: a hook of what the operation has left behind may panic
		h.branch.End(cx)
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
func (h *half[T]) drop(cx *task.Cx, drop func(T)) {
	defer h.branch.End(cx) // whatever the hook does
	over := h.over
	if v := h.take(); over {
		task.Discard(v, drop)
	}
}

// Join2 waits for two operations. The zero value is ready.
type Join2[A, B any] struct {
	// DropA and DropB are called with a result that is not returned, because the other
	// operation has failed or the join was let go of; nil: if it is an io.Closer, it is closed.
	DropA func(A)
	DropB func(B)

	joint
	a half[A]
	b half[B]
}

// Wait waits until both operations are over, and returns their results; or the first
// error, and then the other operation is let go of, or its result dropped. a is polled
// before b.
func (j *Join2[A, B]) Wait(cx *task.Cx, a func(*task.Cx) (A, error), b func(*task.Cx) (B, error)) (A, B, error) {
	err := j.wait(cx, j, func(cx *task.Cx) error {
		return first(
			func() error { return j.a.poll(cx, a) },
			func() error { return j.b.poll(cx, b) },
		)
	})
	if err != nil {
		var noA A
		var noB B
		return noA, noB, err
	}
	return j.a.take(), j.b.take(), nil
}

// Abandon lets go of both: see [task.Abandoner].
func (j *Join2[A, B]) Abandon(cx *task.Cx) {
	defer j.branch.End(cx) // and the next, whatever a hook does
	defer j.b.drop(cx, j.DropB)
	j.a.drop(cx, j.DropA)
}

// joint is what the halves of a join are parts of.
type joint struct {
	op     task.Operation
	branch task.Branch
}

// End lets go of what is in progress: see [Timeout.End].
func (j *joint) End(cx *task.Cx) { j.op.End(cx) }

// wait waits for all halves of a.
func (j *joint) wait(cx *task.Cx, a task.Abandoner, halves func(*task.Cx) error) error {
	if j.op.Enter(cx) == task.Occupied {
		return cx.Suspend()
	}
	j.op.Join(cx, a) // from the first on: it may panic, or lose, behind one that is over
	err := j.branch.Poll(cx, halves)
	switch {
	case err == nil:
		j.branch.End(cx) // first: a hook of what has been left behind may panic
		j.op.Done(cx)
	case !task.IsPending(err):
		j.op.End(cx)
	}
	return err
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
	// DropA, DropB and DropC are called with a result that is not returned: see [Join2].
	DropA func(A)
	DropB func(B)
	DropC func(C)

	joint
	a half[A]
	b half[B]
	c half[C]
}

// Wait waits until all three operations are over; see [Join2.Wait].
func (j *Join3[A, B, C]) Wait(cx *task.Cx, a func(*task.Cx) (A, error), b func(*task.Cx) (B, error), c func(*task.Cx) (C, error)) (A, B, C, error) {
	err := j.wait(cx, j, func(cx *task.Cx) error {
		return first(
			func() error { return j.a.poll(cx, a) },
			func() error { return j.b.poll(cx, b) },
			func() error { return j.c.poll(cx, c) },
		)
	})
	if err != nil {
		var noA A
		var noB B
		var noC C
		return noA, noB, noC, err
	}
	return j.a.take(), j.b.take(), j.c.take(), nil
}

// Abandon lets go of all three: see [task.Abandoner].
func (j *Join3[A, B, C]) Abandon(cx *task.Cx) {
	defer j.branch.End(cx) // and the next, whatever a hook does
	defer j.c.drop(cx, j.DropC)
	defer j.b.drop(cx, j.DropB)
	j.a.drop(cx, j.DropA)
}

// All waits for any number of operations. The zero value is ready.
//
// All of those that are not over are polled each time one of them has moved, by one worker:
// for more than a dozen, or for work that takes time, use a [task.Group].
type All struct {
	// Drop is called with the index of an operation that is over, if another one has failed or
	// the wait was let go of: what it has got is to be given back. It may be nil.
	Drop func(i int)

	joint
	parts []half[struct{}]
}

// Wait waits until all operations are over; or until one has failed: then it returns that
// error, and the others are let go of. They are polled in the order in which they are
// given.
func (a *All) Wait(cx *task.Cx, ops ...Op) error {
	switch a.op.Enter(cx) {
	case task.Occupied:
		return cx.Suspend()
	case task.Begins:
		a.parts = resize(a.parts, len(ops))
	}
	same(len(a.parts), len(ops))
	err := a.wait(cx, a, func(cx *task.Cx) error { return a.all(cx, ops) })
	if err == nil {
		for i := range a.parts {
			a.parts[i].take()
		}
	}
	return err
}

// all polls all that are not over.
func (a *All) all(cx *task.Cx, ops []Op) error {
	var pending error
	for i, op := range ops {
		if i > 0 {
			if err := spent(cx); err != nil {
				return err
			}
		}
		err := a.parts[i].poll(cx, func(cx *task.Cx) (struct{}, error) { return struct{}{}, op(cx) })
		if err != nil && !task.IsPending(err) {
			return err
		}
		if err != nil {
			pending = err
		}
	}
	return pending
}

// Abandon lets go of all: see [task.Abandoner].
func (a *All) Abandon(cx *task.Cx) {
	defer a.branch.End(cx)
	a.drop(cx, 0)
}

// drop lets go of the operations from the one with that index on, whatever a hook does.
func (a *All) drop(cx *task.Cx, from int) {
	i := from
	defer func() {
		if i < len(a.parts) { // the hook has panicked
			a.drop(cx, i+1)
		}
	}()
	for ; i < len(a.parts); i++ {
		a.parts[i].drop(cx, func(struct{}) {
			if a.Drop != nil {
				a.Drop(i)
			}
		})
	}
}

// same makes sure that a wait that goes on is given as many operations as at its beginning.
func same(was, is int) {
	if was != is {
		panic(fmt.Sprintf("combine: a wait for %d operations goes on with %d: give it the same ones in each poll", was, is))
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
	op     task.Operation
	branch task.Branch
	failed []error
}

// Wait waits until one of the operations has succeeded, and returns which, and its result;
// the others are let go of. If all have failed it returns their errors, joined, and each once: a
// cancellation has ended all of them. They are polled in the order in which they are given.
func (a *Any[T]) Wait(cx *task.Cx, ops ...func(*task.Cx) (T, error)) (at int, v T, err error) {
	some(len(ops))
	switch a.op.Enter(cx) {
	case task.Occupied:
		return -1, v, cx.Suspend()
	case task.Begins:
		a.failed = slices.Grow(a.failed[:0], len(ops))[:len(ops)]
	}
	same(len(a.failed), len(ops))
	a.op.Join(cx, a)
	var pending error
	for i, op := range ops {
		if a.failed[i] != nil {
			continue
		}
		if i > 0 {
			if err := spent(cx); err != nil {
				return -1, v, err
			}
		}
		err := a.branch.PollPart(cx, i, func(cx *task.Cx) (err error) {
			v, err = op(cx)
			return err
		})
		switch {
		case err == nil:
			a.win(cx, v)
			return i, v, nil
		case task.IsPending(err):
			pending = err
		default:
			a.failed[i] = err
		}
	}
	var none T
	if pending == nil {
		pending = joined(a.failed)
		a.op.End(cx)
	}
	return -1, none, pending
}

// joined is errors.Join of those that none before them is.
func joined(failed []error) error {
	var told []error
	for _, err := range failed {
		if !slices.ContainsFunc(told, func(before error) bool { return errors.Is(before, err) }) {
			told = append(told, err)
		}
	}
	return errors.Join(told...)
}

// win lets go of those that have lost. If a hook of theirs panics, nobody gets v.
func (a *Any[T]) win(cx *task.Cx, v T) {
	ended := false
	defer func() {
		if !ended {
			task.Discard(v, nil)
		}
	}()
	a.op.End(cx)
	ended = true
}

// Abandon lets go of all: see [task.Abandoner].
func (a *Any[T]) Abandon(cx *task.Cx) {
	defer clear(a.failed)
	a.branch.End(cx)
}

// End lets go of what is in progress: see [Timeout.End].
func (a *Any[T]) End(cx *task.Cx) { a.op.End(cx) }
