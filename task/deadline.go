package task

import (
	"time"
)

// Deadline bounds the time of a task, or of a part of it. Like a [Timer] it is a
// field, belongs to one task at a time, and is disarmed when that ends.
//
//	func (t *request) Poll(cx *task.Cx) error {
//		if err := t.deadline.Check(cx, 5*time.Second); err != nil {
//			return err
//		}
//		...
//	}
type Deadline struct{ timer Timer }

// Check returns an error that is ErrTimeout once the time given with the first
// call has passed, and nil before. It arranges that the task is polled then, and
// never returns Pending. It costs one atomic load. Called again in the same poll it
// looks at the clock: so a poll that computes for long is told, too.
func (d *Deadline) Check(cx *Cx, after time.Duration) error {
	if !d.set(cx) {
		d.timer.Reset(cx, after)
	}
	when := d.when(cx)
	if when != fired {
		now := int64(fired) // unknown: the worker fires what is due between polls
		if cx.looked {
			now = cx.run.rt.Nanos()
		} else if cx.timed {
			now = cx.nanos()
		}
		cx.looked = true
		if when > now {
			return nil
		}
		d.pass(cx)
	}
	cx.erred = true
	return ErrTimeout
}

// set reports whether there is a deadline, passed or not.
func (d *Deadline) set(cx *Cx) bool {
	v := &d.timer.alarm.entry.Value
	return (v.set || v.marks&deferred != 0) && d.timer.owned(cx)
}

// when returns the moment of the deadline: fired if that has passed, for all to see,
// and never if none is set.
func (d *Deadline) when(cx *Cx) int64 {
	v := &d.timer.alarm.entry.Value
	switch {
	case !d.set(cx):
		return never
	case v.marks&deferred != 0:
		return max(cx.run.deferredUntil, 1) // as it will be armed
	}
	return d.timer.alarm.when()
}

// pass makes an expired deadline final: the wheel may not have fired it yet, and the poll's clock may
// lag behind.
func (d *Deadline) pass(cx *Cx) {
	d.timer.Stop(cx)
	e := &d.timer.alarm.entry
	e.Value.set = true
	e.Move(e.Deadline(), fired) // the owner's: it is in no wheel
}

// Extend moves the deadline to after from now, later or earlier, and reports
// whether it was in time: a deadline that has passed stays so.
func (d *Deadline) Extend(cx *Cx, after time.Duration) bool {
	if d.when(cx) <= cx.nanos() {
		return false
	}
	d.timer.Reset(cx, after)
	return true
}

// Remaining returns the time that is left: 0 if the deadline has passed, and the
// longest duration if none is set.
func (d *Deadline) Remaining(cx *Cx) time.Duration {
	when := d.when(cx)
	if when == never {
		return never
	}
	return time.Duration(max(when-cx.nanos(), 0)) // fired is not after now
}

// Lift removes the deadline. The next Check sets a new one.
func (d *Deadline) Lift(cx *Cx) {
	if d.set(cx) {
		d.timer.Stop(cx)
	}
}
