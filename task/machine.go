package task

import (
	"context"
	"fmt"
)

// This file is the seam for straight-line tasks (package machine): a function that is resumed
// where it waits sees neither the top of Poll nor its end.

// ErrDraining is what operations return in a straight-line function that has asked for it,
// once the task is told to come to an end. It is ErrClosed.
var ErrDraining = fmt.Errorf("task: draining: %w", ErrClosed)

// Drained returns ErrDraining if the task has to come to an end by itself, and nil otherwise.
// It counts as the answer of the operation that is called next: what that waited for may be
// left alone.
func (cx *Cx) Drained() error {
	if !cx.Draining() {
		return nil
	}
	cx.erred = true
	return ErrDraining
}

// Shielded reports whether [Cx.Shield] holds.
func (cx *Cx) Shielded() bool { return cx.shielded }

// Unshield ends what Shield has begun, before the end of the stage.
func (cx *Cx) Unshield() { cx.shielded = false }

// Spare takes a value of a kind from the worker's free lists, or returns nil. Kinds are small numbers, which package
// machine gives to types.
func (cx *Cx) Spare(kind int) (v any) {
	if lists := cx.run.kept; kind < len(lists) {
		if n := len(lists[kind]) - 1; n >= 0 {
			v, lists[kind][n] = lists[kind][n], nil
			lists[kind] = lists[kind][:n]
		}
	}
	return v
}

// Keep gives v to the worker's free lists, which are bounded.
func (cx *Cx) Keep(kind int, v any) {
	r := cx.run
	for kind >= len(r.kept) {
		r.kept = append(r.kept, nil)
	}
	if len(r.kept[kind]) < maxSpares {
		r.kept[kind] = append(r.kept[kind], v)
	}
}

// InProgress returns the object whose operation is in progress where cx polls, in the task or in
// the branch of it, and which is the one that is asked for, or nil.
func (cx *Cx) InProgress(is func(Abandoner) bool) Abandoner {
	for a := *cx.attachments(); a != nil && a.what.rank() <= inside; a = a.next {
		if o, ok := a.what.(*Operation); ok && o.part == cx.part && is(o.owner) {
			return o.owner
		}
	}
	return nil
}

// RunAround is [Run] for a task that calls back the goroutine's own code, which may block, and
// panic, and start others: the body of a loop over the values of a generator.
func RunAround(ctx context.Context, t Task) error {
	MustNotPoll("task: a loop for goroutines inside a task would stop its worker: call Next(cx)")
	return run(ctx, t, func() func() { return func() {} })
}
