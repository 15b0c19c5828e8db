// Package lock has the objects by which tasks wait for each other without a value:
//
//	Mutex, RWMutex    locks that may be held across polls
//	Semaphore         permits, several at a time; Permit gives them back by itself
//	Notify, Event     "there may be something to do"; "it has happened"
//	Cond              a condition on what a Mutex guards
//	Once, OnceValue   something is done, or made, once, by an operation that may suspend
//	Barrier           all go on when all have come
//	RateLimiter       so many in a while
//	Strand            one after the other for each key
//
// It is package sync for tasks, and for tasks beside goroutines, under another name because a file
// often needs both. What blocks a goroutine there suspends a task here: M(cx) is for tasks and returns
// [task.Pending] like any operation, MContext(ctx) is the same for goroutines and blocks. Both wait
// in one queue.
//
//	func (t *transfer) Poll(cx *task.Cx) error {
//		if err := t.account.Lock(cx); err != nil {
//			return err
//		}
//		t.balance -= t.amount
//		t.account.Unlock(cx)
//		return nil
//	}
//
// # Rules
//
// Wait queues are first come, first served: whoever has waited longest is next, and nobody can
// overtake. A grant is the waiting task's at once, before it is polled. A task
// that is canceled, that ends, or that has won another branch of a select, gives up its
// place, and a grant goes on to the next in the queue: no permit is lost.
//
// A lock that a task has obtained is the task's to give back, in Finish if Poll may return
// while it is held. Giving back never waits, and takes the poll in progress, or nil
// outside of one: with a poll, the task that is woken runs next on the same worker.
//
// A wait allocates nothing: it takes a waiter from the worker's free list. A goroutine that blocks
// allocates a channel, a Turn is allocated, and so is a Permit's hook, once.
//
// Zero values are ready unless there is a New function. Nothing here may be copied after
// its first use.
package lock

import (
	"context"

	"github.com/heist-go/heist/task"
)

// Mutex is a lock that a task may hold across polls. The zero value is unlocked.
//
// It is fair: the lock goes to whoever has waited longest, at the moment of Unlock. For a
// few instructions that never suspend, [sync.Mutex] is as good.
type Mutex struct{ p permits }

// Lock takes the lock, and waits until it is free.
func (m *Mutex) Lock(cx *task.Cx) error {
	if err := cx.Spend(); err != nil {
		return err
	}
	// Claim. The lock. (A task that was granted it finds it taken, and asks the queue.)
	// Pairs with: (*permits).release, (*Mutex).Unlock.
	if m.p.word.Load() == 0 && cx.Err() == nil && m.p.word.CompareAndSwap(0, whole*one) {
		if cx.Tracked() {
			return m.p.recorded(cx, (*mutexPolicy)(&m.p).WaitObject(), whole, nil)
		}
		return nil
	}
	err := m.p.queue.Wait(cx, &m.p.mu, (*mutexPolicy)(&m.p), whole)
	if cx.Tracked() {
		return m.p.recorded(cx, (*mutexPolicy)(&m.p).WaitObject(), whole, err)
	}
	return err
}

// TryLock takes the lock if it is free, and reports whether it did. Any thread.
func (m *Mutex) TryLock() bool {
	task.Point(nil)
	// Claim. The lock.
	// Pairs with: (*permits).release, (*Mutex).Unlock.
	return m.p.word.CompareAndSwap(0, whole*one)
}

// LockContext is Lock for goroutines: it blocks until it has the lock, or until ctx is
// done; then its error wraps ctx's cause.
func (m *Mutex) LockContext(ctx context.Context) error {
	return m.p.acquireContext(ctx, (*mutexPolicy)(&m.p), whole)
}

// Unlock gives the lock back, to the next in the queue if there is one. cx is the poll in
// progress, or nil outside of one. It is a mistake, and panics, if the lock is not held;
// whoever holds it may let another unlock it. Any thread; it never blocks.
func (m *Mutex) Unlock(cx *task.Cx) {
	task.Point(cx)
	// Publish. What was done under the lock.
	// Pairs with: (*Mutex).Lock, (*Mutex).TryLock, (*permits).try.
	if !held.any.Load() && m.p.word.Load() == whole*one && m.p.word.CompareAndSwap(whole*one, 0) {
		return
	}
	if !m.p.giveBack(cx, whole) {
		panic("lock: Unlock of a Mutex that is not locked")
	}
}

// RWMutex is a lock for one writer or any number of readers. The zero value is unlocked.
//
// It is fair: readers and writers wait in one queue. A reader that comes after a writer
// waits behind it, so no writer starves; and no reader, because the writer behind it
// has to wait, too. A task that holds a read lock must not ask for another.
type RWMutex struct{ p permits }

// RLock takes the lock for reading, and waits until no writer has it or waits.
func (m *RWMutex) RLock(cx *task.Cx) error {
	if err := cx.Spend(); err != nil {
		return err
	}
	return m.p.acquire(cx, 1)
}

// Lock takes the lock for writing, and waits until nobody else has it.
func (m *RWMutex) Lock(cx *task.Cx) error {
	if err := cx.Spend(); err != nil {
		return err
	}
	return m.p.acquire(cx, whole)
}

// TryRLock takes the lock for reading if it is free and nobody waits for it, and reports
// whether it did. Any thread.
func (m *RWMutex) TryRLock() bool { return m.p.try(1) }

// TryLock takes the lock for writing if it is free, and reports whether it did. Any
// thread.
func (m *RWMutex) TryLock() bool { return m.p.try(whole) }

// RLockContext is RLock for goroutines: it blocks until it has the lock, or until ctx is
// done; then its error wraps ctx's cause.
func (m *RWMutex) RLockContext(ctx context.Context) error { return m.p.acquireContext(ctx, &m.p, 1) }

// LockContext is Lock for goroutines, as RLockContext is RLock.
func (m *RWMutex) LockContext(ctx context.Context) error { return m.p.acquireContext(ctx, &m.p, whole) }

// RUnlock gives a read lock back. cx is the poll in progress, or nil outside of one. It is
// a mistake, and panics, if the lock is not held for reading. Any thread; it never blocks.
func (m *RWMutex) RUnlock(cx *task.Cx) {
	task.Point(cx)
	if m.p.held() == whole || !m.p.giveBack(cx, 1) {
		panic("lock: RUnlock of a RWMutex that is not locked for reading")
	}
}

// Unlock gives the write lock back. cx is the poll in progress, or nil outside of one. It
// is a mistake, and panics, if the lock is not held for writing. Any thread; it never
// blocks.
func (m *RWMutex) Unlock(cx *task.Cx) {
	task.Point(cx)
	if !m.p.giveBack(cx, whole) {
		panic("lock: Unlock of a RWMutex that is not locked for writing")
	}
}

// Downgrade turns the write lock into a read lock, without a moment between at which
// another writer could take it. Readers next in the queue go on, too. It is a mistake, and
// panics, if the lock is not held for writing.
func (m *RWMutex) Downgrade(cx *task.Cx) {
	task.Point(cx)
	if m.p.held() != whole || !m.p.giveBack(cx, whole-1) {
		panic("lock: Downgrade of a RWMutex that is not locked for writing")
	}
}
