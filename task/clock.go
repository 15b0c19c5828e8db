package task

import (
	"sync"
	"time"

	"github.com/heist-go/heist/internal/clock"
)

// Clock is a time that stands still until it is moved. A scheduler that is given
// one (pool.Config, [SetClock]) has it for the time of its tasks and of their
// timers: for tests that would otherwise wait, or be late. One Clock may drive
// several schedulers.
//
// What a scheduler's tasks set follows the clock, deadlines of connections included.
// What the operating system delays takes real time, and so does a stalled poll.
type Clock struct {
	mu    sync.Mutex
	start time.Time
	past  time.Duration // since start
	homes []*Home
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
// runnable by that may run after Advance has returned. It panics if d is negative.
//
// A timer that a task arms when it is woken counts from the new time. Advance step
// by step, to [Clock.Next], where that matters. What is due already when it is armed
// is the scheduler's to fire: nothing has to move the clock for that.
//
// Goroutines only; it does not wait for tasks.
func (c *Clock) Advance(d time.Duration) {
	if d < 0 {
		panic("task: Clock.Advance by a negative duration: time does not go back")
	}
	c.mu.Lock()
	// Store-load, by the locks: the time first, then what is armed. Who arms an alarm
	// looks at the time after that, and so does a worker before it sleeps.
	// Pairs with: (*Alarm).Arm.
	c.past += d
	now, homes := int64(c.past)+1, c.homes
	c.mu.Unlock()
	for _, h := range homes {
		for _, r := range h.runners {
			r.Expire(now, nil)
		}
	}
}

// Next returns how far it is to a moment by which the next timer is due: less than a
// tick of 65.5 µs after its deadline, to which Advance may go directly. ok is false if
// no timer is armed. If the timer is far away Advance may do only a part of the work
// then, and fire nothing: ask again.
func (c *Clock) Next() (d time.Duration, ok bool) {
	c.mu.Lock()
	now, homes := int64(c.past)+1, c.homes
	c.mu.Unlock()
	next := int64(never)
	for _, h := range homes {
		for _, r := range h.runners {
			next = min(next, r.Settle())
		}
	}
	return time.Duration(max(next-now, 0)), next != never
}

// SetClock gives a scheduler its time from c, before [Open].
func SetClock(h *Home, c *Clock) {
	h.clock = c
	c.mu.Lock()
	defer c.mu.Unlock()
	c.homes = append(c.homes, h)
}

// ReleaseClock undoes SetClock, at the scheduler's end, so that the clock does not
// keep it.
func ReleaseClock(h *Home) {
	c := h.clock
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, k := range c.homes {
		if k == h {
			homes := append([]*Home(nil), c.homes[:i]...) // Advance may be reading the old one
			c.homes = append(homes, c.homes[i+1:]...)
			return
		}
	}
}

// now returns the time, and the same moment on the scale of alarms.
func (h *Home) now() (t time.Time, nanos int64) {
	if h.clock != nil {
		return h.clock.both()
	}
	t = time.Now()
	return t, clock.At(t)
}
