//go:build explore

package fork

import "github.com/heist-go/heist/internal/explore"

// What explored tests have, here and in package pool.

// joinSpins is small, because each look is a step.
const joinSpins = 1

// Age has no decision of the computation depend on the clock: it is as old as it will be.
func (f Fork[A, R]) Age() { f.s.young = false }

// JoinUntil asks what joins at the position after f ask, one after the other, until done: in a
// computation that has begun long ago. As long as a join would be fast, and has nothing to take back, it
// is no step.
func (f Fork[A, R]) JoinUntil(done *explore.Bool) {
	s, t := f.s, f.t+1
	s.began = 1
	slow := func() bool {
		w := s.window.Peek()
		return t-uint32(w) >= uint32(w>>spanShift)
	}
	for !done.Load() {
		if !s.within(t) {
			s.slowPath(t, 0)
		}
		explore.Wait(&s.window, func() bool { return slow() && s.oldest == 0 || done.Peek() })
	}
}

// Add changes the count of threads that compute, and tells nobody.
func (t *Team) Add(n int64) { t.computing.Add(n) }
