package lock

import (
	"context"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// permits is a FIFO semaphore: the core of Mutex, RWMutex and Semaphore. It gives out permits first
// come, first served, several at a time. It is the batch semaphore of tokio, with
// the uncontended case in one word.
//
//	      | taken (62 bits) | closed | queued |        nobody waits: compare-and-swap
//	queued set: out counts, under the lock, and the queue has whoever waits
//
// # Invariants
//
//	P1  While queued is not set, the word says how many permits are taken, and anybody
//	    may change that, by compare-and-swap: nobody waits.
//	P2  While queued is set, somebody waits, and out says how many are taken. It is
//	    guarded by the lock, so nobody overtakes those in the queue.
//	P3  queued is set and cleared under the lock: it says that the queue is not empty.
//	P4  Who sets queued has read the count by the same compare-and-swap: no release is lost between.
//
// # Order
//
// Publishing is enough: a release is seen by the acquisition that takes its permits, by the word or by
// the lock.
//
// # Price
//
// Without waiters one compare-and-swap for each side.
type permits struct {
	word  atomicx.Uint64 // taken | closed | queued
	limit int64          // 0 stands for whole
	mu    park.Mutex     // guards what follows
	out   int64          // P2
	queue task.WaitQueue
}

const (
	queued = 1 << iota // somebody waits: P2
	closed             // nobody is given any more

	flagBits = 2
	one      = 1 << flagBits // what a permit adds to the word
)

// whole is the limit of a lock that is exclusive or shared: a holder of so much is alone.
const whole = 1 << 30

func (p *permits) max() int64 {
	if p.limit == 0 {
		return whole
	}
	return p.limit
}

func taken(word uint64) int64 { return int64(word >> flagBits) }

// try takes n if nobody waits.
func (p *permits) try(n int64) bool {
	for {
		w := p.word.Load()
		if w&(queued|closed) != 0 || taken(w)+n > p.max() {
			return false
		}
		// Claim. The permits (P1).
		// Pairs with: (*permits).release, (*permits).clear, (*permits).close, (*permits).Revoke, (*Mutex).Unlock.
		if p.word.CompareAndSwap(w, w+uint64(n)*one) {
			return true
		}
	}
}

// acquire takes n, and waits until they are free. A task that waits has been granted them,
// perhaps: it does not take others.
func (p *permits) acquire(cx *task.Cx, n int64) error {
	var err error
	if p.queue.Contains(cx) || cx.Err() != nil || !p.try(n) {
		err = p.queue.Wait(cx, &p.mu, p, n)
	}
	if cx.Tracked() {
		return p.recorded(cx, p.WaitObject(), n, err)
	}
	return err
}

func (p *permits) acquireContext(ctx context.Context, policy task.Policy, n int64) error {
	if p.try(n) {
		return p.recordedHere(n, nil)
	}
	return p.recordedHere(n, p.queue.WaitContext(ctx, &p.mu, policy, n))
}

// giveBack gives n back. It reports false, and does nothing, if so many are not taken.
func (p *permits) giveBack(cx *task.Cx, n int64) bool {
	if held.any.Load() {
		var by task.Waker
		if cx != nil {
			by = cx.Self()
		}
		p.givenBack(by, n)
	}
	return p.release(cx, n)
}

// release is giveBack without the record.
func (p *permits) release(cx *task.Cx, n int64) bool {
	for {
		w := p.word.Load() // Pairs with: (*permits).clear.
		if w&queued == 0 {
			if taken(w) < n {
				return false
			}
			// Publish. What was done while the permits were held (P1).
			// Pairs with: (*permits).try, (*permits).TryGrant, (*Mutex).Lock, (*Mutex).TryLock.
			if p.word.CompareAndSwap(w, w-uint64(n)*one) {
				return true
			}
			continue
		}
		p.mu.Lock()
		if p.word.Load()&queued == 0 { // not any more
			p.mu.Unlock()
			continue
		}
		if p.out < n {
			p.mu.Unlock()
			return false
		}
		p.out -= n
		p.queue.Grant(cx, &p.mu, p)
		return true
	}
}

// held returns how many permits are taken. A hint.
func (p *permits) held() int64 {
	w := p.word.Load()
	if w&queued == 0 {
		return taken(w)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if w = p.word.Load(); w&queued == 0 {
		return taken(w)
	}
	return p.out
}

// close refuses all who wait, and all who come.
func (p *permits) close(cx *task.Cx) {
	p.mu.Lock()
	// Publish. Nobody is given any more.
	// Pairs with: (*permits).try, (*permits).TryGrant.
	p.word.Or(closed)
	p.queue.Grant(cx, &p.mu, p)
}

// WaitObject is what [task.Inspect] calls an RWMutex or a Semaphore. A Mutex has a policy of its own.
func (p *permits) WaitObject() string {
	if p.limit == 0 {
		return "lock.RWMutex"
	}
	return "lock.Semaphore"
}

// WaitNote is what it calls a wait for an RWMutex.
func (p *permits) WaitNote(_ *task.WaitQueue, n int64) string {
	switch {
	case p.limit > 0:
		return ""
	case n == whole:
		return "to write"
	}
	return "to read"
}

// WaitUncounted says that who asks for a lock does not ask for a number of permits.
func (p *permits) WaitUncounted() bool { return p.limit == 0 }

// WaitFits reports whether n are free, so that who asks for them waits for those ahead in line, and for no holder. The
// lock is held, and somebody waits.
func (p *permits) WaitFits(n int64) bool { return p.out+n <= p.max() }

// mutexPolicy is the permits of a Mutex as a policy: it differs by its name.
type mutexPolicy permits

// WaitObject is what [task.Inspect] calls a Mutex.
func (p *mutexPolicy) WaitObject() string { return "lock.Mutex" }

// WaitUncounted says so of a Mutex.
func (p *mutexPolicy) WaitUncounted() bool { return true }

func (p *mutexPolicy) TryGrant(q *task.WaitQueue, n int64) task.GrantState {
	return (*permits)(p).TryGrant(q, n)
}

func (p *mutexPolicy) Revoke(q *task.WaitQueue, n int64, state task.GrantState) {
	(*permits)(p).Revoke(q, n, state)
}

// TryGrant takes n for the oldest in the queue, or for a newcomer if that is empty.
func (p *permits) TryGrant(q *task.WaitQueue, n int64) task.GrantState {
	w := p.word.Load()
	for w&queued == 0 { // a newcomer
		next, state := w|queued, task.Waiting
		switch {
		case w&closed != 0:
			return task.Refused
		case taken(w)+n <= p.max():
			next, state = w+uint64(n)*one, task.Granted
		}
		p.out = taken(w)
		// Claim. The permits; or the count of them (P4): whoever gives back from now on
		// looks after the queue.
		// Pairs with: (*permits).release, (*permits).Revoke, (*permits).close.
		if p.word.CompareAndSwap(w, next) {
			return state
		}
		w = p.word.Load()
	}
	state := task.Waiting
	switch {
	case w&closed != 0:
		state = task.Refused
	case p.out+n <= p.max():
		p.out += n
		state = task.Granted
	}
	if state != task.Waiting && q.Alone() {
		p.clear()
	}
	return state
}

// clear moves the count back into the word: the queue is empty, or about to be.
func (p *permits) clear() {
	// Publish. The count (P3). Nobody else writes a queued word without the lock.
	// Pairs with: (*permits).try, (*permits).release.
	p.word.Store(uint64(p.out)*one | p.word.Load()&closed)
}

// Revoke gives back what a task does not want any more.
func (p *permits) Revoke(q *task.WaitQueue, n int64, state task.GrantState) {
	if p.word.Load()&queued == 0 {
		if state == task.Granted {
			// Publish. The permits are free (P1).
			// Pairs with: (*permits).try, (*permits).TryGrant.
			p.word.Add(^(uint64(n)*one - 1))
		}
		return
	}
	if state == task.Granted {
		p.out -= n
	}
	if q.Empty() {
		p.clear()
	}
}
