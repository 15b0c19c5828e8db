package deque

// Result says how a steal ended.
type Result uint8

const (
	// Stolen: the element is the caller's.
	Stolen Result = iota
	// Empty: there was nothing to take.
	Empty
	// Lost: another thread took the element first, so there may be more. A
	// caller that is about to sleep must look again.
	Lost
	// Refused: the condition of StealIf did not hold.
	Refused
)

func (r Result) String() string {
	return [...]string{"Stolen", "Empty", "Lost", "Refused"}[r]
}

// Steal takes the oldest element. It returns nil unless the result is Stolen.
//
// Any thread, the owner too. It never blocks and does not retry.
func (d *Deque[T]) Steal() (*T, Result) {
	x, t, r := d.oldest()
	if r == Stolen && !d.claim(t) {
		return nil, Lost
	}
	return x, r
}

// StealIf is Steal on a condition: ok is called with the element after it was
// read and before it is claimed. So ok may look at things that change; if it
// was true, and nobody claimed the element meanwhile, it is the caller's. ok
// must not use the deque, nor keep the element: it may already be another's.
//
// Any thread, the owner too. It never blocks and does not retry.
func (d *Deque[T]) StealIf(ok func(*T) bool) (*T, Result) {
	x, t, r := d.oldest()
	if r != Stolen {
		return nil, r
	}
	if x == nil { // tidied up meanwhile: top is past t, and the claim would fail
		return nil, Lost
	}
	if !ok(x) {
		return nil, Refused
	}
	if !d.claim(t) {
		return nil, Lost
	}
	return x, Stolen
}

// oldest reads the oldest element and its index, and claims nothing.
func (d *Deque[T]) oldest() (x *T, t int64, r Result) {
	// Store-load: top first, bottom second. An owner that withdraws the last
	// element does so before it loads top, so that one of the two sees the
	// other; the claim settles it. The slots are there by then: bottom and the ring were written last.
	// Pairs with: (*Deque).Pop, (*Deque).Push, (*Deque).Flush, (*Deque).resize.
	t = d.top.Load()
	if d.bottom.Load()-t <= 0 {
		return nil, 0, Empty
	}
	return d.ring.Load().at(t).Load(), t, Stolen // I6, then I5
}

// claim makes the element at index t the caller's, or reports false.
func (d *Deque[T]) claim(t int64) bool {
	// Claim. The element at t, I1.
	// Pairs with: (*Deque).Pop, (*Deque).Take.
	return d.top.CompareAndSwap(t, t+1)
}

// StealBatch steals up to limit elements, and at most about half of what there is
// (see Len), each by a claim of its own. It returns the oldest; the others go to the
// bottom of to, in order. n counts them all. When the first steal fails, n is 0
// and r says why.
//
// The owner of to. It never blocks.
func (d *Deque[T]) StealBatch(to *Deque[T], limit int) (first *T, n int, r Result) {
	limit = min(limit, (d.Len()+1)/2)
	if limit <= 0 {
		return nil, 0, Empty
	}
	if first, r = d.Steal(); r != Stolen {
		return nil, 0, r
	}
	for n = 1; n < limit; n++ {
		x, r := d.Steal()
		if r != Stolen {
			break
		}
		to.Push(x)
	}
	return first, n, Stolen
}
