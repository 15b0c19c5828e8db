package deque

const KeptRing = keptRing

// NewAt returns an empty deque whose indices all start at index, with a ring of
// the given size, a power of two.
func NewAt[T any](index int64, size int) *Deque[T] {
	d := &Deque[T]{b: index, t: index, clean: index, high: index}
	d.top.Store(index)
	d.bottom.Store(index)
	d.ring.Store(newRing[T](int64(size)))
	return d
}

// Cap returns the length of the ring.
func (d *Deque[T]) Cap() int { return int(d.ring.Load().size()) }

// Held returns the number of slots that hold a pointer, vacated or not.
func (d *Deque[T]) Held() (n int) {
	slots := d.ring.Load().slots
	for i := range slots {
		if slots[i].Load() != nil {
			n++
		}
	}
	return n
}

// Enter is the beginning of an owner operation; what it returns is the end.
func (d *Deque[T]) Enter(op string) (leave func()) { return d.guard.enter(op) }
