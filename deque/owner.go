package deque

import "sync/atomic"

// owner catches two threads inside owner operations at the same time. It is used
// in debug builds only; elsewhere the race detector finds a second owner by the
// owner's plain fields. It is no part of the protocol, so explored tests do not trace it.
type owner struct{ inside atomic.Pointer[string] }

// enter panics if somebody is inside; the returned function leaves.
func (o *owner) enter(op string) func() {
	if !o.inside.CompareAndSwap(nil, &op) {
		other := "another owner operation"
		if p := o.inside.Load(); p != nil {
			other = *p
		}
		panic("deque: " + op + " while another thread is in " + other + ": only the owner may push and pop; thieves call Steal")
	}
	return func() { o.inside.Store(nil) }
}
