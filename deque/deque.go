// Package deque is the run queue of one worker: the owner pushes and pops at
// the bottom, newest first; any thread steals at the top, oldest first.
//
// It is the growable deque of Chase and Lev ("Dynamic Circular Work-Stealing
// Deque", SPAA 2005). The names top, bottom and ring are the paper's, so that
// the two can be read side by side.
//
//	              top                          bottom
//	Steal <------- | oldest | ........ | newest | <------- Push   owner
//	any thread                                   -------> Pop     owner
//
// # Owner
//
// [Deque.Push], [Deque.Flush], [Deque.Pop], [Deque.Take], [Deque.Size] and [Deque.Tidy] belong
// to one thread at a time. The owner may hand the deque to another thread, as any
// unsynchronised value.
//
// # Thieves
//
// [Deque.Steal], [Deque.StealIf], [Deque.StealBatch] and [Deque.Len] are for any
// thread, the owner included: an owner that steals from itself takes its oldest
// element, and so is fair.
//
// # Invariants
//
//	I1  top only grows, one step at a time, by CompareAndSwap. Whoever moved it
//	    past an index owns the element that was there.
//	I2  Only the owner writes bottom, ring and the slots.
//	I3  0 <= bottom-top <= len(ring), but for the inside of Pop on an empty
//	    deque: there bottom is top-1 for a moment. Indices wrap; only
//	    differences are compared.
//	I4  A ring that was replaced is not written again. A thief that still holds
//	    it reads the right element, or one that its CompareAndSwap refuses.
//	I5  A thief reads the slot before its CompareAndSwap: afterwards the owner
//	    may have reused it.
//	I6  A thief loads ring after bottom: every index below that bottom is in
//	    that ring, or in a later one.
//
// # Order
//
// One pair of accesses needs sync/atomic's total order and says "Store-load".
// For all others publishing is enough, and so the owner's stores are release stores but for that
// one: whoever sees one sees all before it. What the owner loads next may be older than what it has
// pushed; an owner that looks whether anybody waits for what it has pushed calls [Deque.Flush] first.
//
// # Price
//
// A ring grows as it has to, and shrinks again: to no more than keptRing slots, or twice
// the elements, when the owner tidies up; and by half whenever the owner runs dry and has
// used no more than a quarter of it since the last time. Either way is a new ring, as for
// growth, so that I4 and I6 are all that thieves need.
//
// A vacated slot keeps its pointer until it is overwritten or tidied up: Pop does
// that when it finds nothing, and [Deque.Tidy] on request. Meanwhile a busy owner
// retains at most a ring of elements. Stealing several elements with one
// CompareAndSwap is not offered: the owner pops without one, and both would get
// the same element (the negative control bulk in the explored test).
package deque

import (
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/pad"
)

const (
	// minRing is the capacity of the first ring, and keptRing that of the largest that is
	// kept when it is not needed: powers of two.
	minRing  = 64
	keptRing = 512
)

// Deque is a work-stealing deque of pointers. The zero value is empty and ready.
// A Deque must not be copied after its first use.
type Deque[T any] struct {
	_      pad.Line
	top    atomicx.Int64 // index of the oldest element; see I1
	_      pad.Line
	bottom atomicx.Int64 // one past the newest element; see I2
	ring   atomicx.Pointer[ring[T]]

	// The owner's, and never read by thieves:
	b     int64 // bottom, but for the inside of Pop
	t     int64 // a past value of top: saves loading the contended line
	clean int64 // vacated slots below this index are nil
	high  int64 // vacated slots from this index on are nil
	guard owner // debug builds: catches a second owner
	_     pad.Line
}

// ring is a circular array whose length is a power of two.
type ring[T any] struct {
	slots []atomicx.Pointer[T]
}

func newRing[T any](size int64) *ring[T] { return &ring[T]{make([]atomicx.Pointer[T], size)} }

func (r *ring[T]) size() int64 { return int64(len(r.slots)) }

// at returns the slot of index i, modulo the length.
func (r *ring[T]) at(i int64) *atomicx.Pointer[T] {
	return &r.slots[uint64(i)&uint64(len(r.slots)-1)]
}

// Push adds x as the newest element. x must not be nil.
//
// Owner only. It never blocks; it allocates when the ring has to grow. What the
// owner did before Push is visible to whoever gets x. Thieves see x soon, but not before the owner
// goes on: see [Deque.Flush].
func (d *Deque[T]) Push(x *T) {
	if invariant.Debug {
		defer d.guard.enter("Push")()
	}
	if x == nil {
		panic("deque: Push of nil: nil is how Pop and Steal say that there is nothing")
	}
	b, r := d.b, d.ring.Load()
	if r == nil || b-d.t >= r.size() {
		r = d.grow(r)
	}
	atomicx.StoreReleasePointer(r.at(b), x) // the owner's: bottom publishes it
	d.b = b + 1
	// Publish. The slot, and whatever x points to.
	// Pairs with: (*Deque).oldest.
	atomicx.StoreReleaseInt64(&d.bottom, b+1)
}

// Flush makes what was pushed visible to all before anything that the owner does next: so an owner that
// looks afterwards whether a thief waits, and a thief that waits and then looks for elements, cannot
// miss each other. Pop and Take do it, too, if they find something.
//
// Owner only. It never blocks.
func (d *Deque[T]) Flush() {
	// Store-load: the elements, then whatever the owner looks at.
	// Pairs with: (*Deque).Len, (*Deque).oldest.
	d.bottom.Store(d.b)
}

