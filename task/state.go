package task

import (
	"fmt"
	"strings"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/invariant"
)

// word is the state of a task: it says who may touch its frame, and whether it is
// in a queue. One method a transition; nothing else touches the bits. Active is one
// state, in a queue as in a poll: the difference is known to whoever has the frame in hand.
//
//	from               method   to                who acts next
//	(not live)         spawn    active, fresh     the caller submits the frame
//	suspended          wake     active            the waker submits the frame
//	active[, woken]    wake     active, woken     nobody: it is in a queue, or its worker will see it
//	active[, woken]    start    active            the worker polls
//	active             pend     suspended         nobody: somebody will wake it
//	active, woken      pend     active, woken     the worker puts it back in a queue
//	suspended          seize    active            the reader: it has the frame in hand, and pends
//	active[, woken]    again    active[, woken]   the worker puts it back in a queue
//	active[, woken]    finish   (not live)        the worker wakes who waits
//	(not live)         wake     (not live)        nobody: too late
//	other generation   wake     unchanged         nobody: not this life
//
// # Invariants
//
//	S1  A frame is in exactly one queue while it is active and neither in a poll nor in a
//	    reader's hand, and in none otherwise. So one thread at a time polls it, or reads it.
//	S2  Zero means never used, and not live: a wake-up does nothing.
//	S3  The generation changes in spawn and nowhere else. Whoever holds an old
//	    one (a Waker, a waiter) cannot touch the frame's next life.
//
// # Order
//
// A poll sees what the wakers did that came before it: wake writes the word even when there is
// nothing to change. The waker that makes the task active submits the frame, and the queue orders what it
// did before the poll; every other one sets woken, and start reads that. What a poll wrote is
// ordered before the next one by pend and the wake that follows it, or by the queue.
//
// # Price
//
// Spawn and finish: a compare-and-swap and a store, without a lock if the task is in a group. Wake and suspend: two compare-and-swaps. A
// yield: two loads. A wake-up of an active task: a compare-and-swap, and one more in start.
type word struct{ bits atomicx.Uint32 }

const (
	live       = 1 << iota // between spawn and finish
	active                 // in a queue, or in a poll
	woken                  // woken while active, since start
	fresh                  // has not suspended or yielded yet: in the first poll, or before it
	yielded                // in the word only as polled: (*Frame).comes returns it for a task that has yielded
	completing             // Poll has returned, but what the task owns has not ended
	exposed                // a Waker was given out: a bare Pending is not a mistake
	listed                 // in its list of members
	draining               // told to come to an end

	flagBits   = 9
	generation = 1 << flagBits // the rest counts lives
	flags      = generation - 1

	// polled says in checked builds that the frame is in a poll: another Step of it is found out.
	polled = yielded
	// fromBacklog is never in the word: (*Frame).comes returns it for a frame that has a place of the
	// backlog. By then start has cleared woken.
	fromBacklog = woken
)

// gen extracts the generation.
func gen(bits uint32) uint32 { return bits >> flagBits }

// before reports whether life a was earlier than life b. Lives are counted in a
// circle: the two are less than half of it apart.
func before(a, b uint32) bool { return int32((a-b)<<flagBits) < 0 }

// spawn begins a life. It reports false if the frame is in use.
func (w *word) spawn() bool {
	s := w.bits.Load()
	if s&live != 0 {
		return false
	}
	next := s&^flags + generation
	if next == 0 {
		next = generation // S2
	}
	// Claim. The frame.
	// Pairs with: (*word).finish.
	return w.bits.CompareAndSwap(s, next|live|active|fresh)
}

// wake makes the task of generation g runnable and reports whether the caller
// must submit it. extra is added to the flags.
//
// Any thread.
func (w *word) wake(g, extra uint32) (submit bool) {
	for {
		s := w.bits.Load()
		if s&live == 0 || gen(s) != g {
			return false
		}
		next := s | active
		if s&active != 0 {
			next = s | woken
		}
		// Publish. Even if the task is woken already, and nothing changes: the
		// write is what makes the caller's work visible to the next poll.
		// Pairs with: (*word).start, (*word).pend.
		if w.bits.CompareAndSwap(s, next|extra) {
			return s&active == 0
		}
	}
}

