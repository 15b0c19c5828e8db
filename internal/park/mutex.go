package park

import "runtime"

// The values of a Mutex's word:
//
//	from       method  to          what the caller does next
//	unlocked   Lock    locked      it holds the lock
//	locked     Lock    contended   waits, in lockSlow
//	contended  Lock    contended   waits, in lockSlow
//	unlocked   Lock    contended   it holds the lock: the end of lockSlow
//	locked     Unlock  unlocked    nothing
//	contended  Unlock  unlocked    wakes one that waits
//
// It is the second mutex of Ulrich Drepper's "Futexes Are Tricky" (2011).
//
// Invariant: while a thread sleeps, the word is contended, or a thread that has
// been woken (or has not yet slept) is about to make it contended. lockSlow
// therefore takes the lock as contended: it cannot know whether it was the last
// to wait.
const (
	unlocked  = 0
	locked    = 1
	contended = 2 // locked, and somebody may sleep
)

// Mutex is a lock for critical sections of a few nanoseconds, taken by goroutines
// that are locked to their threads. The zero value is unlocked. It must not be
// copied.
//
// It differs from sync.Mutex in what waiting costs such a goroutine: a short spin
// and then a sleep in the kernel (14 to 16 µs for a round trip), instead of the
// way through the Go scheduler (27 to 72 µs). The spin is bounded, because the
// holder can lose its processor at any instruction, for milliseconds. A thread
// that waits keeps its P for a while, so a lock that is held for long is
// sync.Mutex's business.
//
// The lock is not fair: whoever comes by may take it before one that was woken.
//
// Price: Lock and Unlock are one read-modify-write each, inlined: 5 ns together,
// as sync.Mutex. On two busy cores both cost 130 to 200 ns a round.
type Mutex struct {
	// The word is written by whoever locks, waits or unlocks.
	futex
}

// Lock takes the lock. It blocks until the lock is free.
//
// Any thread. The n-th Unlock synchronizes before the return of the Lock that
// follows it.
func (m *Mutex) Lock() {
	// Claim. Pairs with: (*Mutex).Unlock.
	if !m.word.CompareAndSwap(unlocked, locked) {
		m.lockSlow()
	}
}

// TryLock takes the lock if it is free, and reports whether it did. It never
// blocks, and a false has no meaning for visibility.
func (m *Mutex) TryLock() bool {
	// Claim. Pairs with: (*Mutex).Unlock.
	return m.word.CompareAndSwap(unlocked, locked)
}

// Unlock gives the lock back. It never blocks. It is a mistake, and panics, if
// the lock is not held; any thread may unlock what another has locked.
func (m *Mutex) Unlock() {
	// Publish. Pairs with: (*Mutex).Lock, (*Mutex).TryLock, (*Mutex).lockSlow.
	if s := m.word.Swap(unlocked); s != locked {
		m.unlockSlow(s)
	}
}

// spins is how often lockSlow looks before it sleeps: as long as a critical
// section of the intended kind lasts, some 50 ns. With one processor the holder
// does not run while we look.
var spins = func() int {
	if runtime.NumCPU() == 1 {
		return 0
	}
	return 100
}()

// lockSlow waits for the lock and takes it.
func (m *Mutex) lockSlow() {
	looks := spins
	if modelled() {
		looks = 1 // one more would only be the same again
	}
	for range looks {
		// Hint. The CompareAndSwap decides; looking first leaves the holder its
		// cache line.
		if m.word.Load() == unlocked && m.TryLock() {
			return
		}
	}
	// Claim. From now on the word says that we wait, until we find it unlocked.
	// Pairs with: (*Mutex).Unlock.
	for m.word.Swap(contended) != unlocked {
		m.wait(contended)
	}
}

// unlockSlow wakes one that waits. The word is unlocked already. Inlined, it
// would make Unlock too long to be inlined itself.
//
//go:noinline
func (m *Mutex) unlockSlow(was uint32) {
	if was == unlocked {
		panic("park: Unlock of an unlocked Mutex")
	}
	m.signal()
}
