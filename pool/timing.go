package pool

import (
	"math"

	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/task"
)

// Each worker has a timer wheel, in its runner: tasks arm their timers where they
// are polled. The worker fires what is due every look of its pace and whenever it
// wakes, and sleeps no longer than until the next. If it is stuck in a long poll,
// searchers do it, and the guard.
//
// In a pool that was given a [task.Clock], whoever moves that clock fires the timers.
// A worker fires those that were due when they were armed, before it is taken for idle
// and every look of its pace; it sleeps until it is woken, and nobody stands in for it.

// never is what a runner answers when no alarm is armed.
const never = math.MaxInt64

// expire fires the worker's timers that are due, and returns how many. now is the
// machine's time.
func (w *worker) expire(now int64) (n int) {
	if w.pool.config.Clock != nil {
		now = w.pool.Nanos()
	}
	if w.runner.Due() > now {
		return 0
	}
	n = w.runner.Expire(now, w)
	w.count[fired] += uint64(n)
	if n > 1 && w.deque.Size() > 0 { // more than what w runs next
		w.share()
	}
	return n
}

// park sleeps until the next of the worker's timers, or until it is woken.
func (w *worker) park() {
	// Store-load: the idle bit first, these looks second. Whoever arms an alarm here
	// from another thread does it the other way round.
	// Pairs with: (*intake).Sooner.
	due := w.runner.Due()
	switch {
	case due == never:
	case w.pool.config.Clock == nil:
		due = w.runner.Settle()
	case w.expire(0) > 0: // armed since the look in rest
		return
	default:
		due = never
	}
	switch {
	case w.sleepInPoll(due):
	case due == never:
		w.parker.Park()
	default:
		w.parker.ParkUntil(due)
	}
}

// rescue fires the timers of a worker that is overdue with them, and returns a
// frame that has become runnable by that.
func (w *worker) rescue(crew []*worker) *task.Frame {
	if w.pool.config.Clock != nil {
		return nil
	}
	now := int64(0)
	for _, v := range crew {
		due := v.runner.Due()
		if due == never {
			continue
		}
		if now == 0 {
			now = clock.Now()
		}
		if due < now-overdue {
			w.count[fired] += uint64(v.runner.Expire(now, w))
			if f := w.lifo.Swap(nil); f != nil { // the first of them
				return f
			}
		}
	}
	return nil
}

// Sooner implements task.Scheduler: an alarm was armed from another thread.
func (in *intake) Sooner(i int) {
	if p := (*Pool)(in); p.parking.rouse(i) {
		p.wake(p.workers[i])
	}
}
