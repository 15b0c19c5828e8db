//go:build explore

package task

import (
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// stamper is how a waker gives a frame a stamp, and what a control replaces.
type stamper func(s *Stamp, f *Frame, now int64, submit func())

func soundStamper(s *Stamp, f *Frame, now int64, submit func()) {
	s.Put(f, now)
	submit()
}

// twoStamped: two tasks are woken by a thread each, who both want to give them the one stamp. Whoever is polled with it
// was given it (P1), at the time that it says (P2).
func twoStamped(put stamper) func(*explore.X) {
	return func(x *explore.X) {
		const tasks = 2
		r := newRig(x, 1, tasks)
		s := new(Stamp)
		var all []*script
		polled := 0
		r.workers[0].started = func(f *Frame, got *Stamp) {
			polled++
			x.Assert(f == &all[got.Since()].Frame, "P1: a stamp is polled with another frame")
		}
		for i := range tasks {
			var told explore.Bool
			t := newScript("task", func(_ *script, cx *Cx) error {
				if !told.Load() {
					return cx.Suspend()
				}
				return nil
			})
			all = append(all, t)
			x.Go("waker", func() {
				told.Store(true)
				if t.state.wake(1, 0) {
					put(s, &t.Frame, int64(i), func() { r.submit(&t.Frame) })
				}
			})
		}
		r.detach(all[0], all[1])
		x.Final(func() {
			r.settled(all...)
			x.Assert(!s.with.Load(), "P1: the stamp is with a frame that has ended")
			x.Assert(polled <= tasks, "P1: a stamp was polled %d times", polled)
		})
	}
}

func TestExploreStamp(t *testing.T) {
	explore.Check(t, explore.Options{Preemptions: 3}, twoStamped(soundStamper))
}

func TestRefuteStamps(t *testing.T) {
	t.Run("does not claim", func(t *testing.T) {
		refute(t, 3, "race", twoStamped(func(s *Stamp, f *Frame, now int64, submit func()) {
			s.with.Store(true)
			s.at.Set(now)
			s.mark.err = (*stampMark)(s)
			f.out.Set(&s.mark)
			submit()
		}))
	})
	t.Run("queues first", func(t *testing.T) {
		refute(t, 3, "race", twoStamped(func(s *Stamp, f *Frame, now int64, submit func()) {
			submit()
			s.Put(f, now)
		}))
	})
}
