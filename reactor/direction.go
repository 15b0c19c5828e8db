package reactor

import (
	"slices"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/task"
)

// direction is the readiness word of one direction of a descriptor: whether there was an edge that
// nobody has used, and who waits for the next one. It is the protocol of Go's netpoll
// (runtime/netpoll.go), with tasks, and with several waiters.
//
//	nil        nothing is known: who wants to read or write tries
//	&ready     there was an edge that nobody has used
//	a waiter   waits for the next edge; several are one that is a waiterList
//
//	from      method          to        what the caller does next
//	nil       await           waiter    suspends
//	&ready    await           nil       tries once more
//	waiter    await           waiter    suspends; with another one there is a list from then on
//	any       clear           nil       tries; a waiter stays
//	any       readinessEdge   &ready    notifies the waiter, if there was one
//	waiter    take            nil       goes on without an edge; the others stay
//
// # Invariants
//
//	D1  Who waits has tried after the last clear, and the kernel has answered that it would block.
//	D2  Each edge after that try is found: by await, which takes &ready and has its caller try
//	    again, or by the edge, which takes the waiters with the same swap that notes it.
//	D3  A waiter is off the word when it is notified, and nobody but an edge, or take, takes it off.
//	    Those who find nothing wait again: no waiter notifies another.
//	D4  A waiter is not changed after its first await: an edge may have fetched it.
//
// # Order
//
// One word decides all, so publishing is enough: no Store-load. But clear comes before the try, and
// the try before await (D1): the other way round an edge in between is forgotten.
//
// # Price
//
// An operation that finds something: a load, and a compare-and-swap if there was an edge. One that
// waits: a compare-and-swap more. An edge: a swap. A second waiter allocates a list.
type direction struct{ word atomicx.Pointer[waiter] }

// waiter is a task in one of its lives, a goroutine, or what goes on when a socket takes more.
// It is not changed after its first await (D4).
type waiter struct {
	task   task.Waker
	signal chan struct{}
	hook   interface{ flush() }
}

// waiterList is several waiters of one direction, which are notified together.
type waiterList []*waiter

func (c waiterList) flush() {
	for _, w := range c {
		w.notify()
	}
}

// same reports whether v and w notify the same task, goroutine or hook.
func (w *waiter) same(v *waiter) bool { return w == v || w.simple() && v.simple() && w.task == v.task }

// with returns the waiter that is v and w: w itself if nobody else is alive.
func (v *waiter) with(w *waiter) *waiter {
	if v == nil || v.same(w) {
		return w
	}
	all, ok := v.hook.(waiterList)
	if !ok {
		all = waiterList{v}
	}
	if slices.ContainsFunc(all, w.same) {
		return v
	}
	return w.beside(all)
}

// beside returns the waiter that is w and those of all that are alive.
func (w *waiter) beside(all waiterList) *waiter {
	var now waiterList
	for _, v := range all {
		if !v.simple() || !v.task.Over() {
			now = append(now, v)
		}
	}
	if len(now) == 0 {
		return w
	}
	return &waiter{hook: append(now, w)}
}

// without returns the waiter that is v without w.
func (v *waiter) without(w *waiter) (rest *waiter, found bool) {
	if v == w {
		return nil, true
	}
	if v == nil {
		return v, false
	}
	all, _ := v.hook.(waiterList)
	i := slices.Index(all, w)
	if i < 0 {
		return v, false
	}
	return &waiter{hook: slices.Delete(slices.Clone(all), i, i+1)}, true
}

// simple reports whether the waiter is a task.
func (w *waiter) simple() bool { return w.signal == nil && w.hook == nil }

// ready is the word of a direction with an edge that nobody has used.
var ready = &waiter{}

// await lists w, unless there was an edge: then it returns true, and the caller tries once more.
func (d *direction) await(w *waiter) (again bool) {
	for {
		v := d.word.Load()
		if v == ready {
			// Claim. The edge (D2).
			// Pairs with: (*direction).readinessEdge.
			if d.word.CompareAndSwap(v, nil) {
				return true
			}
			continue
		}
		// Publish. The waiter (D2).
		// Pairs with: (*direction).readinessEdge.
		if now := v.with(w); now == v || d.word.CompareAndSwap(v, now) {
			return false
		}
	}
}

// each calls yield for the tasks that are waiters (D4).
func (d *direction) each(yield func(*waiter)) {
	v := d.word.Load()
	if v == nil || v == ready {
		return
	}
	all, ok := v.hook.(waiterList)
	if !ok {
		all = waiterList{v}
	}
	for _, w := range all {
		if w.simple() {
			yield(w)
		}
	}
}

// clear forgets the edges so far. The caller tries next: what they were about, it finds (D1).
func (d *direction) clear() {
	if d.word.Load() == ready {
		// Claim. The edge.
		// Pairs with: (*direction).readinessEdge.
		d.word.CompareAndSwap(ready, nil)
	}
}

// readinessEdge notes an edge, and returns the waiter that the caller has to notify, or nil (D3).
func (d *direction) readinessEdge() *waiter {
	// Claim. The waiters. Publish. The edge (D2), and what the caller did before it.
	// Pairs with: (*direction).await, (*direction).clear, (*direction).take.
	if v := d.word.Swap(ready); v != ready {
		return v
	}
	return nil
}

// take takes w off the word; it reports false if an edge has (D3).
func (d *direction) take(w *waiter) bool {
	for {
		v := d.word.Load()
		rest, found := v.without(w)
		if !found {
			return false
		}
		// Claim. The waiter.
		// Pairs with: (*direction).readinessEdge.
		if d.word.CompareAndSwap(v, rest) {
			return true
		}
	}
}

// notify has the waiter go on, if there is one.
func (w *waiter) notify() {
	switch {
	case w == nil:
	case w.signal != nil:
		select {
		case w.signal <- struct{}{}: // one token is enough
		default:
		}
	case w.hook != nil:
		w.hook.flush()
	default:
		w.task.Wake()
	}
}
