package timerwheel

import (
	"math/bits"

	"github.com/heist-go/heist/internal/invariant"
)

// slot is a list of entries, in the order in which they came.
type slot[T any] struct{ first, last *Entry[T] }

// slot returns the index of the armed entry's slot.
func (e *Entry[T]) slot() uint { return uint(e.at) - 1 }

// place returns the index of the slot for a deadline: level times slots, plus the
// slot on the level (I3), or aside, or endless.
func (w *Wheel[T]) place(deadline int64) uint {
	tick := tickOf(deadline)
	if tick < w.floor { // I2
		if w.floor != w.cur {
			return aside
		}
		tick = w.cur
	}
	if tick == never { // I7
		return endless
	}
	level := uint(bits.Len64(tick^w.cur|1)-1) / slotBits // the highest digit that differs, or the lowest
	digit := tick >> (level * slotBits & 63) % slots
	return level*slots + uint(digit)
}

// link appends e to the slot.
func (w *Wheel[T]) link(e *Entry[T], at uint) {
	s := &w.slots[at]
	last := s.last
	e.at, e.prev = uint16(at+1), last
	s.last = e
	if last != nil {
		last.next = e
		return
	}
	s.first = e
	w.occupied[at/slots] |= 1 << (at % slots)
}

// unlink takes e out of its slot. It keeps no neighbour alive after that.
func (w *Wheel[T]) unlink(e *Entry[T]) {
	at := e.slot()
	s := &w.slots[at]
	next, prev := e.next, e.prev
	if invariant.Enabled {
		invariant.Check((prev == nil && s.first == e || prev != nil && prev.next == e) &&
			(next == nil && s.last == e || next != nil && next.prev == e),
			"timerwheel: the entry is not where it says: it was copied while it was armed")
	}
	if prev != nil {
		prev.next = next
	} else {
		s.first = next
	}
	if next != nil {
		next.prev = prev
	} else {
		s.last = prev
	}
	if s.first == nil {
		w.occupied[at/slots] &^= 1 << (at % slots)
	}
	e.next, e.prev, e.at = nil, nil, 0
}

// earliest returns the first slot that is occupied, and the tick at which it
// begins.
func (w *Wheel[T]) earliest() (at uint, tick uint64, ok bool) {
	for level := range uint(levels) {
		if w.occupied[level] == 0 {
			continue
		}
		// I4: the lowest bit of the lowest level, however far round cur is.
		digit := uint(bits.TrailingZeros64(w.occupied[level]))
		shift := level * slotBits
		above := w.cur >> (shift + slotBits) << slotBits
		return level*slots + digit, (above | uint64(digit)) << shift, true
	}
	return 0, 0, false
}

// covers reports whether the slot that begins at a tick is where another one belongs: not if that is overdue, or of an
// entry that was moved.
func covers(at uint, begins, tick uint64) bool { return tick-begins < 1<<(at/slots*slotBits) }

// begin begins a round: what was set aside is due now.
func (w *Wheel[T]) begin() {
	w.floor = w.cur
	if w.occupied[aside/slots]&anyAside != 0 {
		w.cascade(aside)
	}
}

// step is one step of the wheel's way to target: it hands out an entry, or it
// moves a slot down. When nothing is left to do, the wheel stands at target.
func (w *Wheel[T]) step() (e *Entry[T], more bool) {
	at, tick, ok := w.earliest()
	if !ok || tick > w.target {
		w.cur = w.target
		w.begin()
		return nil, false
	}
	e = w.slots[at].first
	own := tickOf(e.Deadline())
	switch {
	case at >= slots:
		if e.next != nil || !covers(at, tick, own) || own > w.target {
			w.cur, w.floor = tick, tick
			w.cascade(at)
			return nil, true
		}
		tick = own // it is alone, and would come down by itself, level by level
	case own > tick: // it was moved
		if w.cur != tick {
			w.cur, w.floor = tick, tick
		}
		w.unlink(e)
		w.link(e, w.place(e.Deadline()))
		return nil, true
	}
	w.cur = tick
	w.unlink(e)
	w.armed--
	w.floor = tick + 1 // I2
	return e, true
}

// cascade moves the entries of a slot that cur has just reached down to lower
// levels, in their order (I6).
func (w *Wheel[T]) cascade(at uint) {
	e := w.slots[at].first
	w.slots[at] = slot[T]{}
	w.occupied[at/slots] &^= 1 << (at % slots)
	for e != nil {
		next := e.next
		e.next = nil
		w.link(e, w.place(e.Deadline()))
		e = next
	}
}
