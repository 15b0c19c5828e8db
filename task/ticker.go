package task

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Ticker lets a task do something again and again. It is a field of the task;
// set Every, and leave the rest zero.
type Ticker struct {
	Every  time.Duration // the time between ticks; it must be positive
	Missed Missed        // what to do about ticks that the task was too late for

	timer Timer
	life  life
	next  int64 // when the next tick is due
}

// life is a life of a task, for what remembers something from one poll to the next and must
// not take it into another life.
type life struct {
	frame *Frame
	of    uint32
}

// begins reports whether this is the first call in the polled task's life.
func (l *life) begins(cx *Cx) bool {
	this := life{cx.frame, gen(cx.frame.state.bits.Load())}
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
// When the task is to come to an end ([Cx.Draining]), Tick returns ErrClosed.
func (t *Ticker) Tick(cx *Cx) (missed int, err error) {
	if t.Every <= 0 {
		return 0, fmt.Errorf("task: tick: the ticker's Every is %v: it must be positive", t.Every)
	}
	if t.life.begins(cx) {
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
		t.timer.reset(cx, t.next) // nothing changes if that is what it is armed for
		return 0, cx.Suspend()
	}
	if err := cx.Spend(); err != nil {
		return 0, err
	}
	cx.moveOn()
	every := int64(t.Every)
	switch t.Missed {
	case Delay:
		missed = int(late / every)
		t.next = cx.after(t.Every)
	case Skip:
		missed = int(late / every)
		t.next += (late/every + 1) * every
	default:
		t.next += every
	}
	return missed, nil
}

// Stop ends the schedule: the next Tick begins a new one.
func (t *Ticker) Stop(cx *Cx) {
	t.life = life{}
	if t.timer.hold.what != nil {
		t.timer.release(cx, nil)
	}
}

// Backoff spaces the attempts of a task that has failed: each wait is twice as
// long as the one before, and is then shortened at random by up to half, so that
// many tasks which have failed together do not come back together.
type Backoff struct {
	Min   time.Duration // of the first wait; default 10 ms
	Max   time.Duration // of all; default 10 s
	Limit int           // how many waits there are; 0: no limit

	timer Timer
	life  life
	n     int
}

const (
	minBackoff = 10 * time.Millisecond
	maxBackoff = 10 * time.Second
)

// Wait waits for the time of the next attempt. After Limit waits it returns
// ErrLimit.
func (b *Backoff) Wait(cx *Cx) error {
	if b.life.begins(cx) {
		b.n = 0
	}
	if b.timer.Armed() || b.timer.Fired() {
		return b.timer.Sleep(cx, 0)
	}
	if b.Limit > 0 && b.n == b.Limit {
		return fmt.Errorf("task: backoff: %d attempts have failed: %w", b.n, ErrLimit)
	}
	if err := cx.Err(); err != nil {
		return err
	}
	d := b.pause()
	b.n++
	return b.timer.Sleep(cx, d)
}

// pause returns how long the wait is.
func (b *Backoff) pause() time.Duration {
	least, most := b.Min, b.Max
	if least <= 0 {
		least = minBackoff
	}
	if most <= 0 {
		most = maxBackoff
	}
	d := least
	for range b.n {
		if d >= most/2 {
			d = most
			break
		}
		d *= 2
	}
	d = min(d, most)
	return d - time.Duration(rand.Int64N(int64(d)/2+1))
}

// Reset says that an attempt was successful: the next wait is short again.
func (b *Backoff) Reset() { b.n = 0 }

// Waits returns how many waits there were since the last Reset.
func (b *Backoff) Waits() int { return b.n }
