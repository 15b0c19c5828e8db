package reactor

import (
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/task"
)

// side is one direction of a descriptor: whether it may be ready, or who waits for
// that. It is the protocol of Go's netpoll (runtime/netpoll.go) with tasks.
//
//	nil       nothing is known: whoever wants to read or write tries
//	&ready    there was an edge that nobody has made use of
//	a waiter  is to be woken at the next edge
//
//	from      method   to        what the caller does next
//	nil       await    waiter    suspends
//	&ready    await    nil       tries once more
//	waiter    await    waiter    suspends; another one's is woken, and tries itself
//	nil       edge     &ready    nothing
//	&ready    edge     &ready    nothing
//	waiter    edge     &ready    wakes it
//
// # Why no edge is lost
//
// Whoever waits has tried before. An edge after that try makes the word &ready,
// whether it comes before await or after: then await takes it and says so, or the
// edge finds the waiter. Clearing comes before the try that it is cleared for.
type side struct{ word atomicx.Pointer[waiter] }

// waiter is who waits: a task in one of its lives, a goroutine, or what is to be sent.
// It is not changed once it was used, because an edge may have fetched it.
type waiter struct {
	task task.Waker
	bell chan struct{}
	hook interface{ flush() }
}

// simple reports whether a task waits.
func (w *waiter) simple() bool { return w.bell == nil && w.hook == nil }

// ready is the word of a side with an edge that nobody has made use of.
var ready = &waiter{}

// await lists w, unless there was an edge: then it returns true, and the caller
// tries once more.
func (s *side) await(w *waiter) (again bool) {
	for {
		v := s.word.Load()
		switch v {
		case w:
			return false
		case ready:
			// Claim. The edge.
			// Pairs with: (*side).edge.
			if s.word.CompareAndSwap(v, nil) {
				return true
			}
		default:
			// Publish. The waiter.
			// Pairs with: (*side).edge.
			if s.word.CompareAndSwap(v, w) {
				v.wake() // it waited, too, and lists itself again
				return false
			}
		}
	}
}

// clear forgets the edges so far. The caller tries next: what they were about, it finds.
func (s *side) clear() {
	if s.word.Load() == ready {
		// Claim. The edge. Pairs with: (*side).edge.
		s.word.CompareAndSwap(ready, nil)
	}
}

// edge notes that the side may be ready and returns who is to be woken, or nil.
func (s *side) edge() *waiter {
	// Publish. Pairs with: (*side).await.
	if v := s.word.Swap(ready); v != ready {
		return v
	}
	return nil
}

// take takes w off the side; it reports false if an edge has.
func (s *side) take(w *waiter) bool {
	// Claim. The waiter. Pairs with: (*side).edge.
	return s.word.CompareAndSwap(w, nil)
}

// wake wakes the waiter, if there is one.
func (w *waiter) wake() {
	switch {
	case w == nil:
	case w.bell != nil:
		select {
		case w.bell <- struct{}{}: // one token is enough
		default:
		}
	case w.hook != nil:
		w.hook.flush()
	default:
		w.task.Wake()
	}
}

// refs says who uses a descriptor: its number may be closed, and become another
// file's, only when nobody does. It is the idea of Go's fdMutex (internal/poll).
//
//	bit 0            closed: nobody may begin to use it
//	bits 1 to 63     twice how many use it; the owner counts until it is closed
//
// Whoever takes the last reference closes the descriptor.
type refs struct{ word atomicx.Uint64 }

const (
	closed = 1
	user   = 2
)

// open begins the life of a descriptor.
func (r *refs) open() { r.word.Store(user) }

// acquire begins a use; it reports false if the descriptor is closed.
func (r *refs) acquire() bool {
	for {
		s := r.word.Load()
		if s&closed != 0 {
			return false
		}
		// Claim. A use of the descriptor.
		// Pairs with: (*refs).close.
		if r.word.CompareAndSwap(s, s+user) {
			return true
		}
	}
}

// release ends a use; it reports whether the caller must close the descriptor.
func (r *refs) release() (last bool) {
	// Claim. The descriptor, if this was the last use.
	// Pairs with: (*refs).close.
	return r.word.Add(^uint64(user-1)) == closed
}

// close lets nobody begin a use any more; it reports false if that was so already.
// The caller wakes who waits, and releases.
func (r *refs) close() bool {
	for {
		s := r.word.Load()
		if s&closed != 0 {
			return false
		}
		// Claim. The end.
		// Pairs with: (*refs).acquire.
		if r.word.CompareAndSwap(s, s|closed) {
			return true
		}
	}
}

// isClosed reports whether close was called. Any thread.
func (r *refs) isClosed() bool { return r.word.Load()&closed != 0 }
