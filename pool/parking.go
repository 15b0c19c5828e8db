package pool

import (
	"math/bits"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/pad"
)

// parking is the protocol by which a worker parks and is unparked. It is the one place
// where a lost race would lose work, so the argument comes first.
//
//	submitter                      worker that finds nothing
//	S1  queue the frame            W1  set its bit; if searching, count down
//	S2  load the word              W2  look at all queues once more
//	S3  nobody searches, one is    W3  park
//	    parked: clear its bit,
//	    count it as searching,
//	    and unpark it
//
// # Word
//
// A word holds, for up to groupSize workers, a bit for each that is parked, or about to be, and
// the number of those that search:
//
//	parkedMask   a bit for each worker of the group: it is parked
//	the rest     how many search for work, in units of searcher
//
// # Invariants
//
//	P1  A submission unparks at most one worker, as a searcher. While a worker of a group searches,
//	    no submission unparks one of that group, or of one behind it.
//	P2  The last searcher that finds work has the next one unparked, always: there may still be
//	    work for which others have unparked nobody (P1).
//	P3  W2 is done by the last searcher, and by every worker that was not
//	    searching at W1. A worker that finds something there goes on as a
//	    searcher, so that P2 follows: for all that was queued while it searched
//	    nobody was unparked.
//	P4  The bit decides, the token of a Parker is a hint. Whatever ends a worker's
//	    sleep: if its bit is still set it was its own affair (a deadline), so it
//	    clears the bit and is no searcher; if the bit is cleared it was unparked as a
//	    searcher, and is counted as one.
//
// # Order
//
// No work is lost, because each side writes its own word, then reads the other's (Store-load), and atomics
// have one total order. S1 before W2: the worker finds the frame. Else W1, W2, S1,
// S2 in this order, and S2 sees the bit: the submitter unparks a worker, or sees a
// searcher. That searcher counts itself down after S2: because it has found something
// (P2: if it was the last, it has another one unparked, which searches) or because it
// parks (P3: if it was the last, it looks again, after S1). A worker that queues for itself may leave out S2 and
// S3 while that is not worth a wake-up: it does not park before its own deque is empty. See share in worker.go.
// It queues by a release store; before S2 it flushes its deque.
//
// # Price
//
// A submission is a load of each group's word, and a compare-and-swap if a worker is parked. To park and to
// be unparked are a read-modify-write each, beside the sleep.
//
// The explored test runs this file's code; its controls drop P2, P3, and let the
// token decide instead of P4.
type parking struct {
	groups []group
	batons []baton // of the reactors; who holds one may sleep in a poll
}

// group is the word of up to groupSize workers.
type group struct {
	_       pad.Line
	word    atomicx.Uint64 // written by workers that park or search, and by submitters
	active  atomicx.Uint64 // a bit for each worker that may be unparked for a submission; see (*Pool).activate
	members uint64         // how many are not spares
	_       pad.Line
}

const (
	groupSize  = 48
	parkedMask = 1<<groupSize - 1
	searcher   = 1 << groupSize // one searching worker
)

// begin makes room for n workers and some spares, all of them parked.
func (p *parking) begin(n, spares int) {
	p.groups = make([]group, (n+spares+groupSize-1)/groupSize)
	for i := range n + spares {
		g := &p.groups[i/groupSize]
		g.word.Add(1 << (i % groupSize)) // initialisation
		if i < n {
			p.activate(i)
			g.members++
		}
	}
}

// activate lets worker i be unparked for submissions, and deactivate does not: (*Pool).activating is held.
// Hint. A worker that was deactivated just now is unparked once more.
func (p *parking) activate(i int)   { p.groups[i/groupSize].active.Or(1 << (i % groupSize)) }
func (p *parking) deactivate(i int) { p.groups[i/groupSize].active.And(^uint64(1 << (i % groupSize))) }

// isActive reports whether worker i is active.
func (p *parking) isActive(i int) bool {
	return p.groups[i/groupSize].active.Load()&(1<<(i%groupSize)) != 0
}

// isParked reports whether worker i is parked. A hint.
func (p *parking) isParked(i int) bool {
	w, bit := p.word(i)
	return w.Load()&bit != 0
}

// word returns the word and the bit of worker i.
func (p *parking) word(i int) (*atomicx.Uint64, uint64) {
	return &p.groups[i/groupSize].word, 1 << (i % groupSize)
}

