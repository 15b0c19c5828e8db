//go:build explore

package task

import (
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// sightAndStamp: a reader leaves a sighting with a suspended task whenever it has it in hand, while a waker makes the
// task runnable, and gives it a stamp. Who writes the outcome has the frame (P2), and nothing of both is left at the end.
func sightAndStamp(look func(f *Frame, now *sighting)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 1)
		s, now := new(Stamp), newSighting()
		var told explore.Bool
		t := newScript("task", func(_ *script, cx *Cx) error {
			if !told.Load() {
				return cx.Suspend()
			}
			return nil
		})
		x.Go("waker", func() {
			told.Store(true)
			if t.state.wake(1, 0) {
				s.Put(&t.Frame, 1)
				r.submit(&t.Frame)
			}
		})
		x.Go("reader", func() {
			for range 2 {
				look(&t.Frame, now)
			}
		})
		r.detach(t)
		x.Final(func() {
			r.settled(t)
			x.Assert(!s.with.Load(), "P1: the stamp is with a frame that has ended")
			x.Assert(t.Err() == nil, "a mark is the outcome: %v", t.Err())
		})
	}
}

func soundSight(f *Frame, now *sighting) {
	if f.state.seize() {
		var s Suspended
		s.sight(f, now)
		f.letGo()
	}
}

func TestExploreSighting(t *testing.T) {
	met := map[bool]int{} // whether the reader has found the task suspended
	explore.Check(t, bounded(3), sightAndStamp(func(f *Frame, now *sighting) {
		before := f.state.bits.Load()
		soundSight(f, now)
		met[before&(live|active) == live]++
	}))
	if met[true] == 0 || met[false] == 0 {
		t.Fatalf("%d times the task was suspended, %d times not", met[true], met[false])
	}
}

// A reader that leaves a sighting with what it does not have in hand, or lets go first.
func TestRefuteSightings(t *testing.T) {
	for name, look := range map[string]func(f *Frame, now *sighting){
		"not in hand": func(f *Frame, now *sighting) {
			if f.state.bits.Load()&(live|active) == live {
				f.out.Set(&now.mark)
			}
		},
		"lets go first": func(f *Frame, now *sighting) {
			if f.state.seize() {
				f.letGo()
				f.out.Set(&now.mark)
			}
		},
	} {
		t.Run(name, func(t *testing.T) { refute(t, 3, "race", sightAndStamp(look)) })
	}
}
