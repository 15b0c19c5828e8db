package lock

import (
	"context"
	"fmt"

	"github.com/heist-go/heist/task"
)

// Semaphore is a counting semaphore: it bounds how much of something is in use at a time. A user
// acquires so many permits, and releases them.
//
// The queue is strict: a request for many is not overtaken by others for few.
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
	return s.named(s.p.acquireContext(ctx, &s.p, int64(n)))
}

// Release gives n permits back. cx is the poll in progress, or nil outside of one. It is a
// mistake, and panics, if so many were not acquired. Any thread; it never blocks.
func (s *Semaphore) Release(cx *task.Cx, n int) {
	task.Point(cx)
	if n < 0 || !s.p.giveBack(cx, int64(n)) {
		panic(fmt.Sprintf("lock: Release of %d permits of a Semaphore that has given out fewer", n))
	}
}

// Close ends the semaphore: those who wait for permits, and those who come, get an error
// that is [task.ErrClosed]. Permits that are out may still be released. cx is the poll in
// progress, or nil outside of one.
func (s *Semaphore) Close(cx *task.Cx) { s.p.close(cx) }

// Available returns how many permits are free. A hint.
func (s *Semaphore) Available() int { return int(s.p.max() - s.p.held()) }

// Waiting returns how many tasks and goroutines wait for permits. A hint.
func (s *Semaphore) Waiting() int {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	return s.p.queue.Len()
}

// Permit is a holder of permits of a [Semaphore] that releases them by itself: when the task ends that
// has acquired them, however it ends; or, if an operation of a combinator has acquired them, when
// that has lost or returns an error (see [task.Cleanup]). It is a field of the task, or is
// kept outside of its function; the zero value is ready.
type Permit struct {
	sem   *Semaphore
	n     int
	clean task.Cleanup
	by    task.Waker // who holds them
	free  func()     // made once
}

// Acquire is [Semaphore.Acquire]. It is sticky: while the permits are held it returns nil. It is a
// mistake, and panics, to ask for others then. While another branch of the task holds permits by
// it, it waits.
//
//heist:sticky
func (p *Permit) Acquire(cx *task.Cx, s *Semaphore, n int) error {
	switch p.clean.Enter(cx) {
	case task.Occupied:
		return cx.Suspend()
	case task.Goes:
		if p.sem != s || p.n != n {
			panic(fmt.Sprintf("lock: Acquire of %d permits by a Permit that holds %d, or those of another semaphore: Release it first, or use another Permit", n, p.n))
		}
		return nil
	}
	if err := s.Acquire(cx, n); err != nil {
		return err
	}
	if p.free == nil {
		p.free = p.ended
	}
	p.sem, p.n, p.by = s, n, cx.Self()
	p.clean.Set(cx, p.free)
	return nil
}

// ended gives back what the task held that has ended, or what its branch has lost.
func (p *Permit) ended() {
	task.Point(nil)
	if held.any.Load() {
		p.sem.p.givenBack(p.by, int64(p.n))
	}
	p.sem.p.release(nil, int64(p.n))
}

// Held reports whether permits are held.
func (p *Permit) Held() bool { return p.clean.IsSet() }

// Release gives the permits back, if they are held.
func (p *Permit) Release(cx *task.Cx) {
	if p.clean.IsSet() {
		p.clean.Drop()
		p.sem.Release(cx, p.n)
	}
}

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