// claimFor claims a parked worker for a submitter: it is counted as a searcher now,
// and the caller must unpark it. -1: nobody has to be unparked. If first is not negative the frame is in
// the inbox of that worker, which is chosen if it is parked.
func (p *parking) claimFor(first int) int {
	for i := range p.groups {
		// Store-load: the caller has queued its frame before. Without that order
		// the frame can be missed by a worker that parks (S1, S2).
		// Pairs with: (*parking).beginPark, (*parking).search, (*parking).found, (*Pool).compensate.
		for {
			s := p.groups[i].word.Load()
			if s>>groupSize != 0 {
				return -1 // P1
			}
			// Hint. A worker that was deactivated just now is unparked once more.
			parked := s & parkedMask & p.groups[i].active.Load()
			if parked == 0 {
				break
			}
			b := p.choose(i, parked, first)
			// Claim. The worker whose bit this is (S3, P4).
			// Pairs with: (*parking).endPark.
			if p.groups[i].word.CompareAndSwap(s, s&^(1<<b)+searcher) {
				return i*groupSize + b
			}
		}
	}
	return -1
}

// choose returns which of the parked workers of a group is unparked. There is at least one.
//
// Low numbers first: load gathers on few workers, the others sleep deep. A worker that sleeps
// in the poll comes last: it has something to watch.
func (p *parking) choose(group int, parked uint64, first int) int {
	if b := first - group*groupSize; b >= 0 && b < groupSize && parked>>b&1 != 0 {
		return b
	}
	if parked&(parked-1) != 0 { // Hint.
		parked = p.butPollers(group, parked)
	}
	return bits.TrailingZeros64(parked)
}

// butPollers removes from the parked workers of a group those that sleep in a poll, unless
// that is all of them.
func (p *parking) butPollers(group int, parked uint64) uint64 {
	rest := parked
	for k := range p.batons {
		if i := int(p.batons[k].holder.Load()) - 1; i >= 0 && i/groupSize == group {
			rest &^= 1 << (i % groupSize)
		}
	}
	if rest == 0 {
		return parked
	}
	return rest
}

// lowest returns the worker that claimFor would choose, or -1. A hint.
func (p *parking) lowest() int {
	for i := range p.groups {
		if s := p.groups[i].word.Load() & parkedMask & p.groups[i].active.Load(); s != 0 {
			return i*groupSize + p.choose(i, s, -1)
		}
	}
	return -1
}

// anySearching reports whether a worker looks for work. A hint.
func (p *parking) anySearching() bool {
	for i := range p.groups {
		if p.groups[i].word.Load()>>groupSize != 0 {
			return true
		}
	}
	return false
}

// parked returns how many active workers are parked. A hint.
func (p *parking) parked() (n int) {
	for i := range p.groups {
		n += bits.OnesCount64(p.groups[i].word.Load() & parkedMask & p.groups[i].active.Load())
	}
	return n
}

// search makes a running worker a searcher, unless half of its group's members search
// already; it reports whether it did.
func (p *parking) search(i int) bool {
	g := &p.groups[i/groupSize]
	for {
		s := g.word.Load()
		if 2*(s>>groupSize) >= max(g.members, 1) {
			return false
		}
		// Claim. The right to search: as long as it is counted nobody else is unparked (P1).
		// Pairs with: (*parking).claimFor.
		if g.word.CompareAndSwap(s, s+searcher) {
			return true
		}
	}
}

// found ends a search that was successful. It reports whether the caller was the
// last: then it must have the next one unparked (P2).
func (p *parking) found(i int) (last bool) {
	w, _ := p.word(i)
	// Store-load: the count first, then the last one's call of claimFor (P2).
	// Pairs with: (*parking).claimFor.
	return w.Add(^uint64(searcher-1))>>groupSize == 0
}

// beginPark sets the worker's bit and ends its search. It reports whether the worker
// must look again before it parks (W1, P3).
func (p *parking) beginPark(i int, searching bool) (look bool) {
	w, bit := p.word(i)
	delta := bit
	if searching {
		delta -= searcher
	}
	// Store-load: the bit first, the look at the queues second.
	// Pairs with: (*parking).claimFor.
	return w.Add(delta)>>groupSize == 0 || !searching
}

// endPark clears a worker's bit from its own side and reports whether it is a
// searcher (P4): if its bit is gone, it was unparked as one.
func (p *parking) endPark(i int) (searching bool) {
	w, bit := p.word(i)
	for {
		s := w.Load()
		if s&bit == 0 {
			return true
		}
		// Claim. Ourselves (P4).
		// Pairs with: (*parking).claimFor, (*parking).claim.
		if w.CompareAndSwap(s, s&^bit) {
			return false
		}
	}
}

// claim claims worker i if it is parked: it is counted as a searcher now, and the
// caller must unpark it.
func (p *parking) claim(i int) bool {
	w, bit := p.word(i)
	for {
		s := w.Load()
		if s&bit == 0 {
			return false
		}
		// Claim. Pairs with: (*parking).endPark.
		if w.CompareAndSwap(s, s&^bit+searcher) {
			return true
		}
	}
}

// allParked reports whether no worker is awake.
func (p *Pool) allParked() bool {
	for i := range p.active() {
		if !p.parking.isParked(i) {
			return false
		}
	}
	return true
}
