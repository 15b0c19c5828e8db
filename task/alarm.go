package task

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/heist-go/heist/histogram"
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/timerwheel"
)

// timers are the armed alarms of one runner, in a timer wheel under a lock. Tasks arm on the runner
// that polls them, so the lock is its worker's most of the time. Other threads come to disarm what a
// task has left behind on another worker, to arm from outside, and to fire what is overdue because a
// worker is in a long poll.
//
//	         arm (lock)            fire (lock): CAS when -> fired
//	idle ---------------> armed ----------------------------------> fired, notified
//	  ^                   | ^ |
//	  |                   | '-' Postpone: CAS when -> later, no lock; move (lock): CAS when -> earlier
//	  '-------------------'
//	    Disarm (lock)
//
// # Invariants
//
//	T1  An entry is linked and unlinked under the lock of the timers that it is
//	    armed in. Disarmed under the lock means: its notifier is not called any more.
//	T2  when is the deadline of the alarm's entry, which may be in a slot of the wheel that comes before. It
//	    turns into fired under the lock, by a compare-and-swap against the deadline that was
//	    seen to have passed. Postponing is a compare-and-swap, too, without the
//	    lock: one of the two fails, and knows.
//	T3  Turning when into fired is the last that the firing thread does to the
//	    alarm. Its memory may have another use from then on.
//	T4  next is not later than the moment at which the wheel has something to do.
//	    It is written under the lock, and lowered when an alarm is added.
//	T5  When the scheduler ends, over is set and the wheel emptied, under the lock:
//	    what was armed before is notified then, and nothing is armed after that.
//
// # Order
//
// Who arms from outside writes next, and then looks whether the worker sleeps; a worker says that it
// sleeps, and then looks at next. Who arms on a [Clock] adds, and then looks at the time; who moves the
// clock writes the time, and then fires.
//
// # Price
//
// Arming and disarming are one short critical section each, and so is moving to an earlier moment. Postponing is one
// compare-and-swap.
type timers struct {
	mu    park.Mutex
	over  bool // T5
	wheel timerwheel.Wheel[alarm]
	next  atomicx.Int64 // T4; never if nothing is armed
	late  histogram.Histogram
}

// begin puts the present of an empty wheel right.
func (t *timers) begin(now int64) {
	t.wheel.Expire(now)
	t.next.Store(never) // Initialisation: nobody knows the runner yet
}

// What an entry has in place of a deadline, which is positive: of an alarm that has fired, or that never will.
const (
	fired = 0
	never = math.MaxInt64
)

// Alarm is a deadline for schedulers, reactors and other foundations; tasks have
// [Timer]. The zero value is not armed. The methods of one Alarm must not be
// called at the same time by two threads, and it must not be copied.
type Alarm struct{ entry timerwheel.Entry[alarm] }

type alarm struct {
	notifier Notifier
	gen      uint32 // what it is notified with
	in       uint16 // index of the runner that it is armed in
	set      bool   // armed, and not disarmed since: it may have fired
	marks    uint8  // of a Timer
}

// Notifier is an object that an alarm notifies.
type Notifier interface {
	// Notify is called once, soon after the deadline, on a worker's thread, on the monitor's, or on the
	// goroutine that calls [Clock.Advance], outside of polls; or when the scheduler ends, if that
	// is first. An object that outlives the scheduler looks at the time, and waits for the rest of
	// it by another clock. It must not block. gen is what the alarm was armed with: it tells one
	// use of the object from the next.
	Notify(gen uint32)
}

// wakee is a frame as a Notifier, so that Frame itself has no method Notify.
type wakee Frame

func (s *wakee) Notify(gen uint32) { wakeTask(nil, (*Frame)(s), gen) }

// Armed reports whether the alarm is armed and has not fired. A hint: it may
// fire at any moment.
func (a *Alarm) Armed() bool { return a.entry.Value.set && a.when() != fired }

// when returns the deadline (T2).
func (a *Alarm) when() int64 { return a.entry.Deadline() }

// Fired reports whether the alarm has fired since it was armed.
func (a *Alarm) Fired() bool { return a.entry.Value.set && a.when() == fired }

// Arm arms the alarm, or moves it if it is armed: it notifies n with gen when the
// clock of rt has reached deadline, in nanoseconds (see [Runtime.Nanos]). It reports false
// if the scheduler of rt has ended: the alarm is not armed then. cx is the poll in
// progress, or nil. It does not block.
func (a *Alarm) Arm(rt *Runtime, cx *Cx, deadline int64, n Notifier, gen uint32) (armed bool) {
	if !rt.isOutside(cx) {
		a.ArmIn(cx.run, deadline, n, gen)
		return true // it is open as long as it has tasks
	}
	r := rt.anyRunner()
	a.Disarm(rt)
	a.entry.Value.notifier, a.entry.Value.gen = n, gen
	sooner, armed := a.arm(r, deadline)
	if armed && rt.clock != nil {
		// Store-load, by the locks: it is armed, then a look at the time. An alarm that neither
		// fires would stay armed although it is due.
		// Pairs with: (*Clock).advance.
		sooner = deadline <= rt.Nanos()
	}
	if sooner {
		// Store-load: next, in arm, then a look whether the worker sleeps: one that neither sees
		// would sleep past the deadline.
		// Pairs with: (*Runner).Due.
		rt.scheduler.Sooner(r.index)
	}
	return armed
}

