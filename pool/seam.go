package pool

import (
	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/pool/fork"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// seam is the pool as the packages below see it, so that a Pool has no method that is not for its
// users: a task.Scheduler (see submit.go), a fork.Driver, and a fork.Host.
type seam Pool

// poolOf returns the pool that polls, or nil.
func poolOf(cx *task.Cx) *Pool {
	s, _ := cx.Scheduler().(*seam)
	return (*Pool)(s)
}

// Reactor returns the pool's reactor for package reactor, which asks the scheduler of a poll.
func (s *seam) Reactor() (*reactor.Reactor, error) { return (*Pool)(s).Reactor() }

// Inspected implements task.Inspectable.
func (s *seam) Inspected(look func(others func([]task.Waker) bool)) {
	(*Pool)(s).looks.during(func() { look((*Pool)(s).mayWake) })
}

// Participant implements fork.Driver.
func (s *seam) Participant(worker int) *fork.Participant { return s.workers[worker].participant }

// Now implements fork.Host.
func (s *seam) Now() int64 { return clock.Now() }

// Parked implements fork.Host.
func (s *seam) Parked() int {
	// Store-load: the owner has looked at requests before.
	// Pairs with: (*worker).rest.
	return s.parking.parked()
}

// Searching implements fork.Host.
func (s *seam) Searching() bool { return s.parking.anySearching() }

// Notify implements fork.Host.
func (s *seam) Notify() { (*Pool)(s).notify() }

// Depart implements fork.Host.
func (s *seam) Depart(worker int) { s.workers[worker].depart() }

// Return implements fork.Host.
func (s *seam) Return(worker int) { s.workers[worker].reenter() }

// Runs implements fork.Host.
func (s *seam) Runs(worker int) bool {
	id := s.workers[worker].tid.Load()
	return id == 0 || id == int64(gettid())
}

// Spawner implements fork.Host.
func (s *seam) Spawner() task.Spawner { return (*Pool)(s) }
