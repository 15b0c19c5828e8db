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

// Inbox is where frames arrive from other threads: Treiber's stack ("Systems
// Programming: Coping with Parallelism", 1986), linked through the frames, and
// always emptied as a whole. So it never suffers from the reuse of a node (the
// ABA problem), and a thread that stops halfway holds up nobody.
//
// The zero value is empty.
type Inbox struct{ newest atomicx.Pointer[Frame] }

// Put adds a batch. Any thread; it allocates nothing and never blocks, and
// retries only when others succeed.
func (in *Inbox) Put(b Batch) {
	for {
		head := in.newest.Load()
		b.oldest.next.Set(head)
		// Publish. The frames, and their links.
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
	// Claim. The whole chain.
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
