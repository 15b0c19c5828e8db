package lock_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// The classic programs, as users would write them.

// philosopher takes the fork with the lower number first, so that no circle of them waits
// for each other.
type philosopher struct {
	task.Frame
	first, second *fork
	meals         int
	stages        task.Seq
}

type fork struct {
	mu   lock.Mutex
	used bool // guarded by mu
}

func (p *philosopher) Poll(cx *task.Cx) error {
	for p.meals > 0 {
		if err := p.stages.Run(cx, p.first.mu.Lock, p.second.mu.Lock, p.pickUp, (*task.Cx).Yield, p.putDown); err != nil {
			return err
		}
		p.stages = task.Seq{}
		p.meals--
	}
	return nil
}

func (p *philosopher) pickUp(*task.Cx) error {
	if p.first.used || p.second.used {
		return errBoom
	}
	p.first.used, p.second.used = true, true
	return nil
}

func (p *philosopher) putDown(cx *task.Cx) error {
	p.first.used, p.second.used = false, false
	p.second.mu.Unlock(cx)
	p.first.mu.Unlock(cx)
	return nil
}

func TestProgramDiningPhilosophers(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		const seats = 5
		var forks [seats]fork
		var g task.Group
		for i := range seats {
			left, right := &forks[i], &forks[(i+1)%seats]
			if i == seats-1 {
				left, right = right, left
			}
			g.Go(p, &philosopher{first: left, second: right, meals: times(1000)})
		}
		require.NoError(t, g.WaitContext(background))
		for i := range forks {
			free(t, &forks[i].mu)
		}
	})
}

// A barber sleeps until there is a customer; a customer who finds no free chair goes.
func TestProgramSleepingBarber(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		const chairs = 3
		customers := times(2000)
		waiting := lock.NewSemaphore(chairs) // free chairs
		seated := lock.NewSemaphore(lock.Whole)
		require.True(t, seated.TryAcquire(lock.Whole)) // a permit for each who sits
		done := lock.NewSemaphore(lock.Whole)
		require.True(t, done.TryAcquire(lock.Whole)) // and for each cut
		var inChair, cuts, left, wrong atomic.Int64
		var g task.Group
		barber := act(func(cx *task.Cx) error {
			for {
				if err := seated.Acquire(cx, 1); err != nil {
					return err
				}
				if inChair.Add(1) != 1 {
					wrong.Add(1)
				}
				waiting.Release(cx, 1)
				cuts.Add(1)
				inChair.Add(-1)
				done.Release(cx, 1)
			}
		})
		task.Detach(p, barber)
		for range customers {
			sits := false
			g.Go(p, task.Func(func(cx *task.Cx) error {
				if !sits {
					if !waiting.TryAcquire(1) {
						left.Add(1)
						return nil
					}
					sits = true
					seated.Release(cx, 1)
				}
				return done.Acquire(cx, 1)
			}))
		}
		require.NoError(t, g.WaitContext(background))
		seated.Close(nil)
		require.ErrorIs(t, barber.WaitContext(background), task.ErrClosed)
		require.Zero(t, wrong.Load())
		require.EqualValues(t, customers, cuts.Load()+left.Load())
		require.Equal(t, chairs, waiting.Available())
		t.Logf("%d cuts, %d went away", cuts.Load(), left.Load())
	})
}

// A bounded buffer of two semaphores and a lock; for the one with conditions see
// TestCondProducersAndConsumers.
func TestProgramBoundedBuffer(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		const size, pairs = 3, 4
		each := times(2000)
		room, items := lock.NewSemaphore(size), lock.NewSemaphore(size)
		require.True(t, items.TryAcquire(size))
		var mu lock.Mutex
		var buffer []int
		var sum int
		var wrong atomic.Int64
		var g task.Group
		work := func(from, to *lock.Semaphore, f func(i int)) {
			i := 0
			var seq task.Seq
			g.Go(p, task.Func(func(cx *task.Cx) error {
				for ; i < each; i++ {
					err := seq.Run(cx, one(from.Acquire), mu.Lock, once(func(cx *task.Cx) {
						f(i)
						if len(buffer) > size {
							wrong.Add(1)
						}
						mu.Unlock(cx)
						to.Release(cx, 1)
					}))
					if err != nil {
						return err
					}
					seq = task.Seq{}
				}
				return nil
			}))
		}
		for range pairs {
			work(room, items, func(i int) { buffer = append(buffer, i) })
			work(items, room, func(int) { sum, buffer = sum+buffer[0], buffer[1:] })
		}
		require.NoError(t, g.WaitContext(background))
		require.Equal(t, pairs*each*(each-1)/2, sum)
		require.Zero(t, wrong.Load())
		require.Empty(t, buffer)
		require.Equal(t, size, room.Available())
		require.Zero(t, items.Available())
		free(t, &mu)
	})
}

// Readers and writers of two numbers that are equal unless somebody is writing: tasks and
// goroutines.
func TestProgramReadersAndWriters(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		const readers, writers = 6, 2
		each := times(1000)
		var m lock.RWMutex
		var a, b int
		var wrong, reads atomic.Int64
		look := func() {
			reads.Add(1)
			if a != b {
				wrong.Add(1)
			}
		}
		var g task.Group
		repeat := func(steps func(i int) []step) {
			i := 0
			var seq task.Seq
			g.Go(p, task.Func(func(cx *task.Cx) error {
				for ; i < each; i++ {
					if err := seq.Run(cx, steps(i)...); err != nil {
						return err
					}
					seq = task.Seq{}
				}
				return nil
			}))
		}
		for range readers {
			repeat(func(int) []step {
				return []step{m.RLock, once(func(*task.Cx) { look() }), (*task.Cx).Yield, once(func(*task.Cx) { look() }), once(m.RUnlock)}
			})
		}
		for range writers {
			repeat(func(i int) []step {
				steps := []step{m.Lock, once(func(*task.Cx) { a++ }), (*task.Cx).Yield, once(func(*task.Cx) { b++ })}
				if i%2 == 0 {
					return append(steps, once(m.Unlock))
				}
				return append(steps, once(m.Downgrade), once(func(*task.Cx) { look() }), once(m.RUnlock))
			})
		}
		for i := range each {
			if i%4 == 0 {
				require.NoError(t, m.LockContext(background))
				a, b = a+1, b+1
				m.Unlock(nil)
				continue
			}
			require.NoError(t, m.RLockContext(background))
			look()
			m.RUnlock(nil)
		}
		require.NoError(t, g.WaitContext(background))
		require.Zero(t, wrong.Load())
		require.Equal(t, writers*each+(each+3)/4, a)
		free(t, &m)
	})
}
