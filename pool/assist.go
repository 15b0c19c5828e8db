package pool

import (
	"time"

	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/pool/fork"
)

const (
	// spinAfterJob is for how long a worker that has found no work looks on, if there are
	// computations that it has asked.
	spinAfterJob = int64(20 * time.Microsecond)
	// minJob is how long a job must have taken for its thief to look on when there is
	// no computation, either: often the next one comes at once.
	minJob = int64(5 * time.Microsecond)
)

// assist computes a job of a computation, if there is one. For a worker that has found no frame.
func (w *worker) assist() bool {
	p := w.pool
	if !w.searching || !w.spins && !p.helps() || w.retired.Load() {
		return false
	}
	var j *fork.Job
	for end := clock.Now() + spinAfterJob; ; {
		if p.helps() {
			if j = w.stealJob(); j != nil {
				break
			}
			if !p.team.RequestWork(w.participant) && !w.spins {
				return false
			}
		}
		if !w.inbox.Empty() || clock.Now() >= end {
			w.spins = false
			return false
		}
	}
	w.searching = false
	last := p.parking.found(w.id)
	w.participant.Depart()
	if last && p.anyWork() {
		p.notify() // P2, but for no more threads than can help
	}
	w.works()
	w.count[parts]++
	w.report()
	begin := clock.Now()
	defer func() {
		w.participant.Return()
		if w.runner.ProbePending() {
			w.sampler.chargeParts()
			w.runner.Rest() // it is not in the poll that would answer
		}
		now := clock.Now()
		w.spins = now-begin >= minJob
		if p.helps() && (w.deque.Len() > 0 || !w.inbox.Empty()) {
			p.notify() // another worker, while this one polls
		}
		w.pace.begin(now)
		w.due = w.tick + 1
	}()
	if w.observer != nil && w.observer.labels != nil {
		w.observer.labels.parts(j)
	}
	w.participant.Compute(j)
	return true
}

// helps reports whether there are computations that have use for another thread, and no
// job of a task that has more.
func (p *Pool) helps() bool {
	n := p.team.Computing()
	return n > 0 && n < p.config.Workers && !p.jobs.threadWanted.Load()
}

// stealJob steals a job, if the worker may compute: then the team counts it as one that does.
func (w *worker) stealJob() *fork.Job {
	p := w.pool
	if !p.anyJob() || !p.team.TryEnter() {
		return nil
	}
	j := p.team.Steal(w.participant, w.rng.Uint64())
	if j == nil {
		p.team.Exit(false)
	}
	return j
}

// anyJob reports whether there is something for assist.
func (p *Pool) anyJob() bool { return p.helps() && p.team.HasJob() }

// computes reports whether the worker is in a computation, which may take long: other
// workers help, and the monitor moves away what it holds up. A hint.
func (w *worker) computes() bool { return w.participant.Computes() }
