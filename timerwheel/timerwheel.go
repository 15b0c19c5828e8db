// Package timerwheel keeps timers and says which of them are due. Arming,
// cancelling and postponing one costs the same whether there are ten or ten
// million, and allocates nothing: an [Entry] is embedded in what it belongs to.
//
// A [Wheel] has no clock, no goroutine and no lock. Its owner passes the time,
// on a scale of its own, and pulls out what is due:
//
//	for e := w.Expire(now); e != nil; e = w.Expire(now) {
//		// e.Value is due; any method of w may be called here
//	}
//	next, ok := w.Next() // until when there is nothing to do
//
// It is the hierarchical wheel of Varghese and Lauck ("Hashed and Hierarchical
// Timing Wheels", SOSP 1987). Time is counted in ticks, and a tick is written with
// one digit a level. The level of a timer is the first digit in which it differs
// from the present, and its slot on that level is that digit:
//
//	level         7  6  5  4  3  2  1  0
//	the present   32 00 00 00 21 58 20 02
//	a timer       32 00 00 00 24 11 07 60    level 3, slot 24
//
// When the present reaches 32 00 00 00 24 00 00 00, all timers of that slot move
// down: this one to level 2, slot 11. Each level has a word with a bit for every
// slot that is not empty, so that nothing looks at empty slots.
//
// # Time
//
// The scale is the caller's, any int64; in this module, nanoseconds. [Tick] is
// counted in the same units: who wants a finer tick counts in smaller units.
//
//   - Never early: Expire hands out an entry only if now has reached its deadline.
//   - Less than a tick late: a deadline is rounded up to a multiple of Tick, and
//     the first Expire from then on hands the entry out.
//   - In order: by tick. Entries of one tick come in the order in which they were
//     added; Reset may leave an entry in its place, and so does Move.
//   - A deadline that has passed is due at once; but if it is added in a round, in
//     the next one, so that the round ends whatever it arms. A round is a series
//     of calls of Expire with the same now, up to the one that returns nil.
//   - Every deadline has a place of its own: the levels cover all of int64, and
//     nothing is clamped or wraps. Only what is later than [End] never comes: such
//     an entry is armed, but never due, and Next does not count it.
//   - Time does not go back: an earlier now than the latest is taken for that.
//
// # Concurrency
//
// A wheel and its entries belong to one goroutine at a time; a mutex makes them
// shared. Only [Entry.Move], which postpones, and [Entry.Deadline] are for any thread at any time. Expire hands out one entry at a time and never calls back, so that a lock
// may be given up between two of them: the wheel may change meanwhile.
//
// # Invariants
//
//	I1  cur is the tick that the wheel has come to. It stops at every tick of an
//	    entry on its way to target, the tick of the latest now.
//	I2  floor is cur, or cur+1 after an entry of cur was handed out in this round.
//	    What is added for an earlier tick is overdue: it goes into the slot of cur
//	    in the first case, and in the second is set aside until the next round.
//	I3  An entry that is not overdue has the tick of its deadline. Its level and
//	    slot follow from that and cur, unless it is later than End (I7), or was moved:
//	    then it may be in a slot that comes before.
//	I4  So an occupied slot from level 1 on lies ahead of cur, one on level 0 not
//	    behind it. On each level they come in the order of time, and before all
//	    those of the level above.
//	I5  A bit of occupied is set if and only if the slot has an entry.
//	I6  Entries of the same tick share a slot, always, in the order of their Adds, but
//	    for those that were moved.
//	I7  An entry that is later than End is in the slot endless, which no tick reaches.
//
// # Price
//
// Rounding up costs half a tick on average. An entry moves down at most once a
// level before it is due, and a slot moves as a whole: the Expire that reaches it
// takes time proportional to its entries, once. A wheel is two words a slot.
package timerwheel

import (
	"math/bits"
	"sync/atomic"

	"github.com/heist-go/heist/internal/atomicx"
)

const (
	tickBits = 16
	slotBits = 6 // a level's slots are the bits of a word
	levels   = 8

	slots   = 1 << slotBits
	aside   = levels * slots // index of the slot for what waits for the next round
	endless = aside + 1      // index of the slot for what is later than End

	anyAside = 1 << (aside % slots) // its bit of occupied
)

// The digits and what is below a tick make up an int64, exactly: no deadline is
// beyond the top level.
var _ [tickBits + slotBits*levels]struct{} = [64]struct{}{}

// Tick is the resolution of a [Wheel], in the caller's unit of time.
const Tick = 1 << tickBits

// Entry is one timer. It is meant to be embedded in what it is the timer of, with
// Value pointing back at that. The zero value is not armed. An Entry must not be
// copied while it is armed.
type Entry[T any] struct {
	Value T // the caller's; the wheel does not touch it

	deadline   atomicx.Int64 // Move, by any thread
	next, prev *Entry[T]     // neighbours in the slot
	_          noCopy
	wheel      uint32 // id of the wheel that armed it last
	at         uint16 // 1 + index of the slot; 0 if not armed
}

// Deadline returns the deadline that the entry was last armed with, exactly as it
// was given. It stays when the entry is handed out or removed. Any thread.
//
// Pairs with: (*Wheel).Add, (*Wheel).Reset, (*Entry).Move.
func (e *Entry[T]) Deadline() int64 { return e.deadline.Load() }

// Move changes the deadline from old to another one, by a compare-and-swap, and reports whether it was
// old. Any thread may make that of an armed entry later so, without the wheel: the wheel finds out when it comes to
// where the entry is, and hands it out when it is due. Who makes it earlier calls [Wheel.Settle], before the wheel
// is used otherwise. What is not armed may be moved to anything: so whoever is handed an entry can claim it,
// against a thread that postpones it, by a deadline that says so.
func (e *Entry[T]) Move(old, deadline int64) bool {
	// Claim. The deadline, among threads that move it.
	// Pairs with: (*Entry).Deadline.
	return e.deadline.CompareAndSwap(old, deadline)
}

