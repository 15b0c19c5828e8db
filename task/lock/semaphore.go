package lock

import (
	"context"
	"fmt"

	"github.com/heist-go/heist/task"
)

// Semaphore bounds how much of something is in use at a time. Whoever uses some acquires
// so many permits, and releases them.
//
// The line is strict: who asks for many is not overtaken by others who ask for few.
type Semaphore struct{ p permits }

// NewSemaphore returns a semaphore of n permits, at least one and at most a billion.
func NewSemaphore(n int) *Semaphore {
	if n < 1 || n > whole {
		panic(fmt.Sprintf("lock: NewSemaphore(%d): it takes 1 to %d permits", n, whole))
	}
	return &Semaphore{permits{limit: int64(n)}}
}

// Acquire takes n permits, and waits until they are free. It returns an error that is
// [task.ErrClosed] if the semaphore is closed, and one that is [task.ErrLimit] if there
// are not so many permits at all.
func (s *Semaphore) Acquire(cx *task.Cx, n int) error {
	if err := cx.Spend(); err != nil {
		return err
	}
	if err := s.check(n); err != nil {
		return err
	}
	return s.named(s.p.acquire(cx, int64(n)))
}

// TryAcquire takes n permits if they are free and nobody waits, and reports whether it
// did. Any thread.
func (s *Semaphore) TryAcquire(n int) bool { return s.check(n) == nil && s.p.try(int64(n)) }

// AcquireContext is Acquire for goroutines: it blocks until it has the permits, or until
// ctx is done; then its error wraps ctx's cause.
func (s *Semaphore) AcquireContext(ctx context.Context, n int) error {
	if err := s.check(n); err != nil {
		return err
	}
	return s.named(s.p.acquireContext(ctx, int64(n)))
}

// Release gives n permits back. cx is the poll in progress, or nil outside of one. It is a
// mistake, and panics, if so many were not acquired. Any thread; it never blocks.
func (s *Semaphore) Release(cx *task.Cx, n int) {
	if n < 0 || !s.p.release(cx, int64(n)) {
		panic(fmt.Sprintf("lock: Release of %d permits of a Semaphore that has given out fewer", n))
	}
}

// Close ends the semaphore: those who wait for permits, and those who come, get an error
// that is [task.ErrClosed]. Permits that are out may still be released. cx is the poll in
// progress, or nil outside of one.
func (s *Semaphore) Close(cx *task.Cx) { s.p.close(cx) }

// Available returns how many permits are free. A hint.
func (s *Semaphore) Available() int { return int(s.p.max() - s.p.held()) }

// check returns an error if n permits can never be had.
func (s *Semaphore) check(n int) error {
	if uint64(n) <= uint64(s.p.limit) && s.p.limit != 0 {
		return nil
	}
	return s.refuse(n)
}

func (s *Semaphore) refuse(n int) error {
	switch {
	case s.p.limit == 0:
		panic("lock: a Semaphore without permits: make it with NewSemaphore")
	case n < 0:
		panic(fmt.Sprintf("lock: Acquire of %d permits", n))
	}
	return fmt.Errorf("lock: semaphore: %d of %d permits: %w", n, s.p.limit, task.ErrLimit)
}

var errSemaphoreClosed = fmt.Errorf("lock: semaphore: %w", task.ErrClosed)

func (s *Semaphore) named(err error) error {
	if err == task.ErrClosed {
		return errSemaphoreClosed
	}
	return err
}
