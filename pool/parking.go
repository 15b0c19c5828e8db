package pool

import (
	"math/bits"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/pad"
)

// parking decides when a worker sleeps and who wakes it. It is the one place
// where a lost race would lose work, so the argument comes first.
//
// A word holds, for up to groupSize workers, a bit for each that is idle (asleep,
// or about to be) and the number of those that are searching:
//
//	bits 0 to 47    worker i of the group is idle
//	bits 48 to 63   how many are searching for work
//
//	submitter                      worker that finds nothing
//	S1  queue the frame            W1  set its bit; if searching, count down
//	S2  load the word              W2  look at all queues once more
//	S3  nobody searches, one is    W3  park
//	    idle: clear its bit,
//	    count it as searching,
//	    and unpark it
//
// # Rules
//
//	P1  At most one is woken by a submission, and it wakes as a searcher. While
//	    somebody searches, nobody is woken.
//	P2  The last searcher that finds work wakes the next, always: the work that
//	    others refrained from waking for may still be there.
//	P3  W2 is done by the last searcher, and by every worker that was not
//	    searching when it went idle. Who finds something comes back as a
//	    searcher, so that P2 follows: for all that was queued while it searched
//	    nobody was woken.
//	P4  The bit decides, the token of a Parker is a hint. Whatever ends a worker's
//	    sleep: if its bit is still set it was its own affair (a deadline), it
//	    clears the bit and is no searcher; if the bit is cleared it was woken as a
//	    searcher, and is counted as one.
//
// # Why no work is lost
//
// Each side writes its own word, then reads the other's (Store-load), and atomics
// have one total order. S1 before W2: the worker finds the frame. Else W1, W2, S1,
// S2 in this order, and S2 sees the bit: the submitter wakes a worker, or sees a
// searcher. That searcher counts itself down after S2: because it found something
// (P2: if it was the last, it wakes another one, who searches) or because it goes
// idle (P3: if it was the last, it looks again, after S1).
//
// The explored test runs this file's code; its controls drop P2, P3, and let the
// token decide instead of P4.
type parking struct {
	groups []group
	batons []baton // who sleeps in a poll
}

// group is the word of up to groupSize workers.
type group struct {
	_       pad.Line
	word    atomicx.Uint64 // written by workers that go idle or search, and by submitters
	duty    atomicx.Uint64 // a bit for each worker that pick may choose; see (*Pool).hire
	members uint64         // how many are not spares
	_       pad.Line
}

const (
	groupSize = 48
	idleMask  = 1<<groupSize - 1
	searcher  = 1 << groupSize // one searching worker
)

// begin makes room for n workers and some spares, all of them idle.
func (p *parking) begin(n, spares int) {
	p.groups = make([]group, (n+spares+groupSize-1)/groupSize)
	for i := range n + spares {
		g := &p.groups[i/groupSize]
		g.word.Add(1 << (i % groupSize))
		if i < n {
			p.call(i)
			g.members++
		}
	}
}

// call puts worker i on duty, and excuse takes it off. The guard's.
func (p *parking) call(i int)   { p.groups[i/groupSize].duty.Or(1 << (i % groupSize)) }
func (p *parking) excuse(i int) { p.groups[i/groupSize].duty.And(^uint64(1 << (i % groupSize))) }

// takes reports whether worker i is on duty.
func (p *parking) takes(i int) bool {
	return p.groups[i/groupSize].duty.Load()&(1<<(i%groupSize)) != 0
}

// isIdle reports whether worker i is idle. A hint.
func (p *parking) isIdle(i int) bool {
	w, bit := p.word(i)
	return w.Load()&bit != 0
}

// word returns the word and the bit of worker i.
func (p *parking) word(i int) (*atomicx.Uint64, uint64) {
	return &p.groups[i/groupSize].word, 1 << (i % groupSize)
}

