package sim

import (
	"slices"
	"time"

	"github.com/heist-go/heist/pool/fork"
	"github.com/heist-go/heist/task"
)

// Team returns the workers as computations see them: pool.Call(s.Team(), ...) computes where a goroutine
// would that calls a pool: in [Sim.Goroutine], or in the test's function, which computes alone. Within
// a poll compute on its Cx.
func (s *Sim) Team() *fork.Team {
	if s.team == nil {
		s.team = fork.NewTeam((*host)(s), len(s.workers), len(s.workers))
		for range s.workers {
			s.members = append(s.members, s.team.Join())
		}
	}
	return s.team
}

// host is a Sim as computations see it: one whose threads take turns.
type host Sim

var (
	_ fork.Driver = (*seam)(nil)
	_ fork.Turns  = (*host)(nil)
)

// Participant implements fork.Driver.
func (x *seam) Participant(worker int) *fork.Participant {
	s := (*Sim)(x)
	s.Team()
	return s.members[worker]
}

// tick is what computations take a look at the clock for: so much that one is soon old enough to
// be shared.
const tick = 10_000

// Now implements fork.Host. It is an operation: a fork looks whether somebody wants a part.
func (h *host) Now() int64 {
	s := (*Sim)(h)
	s.moment += tick
	s.team.RequestWork(nil) // somebody wants one, as long as the schedule can decide about it
	(*seam)(h).Point()
	return s.moment
}

// Parked implements fork.Host.
func (h *host) Parked() int { return len(h.workers) - h.busy }

// Searching implements fork.Host.
func (h *host) Searching() bool { return h.searching }

// Notify implements fork.Host: from now on the schedule may have a worker take a part.
func (h *host) Notify() {
	(*Sim)(h).search()
	(*seam)(h).Point()
}

// search makes a look for a part of a computation runnable, if none is.
func (s *Sim) search() {
	if s.searching {
		return
	}
	s.searching = true
	r := s.newRec()
	r.said().what = "a part of a computation"
	r.owner, r.poll = -1, -1
	s.ready.add(r)
}

// assist has a worker take a part, if there is one.
func (s *Sim) assist(t *thread) {
	s.searching = false
	x := s.members[t.id]
	if !s.team.TryEnter() {
		return
	}
	j := s.team.Steal(x, s.lots.Uint64())
	if j == nil {
		s.team.Exit(true)
		s.team.RequestWork(x)
		return
	}
	s.note(operates, t.rec, nil, 0)
	x.Depart()
	x.Compute(j)
	x.Return()
	if s.halting || s.failure != "" {
		panic(halt{}) // Compute takes that for the part's panic
	}
	if s.team.HasJob() {
		s.search()
	}
	s.team.RequestWork(x)
}

// Depart implements fork.Host.
func (h *host) Depart(int) {}

// Return implements fork.Host.
func (h *host) Return(int) {}

// Runs implements fork.Host.
func (h *host) Runs(int) bool { return true }

// Spawner implements fork.Host.
func (h *host) Spawner() task.Spawner { return (*Sim)(h) }

// Go implements fork.Turns: no operation, so the caller may hold a lock.
func (h *host) Go(what string, f func()) { (*Sim)(h).begin(what, f) }

// AfterFunc implements fork.Turns: no operation.
func (h *host) AfterFunc(d time.Duration, f func()) (stop func()) {
	a := &callback{f: f}
	a.alarm.Arm(&h.taskRuntime, nil, h.taskRuntime.After(d), a, 0)
	return func() { a.alarm.Disarm(&h.taskRuntime) }
}

// callback is an alarm that calls a function.
type callback struct {
	alarm task.Alarm
	f     func()
}

// Notify implements task.Notifier.
func (c *callback) Notify(uint32) { c.f() }

// Await implements fork.Turns.
func (h *host) Await(ready func() bool) {
	s := (*Sim)(h)
	for !ready() {
		switch t := s.cur; {
		case s.halting || s.failure != "":
			panic(halt{})
		case t == nil: // the test's function
			s.until = ready
			s.drive()
			s.until = nil
			if !ready() {
				s.fail("a computation waits for a part that nobody computes")
			}
		default:
			t.ready, t.since = ready, s.steps
			s.blocked = append(s.blocked, t)
			s.turn(nil, false)
			t.pause()
		}
	}
}

// unblock lets those go on that have what they wait for.
func (s *Sim) unblock() {
	for i := 0; i < len(s.blocked); {
		t := s.blocked[i]
		if !t.ready() {
			i++
			continue
		}
		s.blocked = slices.Delete(s.blocked, i, i+1)
		t.ready = nil
		s.mid = append(s.mid, t)
	}
}