// ArmIn is Arm for a worker, in its own runner. It reports whether the runner has
// something to do sooner than it knew.
func (a *Alarm) ArmIn(r *Runner, deadline int64, n Notifier, gen uint32) (sooner bool) {
	a.Disarm(r.rt)
	a.entry.Value.notifier, a.entry.Value.gen = n, gen
	sooner, _ = a.arm(r, deadline)
	return sooner
}

// arm is ArmIn for an alarm that is not armed, and has its notifier. It reports false if the
// scheduler has ended (T5).
func (a *Alarm) arm(r *Runner, deadline int64) (sooner, armed bool) {
	deadline = max(deadline, 1)
	v, t := &a.entry.Value, &r.timers
	t.mu.Lock()
	if t.over {
		t.mu.Unlock()
		return false, false
	}
	v.in, v.set = uint16(r.index), true
	t.wheel.Add(&a.entry, deadline)
	if sooner = deadline < t.next.Load(); sooner {
		// Publish. That there is something to do (T4).
		// Pairs with: (*Runner).Due.
		t.next.Store(deadline)
	}
	t.mu.Unlock()
	return sooner, true
}

// Postpone moves the deadline of an armed alarm, from now on to a later one, by
// one atomic operation. It reports false, and changes nothing, if the alarm is
// not armed, has fired, or is due after deadline.
func (a *Alarm) Postpone(deadline int64) bool {
	if !a.entry.Value.set {
		return false
	}
	old := a.when()
	// T2: either it is postponed in time, or it has fired.
	return old != fired && old <= deadline && a.entry.Move(old, deadline)
}

// move moves the deadline of an alarm that is armed in r, by r's worker. It reports false, and changes nothing, if
// the alarm is not armed there, or has fired.
func (a *Alarm) move(r *Runner, deadline int64) (moved bool) {
	if a.Postpone(deadline) {
		return true
	}
	v, t := &a.entry.Value, &r.timers
	if !v.set || int(v.in) != r.index || a.when() == fired {
		return false
	}
	deadline = max(deadline, 1)
	t.mu.Lock()
	if old := a.when(); old != fired && a.entry.Move(old, deadline) { // T2: under the lock it does not fire
		moved = true
		t.wheel.Settle(&a.entry)
		if deadline < t.next.Load() {
			// Publish. That there is something to do (T4).
			// Pairs with: (*Runner).Due.
			t.next.Store(deadline)
		}
	}
	t.mu.Unlock()
	return moved
}

// Disarm disarms the alarm and reports whether that has kept it from firing: if
// so, its notifier is not called any more. It does not block.
func (a *Alarm) Disarm(rt *Runtime) bool {
	v := &a.entry.Value
	if !v.set {
		return false
	}
	v.set = false
	if a.when() == fired {
		return false // and the firing thread is through with it (T3)
	}
	t := &rt.runners[v.in].timers
	t.mu.Lock()
	armed := t.wheel.Remove(&a.entry) // T1
	t.mu.Unlock()
	return armed
}

// dueAlarm is a copy of what is needed of an alarm after it has fired (T3).
type dueAlarm struct {
	notifier Notifier
	gen      uint32
	when     int64
}

// fire takes alarms that are due out of the wheel, which it moves to until: now, or the
// end of now's tick, and then it looks at the deadlines. It reports true if there may be
// more.
func (t *timers) fire(now, until int64, due *[batch]dueAlarm) (n int, more bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n < batch {
		e := t.wheel.Expire(until)
		if e == nil {
			next, ok := t.wheel.Next()
			if !ok {
				next = never
			}
			// Publish. Until when there is nothing to do (T4).
			// Pairs with: (*Runner).Due.
			t.next.Store(next)
			return n, false
		}
		due[n] = dueAlarm{notifier: e.Value.notifier, gen: e.Value.gen}
		for when := e.Deadline(); ; when = e.Deadline() {
			if when > now {
				t.wheel.Settle(e) // it was postponed, or comes later in its tick
				break
			}
			if e.Move(when, fired) { // T2; the last access (T3)
				due[n].when = when
				t.late.Record(time.Duration(now-when), 1)
				n++
				break
			}
		}
	}
	return n, true
}

