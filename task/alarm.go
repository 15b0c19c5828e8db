package task

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/timerwheel"
)

// timers are the armed alarms of one runner. Tasks arm on the runner that polls
// them, so the lock is its worker's most of the time, and is held for some 10 ns.
// Others come to disarm what a task has left behind on another worker, to arm
// from outside, and to fire what a worker in a long poll has let go overdue.
//
// # Who may fire, and who may not
//
//	T1  An entry is linked and unlinked under the lock of the timers that it is
//	    armed in. Disarmed under the lock means: never rings.
//	T2  when is the deadline, and may be later than the wheel's. It turns into
//	    fired under the lock, by a compare-and-swap against the deadline that was
//	    seen to have passed. Postponing is a compare-and-swap, too, without the
//	    lock: one of the two fails, and knows.
//	T3  Turning when into fired is the last that the firing thread does to the
//	    alarm. Its memory may have another use from then on.
//	T4  next is not later than the moment at which the wheel has something to do.
//	    It is lowered under the lock when an alarm is added.
type timers struct {
	mu    park.Mutex
	wheel timerwheel.Wheel[alarm]
	next  atomicx.Int64 // T4; never if nothing is armed
}

// begin puts the present of an empty wheel right.
func (t *timers) begin(now int64) {
	t.wheel.Expire(now)
	t.next.Store(never)
}

// The values of alarm.when that are not deadlines: those are positive.
const (
	fired = 0
	never = math.MaxInt64
)

// Alarm is a deadline for schedulers, reactors and other foundations; tasks have
// [Timer]. The zero value is not armed. The methods of one Alarm must not be
// called at the same time by two threads, and it must not be copied.
type Alarm struct{ entry timerwheel.Entry[alarm] }

type alarm struct {
	when   atomicx.Int64 // T2
	bell   Bell
	of     uint32 // what the bell is rung with
	in     uint16 // index of the runner whose timers it is armed in
	set    bool   // armed, and not disarmed since: it may have fired
	staged bool   // see (*Runner).stage
}

// Bell is whom an alarm tells.
type Bell interface {
	// Ring is called once, soon after the deadline, on some worker's thread or
	// the guard's, outside of polls. It must not block. of is what the alarm was
	// armed with: the bell may have become somebody else's.
	Ring(of uint32)
}

// wakee is a frame as a bell, so that Frame itself has no method Ring.
type wakee Frame

func (s *wakee) Ring(of uint32) { wakeTask(nil, (*Frame)(s), of) }

// Armed reports whether the alarm is armed and has not fired. A hint: it may
// fire at any moment.
func (a *Alarm) Armed() bool { return a.entry.Value.set && a.entry.Value.when.Load() != fired }

// Fired reports whether the alarm has fired since it was armed.
func (a *Alarm) Fired() bool { return a.entry.Value.set && a.entry.Value.when.Load() == fired }

// Arm arms the alarm, or moves it if it is armed: it rings bell with of when the
// clock of h has reached deadline, in nanoseconds (see [Home.Nanos]). cx is the
// poll in progress, or nil. It does not block.
func (a *Alarm) Arm(h *Home, cx *Cx, deadline int64, bell Bell, of uint32) {
	if cx != nil && cx.run.home == h {
		a.ArmIn(cx.run, deadline, bell, of)
		return
	}
	r := h.runners[rand.IntN(len(h.runners)-h.spares)]
	sooner := a.ArmIn(r, deadline, bell, of)
	if h.clock != nil {
		// Store-load, by the locks: it is armed first, then a look at the time. Who
		// moves the clock stores the time first, and fires what is armed then.
		// Pairs with: (*Clock).Advance.
		sooner = deadline <= h.Nanos()
	}
	if sooner {
		// Store-load: next first, then a look whether its worker sleeps. That says
		// that it sleeps first, and looks at next then.
		// Pairs with: (*Runner).Due.
		h.scheduler.Sooner(r.index)
	}
}

// ArmIn is Arm for a worker, in its own runner. It reports whether the runner has
// something to do sooner than it knew.
func (a *Alarm) ArmIn(r *Runner, deadline int64, bell Bell, of uint32) (sooner bool) {
	a.Disarm(r.home)
	a.entry.Value.bell, a.entry.Value.of = bell, of
	return a.arm(r, deadline)
}

// arm is ArmIn for an alarm that is not armed, and has its bell.
func (a *Alarm) arm(r *Runner, deadline int64) (sooner bool) {
	deadline = max(deadline, 1)
	v, t := &a.entry.Value, &r.timers
	v.in, v.set = uint16(r.index), true
	t.mu.Lock()
	v.when.Store(deadline)
	t.wheel.Add(&a.entry, deadline)
	if sooner = deadline < t.next.Load(); sooner {
		t.next.Store(deadline)
	}
	t.mu.Unlock()
	return sooner
}

// Postpone moves the deadline of an armed alarm, from now on to a later one, by
// one atomic operation. It reports false, and changes nothing, if the alarm is
// not armed, has fired, or is due after deadline.
func (a *Alarm) Postpone(deadline int64) bool {
	v := &a.entry.Value
	if !v.set {
		return false
	}
	old := v.when.Load()
	// Claim. The deadline that has passed: either it is postponed in time, or it
	// has fired (T2).
	// Pairs with: (*timers).fire.
	return old != fired && old <= deadline && v.when.CompareAndSwap(old, deadline)
}

