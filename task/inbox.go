package task

import "github.com/heist-go/heist/internal/atomicx"

// Batch is a chain of frames on their way into a queue, newest to oldest.
type Batch struct {
	newest, oldest *Frame
	N              int
}

// Add makes f the newest of the batch.
func (b *Batch) Add(f *Frame) {
	f.next.Set(b.newest)
	b.newest = f
	if b.oldest == nil {
		b.oldest = f
	}
	b.N++
}

// Inbox is a lock-free queue for frames from other threads: Treiber's stack ("Systems
// Programming: Coping with Parallelism", 1986), linked through the frames, and
// always emptied as a whole. The zero value is empty.
//
//	Put (CAS) -> newest -> frame -> ... -> oldest -> nil
//	Take (swap) <- the whole chain, turned around
//
// # Invariants
//
//	B1  A frame is in one batch or inbox at a time: its link is the chain's.
//	B2  A link is written before the compare-and-swap that shows it.
//	B3  Frames leave all together: there is no reuse of a node while a thread looks at it (the ABA
//	    problem), and a thread that stops halfway holds up nobody.
//	B4  Those of one batch stay together, and leave in the order in which they were added.
//
// # Order
//
// Publishing is enough: no pair of accesses needs the total order.
//
// # Price
//
// Put is one compare-and-swap for a batch, and retries only when others succeed. Take is one swap. An
// inbox keeps nothing of a burst.
type Inbox struct{ newest atomicx.Pointer[Frame] }

// Put adds a batch. Any thread; it allocates nothing and never blocks, and
// retries only when others succeed.
func (in *Inbox) Put(b Batch) {
	for {
		head := in.newest.Load()
		b.oldest.next.Set(head)
		// Publish. The frames, and their links (B2).
		// Pairs with: (*Inbox).Take.
		if in.newest.CompareAndSwap(head, b.newest) {
			return
		}
	}
}

// Empty reports whether there is nothing to take. A hint.
func (in *Inbox) Empty() bool { return in.newest.Load() == nil }

// Take takes all frames and calls yield for each, oldest first. Any thread.
func (in *Inbox) Take(yield func(*Frame)) (n int) {
	if in.Empty() {
		return 0
	}
	// Claim. The whole chain (B3).
	// Pairs with: (*Inbox).Put.
	f := in.newest.Swap(nil)
	var oldest *Frame
	for f != nil {
		next := f.next.Get()
		f.next.Set(oldest)
		oldest, f = f, next
	}
	for f = oldest; f != nil; n++ {
		next := f.next.Get()
		f.next.Set(nil)
		yield(f) // f may be polled elsewhere from here on
		f = next
	}
	return n
}
