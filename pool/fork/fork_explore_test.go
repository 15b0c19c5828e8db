//go:build explore

package fork

import (
	"testing"

	"github.com/heist-go/heist/deque"
	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/task"
)

// craft is how a job is computed, joined and asked for: as in this package, or with a mistake.
type craft struct {
	compute func(x *Participant, j *Job)
	join    func(x *Participant, j *Job)
	request func(x *Participant)
}

var soundCraft = craft{
	compute: (*Participant).Compute,
	join:    (*Participant).join,
	request: (*Participant).requestWork,
}

func (y craft) with(change func(*craft)) craft {
	change(&y)
	return y
}

// busy is a host all of whose workers compute: nothing but a request is a reason to promote
// a frame.
type busy struct{ waits explore.Bool } // for a thread

func (*busy) Now() int64            { return 0 }
func (*busy) Parked() int           { return 0 }
func (*busy) Searching() bool       { return false }
func (*busy) Notify()               {}
func (h *busy) Freed()              { h.waits.Load() }
func (*busy) Depart(int)            {}
func (*busy) Return(int)            {}
func (*busy) Runs(int) bool         { return true }
func (*busy) Spawner() task.Spawner { return nil }

// workshop is a team of a busy host.
func workshop(workers int) *Team {
	h := new(busy)
	t := NewTeam(h, workers, workers)
	t.SetQueue(h)
	for range workers {
		t.Join()
	}
	t.computing.Store(100)
	return t
}

// count is a computation of 2^n leaves.
func count(f Fork[int, int], n int) int {
	f.Age()
	if n == 0 {
		return 1
	}
	x := count(f.Put(n-1), n-1)
	if f.Kept() {
		return x + count(f, n-1)
	}
	return x + f.Take(n-1)
}

// joins is an owner whose only frame is promoted when a thief has requested work, and perhaps
// stolen; the job has a fork itself, that the owner may help with.
func joins(y craft, n int) func(*explore.X) {
	return func(x *explore.X) {
		t := workshop(2)
		owner, thief := t.members[0], t.members[1]
		x.Go("owner", func() {
			s := open(owner, count)
			f := Fork[int, int]{s, 0}
			f.Age()
			if f.Put(n); !s.within(1) {
				s.slowPath(1, 0)
			}
			got := 0
			if f.Kept() {
				got = count(f, n)
			} else if j := s.reclaim(0); j != nil {
				y.join(owner, &j.Job)
				got = j.r
			} else {
				got = count(f, n)
			}
			x.Assert(got == 1<<n, "%d leaves instead of %d", got, 1<<n)
			s.close()
			x.Assert(owner.deque.Len() == 0 && owner.current.Load() == nil, "something is left")
		})
		x.Go("thief", func() {
			y.request(owner)
			for range 2 {
				if j, _ := owner.deque.Steal(); j != nil {
					y.compute(thief, j)
					return
				}
			}
		})
	}
}

// computeBy is Compute without panics, with another end.
func computeBy(finish func(*Job)) func(x *Participant, j *Job) {
	return func(x *Participant, j *Job) {
		x.running = j
		j.thief.Store(x)
		j.body.run(x)
		x.running = nil
		finish(j)
	}
}

// joinBy is join in parts.
func joinBy(prepare func(*Job) bool, again func(x, thief *Participant) bool, help func(x *Participant, j *Job, thief *Participant) bool) func(x *Participant, j *Job) {
	return func(x *Participant, j *Job) {
		for !j.isDone() {
			y := j.thief.Load()
			if y != nil {
				if help(x, j, y) {
					continue
				}
				y.requestWork()
			}
			if !prepare(j) {
				return
			}
			if y == nil || !again(x, y) {
				x.parker.Park()
			}
			j.state.CompareAndSwap(awaited, pending)
		}
	}
}

func busyAgain(_, thief *Participant) bool { return thief.deque.Len() > 0 }

