//go:build explore

package reactor

import (
	"slices"
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// sides is how readiness is kept: the real methods, or copies with one line wrong.
type sides struct {
	await func(*direction, *waiter) bool
	edge  func(*direction) *waiter
	try   func(s *direction, read func() bool) bool
}

var sound = sides{(*direction).await, (*direction).readinessEdge, func(s *direction, read func() bool) bool {
	s.clear()
	return read()
}}

// pipe is bytes that arrive one by one, each with an edge, and readers of all of
// them. A reader whose edge is lost sleeps on, which is found as a deadlock.
func pipe(code sides, bytes, readers int) func(*explore.X) { return pipeOf(code, bytes, readers, true) }

// pipeOf is pipe; with under, readers list themselves before they leave the gate.
func pipeOf(code sides, bytes, readers int, under bool) func(*explore.X) {
	return func(x *explore.X) {
		var s direction
		var g gate
		var full, done explore.Int64 // bytes that have arrived, and that were read
		woken := make([]explore.Bool, readers)
		waiters := make([]*waiter, readers)
		x.Go("kernel", func() {
			for range bytes {
				full.Add(1)
				if w := code.edge(&s); w != nil {
					for i := range waiters {
						if all, ok := w.hook.(waiterList); w == waiters[i] || ok && slices.Contains(all, waiters[i]) {
							woken[i].Store(true)
						}
					}
				}
			}
		})
		for i := range readers {
			waiters[i] = &waiter{signal: make(chan struct{}, 1)}
			// The gate: who reads holds it until it has listed itself.
			var called explore.Bool
			w := waiter{hook: &hooked{func() { called.Store(true) }}}
			turn := func() {
				for readers > 1 && !g.tryLock() {
					if g.wait(w) {
						explore.Wait(&called, called.Peek)
						called.Store(false)
					}
				}
			}
			pass := func() {
				if readers > 1 {
					g.unlock()
				}
			}
			x.Go("reader", func() {
				for range bytes / readers {
					for {
						turn()
						// A read: it takes a byte if there is one.
						if code.try(&s, func() bool {
							n := done.Load()
							return n < full.Load() && done.CompareAndSwap(n, n+1)
						}) {
							pass()
							break
						}
						if !under {
							pass()
						}
						again := code.await(&s, waiters[i])
						if under {
							pass()
						}
						if again {
							continue
						}
						explore.Wait(&woken[i], func() bool { return woken[i].Peek() || len(waiters[i].signal) > 0 })
						woken[i].Store(false)
						select {
						case <-waiters[i].signal: // of a reader that has listed itself instead
						default:
						}
					}
				}
			})
		}
		x.Final(func() { x.Assert(done.Load() == int64(bytes), "%d bytes were read", done.Load()) })
	}
}

func TestExploreDirection(t *testing.T) {
	explore.Check(t, explore.Options{}, pipe(sound, 1, 1))
	explore.Check(t, explore.Options{}, pipe(sound, 2, 1))
	explore.Check(t, explore.Options{Preemptions: 4}, pipe(sound, 3, 1))
	explore.Check(t, explore.Options{Preemptions: 3}, pipe(sound, 2, 2))
	explore.Check(t, explore.Options{Preemptions: 2}, pipe(sound, 4, 2))
	explore.Check(t, explore.Options{Random: 20_000, Seed: 1}, pipe(sound, 6, 3))
}

func TestExploreDirectionControls(t *testing.T) {
	for name, code := range map[string]sides{
		"the waiter lists itself without a look": {func(s *direction, w *waiter) bool {
			s.word.Store(w)
			return false
		}, sound.edge, sound.try},
		"the edge is forgotten after the try": {sound.await, sound.edge, func(s *direction, read func() bool) bool {
			took := read()
			s.clear()
			return took
		}},
		"the edge is not kept": {sound.await, func(s *direction) *waiter {
			if v := s.word.Load(); v != nil && v != ready {
				s.word.Store(nil)
				return v
			}
			return nil
		}, sound.try},
		"the edge looks, and stores": {sound.await, func(s *direction) *waiter {
			v := s.word.Load()
			s.word.Store(ready)
			if v == ready {
				return nil
			}
			return v
		}, sound.try},
	} {
		t.Run(name, func(t *testing.T) { explore.Refute(t, explore.Options{}, pipe(code, 2, 1)) })
	}
	usurper := sides{func(s *direction, w *waiter) bool { // takes another one's place
		for {
			switch v := s.word.Load(); {
			case v == ready:
				if s.word.CompareAndSwap(v, nil) {
					return true
				}
			case s.word.CompareAndSwap(v, w):
				return false
			}
		}
	}, sound.edge, sound.try}
	t.Run("who has tried lists itself when others may read", func(t *testing.T) {
		explore.Refute(t, explore.Options{Preemptions: 3}, pipeOf(sound, 2, 2, false))
	})
	t.Run("the second takes the place of the first", func(t *testing.T) {
		explore.Refute(t, explore.Options{Preemptions: 3}, pipe(usurper, 2, 2))
	})
}

// TestExploreDirectionTakes: who takes its place back while others come, and the edge does, is woken
// or not there, and the others are woken.
func TestExploreDirectionTakes(t *testing.T) {
	model := func(take func(*direction, *waiter) bool) func(*explore.X) {
		return func(x *explore.X) {
			var s direction
			var woken [2]explore.Bool
			one, two := &waiter{signal: make(chan struct{}, 1)}, &waiter{signal: make(chan struct{}, 1)}
			var listed, took explore.Bool
			x.Assert(!s.await(one), "there was no edge")
			x.Go("second", func() { listed.Store(!s.await(two)) })
			x.Go("taker", func() { took.Store(take(&s, one)) })
			x.Go("kernel", func() {
				w := s.readinessEdge()
				if w == nil {
					return
				}
				all, ok := w.hook.(waiterList)
				if !ok {
					all = waiterList{w}
				}
				for _, w := range all {
					if w == one {
						woken[0].Store(true)
					} else {
						woken[1].Store(true)
					}
				}
			})
			x.Final(func() {
				x.Assert(took.Load() != woken[0].Load(), "the first was taken off: %v, and woken: %v", took.Load(), woken[0].Load())
				x.Assert(!listed.Load() || woken[1].Load() || s.word.Load() != nil, "the second is lost")
			})
		}
	}
	explore.Check(t, explore.Options{}, model((*direction).take))
	explore.Refute(t, explore.Options{}, model(func(s *direction, w *waiter) bool { // whoever else is there
		if v := s.word.Load(); v == nil || v == ready {
			return false
		}
		s.word.Store(nil)
		return true
	}))
}

// counts is how uses are counted.
type counts struct {
	acquire func(*refs) bool
	release func(*refs) bool
}

// number is a descriptor that is closed while it is used: it must be closed once,
// and by the last.
func number(code counts, users int) func(*explore.X) {
	return func(x *explore.X) {
		var r refs
		r.open()
		var live explore.Int64 // uses in progress
		var open explore.Bool
		open.Store(true)
		ends := 0
		leave := func() {
			if code.release(&r) {
				x.Assert(live.Load() == 0, "closed while it is used")
				open.Store(false)
				ends++
			}
		}
		for range users {
			x.Go("user", func() {
				if !code.acquire(&r) {
					return
				}
				live.Add(1)
				x.Assert(open.Load(), "used after it was closed")
				live.Add(-1)
				leave()
			})
		}
		for range 2 {
			x.Go("closer", func() {
				if r.close() {
					leave()
				}
			})
		}
		x.Final(func() { x.Assert(ends == 1, "closed %d times", ends) })
	}
}

func TestExploreRefs(t *testing.T) {
	explore.Check(t, explore.Options{}, number(counts{(*refs).acquire, (*refs).release}, 1))
	explore.Check(t, explore.Options{Preemptions: 3}, number(counts{(*refs).acquire, (*refs).release}, 2))
}

func TestExploreRefsControls(t *testing.T) {
	blind := counts{func(r *refs) bool {
		if r.isClosed() {
			return false
		}
		r.word.Add(user)
		return true
	}, (*refs).release}
	t.Run("who begins looks, and counts", func(t *testing.T) { explore.Refute(t, explore.Options{}, number(blind, 1)) })
	greedy := counts{(*refs).acquire, func(r *refs) bool {
		r.word.Add(^uint64(user - 1))
		return r.isClosed()
	}}
	t.Run("whoever ends a use closes", func(t *testing.T) { explore.Refute(t, explore.Options{}, number(greedy, 1)) })
}
