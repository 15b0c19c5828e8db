// Package par has parallel algorithms on slices, ranges, trees, graphs and iterators, in
// the idiom of package slices.
//
// Every function is told first where to compute: on a pool, in a poll in progress, or
// inside of another computation (see [pool.Place]). The caller's thread computes, too.
//
// What the caller's functions do in parallel themselves they do on the pool, or better on
// a scope that they are given: see [ForScope]. They run on other threads than the
// caller's: a *task.Cx of the caller is not theirs.
//
// # No grain size
//
// There is none to choose. A loop runs on the caller's thread, in blocks of a few
// microseconds, until somebody has nothing to do and asks: then the rest of it is cut in
// two, and one half is offered. So the parts are as many as there were takers.
//
// Waking a sleeping thread takes longer than many loops. So each function of the caller's
// is remembered, with what one call of it has cost lately: a loop of less than 20 µs in all
// runs as a plain loop, and an expensive one is shared at once. What is not known is
// tried first, for up to 20 µs.
//
// # The same result
//
// Results are those of the sequential loop, and do not depend on the number of workers,
// as long as the functions have no effect on each other. Where an operation must be
// associative, [Reduce] and [Scan] combine the values in their order, but where they put
// the parentheses depends on who had time: sums of floating-point numbers then differ
// in the last bits. [Sum] and [ReduceFixed] put them where the length says, and nothing
// else.
//
// # Cancellation
//
// In a computation that is canceled (see [pool.Scope.Err]) all functions end early. They ask
// between calls of the caller's functions, after as many as took a few microseconds lately (so
// a function that is suddenly a thousand times dearer is called more often before they ask
// again); a sort does after some thousand comparisons. Those that return an error return why,
// unless they were through. What the others return, or have written into a slice, is not
// specified then: look at the error of the computation first. But a slice that was to be sorted
// or shuffled has the elements that it had, in whatever order.
//
// On a pool a function begins a computation of its own, which nobody cancels. So the place for
// one that is to be canceled is a poll in progress, or a scope; a goroutine that has a context
// gets one by [pool.DoContext]:
//
//	err := pool.DoContext(ctx, p, func(s pool.Scope) { par.SortFunc(s, list, compare) })
//
// The functions of the caller's are not interrupted, nor is the source of [ForSeq] or
// [Pipeline] while it waits: it has to end by itself.
//
// # Panics
//
// A panic in any of the caller's functions stops the loop early, and is raised again, as
// a *task.PanicError with the original stack, when no part of it runs any more. To stop
// early otherwise, use the functions that return an error; of several errors the one of the
// lowest index is returned, as a plain loop would.
//
// What is sorted or merged has the elements that it had then, in whatever order, and so it has
// if a comparator is no order. Other functions that write into a slice of the caller's
// ([MapInto], [Scan], [ScanExclusive]) have written some of its elements, and not the others;
// those that return a new slice have changed nothing. A function of the caller's that is nil
// is a mistake, and panics at once if there is anything to call it with.
package par

import (
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// canceled returns why the computation in which a function was called is to end, or nil.
func canceled[P pool.Place](on P) error {
	switch on := any(on).(type) {
	case *task.Cx:
		return on.Cancellation().Err()
	case pool.Scope:
		return on.Err()
	}
	return nil
}

// abortFlag stops the parts of a recursion, which need not go on when one was ended by a panic or
// a Goexit, or has found out that the computation was canceled.
//
// It is set, and never cleared. So if a part has seen it, and returned nothing, whoever joins
// that part sees it, too, and does not use the nothing.
type abortFlag struct{ aborted atomicx.Bool }

// abort sets it.
func (b *abortFlag) abort() {
	// Publish. Pairs with: (*branch).grow.
	b.aborted.Store(true)
}

// unless sets it, unless the part has ended. The part defers that.
func (b *abortFlag) unless(ended *bool) {
	if !*ended {
		b.abort()
	}
}

// pace is how often a part of a recursion asks whether the computation was canceled: before
// each step, as long as it does not know that they are short; for to ask costs as much as
// such a step.
type pace struct {
	left, skip int   // steps without a question: until the next one, and from one to the next
	asked      int   // how often, while none is skipped
	read       int64 // when the clock was
}

// isCanceled is called before each step. It reports whether it has asked, and the
// computation was canceled.
func (p *pace) isCanceled(at pool.Scope) bool {
	p.left--
	return p.left < 0 && p.ask(at)
}

func (p *pace) ask(at pool.Scope) bool {
	if p.asked++; p.skip > 0 || p.asked == 16 { // the clock is dearer still
		now := at.Now()
		if now-p.read < int64(block) {
			p.skip = min(2*p.skip+16, 256)
		} else {
			p.skip, p.asked = 0, 0
		}
		p.read = now
	}
	p.left = p.skip
	return at.Err() != nil
}