// end takes alarms out, due or not, and has no more armed.
func (t *timers) end(due *[batch]dueAlarm) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	// Hint. There is nothing to do any more.
	t.next.Store(never)
	for n < batch {
		e := t.wheel.Take()
		if e == nil {
			break
		}
		due[n] = dueAlarm{notifier: e.Value.notifier, gen: e.Value.gen}
		n++
		for !e.Move(e.Deadline(), fired) { // T2: Postpone comes late. The last access (T3)
		}
	}
	return n
}

// Due returns the moment from which on Expire has something to do, or less; the
// maximum if nothing is armed. Any thread.
func (r *Runner) Due() int64 {
	// Pairs with: (*Alarm).Arm, (*Alarm).arm, (*Alarm).move, (*timers).fire, (*Runner).NextDeadline.
	due := r.timers.next.Load()
	if r.rt.clock != nil && due != never {
		due -= timerwheel.Tick // the wheel rounds up, and expireExactly does not
	}
	return due
}

// NextDeadline is Due, exactly: it looks at what was disarmed since. A worker calls it
// before it sleeps until then.
func (r *Runner) NextDeadline() int64 {
	t := &r.timers
	if r.Due() == never {
		return never
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	next, ok := t.wheel.Next()
	if !ok {
		next = never
	}
	// Publish. Until when there is nothing to do (T4).
	// Pairs with: (*Runner).Due.
	t.next.Store(next)
	return next
}

// Expire fires the alarms of the runner that are due. Tasks of its runtime that
// become runnable by that go to q, the first of them as the one to run next; nil
// means into an inbox. It returns how many have fired.
//
// Any thread: the worker whose runner this is, and whoever stands in for it.
func (r *Runner) Expire(now int64, q Queue) (total int) {
	if r.rt.clock != nil {
		return r.expireExactly(now, q)
	}
	n := 0
	for more := true; more; {
		var due [batch]dueAlarm
		var k int
		k, more = r.timers.fire(now, now, &due)
		n += notifyDue(due[:k], q, n == 0)
		total += k
	}
	return total
}

// expireExactly is Expire on a clock, whose tests mean the nanosecond: within a tick,
// too, alarms come when they are due, and in that order.
func (r *Runner) expireExactly(now int64, q Queue) int {
	if r.Due() > now {
		return 0
	}
	until := timerwheel.Coalesce(now, timerwheel.Tick)
	var due [batch]dueAlarm
	n, more := r.timers.fire(now, until, &due)
	all := due[:n:n]
	for more {
		var next [batch]dueAlarm
		n, more = r.timers.fire(now, until, &next)
		all = append(all, next[:n]...)
	}
	slices.SortStableFunc(all, func(a, b dueAlarm) int { return cmp.Compare(a.when, b.when) })
	notifyDue(all, q, true)
	return len(all)
}

// notifyDue notifies those that were due, without the lock, and returns how many tasks have become
// runnable on q: the first of them next, if next says so.
func notifyDue(due []dueAlarm, q Queue, next bool) (n int) {
	for _, d := range due {
		s, task := d.notifier.(*wakee)
		if !task || q == nil {
			d.notifier.Notify(d.gen)
			continue
		}
		if f := (*Frame)(s); f.state.wake(d.gen, 0) {
			if next && n == 0 {
				q.Next(f)
			} else {
				q.Later(f)
			}
			n++
		}
	}
	return n
}

// Lateness returns how long after their deadlines alarms of rt have been fired: after the last deadline, if it was
// postponed. Any thread.
func Lateness(rt *Runtime) (h histogram.Histogram) {
	for _, r := range rt.present() {
		r.timers.mu.Lock()
		h.Merge(&r.timers.late)
		r.timers.mu.Unlock()
	}
	return h
}

// lookedAt is at how many alarms of a runner NextDeadlines looks.
const lookedAt = 256

// NextDeadlines returns the deadlines of the alarms that are due next, most of them at most, the first first. If
// hundreds are due at nearly the same time, or have been put off, some that are as near may be missing. Any thread; it holds the lock of each
// runner's alarms for some microseconds.
func NextDeadlines(rt *Runtime, most int) (moments []int64) {
	for _, r := range rt.present() {
		n := 0
		r.timers.mu.Lock()
		r.timers.wheel.Look(func(e *timerwheel.Entry[alarm]) bool {
			if when := e.Deadline(); when != fired && when != never {
				moments = append(moments, when)
			}
			n++
			return n < lookedAt
		})
		r.timers.mu.Unlock()
	}
	slices.Sort(moments)
	return slices.Clone(moments[:min(len(moments), most)])
}

// Timers returns how many alarms are armed. Any thread.
func (rt *Runtime) Timers() (n int) {
	for _, r := range rt.present() {
		r.timers.mu.Lock()
		n += r.timers.wheel.Len()
		r.timers.mu.Unlock()
	}
	return n
}
