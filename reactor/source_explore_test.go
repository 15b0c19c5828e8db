//go:build explore

package reactor

import (
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// sides is how readiness is kept: the real methods, or copies with one line wrong.
type sides struct {
	await func(*side, *waiter) bool
	edge  func(*side) *waiter
	try   func(s *side, read func() bool) bool
}

var sound = sides{(*side).await, (*side).edge, func(s *side, read func() bool) bool {
	s.clear()
	return read()
}}

// pipe is bytes that arrive one by one, each with an edge, and readers of all of
// them. A reader whose edge is lost sleeps on, which is found as a deadlock.
func pipe(code sides, bytes, readers int) func(*explore.X) {
	return func(x *explore.X) {
		var s side
		var full, done explore.Int64 // bytes that have arrived, and that were read
		woken := make([]explore.Bool, readers)
		waiters := make([]*waiter, readers)
		x.Go("kernel", func() {
			for range bytes {
				full.Add(1)
				if w := code.edge(&s); w != nil {
					for i := range waiters {
						if w == waiters[i] {
							woken[i].Store(true)
						}
					}
				}
			}
		})
		for i := range readers {
			waiters[i] = &waiter{bell: make(chan struct{}, 1)}
			x.Go("reader", func() {
				for range bytes / readers {
					for {
						// A read: it takes a byte if there is one.
						if code.try(&s, func() bool {
							n := done.Load()
							return n < full.Load() && done.CompareAndSwap(n, n+1)
						}) {
							break
						}
						if code.await(&s, waiters[i]) {
							continue
						}
						explore.Wait(&woken[i], func() bool { return woken[i].Peek() || len(waiters[i].bell) > 0 })
						woken[i].Store(false)
						select {
						case <-waiters[i].bell: // of a reader that has listed itself instead
						default:
						}
					}
				}
			})
		}
		x.Final(func() { x.Assert(done.Load() == int64(bytes), "%d bytes were read", done.Load()) })
	}
}

func TestExploreSide(t *testing.T) {
	explore.Check(t, explore.Options{}, pipe(sound, 1, 1))
	explore.Check(t, explore.Options{}, pipe(sound, 2, 1))
	explore.Check(t, explore.Options{Preemptions: 4}, pipe(sound, 3, 1))
}

func TestExploreSideControls(t *testing.T) {
	for name, code := range map[string]sides{
		"the waiter lists itself without a look": {func(s *side, w *waiter) bool {
			s.word.Store(w)
			return false
		}, sound.edge, sound.try},
		"the edge is forgotten after the try": {sound.await, sound.edge, func(s *side, read func() bool) bool {
			took := read()
			s.clear()
			return took
		}},
		"the edge is not kept": {sound.await, func(s *side) *waiter {
			if v := s.word.Load(); v != nil && v != ready {
				s.word.Store(nil)
				return v
			}
			return nil
		}, sound.try},
		"the edge looks, and stores": {sound.await, func(s *side) *waiter {
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
