package task

import (
	"time"

	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/timerwheel"
)

// Timer is a moment that a task waits for. It is a field of the task, or of what
// the task owns; arming it allocates nothing. The zero value is not armed. A
// Timer belongs to one task at a time, and must not be copied. When that task
// ends, its timers are disarmed.
//
// It never fires early, and at most a tick ([timerwheel.Tick]) late, plus what it takes to
// get the task polled. Durations count from [Cx.Now], which stands still
// during a poll. 0 and less is due at once; what is beyond the end of time (292
// years) never fires.
//
// All methods are for the task that owns the timer, and none blocks.
type Timer struct {
	alarm Alarm
	next  *Timer  // in the list of its task, or of a branch of it, while it is armed
	prev  **Timer // what points here; nil: in no list
}

// What a Timer's alarm is marked with. The task's own.
const (
	deferred  = 1 << iota // see (*Runner).deferArm
	sleeping              // Sleep has armed it: it is an operation in progress
	asked                 // the poll in progress has called Sleep
	contended             // another wait was told to wait, and is polled when it is over
)

// armed is the armed timers of a task, or of a branch of it: two lists, of which the first
// is short. A timer that has fired stays in its list until the task looks.
type armed struct {
	sleeping *Timer // armed by an operation, which may be abandoned
	others   *Timer
}

// armedList is the armed timers of a task, as a resource that is attached to it: the first timer that
// the task arms takes one from the runner.
type armedList struct {
	attachment attachment
	armed
}

func (l *armedList) rank() rank { return timed }

func (l *armedList) release(cx *Cx, _ error) bool {
	l.attachment.detach()
	l.stop(cx)
	cx.run.freeArmed(l)
	return true
}

func (l *armedList) called(cx *Cx, suspends bool) bool {
	l.review(cx, suspends)
	return true
}

func (l *armedList) drain() {}

func (l *armedList) happened(*park.Mutex) bool { return l.fired() }

// fired reports whether one has fired, and the task has not looked yet.
func (l *armed) fired() bool {
	for _, t := range [...]*Timer{l.sleeping, l.others} {
		for ; t != nil; t = t.next {
			if t.alarm.Fired() {
				return true
			}
		}
	}
	return false
}

// stop disarms all timers.
func (l *armed) stop(cx *Cx) {
	for t := l.sleeping; t != nil; t = l.sleeping {
		t.Stop(cx)
	}
	for t := l.others; t != nil; t = l.others {
		t.Stop(cx)
	}
}

func (l *armed) none() bool { return l.sleeping == nil && l.others == nil }

// review disarms the timers of operations that the poll that ends has not called: see resource.
func (l *armed) review(cx *Cx, suspends bool) {
	for t := l.sleeping; t != nil; {
		next, v := t.next, &t.alarm.entry.Value
		if suspends && v.marks&asked == 0 {
			t.Stop(cx)
		}
		v.marks &^= asked
		t = next
	}
}

// armedTimers returns the list for the timers of the polled task, or of its branch in progress.
func (cx *Cx) armedTimers() *armed {
	if b := cx.branch; b != nil {
		b.join(cx)
		return &b.armed
	}
	if l := cx.frame.armedTimers(); l != nil {
		return l
	}
	l := cx.run.takeArmed()
	l.attachment.attach(&cx.frame.attached, l)
	return &l.armed
}

// armedTimers returns the task's own list, or nil if it has none yet.
func (f *Frame) armedTimers() *armed {
	for a := f.attached; a != nil; a = a.next {
		if a.waiter() == nil {
			if l, ok := a.what.(*armedList); ok {
				return &l.armed
			}
			break
		}
	}
	return nil
}

// dozes reports whether t sleeps for the calling wait: the task, or its branch in progress.
func (cx *Cx) dozes(t *Timer) bool {
	if cx.run.deferred == t {
		return cx.branch == nil // what is deferred is the task's own
	}
	var l *armed
	if b := cx.branch; b != nil {
		l = &b.armed
	} else if l = cx.frame.armedTimers(); l == nil {
		return false
	}
	for s := l.sleeping; s != nil; s = s.next {
		if s == t {
			return true
		}
	}
	return false
}

// list puts t into a list.
func (t *Timer) list(cx *Cx) {
	l := cx.armedTimers()
	head := &l.others
	if t.alarm.entry.Value.marks&sleeping != 0 {
		head = &l.sleeping
	}
	if t.next, t.prev = *head, head; t.next != nil {
		t.next.prev = &t.next
	}
	*head = t
}

// unlist takes t out of its list, if it is in one.
func (t *Timer) unlist() {
	if t.prev == nil {
		return
	}
	if *t.prev = t.next; t.next != nil {
		t.next.prev = t.prev
	}
	t.next, t.prev = nil, nil
}

// own makes t the polled task's.
func (t *Timer) own(cx *Cx) {
	v, s, g := &t.alarm.entry.Value, (*wakee)(cx.frame), gen(cx.frame.state.bits.Load())
	switch {
	case v.notifier == Notifier(s) && v.gen == g:
	case t.prev != nil: // it would have left the list with its life
		panic("task: " + Name(cx.frame.self) + " uses the timer of another task that is alive: a Timer belongs to one task at a time")
	default:
		v.notifier, v.gen, v.set, v.marks = s, g, false, 0
	}
}

// owned reports whether what t says is about the polled task's life.
func (t *Timer) owned(cx *Cx) bool {
	v := &t.alarm.entry.Value
	return v.notifier == Notifier((*wakee)(cx.frame)) && v.gen == gen(cx.frame.state.bits.Load())
}

