//go:build explore

package pool

import (
	"testing"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/pool/fork"
)

// sleepers is an owner in a long computation, which it leaves only when a worker has taken
// a part, and a worker that goes to sleep meanwhile. Who sleeps on beside it is found as a
// deadlock.
func sleepers(rest func(*worker)) func(*explore.X) {
	return func(x *explore.X) {
		p, err := New(Config{Workers: 2, Procs: -1, Samples: -1, StallLimit: -1}) // the owner counts, too
		x.Assert(err == nil, "%v", err)
		p.start = func(*worker) {}
		w := p.workers[0]
		w.started.Store(true)
		p.parking.endPark(0)
		p.parking.deactivate(1) // there is one worker
		var taken explore.Bool
		x.Go("owner", func() {
			n := fork.Call(p.origin(), func(f fork.Fork[int, int], part int) int {
				if part == 1 {
					return 1
				}
				f.Put(1)
				f.JoinUntil(&taken)
				if f.Kept() {
					return 0
				}
				return f.Take(1)
			}, 0)
			x.Assert(n == 1, "wrong result")
		})
		x.Go("worker", func() {
			w.tick = 1
			for {
				if j := p.team.Steal(w.participant, 0); j != nil {
					taken.Store(true)
					p.team.Enter()
					w.participant.Compute(j)
					return
				}
				p.team.RequestWork(w.participant) // as in assist
				rest(w)
			}
		})
	}
}

// restBy is rest, as far as computations are concerned.
func restBy(idle func(w *worker) bool, look func(w *worker) bool) func(w *worker) {
	return func(w *worker) {
		p := w.pool
		if idle(w) && look(w) {
			p.parking.claim(w.id)
			w.searching = true
			return
		}
		w.park()
		w.searching = p.parking.endPark(w.id)
	}
}

func askAfter(w *worker) bool {
	look := w.pool.parking.beginPark(w.id, w.searching)
	w.pool.team.RequestWork(w.participant)
	return look
}

func anyJob(w *worker) bool { return w.pool.anyJob() }

func TestExploreSleepers(t *testing.T) {
	explore.Check(t, explore.Options{Random: 20_000, Seed: 1}, sleepers((*worker).rest))
	explore.Check(t, explore.Options{Random: 20_000, Seed: 1}, sleepers(restBy(askAfter, anyJob)))
}

func TestExploreSleepersControls(t *testing.T) {
	for name, rest := range map[string]func(*worker){
		"the worker does not ask": restBy(func(w *worker) bool { return w.pool.parking.beginPark(w.id, w.searching) }, anyJob),
		"the worker asks before it is idle": restBy(func(w *worker) bool {
			w.pool.team.RequestWork(w.participant)
			return w.pool.parking.beginPark(w.id, w.searching)
		}, anyJob),
		"the worker does not look again": restBy(askAfter, func(*worker) bool { return false }),
	} {
		t.Run(name, func(t *testing.T) {
			explore.Refute(t, explore.Options{Random: 50_000, Seed: 1}, sleepers(rest))
		})
	}
}
