// Package park stops a thread and starts it again without the Go scheduler:
// [Parker] is one thread's sleeping place, [Mutex] a lock for a few nanoseconds
// of work.
//
// Both are for goroutines locked to their thread. Such a goroutine that waits on
// a channel or in a sync.Mutex goes through the scheduler twice: another thread
// readies it, hands its P over, and sleeps itself (27 to 72 µs for a round trip).
// Sleeping in the kernel, on a futex, costs one switch of threads (14 to 16 µs),
// and ends at a deadline given in nanoseconds.
//
//	sleeper                 word                 anybody
//	Park, ParkUntil  <----  token  <----------   Unpark
//	                 ---->  parked
//
// # States
//
// The word of a Parker has three values. One method is one atomic operation on
// it:
//
//	from     method   to       what the caller does next
//	token    arrive   empty    returns: no sleep, no system call
//	empty    arrive   parked   sleeps
//	parked   take     parked   sleeps again: it was woken for nothing
//	token    take     empty    returns: unparked
//	parked   leave    empty    returns false: timed out
//	token    leave    empty    returns true: timed out, and unparked meanwhile
//	empty    Unpark   token    nothing
//	token    Unpark   token    nothing: at most one token
//	parked   Unpark   token    wakes the sleeper
//
// # Invariants
//
//	I1  Only the sleeper turns the word into empty or parked, only Unpark turns
//	    it into token. arrive, take and leave belong to one thread.
//	I2  The word is parked only between arrive and the take or leave that ends
//	    the same Park.
//	I3  A token ends only in a Park or ParkUntil that reports it. It is never
//	    lost, and two never come out of one.
//	I4  The kernel puts the sleeper to sleep only while the word is parked: it
//	    compares the word under its own lock. So an Unpark between arrive and
//	    the system call is not missed.
//
// A wake-up may reach the sleeper late: an unparking thread can lose its
// processor between its two steps, and its wake-up then ends some later sleep
// for nothing. Only the word decides.
//
// # Order
//
// Unpark synchronizes before the return of the Park or ParkUntil that takes its
// token. So does every earlier Unpark that found the token still there: it swaps
// the word all the same, and is read through the next swap. Plain publishing
// is enough everywhere in this package; no pair of accesses needs the total
// order.
//
// # Price
//
// Unpark of a thread that is awake and Park with a token at hand are one
// read-modify-write each, 5 ns together. A sleep is one system call on each side,
// and about 7 µs from Unpark to the return of Park on an idle virtual machine.
// Nothing is allocated.
//
// A thread asleep here keeps its P until the runtime's monitor takes it (20 µs to
// 10 ms).
package park

import (
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/clock"
)

// The values of a Parker's word.
const (
	empty  = 0
	token  = 1
	parked = ^uint32(0) // one below empty: arrive is a single subtraction
)

// Parker is one thread's sleeping place. The zero value is ready, and holds no
// token. It must not be copied.
//
// Park and ParkUntil are for one thread at a time; Unpark is for anybody.
type Parker struct {
	// The word is written by the sleeper and by whoever unparks it (I1).
	futex
}

// Park blocks until there is a token and takes it. With a token left earlier it
// returns at once, without a system call. It returns for no other reason.
//
// Sleeper only. The Unpark that left the token synchronizes before the return
// of Park. A second thread that parks here meanwhile panics, and may have cost
// the first one its wake-up.
func (p *Parker) Park() {
	if p.arrive() {
		return
	}
	for {
		p.wait(parked)
		if p.take() {
			return
		}
	}
}

// ParkUntil is a Park that ends at deadline (on [clock.Now]'s scale) and reports
// whether it took a token. It never reports false before the deadline. If the
// deadline has passed it does not block, but takes a token that is there.
//
// Sleeper only.
func (p *Parker) ParkUntil(deadline int64) bool {
	if p.arrive() {
		return true
	}
	for p.waitUntil(parked, deadline) {
		if p.take() {
			return true
		}
	}
	return p.leave()
}

// Unpark leaves a token, unless there is one, and wakes the sleeper if it is
// asleep: the Park in progress, or else the next one, returns.
//
// Any thread; it never blocks. It synchronizes before the return of the Park
// that takes the token.
func (p *Parker) Unpark() {
	// Publish. The swap is unconditional: were a token that is already there
	// left alone, what this caller wrote before would not be visible to the
	// thread that takes it (tokio's issue 459).
	// Pairs with: (*Parker).arrive, (*Parker).take, (*Parker).leave.
	if p.word.Swap(token) == parked {
		p.signal()
	}
}

// arrive takes the token or announces the sleep; it reports whether it took the
// token.
func (p *Parker) arrive() (taken bool) {
	// Claim. Whoever makes empty out of token owns the token.
	// Pairs with: (*Parker).Unpark.
	switch p.word.Add(parked) {
	case empty:
		return true
	case parked:
		return false
	}
	panic("park: two threads in one Parker")
}

// take takes the token if it is there, after a sleep that may have ended for any
// reason.
func (p *Parker) take() (taken bool) {
	// Claim. Pairs with: (*Parker).Unpark.
	return p.word.CompareAndSwap(token, empty)
}

// leave ends a sleep that has lasted long enough. A token that came after the
// last look at the word is taken all the same.
func (p *Parker) leave() (taken bool) {
	// Claim. Pairs with: (*Parker).Unpark.
	return p.word.Swap(empty) == token
}

// Prepare makes timed parks of the calling thread precise: the kernel may
// otherwise let a sleep run on for 50 µs, to end several at once. Overshoot at
// 100 µs: 18 µs instead of 83.
//
// The goroutine must be locked to its thread, and stay locked until it ends, or
// the setting is left to a stranger. Linux only; elsewhere, or where the kernel
// refuses, nothing changes.
func Prepare() { prepare() }

// futex is a word to sleep on: what the kernel offers, and what the two types of
// this package are made of.
//
// The contract of the platform's two methods:
//
//   - sleep(word, val, nanos) blocks while the word is val, until a signal, or
//     until nanos have passed (forever: no limit). It compares and falls asleep
//     in one step, as seen from signal. It may return early for no reason.
//   - signal(word) makes one sleeper return, if there is one.
//
// Neither may stop the world: a sleeping thread must not count as one that runs
// Go code.
type futex struct {
	platform platform // what the platform needs beside the word
	model    model    // what an exploration needs
	word     atomicx.Uint32
}

// forever is a sleep without a limit.
const forever = -1

// wait blocks while the word is val, until signal. It may return for no reason.
func (f *futex) wait(val uint32) {
	if modelled() {
		f.model.wait(&f.word, val)
		return
	}
	f.platform.sleep(&f.word, val, forever)
}

// waitUntil is a wait that lasts until deadline at most. It reports false, at
// once, if the deadline has passed.
func (f *futex) waitUntil(val uint32, deadline int64) bool {
	if modelled() {
		return f.model.waitUntil(&f.word, val)
	}
	now := clock.Now()
	if now >= deadline {
		return false
	}
	f.platform.sleep(&f.word, val, deadline-now)
	return true
}

// signal ends the wait of one thread. The caller has changed the word before.
func (f *futex) signal() {
	if modelled() {
		f.model.signal(&f.word)
		return
	}
	f.platform.signal(&f.word)
}