// Disarm disarms the alarm and reports whether that has kept it from ringing: if
// so, it will not ring any more. It does not block.
func (a *Alarm) Disarm(h *Home) bool {
	v := &a.entry.Value
	if !v.set {
		return false
	}
	v.set = false
	if v.when.Load() == fired {
		return false // and the firing thread is through with it (T3)
	}
	t := &h.runners[v.in].timers
	t.mu.Lock()
	armed := t.wheel.Remove(&a.entry) // T1
	t.mu.Unlock()
	return armed
}

// ring is whom to tell, taken out of an alarm before that is let go.
type ring struct {
	bell Bell
	of   uint32
	when int64
}

// fire takes alarms that are due out of the wheel, which it moves to until: now, or the
// end of now's tick, and then it looks at the deadlines. It reports true if there may be
// more.
func (t *timers) fire(now, until int64, due *[batch]ring) (n int, more bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n < batch {
		e := t.wheel.Expire(until)
		if e == nil {
			next, ok := t.wheel.Next()
			if !ok {
				next = never
			}
			t.next.Store(next)
			return n, false
		}
		v := &e.Value
		due[n] = ring{bell: v.bell, of: v.of}
		// Claim. The deadline that has passed. T3: the last access.
		// Pairs with: (*Alarm).Postpone.
		for when := v.when.Load(); ; when = v.when.Load() {
			if when > now {
				t.wheel.Add(e, when) // it was postponed, or comes later in its tick
				break
			}
			if v.when.CompareAndSwap(when, fired) {
				due[n].when = when
				n++
				break
			}
		}
	}
	return n, true
}

// Due returns the moment from which on Expire has something to do, or less; the
// maximum if nothing is armed. Any thread.
func (r *Runner) Due() int64 {
	due := r.timers.next.Load()
	if r.home.clock != nil && due != never {
		due -= timerwheel.Tick // the wheel rounds up, and expireExactly does not
	}
	return due
}

// Settle is Due, exactly: it looks at what was disarmed since. A worker calls it
// before it sleeps until then.
func (r *Runner) Settle() int64 {
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
	t.next.Store(next)
	return next
}

// Expire rings the alarms of the runner that are due. Tasks of its home that
// become runnable by that go to q, the first of them as the one to run next; nil
// means into an inbox. It returns how many have rung.
//
// Any thread: the worker whose runner this is, and whoever stands in for it.
func (r *Runner) Expire(now int64, q Queue) (rings int) {
	if r.home.clock != nil {
		return r.expireExactly(now, q)
	}
	n := 0
	for more := true; more; {
		var due [batch]ring
		var k int
		k, more = r.timers.fire(now, now, &due)
		n += ringAll(due[:k], q, n == 0)
		rings += k
	}
	return rings
}

// expireExactly is Expire on a clock, whose tests mean the nanosecond: within a tick,
// too, alarms come when they are due, and in that order.
func (r *Runner) expireExactly(now int64, q Queue) int {
	var all []ring
	until := timerwheel.Coalesce(now, timerwheel.Tick)
	for more := true; more; {
		var due [batch]ring
		var k int
		k, more = r.timers.fire(now, until, &due)
		all = append(all, due[:k]...)
	}
	slices.SortStableFunc(all, func(a, b ring) int { return cmp.Compare(a.when, b.when) })
	ringAll(all, q, true)
	return len(all)
}

// ringAll rings what was due, without the lock, and returns how many tasks have become
// runnable on q: the first of them next, if next says so.
func ringAll(due []ring, q Queue, next bool) (n int) {
	for _, d := range due {
		s, task := d.bell.(*wakee)
		if !task || q == nil {
			d.bell.Ring(d.of)
			continue
		}
		if f := (*Frame)(s); f.state.wake(d.of, 0) {
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

// Timers returns how many alarms are armed. Any thread.
func (h *Home) Timers() (n int) {
	for _, r := range h.runners {
		r.timers.mu.Lock()
		n += r.timers.wheel.Len()
		r.timers.mu.Unlock()
	}
	return n
}

// Nanos returns the time on the scale of alarms. Any thread.
func (h *Home) Nanos() int64 {
	if h.clock != nil {
		return h.clock.nanos()
	}
	return clock.Now()
}

// nanos is Home.Nanos once a poll.
func (cx *Cx) nanos() int64 {
	if !cx.timed {
		cx.run.nanos, cx.timed = cx.run.home.Nanos(), true
	}
	return cx.run.nanos
}

// After returns the moment d from now: what is beyond the end of time is never. Any
// thread.
func (h *Home) After(d time.Duration) int64 { return later(h.Nanos(), d) }

// after is Home.After, from the poll's time on.
func (cx *Cx) after(d time.Duration) int64 { return later(cx.nanos(), d) }

func later(now int64, d time.Duration) int64 {
	if d > 0 && now > never-int64(d) {
		return never
	}
	return now + int64(d)
}