// pick claims an idle worker for a submitter: it is counted as a searcher now,
// and the caller must unpark it. -1: nobody has to be woken.
//
// Low numbers first: load gathers on few workers, the others sleep deep. Who sleeps
// in the poll comes last: it has something to watch.
func (p *parking) pick() int {
	for i := range p.groups {
		// Store-load: the caller has queued its frame before. Without that order
		// the frame can be missed by a worker that goes idle.
		// Pairs with: (*parking).idle.
		for {
			s := p.groups[i].word.Load()
			if s>>groupSize != 0 {
				return -1 // P1
			}
			// Hint. Who has just been excused is woken once more.
			idle := s & idleMask & p.groups[i].duty.Load()
			if idle == 0 {
				break
			}
			if idle&(idle-1) != 0 { // Hint.
				idle = p.butPollers(i, idle)
			}
			b := bits.TrailingZeros64(idle)
			// Claim. The worker whose bit this is.
			// Pairs with: (*parking).leave.
			if p.groups[i].word.CompareAndSwap(s, s&^(1<<b)+searcher) {
				return i*groupSize + b
			}
		}
	}
	return -1
}

// butPollers removes from the idle workers of a group those that sleep in a poll, unless
// that is all of them.
func (p *parking) butPollers(group int, idle uint64) uint64 {
	rest := idle
	for k := range p.batons {
		if i := int(p.batons[k].holder.Load()) - 1; i >= 0 && i/groupSize == group {
			rest &^= 1 << (i % groupSize)
		}
	}
	if rest == 0 {
		return idle
	}
	return rest
}

// lowest returns the idle worker that pick would choose, or -1. A hint.
func (p *parking) lowest() int {
	for i := range p.groups {
		if s := p.groups[i].word.Load() & idleMask & p.groups[i].duty.Load(); s != 0 {
			return i*groupSize + bits.TrailingZeros64(s)
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

// sleepers returns how many idle workers are on duty. A hint.
func (p *parking) sleepers() (n int) {
	for i := range p.groups {
		n += bits.OnesCount64(p.groups[i].word.Load() & idleMask & p.groups[i].duty.Load())
	}
	return n
}

// search makes a running worker a searcher, unless half of its group searches
// already; it reports whether it did.
func (p *parking) search(i int) bool {
	g := &p.groups[i/groupSize]
	for {
		s := g.word.Load()
		if 2*(s>>groupSize) >= max(g.members, 1) {
			return false
		}
		if g.word.CompareAndSwap(s, s+searcher) {
			return true
		}
	}
}

// found ends a search that was successful. It reports whether the caller was the
// last: then it must wake the next (P2).
func (p *parking) found(i int) (last bool) {
	w, _ := p.word(i)
	return w.Add(^uint64(searcher-1))>>groupSize == 0
}

// idle sets the worker's bit and ends its search. It reports whether the worker
// must look again before it parks (P3).
func (p *parking) idle(i int, searching bool) (look bool) {
	w, bit := p.word(i)
	delta := bit
	if searching {
		delta -= searcher
	}
	// Store-load: the bit first, the look at the queues second.
	// Pairs with: (*parking).pick.
	return w.Add(delta)>>groupSize == 0 || !searching
}

// leave ends a worker's idleness from its own side and reports whether it is a
// searcher (P4): if its bit is gone, somebody has woken it as one.
func (p *parking) leave(i int) (searching bool) {
	w, bit := p.word(i)
	for {
		s := w.Load()
		if s&bit == 0 {
			return true
		}
		// Claim. Ourselves.
		// Pairs with: (*parking).pick.
		if w.CompareAndSwap(s, s&^bit) {
			return false
		}
	}
}

// rouse claims worker i if it is idle: it is counted as a searcher now, and the
// caller must unpark it.
func (p *parking) rouse(i int) bool {
	w, bit := p.word(i)
	for {
		s := w.Load()
		if s&bit == 0 {
			return false
		}
		// Claim. Pairs with: (*parking).leave.
		if w.CompareAndSwap(s, s&^bit+searcher) {
			return true
		}
	}
}
