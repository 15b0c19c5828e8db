package task

import (
	"time"

	"github.com/heist-go/heist/timerwheel"
)

// DelayQueue hands out values when their time has come: retries, expiries,
// sessions that nobody uses. It costs one timer of the task, however many values
// there are, and belongs to that task; other tasks send it what to add. A value
// comes up to a tick ([timerwheel.Tick]) late, under a [Clock], too, which is exact otherwise.
// The zero value is empty and ready. It must not be copied. (Its wheel takes 8 kB.)
type DelayQueue[T any] struct {
	wheel timerwheel.Wheel[T]
	timer Timer
}

// Delayed is a value in a [DelayQueue].
type Delayed[T any] struct{ entry timerwheel.Entry[T] }

// Value returns the value.
func (e *Delayed[T]) Value() T { return e.entry.Value }

// Add queues v until d has passed. It allocates the Delayed by which v is found
// again.
//
//heist:keeps
func (q *DelayQueue[T]) Add(cx *Cx, v T, d time.Duration) *Delayed[T] {
	e := new(Delayed[T])
	e.entry.Value = v
	q.wheel.Add(&e.entry, cx.after(d))
	return e
}

// Reset moves a value to another time, d from now, and reports whether it was
// queued; if not, it is now.
func (q *DelayQueue[T]) Reset(cx *Cx, e *Delayed[T], d time.Duration) bool {
	return q.wheel.Reset(&e.entry, cx.after(d))
}

// Remove takes a value out, and reports whether it was in.
func (q *DelayQueue[T]) Remove(e *Delayed[T]) bool { return q.wheel.Remove(&e.entry) }

// Len returns how many values are queued, those due included.
func (q *DelayQueue[T]) Len() int { return q.wheel.Len() }

// Next waits for the next value that is due, and takes it out. On an empty queue
// it waits for ever: the task has something else, too, that wakes it and adds a
// value.
func (q *DelayQueue[T]) Next(cx *Cx) (v T, err error) {
	if !cx.Spent() {
		if e := q.wheel.Expire(cx.nanos()); e != nil {
			q.timer.Stop(cx)
			cx.moveOn()
			return e.Value, cx.Spend()
		}
	} else if q.wheel.Len() > 0 {
		return v, cx.Spend() // Pending: before anything is taken out
	}
	if err := cx.Err(); err != nil {
		return v, err
	}
	next, ok := q.wheel.Next()
	switch {
	case ok:
	case q.wheel.Len() == 0:
		q.timer.Stop(cx)
		return v, q.timer.Wait(cx)
	default: // beyond the end of time
		next = never
	}
	return v, q.timer.await(cx, next)
}