// grow returns a ring with room for one more element, twice the size if thieves
// have not made room meanwhile.
func (d *Deque[T]) grow(old *ring[T]) *ring[T] {
	if old == nil {
		old = newRing[T](minRing)
		atomicx.StoreReleasePointer(&d.ring, old) // the owner's: Push publishes it
		return old
	}
	if d.t = d.top.Load(); d.b-d.t < old.size() {
		return old
	}
	return d.resize(old, 2*old.size())
}

// resize moves the elements from d.t on, which are no more than size, to a new ring.
func (d *Deque[T]) resize(old *ring[T], size int64) *ring[T] {
	r := newRing[T](size)
	for i := d.t; i != d.b; i++ {
		atomicx.StoreReleasePointer(r.at(i), old.at(i).Load()) // the owner's: nobody else knows the ring
	}
	d.clean, d.high = d.t, d.b
	// Publish. The copied slots.
	// Pairs with: (*Deque).oldest.
	atomicx.StoreReleasePointer(&d.ring, r)
	return r
}

// shrink gives the elements a ring of kept slots, or of twice their number, if that is
// smaller than the one they have. It reports whether it did; then nothing is left to tidy
// up. t is a past value of top.
func (d *Deque[T]) shrink(t, kept int64) bool {
	r := d.ring.Load()
	if r == nil || r.size() <= kept {
		return false
	}
	size := kept
	for size < 2*(d.b-t) {
		size *= 2
	}
	if size >= r.size() {
		return false
	}
	d.t = t
	d.resize(r, size)
	return true
}

// Pop takes the newest element, or returns nil if there is none.
//
// Owner only. It never blocks, and races thieves for the last element only.
func (d *Deque[T]) Pop() *T {
	if invariant.Debug {
		defer d.guard.enter("Pop")()
	}
	b := d.b - 1
	if d.t-b > 0 { // empty, and nobody but us could change that
		d.tidy(d.t)
		return nil
	}
	d.high = max(d.high-b, 1) + b // wraps: the later of high and b+1
	// Store-load: withdraw index b first, look at top second. A thief that can
	// still reach b has read bottom before this store, so the top that we load
	// next is no older than the one it has read. The other way round, the owner
	// and a thief both take the last element but one step apart.
	// Pairs with: (*Deque).oldest.
	d.bottom.Store(b)
	d.t = d.top.Load()
	if b-d.t > 0 { // two or more: no thief can reach index b
		d.b = b
		return d.ring.Load().at(b).Load()
	}
	var x *T
	// Claim. The last element, against thieves.
	// Pairs with: (*Deque).claim.
	if b == d.t && d.top.CompareAndSwap(b, b+1) {
		x = d.ring.Load().at(b).Load()
	}
	d.t = b + 1
	atomicx.StoreReleaseInt64(&d.bottom, b+1) // the owner's: empty again, I3
	if x == nil {
		d.tidy(d.t)
	}
	return x
}

// Take takes the oldest element, or returns nil if there is none: an owner that
// takes its own elements like this is fair to them. It is Steal, but knows the
// owner's side, and goes on when a thief was faster.
//
// Owner only. It never blocks: whenever it retries, a thief has got an element.
func (d *Deque[T]) Take() *T {
	if invariant.Debug {
		defer d.guard.enter("Take")()
	}
	for {
		t := d.top.Load()
		d.t = t
		if d.b-t <= 0 {
			d.tidy(t)
			return nil
		}
		x := d.ring.Load().at(t).Load()
		// Claim. The element at t, against thieves.
		// Pairs with: (*Deque).claim.
		if d.top.CompareAndSwap(t, t+1) {
			d.t = t + 1
			return x
		}
	}
}

// Size returns how many elements there are at most: thieves may have taken some
// since the owner looked last. It costs nothing.
//
// Owner only.
func (d *Deque[T]) Size() int { return int(d.b - d.t) }

// Tidy lets go of the elements that were popped or stolen, so that the garbage
// collector can have them, and of a ring that is much too large: what is kept is at most
// keptRing slots of a pointer each, or four times the elements. Its cost is proportional
// to the number of elements since the last time, and at most the ring's length. A worker
// calls it before it parks.
//
// Owner only. It never blocks.
func (d *Deque[T]) Tidy() {
	if invariant.Debug {
		defer d.guard.enter("Tidy")()
	}
	if t := d.top.Load(); !d.shrink(t, keptRing) {
		d.tidy(t)
	}
}

// tidy clears the vacated slots: below t, a past value of top, and from b on. No
// thief can win an index below top, so it does not matter what it reads there.
func (d *Deque[T]) tidy(t int64) {
	if d.clean == t && d.high-d.b <= 0 {
		return
	}
	r := d.ring.Load()
	if used := max(d.high-d.b, 0) + d.b - d.clean; r.size() > keptRing && d.b == t && used <= r.size()/4 {
		d.resize(r, r.size()/2) // of none
		return
	}
	// Further down than a ring's length below bottom, a slot holds another,
	// live element. The stores are the owner's: no thief looks at these slots.
	for i := d.clean + max(d.b-r.size()-d.clean, 0); t-i > 0; i++ {
		atomicx.StoreReleasePointer(r.at(i), nil)
	}
	for i := d.b; d.high-i > 0; i++ {
		atomicx.StoreReleasePointer(r.at(i), nil) // the owner's, too
	}
	d.clean, d.high = t, d.b
}

// Len returns about how many elements there are. A hint: it may be out of date
// when it is returned, and too large while others take elements; it is never
// negative, and 0 only if the deque was empty during the call.
//
// Any thread.
//
// Pairs with: (*Deque).Flush.
func (d *Deque[T]) Len() int {
	t := d.top.Load() // first: a smaller top can only make the answer larger
	return int(max(d.bottom.Load()-t, 0))
}
