package task

import (
	"fmt"
	"time"
)

// Backoff spaces the attempts of a task that has failed: each wait is twice as
// long as the one before, and is then shortened at random by up to half, so that
// many tasks which have failed together do not come back together.
type Backoff struct {
	Min   time.Duration // of the first wait; default 10 ms
	Max   time.Duration // of all; default 10 s
	Limit int           // how many waits there are; 0: no limit

	timer       Timer
	incarnation incarnation
	n           int
}

const (
	minBackoff = 10 * time.Millisecond
	maxBackoff = 10 * time.Second
)

// Wait waits for the time of the next attempt. After Limit waits it returns
// ErrLimit.
func (b *Backoff) Wait(cx *Cx) error {
	if b.incarnation.begins(cx) {
		b.n = 0
	}
	if b.timer.owned(cx) && (b.timer.Armed() || b.timer.Fired()) && cx.dozes(&b.timer) {
		return b.timer.Sleep(cx, 0)
	}
	if b.timer.alarm.entry.Value.marks&sleeping != 0 && b.timer.owned(cx) && !cx.dozes(&b.timer) {
		return b.timer.Sleep(cx, 0) // another wait is in the middle of a pause
	}
	if b.Limit > 0 && b.n == b.Limit {
		return fmt.Errorf("task: backoff: %d attempts have failed: %w", b.n, ErrLimit)
	}
	if err := cx.Err(); err != nil {
		return err
	}
	d := b.pause(cx)
	b.n++
	return b.timer.Sleep(cx, d)
}

// pause returns how long the wait is.
func (b *Backoff) pause(cx *Cx) time.Duration {
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
	return d - time.Duration(cx.run.rt.draw(int64(d)/2+1))
}

// Stop gives up the wait in progress, if there is one.
func (b *Backoff) Stop(cx *Cx) { b.timer.Stop(cx) }

// Reset says that an attempt was successful: the next wait is short again.
func (b *Backoff) Reset() { b.n = 0 }

// Waits returns how many waits there were since the last Reset.
func (b *Backoff) Waits() int { return b.n }
