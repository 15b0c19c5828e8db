package reactor

import (
	"slices"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
)

// gate is a try-lock of one direction of a descriptor, for tasks and goroutines: who finds it locked
// is notified when it is free, and tries again. It is held for a system call, so all are notified, in
// no order.
//
//	word       unlocked   nobody uses the direction
//	           locked     somebody does
//	waiters    those that want it, behind a mutex; nil until somebody has had to wait
//
// # Invariants
//
//	G1  Who has made the word locked has the direction until it makes the word unlocked.
//	G2  Who is in the list is notified after the word was unlocked, and is off the list then.
//	G3  Who waits looks at the word after it has listed itself: locked means that whoever unlocks
//	    it looks at the list after that.
//
// # Order
//
// wait writes the list and reads the word; unlock writes the word and reads the list. That pair needs
// the total order ("Store-load"): without it each might miss the other, and a task sleeps on (G2, G3).
//
// # Price
//
// Without contention a compare-and-swap and a store. Who is notified in vain tries and waits again.
type gate struct {
	word    atomicx.Uint32
	waiters atomicx.Pointer[gateWaiters] // made by the first that has to wait
}

// The words of a gate, and of a writeQueue, which has others beside.
const (
	unlocked = iota
	locked
)

// gateWaiters is the list of those that wait for a gate.
type gateWaiters struct {
	mu   park.Mutex // guards list
	list []waiter
}

// open returns the list.
func (g *gate) open() *gateWaiters {
	if b := g.waiters.Load(); b != nil {
		return b
	}
	// Claim. The list, which is empty, so that nobody reads behind it: publishing is all there is to it.
	// Pairs with: (*gate).unlock.
	g.waiters.CompareAndSwap(nil, &gateWaiters{})
	return g.waiters.Load()
}

// tryLock begins to use the direction. It reports false if somebody else does.
func (g *gate) tryLock() bool {
	// Claim. The direction (G1).
	// Pairs with: (*gate).unlock.
	return g.word.CompareAndSwap(unlocked, locked)
}

// wait has w notified when the gate is unlocked. It reports false if it is so already: then w tries
// again at once.
func (g *gate) wait(w waiter) bool {
	b := g.open()
	b.mu.Lock()
	if !slices.Contains(b.list, w) { // a task asks at each poll
		b.list = append(b.list, w)
	}
	b.mu.Unlock()
	// Store-load: the list first, this look second (G3).
	// Pairs with: (*gate).unlock.
	return g.word.Load() == locked
}

// unlock ends what tryLock has begun, and notifies those that wait (G2).
func (g *gate) unlock() {
	// Publish. What was done. Store-load: the word first, the look at the list second (G3).
	// Pairs with: (*gate).tryLock, (*gate).wait, (*gate).open.
	g.word.Store(unlocked)
	b := g.waiters.Load()
	if b == nil {
		return
	}
	b.mu.Lock()
	list := b.list
	b.list = nil
	b.mu.Unlock()
	for i := range list {
		list[i].notify()
	}
}
