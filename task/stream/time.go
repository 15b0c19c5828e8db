package stream

import (
	"fmt"
	"io"
	"time"

	"github.com/heist-go/heist/task"
)

// moment waits for a point in time, canceled or not. The timer is in a branch of its own, so
// that it can be stopped with the stream. If it was stopped with a branch that the stream is
// pulled in, it is armed again.
type moment struct {
	timer  task.Timer
	branch task.Branch
}

// wait waits until it is at, which may be another time in each poll.
func (m *moment) wait(cx *task.Cx, at time.Time) error {
	left := at.Sub(cx.Now())
	if left <= 0 {
		return nil
	}
	return m.branch.Poll(cx, func(cx *task.Cx) error {
		m.timer.Reset(cx, left) // nothing changes if that is what it is armed for
		return cx.Suspend()
	})
}

func (m *moment) leave()           { m.branch.Leave() }
func (m *moment) stop(cx *task.Cx) { m.branch.End(cx) }

// Ticks returns a stream of the time, every so often; the first value comes every after the
// first Next. It keeps its schedule, and leaves out the ticks for which Next was not called in
// time (for other ways there are [task.Ticker] and [Func]). It ends when the task is to come to
// an end by itself: see [task.Cx.Draining].
func Ticks(every time.Duration) *Stream[time.Time] {
	if every <= 0 {
		panic(fmt.Sprintf("stream: Ticks(%v): the time between ticks must be positive", every))
	}
	return made[time.Time](&ticks{every: every})
}

type ticks struct {
	every time.Duration
	next  time.Time // zero at the beginning
	timer moment
}

func (t *ticks) Next(cx *task.Cx) (now time.Time, err error) {
	if err := cx.Err(); err != nil {
		return now, err
	}
	if cx.Draining() {
		return now, io.EOF
	}
	if t.next.IsZero() {
		t.next = cx.Now().Add(t.every)
	}
	if err := t.timer.wait(cx, t.next); err != nil {
		return now, err
	}
	if err := cx.Spend(); err != nil {
		return now, err
	}
	now = cx.Now()
	t.next = t.next.Add(now.Sub(t.next) / t.every * t.every).Add(t.every) // the sum of both may be no duration
	return now, nil
}

func (t *ticks) leave() { t.timer.leave() }

func (t *ticks) Close(cx *task.Cx) error {
	t.timer.stop(cx)
	return nil
}

// Throttle returns the stream of the values, each at least d after the one before. It loses
// none: the source waits, because it is asked for the next value when the time has come.
func (s *Stream[T]) Throttle(d time.Duration) *Stream[T] {
	return passed(s, &throttle[T]{from: from[T]{s}, d: d})
}

type throttle[T any] struct {
	from[T]
	d     time.Duration
	next  time.Time // not before; zero at the beginning
	timer moment
}

func (t *throttle[T]) Next(cx *task.Cx) (v T, err error) {
	if !t.next.IsZero() {
		if err := t.timer.wait(cx, t.next); err != nil {
			if why := cx.Err(); why != nil {
				err = why
			}
			return v, err
		}
	}
	v, err = t.src.Next(cx)
	if err == nil {
		t.next = cx.Now().Add(t.d)
	}
	return v, err
}

func (t *throttle[T]) leave() {
	t.timer.leave()
	t.src.leave()
}

func (t *throttle[T]) Close(cx *task.Cx) error {
	t.timer.stop(cx)
	return t.src.Close(cx)
}

// Debounce returns the stream of the values after which none has come for d: of values that
// come in quick succession only the latest is passed on, and the others are dropped (see OnDrop). At the end,
// and before an error, the latest is passed on at once.
//
// It looks at the source when it is asked for a value. What the source has ready then are
// values in quick succession.
func (s *Stream[T]) Debounce(d time.Duration) *Stream[T] {
	b := &debounce[T]{from: from[T]{s}, d: d}
	b.out = passed(s, b)
	return b.out
}

type debounce[T any] struct {
	from[T]
	d      time.Duration
	latest T
	came   bool
	due    time.Time // of latest
	timer  moment
	out    *Stream[T] // its hook gets the values that nobody takes
}

func (d *debounce[T]) Next(cx *task.Cx) (v T, err error) {
	defer d.out.keep(cx) //heistvet:ignore deferpoll: each poll notes whether the stream keeps something
	for {
		v, err := d.src.Next(cx)
		switch {
		case err == nil:
			old, came := d.latest, d.came
			d.latest, d.came = v, true
			d.due = cx.Now().Add(d.d)
			if came {
				task.Discard(old, d.out.drop)
			}
			continue
		case !d.came:
			return v, err
		case task.IsPending(err) && cx.Spent(): // it was not asked, perhaps
			return v, cx.Spend()
		case task.IsPending(err):
			if err := d.timer.wait(cx, d.due); err != nil {
				return v, err
			}
		}
		d.src.leave()
		latest := d.latest
		d.latest, d.came = v, false // v is none
		return latest, nil
	}
}

func (d *debounce[T]) leave() {
	d.timer.leave()
	d.src.leave()
}

func (d *debounce[T]) Close(cx *task.Cx) error {
	d.timer.stop(cx)
	d.dropHeld()
	return d.src.Close(cx)
}

func (d *debounce[T]) holds() bool    { return d.came }
func (d *debounce[T]) mustDrop() bool { return discards(d.latest, d.out.drop) }
func (d *debounce[T]) mustOwn()       { task.MustOwn(d.latest, errBorrowed) }

func (d *debounce[T]) dropHeld() {
	if d.came {
		var none T
		v := d.latest
		d.latest, d.came = none, false
		task.Discard(v, d.out.drop)
	}
}
