package task

import (
	"time"

	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/timerwheel"
)

// Clock is a time that stands still until it is moved. A scheduler that is given
// one (pool.Config, [SetClock]) has it for the time of its tasks and of their
// timers: for tests that would otherwise wait, or be late. One Clock may drive
// several schedulers.
//
// What a scheduler's tasks set follows the clock, deadlines of connections included.
// What the operating system delays takes real time, and so does a stalled poll.
type Clock struct {
	mu       park.Mutex // so that an exploration sees who looks while another moves it
	start    time.Time
	past     time.Duration // since start
	runtimes []*Runtime
}

// NewClock returns a clock that shows start.
func NewClock(start time.Time) *Clock { return &Clock{start: start} }

// Now returns the time that the clock shows. Any goroutine.
func (c *Clock) Now() time.Time {
	t, _ := c.both()
	return t
}

// nanos is the time on the scale of alarms, which begins with 1.
func (c *Clock) nanos() int64 {
	_, nanos := c.both()
	return nanos
}

func (c *Clock) both() (t time.Time, nanos int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.start.Add(c.past), int64(c.past) + 1
}

// Advance moves the clock by d and fires all timers that are due then, to the
// nanosecond, in the order of their deadlines on each worker. Tasks that become
// runnable by that may run after Advance has returned. It panics if d is negative. Time
// ends 292 years after the clock's start: it does not move beyond that, and what a task
// arms for later never fires.
//
// A timer that a task arms when it is woken counts from the new time. Advance step
// by step, to [Clock.Next], where that matters. What is due already when it is armed
// is the scheduler's to fire: nothing has to move the clock for that.
//
// Goroutines only; it does not wait for tasks.
func (c *Clock) Advance(d time.Duration) { c.advance(d, nil, nil) }

// advance is Advance with a queue for the tasks of one runtime.
func (c *Clock) advance(d time.Duration, only *Runtime, ready Queue) {
	if d < 0 {
		panic("task: Clock.Advance by a negative duration: time does not go back")
	}
	c.mu.Lock()
	// Store-load, by the locks: the time, then what is armed. Who arms an alarm looks at the time
	// after that, and so does a worker before it sleeps.
	// Pairs with: (*Alarm).Arm.
	now := min(Later(int64(c.past)+1, d), timerwheel.End)
	c.past = time.Duration(now - 1)
	all := c.runtimes
	c.mu.Unlock()
	for _, rt := range all {
		var q Queue
		if rt == only {
			q = ready
		}
		for _, r := range rt.present() {
			r.Expire(now, q)
		}
	}
}

// Next returns how far it is to a moment by which the next timer is due: less than a
// tick ([timerwheel.Tick]) after its deadline, to which Advance may go directly. ok is false if
// no timer is armed. If the timer is far away Advance may do only a part of the work
// then, and fire nothing: ask again.
func (c *Clock) Next() (d time.Duration, ok bool) {
	c.mu.Lock()
	now, all := int64(c.past)+1, c.runtimes
	c.mu.Unlock()
	next := int64(never)
	for _, rt := range all {
		for _, r := range rt.present() {
			if r.Due() < next {
				next = min(next, r.NextDeadline())
			}
		}
	}
	return time.Duration(max(next-now, 0)), next != never
}

// SetClock gives a scheduler its time from c, before [Open].
func SetClock(rt *Runtime, c *Clock) {
	rt.clock = c
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runtimes = append(c.runtimes, rt)
}

// ReleaseClock undoes SetClock, at the scheduler's end, so that the clock does not
// keep it.
func ReleaseClock(rt *Runtime) {
	c := rt.clock
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, k := range c.runtimes {
		if k == rt {
			left := append([]*Runtime(nil), c.runtimes[:i]...) // Advance may be reading the old one
			c.runtimes = append(left, c.runtimes[i+1:]...)
			return
		}
	}
}

// Clock returns what SetClock has given to the scheduler, or nil, as of no runtime: the
// machine's clock. Any thread.
func (rt *Runtime) Clock() *Clock {
	if rt == nil {
		return nil
	}
	return rt.clock
}

// now returns the time, and the same moment on the scale of alarms.
func (rt *Runtime) now() (t time.Time, nanos int64) {
	if rt.clock != nil {
		return rt.clock.both()
	}
	t = time.Now()
	return t, clock.At(t)
}

// Nanos returns the time on the scale of alarms; of no runtime, the machine's. Any thread.
func (rt *Runtime) Nanos() int64 {
	if rt != nil && rt.clock != nil {
		return rt.clock.nanos()
	}
	return clock.Now()
}

// nanos is Runtime.Nanos once a poll.
func (cx *Cx) nanos() int64 {
	if !cx.timed {
		cx.run.nanos, cx.timed = cx.run.rt.Nanos(), true
	}
	return cx.run.nanos
}

// After returns the moment d from now: what is beyond the end of time is never. It looks at
// the clock: see [Later]. Any thread.
func (rt *Runtime) After(d time.Duration) int64 { return Later(rt.Nanos(), d) }

// At returns the moment t on the scale of alarms: on a scheduler with a Clock t is that
// clock's time. What is beyond the end of time is never. Any thread.
func (rt *Runtime) At(t time.Time) int64 {
	now, nanos := rt.now()
	return Later(nanos, t.Sub(now)) // a difference that is too large saturates
}

// after is Runtime.After, from the poll's time on.
func (cx *Cx) after(d time.Duration) int64 { return Later(cx.nanos(), d) }

// Later returns the moment d after t, on the scale of alarms. What is beyond the end of time,
// which is the last moment that a wheel comes to, is never. No moment is computed otherwise.
//
// Who has looked at the clock to find out d says from when on it counts, by Later: at a look
// of its own, as [Runtime.After] takes one, a [Clock] may have been moved already. Any thread;
// it does not block.
func Later(t int64, d time.Duration) int64 {
	if t > timerwheel.End-max(int64(d), 0) {
		return never
	}
	return t + int64(d)
}
