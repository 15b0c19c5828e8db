//go:build explore

package pool

import (
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// office is how jobs get their turn: as the pool does it, or with a mistake.
type office struct {
	put    func(q *jobs, t *turn)
	end    func(q *jobs, t *turn)
	ceased func(p *Pool) // a thread that computes on its own account
	early  bool          // the turn ends before the computation does
}

var soundOffice = office{
	put:    func(q *jobs, t *turn) { _ = q.put(t, nil, false) },
	end:    func(q *jobs, t *turn) { q.end(t, nil) },
	ceased: func(p *Pool) { p.team.Exit(false) },
}

// errands is some jobs on a pool, beside a thread that computes on its own account, if it
// calls, and one that takes a part, if it may. On one worker one job is withdrawn, or
// computes; on two, two jobs compute until both do.
func errands(y office, workers, jobs int, calls, helps bool) func(*explore.X) {
	return func(x *explore.X) {
		p, err := New(Config{Workers: workers, Procs: -1, Samples: -1, StallLimit: -1})
		x.Assert(err == nil, "%v", err)
		p.start = func(*worker) {}
		var computing explore.Int64 // of those that may be told to wait
		compute := func() {
			n := computing.Add(1)
			x.Assert(n <= int64(workers), "%d compute, and there are %d workers", n, workers)
			if workers == 2 {
				explore.Wait(&computing, func() bool { return computing.Peek() == 2 })
				return
			}
			computing.Add(-1)
		}
		turns := make([]turn, jobs)
		begun := make([]int, jobs)
		for i := range turns {
			t := &turns[i]
			x.Go("job", func() {
				y.put(&p.jobs, t)
				if workers == 1 && i == 1 && p.jobs.withdraw(t, canceled) {
					return
				}
				explore.Wait(&t.stage, func() bool { return t.stage.Peek() == granted })
				begun[i]++
				if y.early {
					y.end(&p.jobs, t)
					compute()
					return
				}
				compute()
				y.end(&p.jobs, t)
			})
		}
		if calls {
			x.Go("caller", func() {
				p.team.Enter()
				y.ceased(p)
			})
		}
		if helps {
			x.Go("helper", func() {
				if p.helps() && p.team.TryEnter() {
					compute()
					p.team.Exit(true)
				}
			})
		}
		x.Final(func() {
			s := p.JobStats(nil)
			x.Assert(p.team.Computing() == 0 && !p.jobs.threadWanted.Peek() && p.jobs.bound == 0, "%d compute in the end", p.team.Computing())
			x.Assert(s.Running == 0 && s.Waiting == 0 && int(s.Started+s.Withdrawn) == jobs, "in the end: %+v", s)
		})
	}
}

// With a caller, who computes whatever others do, one job may compute beside it: that
// two of those who wait compute at a time is what must not be.
func TestExploreJobs(t *testing.T) {
	explore.Check(t, explore.Options{Preemptions: 3}, errands(soundOffice, 1, 2, false, false))
	explore.Check(t, explore.Options{Preemptions: 2}, errands(soundOffice, 1, 2, true, false))
	explore.Check(t, random(30_000), errands(soundOffice, 1, 3, true, false))
	explore.Check(t, random(30_000), errands(soundOffice, 1, 3, false, true))
	explore.Check(t, random(30_000), errands(soundOffice, 2, 2, true, false))
}

func TestExploreJobsControls(t *testing.T) {
	early, looks, forgets, leaks := soundOffice, soundOffice, soundOffice, soundOffice
	early.early = true
	looks.ceased = func(p *Pool) {
		thirst := p.jobs.threadWanted.Load()
		p.team.Add(-1)
		if thirst {
			p.jobs.start()
		}
	}
	forgets.end = func(q *jobs, t *turn) { // nobody has the thread after it
		q.mu.Lock()
		t.lane.stats.Running--
		q.bound--
		q.mu.Unlock()
		q.team.Add(-1)
	}
	leaks.put = func(q *jobs, t *turn) { // without saying that it waits
		q.mu.Lock()
		l := q.lane(nil)
		t.lane, t.number = l, q.number
		q.number++
		l.queue.Push(t)
		if q.bound == 0 && q.team.TryEnter() {
			q.enter(t)
		}
		q.mu.Unlock()
	}
	for name, c := range map[string]struct {
		y             office
		workers, jobs int
		calls         bool
	}{
		"a thread is free before the computation is over": {early, 1, 3, false},
		"who ceases looks for jobs first":                 {looks, 2, 2, true},
		"the thread of a job that ends is lost":           {forgets, 1, 3, false},
		"who waits does not say so":                       {leaks, 1, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			explore.Refute(t, explore.Options{Random: 60_000, Seed: 1}, errands(c.y, c.workers, c.jobs, c.calls, false))
		})
	}
}
