package fork

import "fmt"

// What debug builds check about the use of a [Fork] and of a [Scope]: builds with the race
// detector, or with the tag heistdebug.

// checks is what they remember of a scope: positions below open have a Put without its
// Kept, as far as is known.
type checks struct{ open uint32 }

func (s *scope) checkPut(t uint32) {
	s.checkThread()
	s.checks.open = t + 1 // what was above is abandoned: by a panic that was recovered
}

func (s *scope) checkKept(t uint32) {
	s.checkThread()
	if t >= s.checks.open {
		panic(fmt.Sprintf("pool: Fork.Kept at position %d, where nothing was put: join with the Fork that Put was called on, once, and in the opposite order", t))
	}
	s.checks.open = t
}

// checkEnd is for a scope that has ended as it should.
func (c checks) checkEnd() {
	if n := c.open; n > 0 {
		panic(fmt.Sprintf("pool: a computation has ended with %d parts put and not joined: ask Kept for each Put", n))
	}
}

// checkThread finds positions that other threads use. A goroutine changes its thread, a worker
// does not.
func (s *scope) checkThread() {
	x := s.owner
	if x.worker != external && !x.team.host.Runs(x.worker) {
		panic("pool: a Fork or a Scope was used by another thread than its own: a part must use the one that it is given")
	}
}

// check finds a scope that is not the innermost one of its thread.
func (s Scope) check() {
	x := s.of.owner
	if n := len(x.scopes); n == 0 || x.scopes[n-1] != s.of {
		panic("pool: a Scope was used outside of the function that was given it")
	}
}