// start begins a poll. It returns the bits from before.
//
// The worker that has taken the frame out of a queue.
func (w *word) start() (was uint32) {
	if was = w.bits.Load(); was&woken != 0 {
		// Claim. The wake-ups of those that found the task active, and what they did before.
		// Pairs with: (*word).wake, (*word).pend.
		was = w.bits.And(^uint32(woken)) &^ woken
	}
	bad := was&(live|active) != live|active
	if invariant.Enabled {
		// Claim. The poll, in checked builds.
		// Pairs with: (*word).pend, (*word).again, (*word).finish.
		bad = bad || w.bits.Or(polled)&polled != 0
		was &^= polled
	}
	if bad {
		panic("task: Step of a frame that is not queued: a scheduler steps a frame once for each time it was given it")
	}
	return was
}

// pend ends a poll that is not finished. It reports whether a wake-up came in
// meanwhile, in which case the worker must put the frame back in a queue. extra
// is added to the flags.
//
// The worker that polled.
func (w *word) pend(extra uint32) (resubmit bool) {
	for {
		s := w.bits.Load()
		next := s&^(active|fresh|polled) | extra
		if s&woken != 0 {
			next |= active // start takes the rest
		}
		if next == s {
			return true
		}
		// Publish. What the poll wrote, for the next one, on whatever worker.
		// Pairs with: (*word).wake, (*word).start, (*word).seize.
		if w.bits.CompareAndSwap(s, next) {
			return s&woken != 0
		}
	}
}

// seize takes a suspended task in hand: as long as the caller has not called pend, nobody polls it,
// and what its worker has written may be read. Who wakes it meanwhile sets woken, and the caller
// submits the frame for them. It reports false if the task is not suspended.
//
// Any thread that makes sure that the frame is not in another life, or does not care.
func (w *word) seize() bool {
	s := w.bits.Load()
	// Claim. The task. Whatever the last poll has written is visible.
	// Pairs with: (*word).pend.
	return s&(live|active) == live && w.bits.CompareAndSwap(s, s|active)
}

// again is pend for a task that is queued again whether it was woken or
// not: the worker puts the frame back in a queue, which publishes what the poll wrote.
// extra is added to the flags.
//
// The worker that polled.
func (w *word) again(extra uint32) {
	for {
		s := w.bits.Load()
		next := s&^(fresh|polled) | extra
		// Publish. The end of the poll, in checked builds; the queue orders the rest.
		// Pairs with: (*word).start.
		if next == s || w.bits.CompareAndSwap(s, next) {
			return
		}
	}
}

// set adds flags. The worker that polls, or the thread that has spawned and not submitted yet.
func (w *word) set(f uint32) {
	w.bits.Or(f) // the owner's; others may wake the task meanwhile
}

// finish ends the life. Whatever wakes the task from now on does nothing. fences says that the caller makes a
// read-modify-write before it looks for waiters.
//
// The worker that polled.
func (w *word) finish(fences bool) {
	s := w.bits.Load()
	if invariant.Enabled {
		invariant.Check(s&(live|active|polled) == live|active|polled, "task: finish of a task that is not polled")
	}
	// Publish. The outcome. From here on the frame is its owner's again, who may
	// spawn it for another life.
	// Store-load: not live, then a look for waiters, in retire; a waiter lists itself, and then looks
	// at the word. One that neither sees would sleep for ever.
	// Pairs with: (*word).done, (*word).spawn, (*word).start.
	if !fences {
		w.bits.Store(s &^ flags)
		return
	}
	atomicx.StoreReleaseUint32(&w.bits, s&^flags) // the owner's, as that
}

// done reports whether a life has ended, and its outcome stands.
//
// Pairs with: (*word).finish.
func (w *word) done() bool {
	s := w.bits.Load()
	return s != 0 && s&live == 0
}

func (w *word) String() string {
	s := w.bits.Load()
	names := []string{"live", "active", "woken", "fresh", "polled", "completing", "exposed", "listed", "draining"}
	var on []string
	for i, n := range names {
		if s&(1<<i) != 0 {
			on = append(on, n)
		}
	}
	return fmt.Sprintf("life %d: %s", gen(s), strings.Join(on, ", "))
}
