package lock_test

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// shared is what the tasks of a storm fight for.
type shared struct {
	mu    lock.Mutex
	sem   *lock.Semaphore
	rw    lock.RWMutex
	n     lock.Notify
	cond  lock.Cond
	bar   *lock.Barrier
	rate  *lock.RateLimiter
	wrong atomic.Int64
	in    atomic.Int64 // in the mutex
	taken atomic.Int64 // of sem
	reads atomic.Int64
	write atomic.Int64
	moves atomic.Int64 // rounds
	lost  atomic.Int64 // ends with something in hand
}

const stormPermits = 5

func newShared() *shared {
	s := &shared{sem: lock.NewSemaphore(stormPermits), bar: lock.NewBarrier(3), rate: lock.NewRateLimiter(1, 1000, 4)}
	s.cond.L = &s.mu
	return s
}

// sailor is a task in a storm: it takes one thing after the other, has each across a few
// suspensions, and gives it back; in Finish, if it was canceled meanwhile.
type sailor struct {
	task.Frame
	*shared
	rng    *rand.Rand
	rounds int
	op     int // in progress
	n      int
	yields int
	undo   func(cx *task.Cx) // what it has
	begun  bool
	ends   int
	waker  atomic.Pointer[task.Waker]
}

func (s *sailor) Poll(cx *task.Cx) error {
	if s.waker.Load() == nil {
		w := cx.Waker()
		s.waker.Store(&w)
	}
	for s.rounds > 0 {
		if !s.begun {
			s.begun = true
			s.op, s.n, s.yields = s.rng.IntN(8), 1+s.rng.IntN(stormPermits), s.rng.IntN(3)
		}
		if s.undo == nil {
			if err := s.take(cx); err != nil {
				return err
			}
		}
		if s.yields > 0 {
			s.yields--
			if err := cx.Yield(); err != nil {
				return err
			}
		}
		undo := s.undo
		s.undo, s.begun = nil, false
		undo(cx)
		s.moves.Add(1)
		s.rounds--
	}
	return nil
}

func (s *sailor) take(cx *task.Cx) (err error) {
	expect := func(ok bool) {
		if !ok {
			s.wrong.Add(1)
		}
	}
	nothing := func(*task.Cx) {}
	switch s.op {
	case 0:
		if err = s.mu.Lock(cx); err == nil {
			expect(s.in.Add(1) == 1)
			s.undo = func(cx *task.Cx) { s.in.Add(-1); s.mu.Unlock(cx); s.cond.Signal(cx) }
		}
	case 1, 2:
		if err = s.sem.Acquire(cx, s.n); err == nil {
			expect(s.taken.Add(int64(s.n)) <= stormPermits)
			s.undo = func(cx *task.Cx) { s.taken.Add(int64(-s.n)); s.sem.Release(cx, s.n) }
		}
	case 3:
		if err = s.rw.RLock(cx); err == nil {
			s.reads.Add(1)
			expect(s.write.Load() == 0)
			s.undo = func(cx *task.Cx) { s.reads.Add(-1); s.rw.RUnlock(cx) }
		}
	case 4:
		if err = s.rw.Lock(cx); err == nil {
			expect(s.write.Add(1) == 1 && s.reads.Load() == 0)
			s.undo = func(cx *task.Cx) {
				s.write.Add(-1)
				if s.n > 2 {
					s.rw.Unlock(cx)
					return
				}
				s.reads.Add(1)
				s.rw.Downgrade(cx)
				s.reads.Add(-1)
				s.rw.RUnlock(cx)
			}
		}
	case 5:
		if err = s.n0(cx); err == nil {
			s.undo = nothing
		}
	case 6:
		turn := s.in.Load() // whatever
		if err = s.cond.LockWhen(cx, func() bool { return turn%2 == 0 || s.rng.IntN(2) == 0 }); err == nil {
			expect(s.in.Add(1) == 1)
			s.undo = func(cx *task.Cx) { s.in.Add(-1); s.mu.Unlock(cx); s.cond.Broadcast(cx) }
		}
	case 7:
		if s.n == 1 {
			_, err = s.bar.Wait(cx)
		} else {
			err = s.rate.Wait(cx)
		}
		if err == nil {
			s.undo = nothing
		}
	}
	return err
}

func (s *sailor) n0(cx *task.Cx) error { return s.shared.n.Wait(cx) }

func (s *sailor) Finish(error) {
	s.ends++
	if s.undo != nil {
		s.lost.Add(1)
		s.undo(nil)
	}
}

// A storm: many tasks that are canceled at any moment, also when they have just been
// granted something, and woken for nothing. Afterwards all permits are there, and nobody
// is in any line.
func TestCancelStorm(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		const crew = 60
		var moves, lost int64
		for seed := range uint64(times(60)) {
			s := newShared()
			rng := rand.New(rand.NewPCG(seed, 1))
			var sailors []*sailor
			g := task.Group{Failed: func(task.Task, error) error { return nil }}
			for i := range uint64(crew) {
				a := &sailor{shared: s, rng: rand.New(rand.NewPCG(seed, 2+i)), rounds: 30}
				sailors = append(sailors, a)
				g.Go(p, a)
			}
			over := make(chan struct{})
			helped := goes(func() error { // for those who wait for somebody to come
				for {
					select {
					case <-over:
						return nil
					default:
					}
					s.n.One(nil)
					s.n.All(nil)
					s.cond.Broadcast(nil)
					for _, a := range sailors {
						if w := a.waker.Load(); w != nil {
							w.Wake()
						}
					}
				}
			})
			for i := range int64(crew) {
				// At any moment, but when something has happened since, if it does.
				for tries := 0; s.moves.Load() < i*4 && tries < 1000; tries++ {
					runtime.Gosched()
				}
				sailors[rng.IntN(crew)].Cancel(errBoom)
				if rng.IntN(3) == 0 {
					if s.mu.TryLock() {
						s.mu.Unlock(nil)
						s.cond.Signal(nil)
					}
					if s.sem.TryAcquire(1) {
						s.sem.Release(nil, 1)
					}
				}
			}
			// Those who are left may wait at the barrier for ever.
			g.Cancel(errBoom)
			require.NoError(t, ignoreCanceled(g.WaitContext(background)))
			close(over)
			require.NoError(t, helped())
			require.Zero(t, s.wrong.Load(), "seed %d", seed)
			free(t, &s.mu)
			free(t, s.sem)
			free(t, &s.rw)
			require.False(t, s.n.Waits())
			require.False(t, s.cond.Waits())
			require.False(t, s.rate.Waits())
			here, waits := s.bar.Here()
			require.Zero(t, here)
			require.False(t, waits)
			for _, a := range sailors {
				require.Equal(t, 1, a.ends)
			}
			moves += s.moves.Load()
			lost += s.lost.Load()
		}
		t.Logf("%d rounds, %d canceled with something in hand", moves, lost)
		require.Positive(t, moves)
	})
}

func ignoreCanceled(err error) error {
	if errors.Is(err, task.ErrCanceled) {
		return nil
	}
	return err
}