// Armed reports whether the entry is in a wheel: added, and neither handed out
// nor removed since.
func (e *Entry[T]) Armed() bool { return e.at != 0 }

// Wheel is a set of armed entries. The zero value is empty and ready; its present
// is the beginning of time, and the first Expire puts it right. A Wheel must not
// be copied after its first use.
type Wheel[T any] struct {
	_        noCopy
	cur      uint64 // I1
	target   uint64 // I1
	floor    uint64 // I2
	armed    int
	id       uint32             // 0 before the first Add
	occupied [levels + 1]uint64 // I5
	slots    [endless + 1]slot[T]
}

// ids are the wheels that were used so far: entries name theirs with four bytes.
var ids atomic.Uint32

// Add arms e: Expire hands it out when now has reached the deadline.
//
// It panics if e is armed, in this wheel or in another.
func (w *Wheel[T]) Add(e *Entry[T], deadline int64) {
	if e.at != 0 {
		panic("timerwheel: Add of an entry that is armed: Reset moves it, Remove disarms it")
	}
	for w.id == 0 { // once, or twice when the ids wrap
		// Claim. A number.
		// Pairs with: (*Wheel).Add.
		w.id = ids.Add(1)
	}
	e.wheel = w.id
	// Publish. The entry is nobody else's yet. Pairs with: (*Entry).Deadline.
	atomicx.StoreReleaseInt64(&e.deadline, deadline)
	w.link(e, w.place(deadline))
	w.armed++
}

// Remove disarms e and reports whether it was armed. An entry that was removed is
// not handed out, also if it was due already.
//
// It panics if e is armed in another wheel.
func (w *Wheel[T]) Remove(e *Entry[T]) bool {
	if e.at == 0 {
		return false
	}
	if e.wheel != w.id {
		panic("timerwheel: Remove of an entry that is armed in another wheel")
	}
	w.unlink(e)
	w.armed--
	return true
}

// Reset moves e to another deadline, earlier or later, and reports whether it was
// armed; if not, Reset is Add. To postpone a deadline that is far away is often one
// store: it stays in its slot.
//
// It panics if e is armed in another wheel.
func (w *Wheel[T]) Reset(e *Entry[T], deadline int64) bool {
	if e.at == 0 {
		w.Add(e, deadline)
		return false
	}
	if e.wheel != w.id {
		panic("timerwheel: Reset of an entry that is armed in another wheel: Remove it there first")
	}
	// Publish. Who resets an entry does not let others move it. Pairs with: (*Entry).Deadline.
	atomicx.StoreReleaseInt64(&e.deadline, deadline)
	if at := w.place(deadline); at != e.slot() {
		w.unlink(e)
		w.link(e, at)
	}
	return true
}

// Settle sees to it that e is handed out at the deadline that [Entry.Move] has given it: an entry of this wheel, which
// is armed, or has been handed out and is to be armed again. If it is in a slot that comes before the
// deadline it stays there until then: that touches no other entry.
func (w *Wheel[T]) Settle(e *Entry[T]) {
	at := w.place(e.Deadline())
	switch {
	case e.at == 0:
		w.armed++
	case at >= e.slot() && at != aside:
		return
	default:
		w.unlink(e)
	}
	w.link(e, at)
}

// Next returns the moment from which on Expire has something to do; ok is false if
// nothing will ever be due. No entry is due earlier. Often it is the moment when
// the first is due, and always if the first slot has but one entry. Otherwise that
// slot has to move down first; waiting for Next and calling Expire comes to the
// true moment after a few rounds, at most one a level.
func (w *Wheel[T]) Next() (moment int64, ok bool) {
	if w.occupied[aside/slots]&anyAside != 0 {
		return momentOf(w.cur), true
	}
	at, tick, ok := w.earliest()
	if !ok {
		return 0, false
	}
	if s := &w.slots[at]; s.first == s.last {
		if own := tickOf(s.first.Deadline()); covers(at, tick, own) || w.armed == 1 {
			tick = max(tick, own)
		}
	}
	return momentOf(tick), true
}

// Expire advances the wheel to now and returns the next entry that is due, which
// is disarmed by that; nil means that there are no more, and ends the round.
//
// In between the caller may add, reset and remove any entries, those due included.
// It may also stop early, or go on with a later now, which begins a round.
func (w *Wheel[T]) Expire(now int64) *Entry[T] {
	if tick := tickAt(now); tick > w.target {
		w.target = tick
		w.begin()
	}
	for {
		if e, more := w.step(); e != nil || !more {
			return e
		}
	}
}

// Take disarms and returns any entry, due or not; nil means that there is none. It is
// for an owner that gives the wheel up.
func (w *Wheel[T]) Take() *Entry[T] {
	for level, word := range w.occupied {
		if word != 0 {
			e := w.slots[level*slots+bits.TrailingZeros64(word)].first
			w.unlink(e)
			w.armed--
			return e
		}
	}
	return nil
}

// Look calls visit for armed entries until it returns false: those of the slots that come first in time first, those of
// a slot in any order. So the first few are, but for some that are as near, those that are due first.
func (w *Wheel[T]) Look(visit func(e *Entry[T]) bool) {
	for level, word := range w.occupied {
		for ; word != 0; word &= word - 1 {
			for e := w.slots[level*slots+bits.TrailingZeros64(word)].first; e != nil; e = e.next {
				if !visit(e) {
					return
				}
			}
		}
	}
}

// Len returns the number of armed entries.
func (w *Wheel[T]) Len() int { return w.armed }

// noCopy has go vet report copies of what contains it.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}
