//go:build explore

package pool

import (
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// placement is how a submitter chooses whose inbox a frame goes into, and who is woken.
type placement struct {
	lowest func(*parking) int
	pick   func(p *parking, has int) int
}

var soundPlacement = placement{(*parking).lowest, (*parking).claimFor}

// placed is submitters whose frames go into the inbox of the worker that lowest names, beside
// workers that go idle, of which the first sleeps in the poll. Nobody who is woken goes idle again,
// so if another worker was woken than the one that has the frame, that one must be awake.
func placed(y placement, submitters, late int) func(*explore.X) {
	return func(x *explore.X) {
		const workers = 3
		p := &parking{batons: make([]baton, 1)}
		p.batons[0].holder.Store(1)
		p.begin(workers, 0)
		for i := range late { // the lowest, but for the poller
			p.claim(1 + i)
			p.found(1 + i)
		}
		for i := range late {
			x.Go("late", func() { p.beginPark(1+i, false) })
		}
		for range submitters {
			x.Go("submitter", func() {
				has := y.lowest(p)
				if i := y.pick(p, has); has >= 0 && i >= 0 && i != has {
					x.Assert(!p.isParked(has), "worker %d is woken, and worker %d sleeps beside the frame", i, has)
				}
			})
		}
	}
}

func TestExploreSubmit(t *testing.T) {
	explore.Check(t, explore.Options{}, placed(soundPlacement, 1, 0))
	explore.Check(t, explore.Options{}, placed(soundPlacement, 2, 1))
	explore.Check(t, explore.Options{Preemptions: 3}, placed(soundPlacement, 2, 2))
}

func TestExploreSubmitControls(t *testing.T) {
	poller, lowest := soundPlacement, soundPlacement
	poller.lowest = func(p *parking) int { // as if nobody slept in the poll
		q := parking{groups: p.groups}
		return q.lowest()
	}
	poller.pick = func(p *parking, _ int) int { return p.claimAny() }
	lowest.pick = poller.pick
	t.Run("the frame goes to who sleeps in the poll", func(t *testing.T) {
		explore.Refute(t, explore.Options{}, placed(poller, 1, 0))
	})
	t.Run("whoever is lowest by now is woken", func(t *testing.T) {
		explore.Refute(t, explore.Options{}, placed(lowest, 1, 1))
	})
}