func TestExploreJoin(t *testing.T) {
	explore.Check(t, explore.Options{Preemptions: 4}, joins(soundCraft, 0))
	explore.Check(t, explore.Options{Preemptions: 3}, joins(soundCraft, 1))
	explore.Check(t, explore.Options{Random: 20_000, Seed: 1}, joins(soundCraft, 2))
	copied := soundCraft.with(func(y *craft) {
		y.compute = computeBy((*Job).finish)
		y.join = joinBy((*Job).prepareToPark, busyAgain, (*Participant).help)
	})
	explore.Check(t, explore.Options{Preemptions: 3}, joins(copied, 1))
}

func TestExploreJoinControls(t *testing.T) {
	for name, y := range map[string]craft{
		"the end looks for a joiner before it says that the job is done": soundCraft.with(func(y *craft) {
			y.compute = computeBy(func(j *Job) {
				waits := j.state.Load() == awaited
				j.state.Store(done)
				if waits {
					j.owner.parker.Unpark()
				}
			})
		}),
		"the end does not look for a joiner": soundCraft.with(func(y *craft) {
			y.compute = computeBy(func(j *Job) { j.state.Store(done) })
		}),
		"the joiner parks without saying so": soundCraft.with(func(y *craft) {
			y.join = joinBy(func(j *Job) bool { return !j.isDone() }, busyAgain, (*Participant).help)
		}),
		"the joiner says with a Store that it parks": soundCraft.with(func(y *craft) {
			y.join = joinBy(func(j *Job) bool {
				if j.isDone() {
					return false
				}
				j.state.Store(awaited)
				return true
			}, busyAgain, (*Participant).help)
		}),
		"the result is published before it is there": soundCraft.with(func(y *craft) {
			y.compute = func(x *Participant, j *Job) {
				j.thief.Store(x)
				j.finish()
				j.body.run(x)
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			explore.Refute(t, explore.Options{Random: 50_000, Seed: 1}, joins(y, 1))
		})
	}
}

// locked is an owner that holds a lock across a join, while elsewhere there is a part that
// wants the lock. A thread that waits for itself is found as a deadlock.
func locked(y craft) func(*explore.X) {
	return func(x *explore.X) {
		t := workshop(3)
		owner, thief, other := t.members[0], t.members[1], t.members[2]
		var lock explore.Bool
		acquire := func() {
			for !lock.CompareAndSwap(false, true) {
				explore.Wait(&lock, func() bool { return !lock.Peek() })
			}
		}
		wants := func(Fork[int, int], int) int {
			acquire()
			lock.Store(false)
			return 1
		}
		stranger := &job[int, int]{fn: wants}
		stranger.owner, stranger.body = other, stranger
		other.deque.Push(&stranger.Job)
		j := &job[int, int]{fn: count, a: 1}
		j.owner, j.body = owner, j
		x.Go("owner", func() {
			acquire()
			y.join(owner, &j.Job)
			lock.Store(false)
		})
		x.Go("thief", func() {
			thief.Compute(&j.Job)
			if k, r := other.deque.Steal(); r == deque.Stolen {
				thief.Compute(k)
			}
		})
	}
}

func TestExploreLocked(t *testing.T) {
	explore.Check(t, explore.Options{Preemptions: 3}, locked(soundCraft))
}

// A joiner that helps with anything while it waits deadlocks.
func TestExploreLockedControl(t *testing.T) {
	anything := soundCraft.with(func(y *craft) {
		y.join = joinBy((*Job).prepareToPark, busyAgain, func(x *Participant, j *Job, thief *Participant) bool {
			for _, z := range x.team.members[:3] {
				if k, r := z.deque.Steal(); r == deque.Stolen {
					x.Compute(k)
					return true
				}
			}
			return false
		})
	})
	explore.Refute(t, explore.Options{Random: 50_000, Seed: 1}, locked(anything))
}
