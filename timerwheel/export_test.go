package timerwheel

import (
	"fmt"
)

const (
	Levels   = levels
	SlotBits = slotBits
	TickBits = tickBits
)

// SetIDs sets the id of the wheel that was used last.
func SetIDs(last uint32) { ids.Store(last) }

// Work is Expire in a loop. It returns how many slots were looked at, and how many
// times an entry was moved or handed out.
func (w *Wheel[T]) Work(now int64) (visits, moves int) {
	w.target = tickAt(now)
	for more := true; more; visits++ {
		if at, tick, ok := w.earliest(); ok && tick <= w.target {
			if at < slots {
				moves++
			} else {
				for e := w.slots[at].first; e != nil; e = e.next {
					moves++
				}
			}
		}
		_, more = w.step()
	}
	return visits, moves
}

// home returns the slot that an entry of the tick has (I3): level by level, from
// the top. There is none for a tick that is over.
func (w *Wheel[T]) home(tick uint64) uint {
	if tick < w.cur {
		return uint(len(w.slots))
	}
	if tick == never {
		return endless
	}
	for level := uint(levels - 1); level > 0; level-- {
		if shift := level * slotBits; tick>>shift != w.cur>>shift {
			return level*slots + uint(tick>>shift%slots)
		}
	}
	return uint(tick % slots)
}

// Check looks at every entry and returns what is wrong with the invariants. moved says whether an entry may be in a
// slot that comes before its own.
func (w *Wheel[T]) Check(moved func(e *Entry[T]) bool) error {
	if w.cur > w.target || w.target >= never {
		return fmt.Errorf("I1: cur %#x, target %#x", w.cur, w.target)
	}
	if w.floor != w.cur && w.floor != w.cur+1 {
		return fmt.Errorf("I2: cur %#x, floor %#x", w.cur, w.floor)
	}
	armed := 0
	for at := range uint(len(w.slots)) {
		s := &w.slots[at]
		if set := w.occupied[at/slots]>>(at%slots)&1 == 1; set != (s.first != nil) || set != (s.last != nil) {
			return fmt.Errorf("I5: slot %d: occupied is %t, first %v, last %v", at, set, s.first, s.last)
		}
		var prev *Entry[T]
		for e := s.first; e != nil; prev, e = e, e.next {
			if armed++; e.slot() != at || e.prev != prev || e.wheel != w.id {
				return fmt.Errorf("slot %d: an entry says slot %d of wheel %d", at, e.slot(), e.wheel)
			}
			switch tick := tickOf(e.Deadline()); {
			case at == w.home(tick):
			case at == w.home(w.cur) && tick < w.cur: // overdue
			case at == aside && tick < w.floor && w.floor > w.cur:
			case moved(e) && (at == aside || at < w.home(tick) && at >= w.home(w.cur) && (at < slots || at%slots > uint(w.cur>>(at/slots*slotBits))%slots)):
			default:
				return fmt.Errorf("I3: slot %d, tick %#x, the present is %#x", at, tick, w.cur)
			}
		}
		if s.last != prev {
			return fmt.Errorf("slot %d: the last entry is not the last", at)
		}
	}
	if armed != w.armed {
		return fmt.Errorf("%d entries, counted as %d", armed, w.armed)
	}
	return nil
}