// deferArm arms a timer of the polled task at the end of the poll, if it is not
// stopped before that: the timeout of an operation that does not have to wait never
// gets into the wheel, nor into a list. (If it did fire during the poll, that would only have
// the task polled again.) There is room for one; the one before is armed at once.
func (r *Runner) deferArm(t *Timer, deadline int64) {
	r.armDeferred()
	t.alarm.entry.Value.marks |= deferred
	r.deferred, r.deferredUntil = t, deadline
}

// armDeferred arms the timer that is deferred.
func (r *Runner) armDeferred() {
	if t := r.deferred; t != nil {
		r.deferred = nil
		t.alarm.entry.Value.marks &^= deferred
		cx := r.cx
		inner := cx.branch
		cx.branch = nil
		t.list(cx)
		cx.branch = inner
		t.alarm.arm(r, r.deferredUntil)
	}
}

// Reset arms the timer to fire when d has passed. If it is armed it is moved: to
// postpone it is one atomic operation, on whatever worker it was armed, and to hasten it a short lock.
func (t *Timer) Reset(cx *Cx, d time.Duration) { t.reset(cx, cx.after(d)) }

// ResetWithin is Reset to any moment from d to d+slack. Timers with some slack are
// due together, which saves wake-ups.
func (t *Timer) ResetWithin(cx *Cx, d, slack time.Duration) {
	t.reset(cx, Later(timerwheel.Coalesce(cx.after(d), int64(slack)), 0))
}

func (t *Timer) reset(cx *Cx, deadline int64) { t.arm(cx, deadline, 0) }

// arm arms or moves t, for an operation if mark says so.
func (t *Timer) arm(cx *Cx, deadline int64, mark uint8) {
	t.own(cx)
	v := &t.alarm.entry.Value
	if v.set || v.marks != 0 || t.prev != nil { // else there is nothing to move, and nothing to stop
		if v.marks&sleeping == mark&sleeping && (mark == 0 || cx.dozes(t)) && t.alarm.move(cx.run, deadline) {
			v.marks |= mark
			return
		}
		t.Stop(cx)
	}
	v.marks = mark
	if cx.branch == nil {
		cx.run.deferArm(t, deadline)
		return
	}
	t.list(cx)
	t.alarm.arm(cx.run, deadline)
}

// Stop disarms the timer and reports whether that has kept it from firing.
func (t *Timer) Stop(cx *Cx) bool {
	v := &t.alarm.entry.Value
	if v.marks&deferred != 0 {
		v.marks, cx.run.deferred = 0, nil
		return true
	}
	if v.marks&contended != 0 {
		cx.Wake(cx.Self())
	}
	v.marks = 0
	t.unlist()
	return t.alarm.Disarm(cx.run.rt)
}

// Armed reports whether the timer is armed and has not fired.
func (t *Timer) Armed() bool {
	return t.alarm.entry.Value.marks&deferred != 0 || t.alarm.Armed()
}

// Fired reports whether the timer has fired since it was armed.
func (t *Timer) Fired() bool {
	if !t.alarm.Fired() {
		return false
	}
	s, ok := t.alarm.entry.Value.notifier.(*wakee)
	return ok && gen((*Frame)(s).state.bits.Load()) == t.alarm.entry.Value.gen // else in a life before
}

// Wait waits until the timer has fired. It is sticky: until the timer is reset or
// stopped. A timer that is not armed does not fire, which is of use only beside
// other waits, in [First].
//
//heist:sticky
func (t *Timer) Wait(cx *Cx) error {
	if t.alarm.Fired() && t.owned(cx) {
		if err := cx.Spend(); err != nil {
			return err
		}
		t.unlist()
		cx.moveOn()
		return nil
	}
	if err := cx.Err(); err != nil {
		return err
	}
	t.own(cx)
	if !t.Armed() && !t.Fired() {
		return Pending // the runner will say so if nothing else wakes the task
	}
	return cx.Suspend()
}

// Sleep waits until d has passed since it was called first, and consumes that: the
// call after it has returned nil sleeps again. Called again after Pending, it does
// not look at d. On a timer that Reset has armed it waits for that.
func (t *Timer) Sleep(cx *Cx, d time.Duration) error {
	t.own(cx)
	v := &t.alarm.entry.Value
	if v.marks&sleeping != 0 && !cx.dozes(t) { // for another wait
		if v.marks&asked == 0 {
			v.marks |= contended // it may be called later in this poll, or is abandoned by it
		}
		return cx.Suspend()
	}
	if t.alarm.Fired() || d <= 0 && !t.Armed() {
		if err := cx.Spend(); err != nil {
			v.marks |= asked
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
		t.arm(cx, cx.after(d), sleeping|asked)
	} else {
		v.marks |= asked
	}
	return cx.Suspend()
}

// await arms t for an operation that waits until deadline, and comes again.
func (t *Timer) await(cx *Cx, deadline int64) error {
	t.arm(cx, deadline, sleeping|asked)
	return cx.Suspend()
}

// takeArmed and freeArmed are the worker's free list of armedLists.
func (r *Runner) takeArmed() *armedList {
	n := len(r.lists) - 1
	if n < 0 {
		return new(armedList)
	}
	l := r.lists[n]
	r.lists = r.lists[:n]
	return l
}

func (r *Runner) freeArmed(l *armedList) {
	if len(r.lists) < maxSpares {
		r.lists = append(r.lists, l)
	}
}
