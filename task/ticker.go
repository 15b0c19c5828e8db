package task

import (
	"fmt"
	"time"
)

// Ticker lets a task do something again and again. It is a field of the task;
// set Every, and leave the rest zero.
type Ticker struct {
	Every  time.Duration // the time between ticks; it must be positive
	Missed Missed        // what to do about ticks that the task was too late for

	timer       Timer
	incarnation incarnation
	next        int64 // when the next tick is due
}

// incarnation is a life of a task, for what remembers something from one poll to the next and must
// not take it into another life.
type incarnation struct {
	frame *Frame
	gen   uint32
}

// begins reports whether this is the first call in the polled task's life.
func (l *incarnation) begins(cx *Cx) bool {
	this := incarnation{cx.frame, gen(cx.frame.state.bits.Load())}
	if *l == this {
		return false
	}
	*l = this
	return true
}

// Missed is what a [Ticker] does when its task comes after the next tick is due.
type Missed uint8

const (
	// Burst makes up for it: the ticks that were missed come at once, one call
	// after the other, until the ticker is back on its schedule.
	Burst Missed = iota
	// Delay begins a new schedule: the next tick comes Every after this one.
	Delay
	// Skip keeps the schedule, and leaves out what was missed.
	Skip
)

// Tick waits for the next tick; the first comes Every after the first call. It
// consumes the tick. missed says how many ticks are left out, or were put off,
// because the task came too late for them; with Burst it is 0, because none is.
//
// When the task has to come to an end ([Cx.Draining]), Tick returns ErrClosed.
func (t *Ticker) Tick(cx *Cx) (missed int, err error) {
	if t.Every <= 0 {
		return 0, fmt.Errorf("task: tick: the ticker's Every is %v: it must be positive", t.Every)
	}
	if t.incarnation.begins(cx) {
		t.next = cx.after(t.Every)
	}
	if err := cx.Err(); err != nil {
		return 0, err
	}
	if cx.Draining() {
		cx.erred = true
		return 0, ErrClosed
	}
	late := cx.nanos() - t.next
	if late < 0 {
		return 0, t.timer.await(cx, t.next) // nothing changes if that is what it is armed for
	}
	if err := cx.Spend(); err != nil {
		return 0, err
	}
	t.timer.Stop(cx)
	cx.moveOn()
	every := int64(t.Every)
	switch t.Missed {
	case Delay:
		missed = int(late / every)
		t.next = cx.after(t.Every)
	case Skip:
		missed = int(late / every)
		t.next = Later(t.next+late/every*every, t.Every) // the sum is not after now
	default:
		t.next = Later(t.next, t.Every)
	}
	return missed, nil
}

// Stop ends the schedule: the next Tick begins a new one.
func (t *Ticker) Stop(cx *Cx) {
	if t.incarnation != (incarnation{}) {
		t.incarnation = incarnation{}
		t.timer.Stop(cx)
	}
}
