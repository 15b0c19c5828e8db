package task

import (
	"fmt"
	"strings"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/invariant"
)

// word is the whole life of a task: who may touch its frame, and whether it is
// in a queue. One method a transition; nothing else touches the bits.
//
//	from              method   to                who acts next
//	(not live)        spawn    queued, fresh     the caller submits the frame
//	parked            wake     queued            the waker submits the frame
//	queued            wake     queued            nobody: it is in a queue
//	running           wake     running, queued   its worker, when Poll returns
//	queued            start    running           the worker polls
//	running           pend     parked            nobody: somebody will wake it
//	running, queued   pend     queued            the worker puts it back in a queue
//	running[, queued] again    queued            the worker puts it back in a queue
//	running[, queued] finish   (not live)        the worker tells who waits
//	(not live)        wake     (not live)        nobody: too late
//	other generation  wake     unchanged         nobody: not this life
//
// # Invariants
//
//	S1  A frame is in exactly one queue while it is queued and not running, and
//	    in none otherwise. So one thread at a time polls it.
//	S2  Zero means never used, and not live: a wake-up does nothing.
//	S3  The generation changes in spawn and nowhere else. Whoever holds an old
//	    one (a Waker, a waiter) cannot touch the frame's next life.
//
// # Order
//
// start synchronizes with every wake before it, so a poll sees what its wakers
// did: wake writes the word even when there is nothing to change.
type word struct{ bits atomicx.Uint32 }

const (
	live     = 1 << iota // between spawn and finish
	queued               // in a queue, or to be put back when Poll returns
	running              // a worker is inside Poll
	fresh                // not polled yet; cleared by start
	yielded              // queued by Yield; cleared by start, which tells the poll
	settling             // Poll has returned, but what the task owns has not ended
	exposed              // a Waker was given out: a bare Pending is not a mistake
	listed               // in its roster
	draining             // told to come to an end

	flagBits   = 9
	generation = 1 << flagBits // the rest counts lives
	flags      = generation - 1
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
	return w.bits.CompareAndSwap(s, next|live|queued|fresh)
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
		// Publish. Even if the task is queued already, and nothing changes: the
		// write is what makes the caller's work visible to the next poll.
		// Pairs with: (*word).start, (*word).pend.
		if w.bits.CompareAndSwap(s, s|queued|extra) {
			return s&(queued|running) == 0
		}
	}
}

// start turns a queued task into a running one. It returns the bits from before,
// without those that it has cleared meanwhile being lost: fresh and yielded are
// in the result only.
//
// The worker that has taken the frame out of a queue.
func (w *word) start() (was uint32) {
	// fresh and yielded change in spawn, start and while running only, so this
	// look at them is not too early.
	once := w.bits.Load() & (fresh | yielded)
	was = w.bits.Add(running-queued-once) + queued + once - running
	if was&(live|queued|running) != live|queued {
		panic("task: Step of a frame that is not queued: a scheduler steps a frame once for each time it was given it")
	}
	return was
}

// pend ends a poll that is not finished. It reports whether a wake-up came in
// meanwhile, in which case the worker must put the frame back in a queue. extra
// is added to the flags; it must not be set yet.
//
// The worker that polled.
func (w *word) pend(extra uint32) (resubmit bool) {
	// Publish. What the poll wrote, for the next one, on whatever worker.
	// Pairs with: (*word).start.
	return w.bits.Add(extra-running)&queued != 0
}

// again is pend for a task that is to be queued anew, whether it was woken or
// not: the worker puts the frame back in a queue. extra is added to the flags.
//
// The worker that polled.
func (w *word) again(extra uint32) {
	for {
		s := w.bits.Load()
		// Publish. Pairs with: (*word).start.
		if w.bits.CompareAndSwap(s, (s|queued|extra)&^running) {
			return
		}
	}
}

// set adds flags. The worker that polls, or who has spawned and not submitted yet.
func (w *word) set(f uint32) { w.bits.Or(f) }

// finish ends the life. Whatever wakes the task from now on does nothing.
//
// The worker that polled.
func (w *word) finish() {
	s := w.bits.Load()
	if invariant.Enabled {
		invariant.Check(s&(live|running) == live|running, "task: finish of a task that is not running")
	}
	// Publish. The outcome. From here on the frame is its owner's again, who may
	// spawn it anew.
	// Store-load: not live first, then a look at who waits. A waiter lists itself
	// first and looks at the word then. One of the two sees the other; the other
	// way round, a waiter could be forgotten.
	// Pairs with: (*word).done, (*Crowd).Listen.
	w.bits.Store(s &^ flags)
}

// done reports whether a life has ended, and its outcome stands.
func (w *word) done() bool {
	s := w.bits.Load()
	return s != 0 && s&live == 0
}

func (w *word) String() string {
	s := w.bits.Load()
	names := []string{"live", "queued", "running", "fresh", "yielded", "settling", "exposed", "listed", "draining"}
	var on []string
	for i, n := range names {
		if s&(1<<i) != 0 {
			on = append(on, n)
		}
	}
	return fmt.Sprintf("life %d: %s", gen(s), strings.Join(on, ", "))
}
