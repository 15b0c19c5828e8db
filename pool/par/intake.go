package par

import (
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/pad"
)

// What a value of a [stage] costs beside the caller's functions: a store and a load of intake when it
// is put, and an addition to the word of a claim when it is begun. All else that is written is under the
// stage's lock, and done for many values at a time.
//
//	intake   put  -->        how many values there are; the feeder counts
//	         look ..>        from how many on the feeder comes to the lock
//	claim    next --> hi     the owner begins; who takes back lowers hi to next
//
// Invariants:
//
//  1. A value is written before put counts it. It is read by who has loaded put since.
//  2. Who says from how many on the feeder is to look reads put afterwards; the feeder reads look
//     after it has counted. So of two that are at it at the same time one sees the other: no value
//     is put that neither knows of.
//  3. next and hi are one word. So each value of a claim is begun by its owner, or taken back,
//     and never both.

// intake is the values that the source has yielded, as its goroutine, the feeder, and the
// others see them.
type intake struct {
	_    pad.Line
	put  atomicx.Int64 // written by the feeder
	look atomicx.Int64 // written under the stage's lock
	_    pad.Line
}

// add says that there are n values, and reports whether the feeder has to look who comes for
// them. The feeder's.
func (t *intake) add(n int) (looks bool) {
	// Publish. Store-load: before the load of look, or a value that is put while the last one
	// leaves waits for the next one.
	// Pairs with: (*intake).expect.
	t.put.Store(int64(n))
	return int64(n) >= t.look.Load()
}

// expect says from how many values on the feeder has to look, and returns how many there are.
func (t *intake) expect(n int) (put int) {
	// Store-load: before the load of put. Pairs with: (*intake).add.
	t.look.Store(int64(n))
	return int(t.put.Load())
}

// claim is some values that one thread handles.
type claim struct {
	word atomicx.Uint64 // next: 32 bits, hi: 32 bits, both counted from the first value on
	from int            // the first value
	seen uint64         // the word, when the timer looked
}

const oneBegun = 1 << 32

// set makes c the claim of n values. Nobody else knows of it yet.
func (c *claim) set(from, n int) {
	c.from, c.seen = from, uint64(n)
	c.word.Store(uint64(n)) // initialisation
}

// begins returns the next value to begin with, if there is one. The owner's.
func (c *claim) begins() (i int, ok bool) {
	// Claim. Pairs with: (*claim).stuck.
	w := c.word.Add(oneBegun) - oneBegun
	return c.from + int(w>>32), w>>32 < w&(oneBegun-1)
}

// begun returns how many values have begun.
func (c *claim) begun() int {
	w := c.word.Load()
	return int(min(w>>32, w&(oneBegun-1)))
}

// stuck reports whether nothing has begun since the last time, and takes back the rest then.
func (c *claim) stuck() (rest values, stuck bool) {
	w := c.word.Load()
	next, hi := w>>32, w&(oneBegun-1)
	// Claim. Pairs with: (*claim).begins.
	if w != c.seen || next < hi && !c.word.CompareAndSwap(w, next<<32|next) {
		c.seen = w
		return values{}, false
	}
	return values{c.from + int(next), c.from + int(max(next, hi))}, true
}

// values is some values of a stage, by their numbers.
type values struct{ lo, hi int }
