package pool

import (
	"math"

	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/task"
)

// Each worker has a timer wheel, in its runner: tasks arm their timers where they
// are polled. The worker fires what is due every look of its pace and whenever it
// wakes, and sleeps no longer than until the next. While it computes the active workers do it
// in its place (see watchTimers). If it is stuck in a long poll, searchers do it, and the monitor.
//
// In a pool that was given a [task.Clock], whoever moves that clock fires the timers.
// A worker fires those that were due when they were armed, before it parks
// and every look of its pace; it sleeps until it is unparked, and no other stands in for it.

// never is what a runner answers when no alarm is armed.
const never = math.MaxInt64

// near is how soon a timer is due that others watch from the moment when its worker departs: more than
// a period of the monitor.
const near = 4 * maxPeriod

// expire fires the worker's timers that are due, and returns how many. now is the
// machine's time.
func (w *worker) expire(now int64) (n int) {
	if w.pool.config.Clock != nil {
		now = w.pool.runtime.Nanos()
	}
	if w.runner.Due() > now {
		return 0
	}
	n = w.runner.Expire(now, w.roused())
	w.count[fired] += uint64(n)
	if n > 1 && w.deque.Size() > 0 { // more than what w runs next
		w.share()
	}
	return n
}

// fireForAway fires the timers that are due of workers that are away.
func (w *worker) fireForAway(now int64) {
	p := w.pool
	if p.away.Load() == 0 || p.config.Clock != nil {
		return
	}
	for _, v := range p.active() {
		if v != w && v.departed.Load() && v.runner.Due() <= now {
			w.count[fired] += uint64(v.runner.Expire(now, w))
		}
	}
}

// soonestOfAway returns when the first timer of a worker that is away is due.
func (p *Pool) soonestOfAway() int64 {
	due := int64(never)
	if p.away.Load() > 0 && p.config.Clock == nil {
		for _, v := range p.active() {
			if v.departed.Load() {
				due = min(due, v.runner.Due())
			}
		}
	}
	return due
}

// watchTimers has an active worker look at the timers of a worker that is away, unless one that
// sleeps will do so before the first is due. If none sleeps, each looks before it
// does. The monitor sees to what is due much later, if the worker is still away then.
func (p *Pool) watchTimers(w *worker) {
	due := w.runner.Due()
	if due == never || p.config.Clock != nil || due > clock.Now()+near {
		return
	}
	// Hint. Store-load: that it is away, and its timer, first, then this look. If it is lost
	// the monitor fires the timer.
	// Pairs with: (*worker).park.
	for i, v := range p.active() {
		if v.until.Load() <= due && p.parking.isParked(i) && p.parking.isActive(i) {
			return
		}
	}
	p.notify()
}

// park sleeps until the next of the worker's timers, or of those of workers that are away, or until it is
// unparked.
func (w *worker) park() {
	// Store-load: the parked bit first, these looks second. Whoever arms an alarm here
	// from another thread, or goes away, does it the other way round.
	// Pairs with: (*seam).Sooner, (*Pool).watchTimers.
	due := w.runner.Due()
	switch {
	case due == never:
	case w.pool.config.Clock == nil:
		due = w.runner.NextDeadline()
	case w.expire(0) > 0: // armed since the look in rest
		return
	default:
		due = never
	}
	if !w.retired.Load() {
		if other := w.pool.soonestOfAway(); other < due {
			due = other
		}
		w.until.Store(due) // Hint. See watchTimers.
	}
	switch {
	case w.sleepInPoll(due):
	case due == never:
		w.parker.Park()
	default:
		w.parker.ParkUntil(due)
	}
}

// fireOverdue fires the timers of a worker that is overdue with them, and returns a
// frame that has become runnable by that.
func (w *worker) fireOverdue(active []*worker) *task.Frame {
	if w.pool.config.Clock != nil {
		return nil
	}
	now := int64(0)
	for _, v := range active {
		due := v.runner.Due()
		if due == never {
			continue
		}
		if now == 0 {
			now = clock.Now()
		}
		if due < now-overdue {
			w.count[fired] += uint64(v.runner.Expire(now, w))
			// Claim. The frame, the first of them. Pairs with: (*monitor).unload.
			if f := w.lifo.Swap(nil); f != nil {
				return f
			}
		}
	}
	return nil
}
