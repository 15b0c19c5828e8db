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
	// Claim. A task that was granted the lock finds it taken.
	// Pairs with: (*permits).release.
	if m.p.word.Load() == 0 && cx.Err() == nil && m.p.word.CompareAndSwap(0, whole*one) {
		return nil
	}
	return m.p.line.Wait(cx, &m.p.mu, &m.p, whole)
}

// TryLock takes the lock if it is free, and reports whether it did. Any thread.
func (m *Mutex) TryLock() bool {
	// Claim. Pairs with: (*permits).release.
	return m.p.word.CompareAndSwap(0, whole*one)
}

// LockContext is Lock for goroutines: it blocks until it has the lock, or until ctx is
// done; then its error wraps ctx's cause.
func (m *Mutex) LockContext(ctx context.Context) error { return m.p.acquireContext(ctx, whole) }

// Unlock gives the lock back, to the next in line if there is one. cx is the poll in
// progress, or nil outside of one. It is a mistake, and panics, if the lock is not held;
// whoever holds it may let another unlock it. Any thread; it never blocks.
func (m *Mutex) Unlock(cx *task.Cx) {
	// Publish. Pairs with: (*Mutex).Lock, (*permits).try.
	if m.p.word.Load() == whole*one && m.p.word.CompareAndSwap(whole*one, 0) {
		return
	}
	if !m.p.release(cx, whole) {
		panic("lock: Unlock of a Mutex that is not locked")
	}
}

// RWMutex is a lock for one writer or any number of readers. The zero value is unlocked.
//
// It is fair: readers and writers wait in one line. A reader that comes after a writer
// waits behind it, so no writer starves; and no reader, because the writer behind it
// has to wait, too. A task that holds a read lock must not ask for another.
type RWMutex struct{ p permits }

// RLock takes the lock for reading, and waits until no writer has it or is in line.
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
func (m *RWMutex) RLockContext(ctx context.Context) error { return m.p.acquireContext(ctx, 1) }

// LockContext is Lock for goroutines, as RLockContext is RLock.
func (m *RWMutex) LockContext(ctx context.Context) error { return m.p.acquireContext(ctx, whole) }

// RUnlock gives a read lock back. cx is the poll in progress, or nil outside of one. It is
// a mistake, and panics, if the lock is not held for reading. Any thread; it never blocks.
func (m *RWMutex) RUnlock(cx *task.Cx) {
	if m.p.held() == whole || !m.p.release(cx, 1) {
		panic("lock: RUnlock of a RWMutex that is not locked for reading")
	}
}

// Unlock gives the write lock back. cx is the poll in progress, or nil outside of one. It
// is a mistake, and panics, if the lock is not held for writing. Any thread; it never
// blocks.
func (m *RWMutex) Unlock(cx *task.Cx) {
	if !m.p.release(cx, whole) {
		panic("lock: Unlock of a RWMutex that is not locked for writing")
	}
}

// Downgrade turns the write lock into a read lock, without a moment between at which
// another writer could take it. Readers next in line go on, too. It is a mistake, and
// panics, if the lock is not held for writing.
func (m *RWMutex) Downgrade(cx *task.Cx) {
	if m.p.held() != whole || !m.p.release(cx, whole-1) {
		panic("lock: Downgrade of a RWMutex that is not locked for writing")
	}
}
