//go:build explore

package pool

import (
	"testing"
	"time"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/task"
)

// moved is a worker that goes to sleep while somebody else arms an alarm in its runner and
// a third one moves the clock to the deadline. Who sleeps on is found as a deadlock.
func moved(y way) func(*explore.X) {
	return func(x *explore.X) {
		clock := task.NewClock(time.Unix(0, 0))
		r := newRigOf(x, y, Config{Workers: 1, Procs: -1, Samples: -1, StallLimit: -1, Clock: clock}, 1)
		r.asleep(1)
		due := r.runtime.Nanos() + 1
		var alarm, other task.Alarm
		rings := 0
		x.Go("armer", func() {
			alarm.Arm(&r.runtime, nil, due, ringer(func() {
				rings++
				r.submit(r.jobs[0])
			}), 0)
		})
		x.Go("submitter", func() { // keeps the worker on the move
			other.Arm(&r.runtime, nil, 1, ringer(func() {}), 0)
		})
		x.Go("mover", func() { clock.Advance(1) })
		x.Final(func() {
			x.Assert(rings == 1, "the alarm has rung %d times", rings)
			r.check()
			task.ReleaseClock(&r.runtime)
		})
	}
}

func TestExploreClock(t *testing.T) {
	explore.Check(t, random(20_000), moved(sound))
}

func TestExploreClockControls(t *testing.T) {
	for name, y := range map[string]way{
		"nobody is told": sound.with(func(y *way) { y.sooner = func(*Pool, int) {} }),
		"the worker looks at its timers before it is idle": sound.with(func(y *way) {
			y.rest = func(w *worker) {
				if w.expire(0) > 0 {
					return
				}
				w.runner.Rest()
				w.report()
				p := &w.pool.parking
				if p.beginPark(w.id, w.searching) && w.pool.anyWork() {
					p.claim(w.id)
					w.searching = true
					return
				}
				if w.called() {
					w.searching = p.endPark(w.id)
					return
				}
				w.parker.Park()
				w.searching = p.endPark(w.id)
				w.expire(0)
				w.due = w.tick + 1
			}
		}),
	} {
		t.Run(name, func(t *testing.T) { explore.Refute(t, explore.Options{Random: 20_000, Seed: 1}, moved(y)) })
	}
}
