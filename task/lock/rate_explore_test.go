//go:build explore

package lock

import (
	"context"
	"testing"
	"time"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
)

// onTime is a task that waits for a turn while somebody moves the clock to it: whenever it has
// looked at the clock, it has its turn then.
func onTime(policy func(*RateLimiter) task.Policy) func(*explore.X) {
	return func(x *explore.X) {
		l := rig.NewLab()
		r := NewRateLimiter(1, time.Second, 1)
		task.Detach(l, rig.Named("first", r.Wait))
		l.Work()
		second := rig.Named("second", func(cx *task.Cx) error {
			return r.queue.Wait(cx, &r.mu, policy(r), 1)
		})
		task.Detach(l, second)
		x.Go("worker", l.Work)
		x.Go("mover", func() { l.Clock.Advance(time.Second) })
		x.Final(func() {
			l.Work()
			x.Assert(r.queue.Empty(), "it still waits when it is time")
			x.Assert(l.Timers() == 0, "an alarm is armed for nobody")
			task.ReleaseClock(&l.Runtime)
		})
	}
}

func TestExploreRate(t *testing.T) {
	explore.Check(t, bounded(3), onTime(func(r *RateLimiter) task.Policy { return (*ratePolicy)(r) }))
}

// A control: it looks at the clock again, for when it is time.
func TestRefuteRateOfTwoLooks(t *testing.T) {
	rig.Refute(t, 2, "still waits", onTime(func(r *RateLimiter) task.Policy { return twoLooks{(*ratePolicy)(r)} }))
}

type twoLooks struct{ *ratePolicy }

func (p twoLooks) TryGrant(*task.WaitQueue, int64) task.GrantState {
	r := (*RateLimiter)(p.ratePolicy)
	wait := r.take(r.now(), 1)
	if wait == 0 {
		return task.Granted
	}
	r.alarm.Arm(r.rt, nil, r.rt.After(wait), p.ratePolicy, 0)
	return task.Waiting
}

// moves is a limiter that goes from one scheduler to the next, on the same clock, while that is
// moved.
func moves(move func(*RateLimiter, *task.Runtime)) func(*explore.X) {
	return func(x *explore.X) {
		clock := task.NewClock(time.Unix(0, 0))
		var from, to task.Runtime
		for _, rt := range []*task.Runtime{&from, &to} {
			task.SetClock(rt, clock)
			task.Open(context.Background(), rt, nil, new(task.Runner))
		}
		r := NewRateLimiter(1, time.Second, 1)
		r.rt, r.busy = &from, from.After(time.Second)
		busy := r.busy
		x.Go("limiter", func() { move(r, &to) })
		x.Go("mover", func() { clock.Advance(time.Second) })
		x.Final(func() { x.Assert(r.busy == busy, "busy until %d, and it was %d", r.busy, busy) })
	}
}

func TestExploreRateMoves(t *testing.T) {
	explore.Check(t, exhaustive, moves((*RateLimiter).move))
}

// A control: it looks at the clock of each, as if they were two.
func TestRefuteRateMoves(t *testing.T) {
	rig.Refute(t, 2, "busy until", moves(func(r *RateLimiter, rt *task.Runtime) {
		then := r.rt.Nanos()
		r.rt = rt
		r.busy += rt.Nanos() - then
	}))
}
