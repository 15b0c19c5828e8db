package task

import (
	"time"

	"github.com/heist-go/heist/timerwheel"
)

// Timer is a moment that a task waits for. It is a field of the task, or of what
// the task owns; arming it allocates nothing. The zero value is not armed. A
// Timer belongs to one task at a time, and must not be copied. When that task
// ends, its timers are disarmed.
//
// It never fires early, and at most a tick of 65.5 µs late, plus what it takes to
// get the task polled. Durations count from [Cx.Now], which stands still
// during a poll. 0 and less is due at once; what is beyond the end of time (292
// years) never fires.
//
// All methods are for the task that owns the timer, and none blocks.
type Timer struct {
	alarm Alarm
	hold  holding // in the task's list, from the first time it is armed
}

// own puts the timer into the polled task's list, for its end.
func (t *Timer) own(cx *Cx) {
	v := &t.alarm.entry.Value
	switch s := (*wakee)(cx.frame); v.bell {
	case Bell(s):
	case nil:
		v.bell, v.of = s, gen(cx.frame.state.bits.Load())
		cx.hold(&t.hold, t)
	default:
		panic("task: " + Name(cx.frame.self) + " uses the timer of another task that is alive: a Timer belongs to one task at a time")
	}
}

// release disarms the timer at the end of its task.
func (t *Timer) release(cx *Cx, _ error) bool {
	t.Stop(cx)
	cx.unhold(&t.hold)
	t.alarm.entry.Value.bell = nil
	return true
}

func (t *Timer) drain() {}

// stage arms a timer of the polled task at the end of the poll, if it is not
// stopped before that: the timeout of an operation that does not have to wait never
// gets into the wheel. (If it did fire during the poll, that would only have the
// task polled again.) There is room for one; another one's turn comes at once.
func (r *Runner) stage(t *Timer, deadline int64) {
	r.unstage()
	t.alarm.entry.Value.staged = true
	r.staged, r.stagedFor = t, deadline
}

// unstage arms the timer that is staged.
func (r *Runner) unstage() {
	if t := r.staged; t != nil {
		r.staged = nil
		t.alarm.entry.Value.staged = false
		t.alarm.arm(r, r.stagedFor)
	}
}

// Reset arms the timer to fire when d has passed. If it is armed it is moved; to
// postpone it is one atomic operation, on whatever worker it was armed.
func (t *Timer) Reset(cx *Cx, d time.Duration) { t.reset(cx, cx.after(d)) }

// ResetWithin is Reset to any moment from d to d+slack. Timers with some slack are
// due together, which saves wake-ups.
func (t *Timer) ResetWithin(cx *Cx, d, slack time.Duration) {
	t.reset(cx, timerwheel.Coalesce(cx.after(d), int64(slack)))
}

func (t *Timer) reset(cx *Cx, deadline int64) {
	t.own(cx)
	if !t.alarm.Postpone(deadline) {
		t.Stop(cx)
		cx.run.stage(t, deadline)
	}
}

// Stop disarms the timer and reports whether that has kept it from firing.
func (t *Timer) Stop(cx *Cx) bool {
	if v := &t.alarm.entry.Value; v.staged {
		v.staged, cx.run.staged = false, nil
		return true
	}
	return t.alarm.Disarm(cx.run.home)
}

// Armed reports whether the timer is armed and has not fired.
func (t *Timer) Armed() bool { return t.alarm.entry.Value.staged || t.alarm.Armed() }

// Fired reports whether the timer has fired since it was armed.
func (t *Timer) Fired() bool { return t.alarm.Fired() }

// Wait waits until the timer has fired. It is sticky: until the timer is reset or
// stopped. A timer that is not armed does not fire, which is of use only beside
// other waits, in [First].
func (t *Timer) Wait(cx *Cx) error {
	if t.alarm.Fired() {
		if err := cx.Spend(); err != nil {
			return err
		}
		cx.moveOn()
		return nil
	}
	if err := cx.Err(); err != nil {
		return err
	}
	if !t.Armed() && !t.Fired() {
		return Pending // the runner will say so if nothing else wakes the task
	}
	t.own(cx)
	return cx.Suspend()
}

// Sleep waits until d has passed since it was called first, and consumes that: the
// call after it has returned nil sleeps again. Called again after Pending, it does
// not look at d.
func (t *Timer) Sleep(cx *Cx, d time.Duration) error {
	if t.alarm.Fired() || d <= 0 && !t.Armed() {
		if err := cx.Spend(); err != nil {
			return err
		}
		t.Stop(cx)
		cx.moveOn()
		return nil
	}
	if err := cx.Err(); err != nil {
		t.Stop(cx)
		return err
	}
	if !t.Armed() {
		if t.alarm.Fired() { // since the look above
			return t.Sleep(cx, d)
		}
		t.reset(cx, cx.after(d))
	} else {
		t.own(cx)
	}
	return cx.Suspend()
}

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
	if d.timer.hold.what == nil {
		d.timer.Reset(cx, after)
	}
	when := d.when(cx)
	if when != fired {
		now := int64(fired) // unknown: the worker fires what is due between polls
		if cx.looked {
			now = cx.run.home.Nanos()
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

// when returns the moment of the deadline: fired if that has passed, for all to see,
// and never if none is set.
func (d *Deadline) when(cx *Cx) int64 {
	switch v := &d.timer.alarm.entry.Value; {
	case v.staged:
		return max(cx.run.stagedFor, 1) // as it will be armed
	case v.set:
		return v.when.Load()
	}
	return never
}

// pass has a deadline that the task was told of stay passed: the worker has not fired
// it yet, and what others in this poll take for the present may be before it.
func (d *Deadline) pass(cx *Cx) {
	d.timer.Stop(cx)
	v := &d.timer.alarm.entry.Value
	v.set = true
	v.when.Store(fired)
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

// Lift removes the deadline. The next Check sets it anew.
func (d *Deadline) Lift(cx *Cx) {
	if d.timer.hold.what != nil {
		d.timer.release(cx, nil)
	}
}
