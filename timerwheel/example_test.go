package timerwheel_test

import (
	"fmt"
	"time"

	"github.com/heist-go/heist/timerwheel"
)

// A wheel whose owner counts nanoseconds, and waits for the next moment. Here
// nobody waits: time is a variable.
func ExampleWheel() {
	var w timerwheel.Wheel[string]
	tea := timerwheel.Entry[string]{Value: "tea"}
	eggs := timerwheel.Entry[string]{Value: "eggs"}
	w.Add(&tea, int64(3*time.Minute))
	w.Add(&eggs, int64(6*time.Minute))

	for next, ok := w.Next(); ok; next, ok = w.Next() {
		now := next // a program would sleep until then, and read its clock
		for e := w.Expire(now); e != nil; e = w.Expire(now) {
			fmt.Println(e.Value, "after", time.Duration(now).Round(time.Millisecond))
		}
	}
	// Output:
	// tea after 3m0s
	// eggs after 6m0s
}

// While entries are handed out, the wheel may be changed in any way: an entry may
// be armed again, and others taken out, also some that are due.
func ExampleWheel_Expire() {
	var w timerwheel.Wheel[string]
	second := int64(time.Second)
	ping := timerwheel.Entry[string]{Value: "ping"}
	timeout := timerwheel.Entry[string]{Value: "timeout"}
	w.Add(&ping, 1*second)
	w.Add(&timeout, 3*second)

	now := 10 * second // nobody has looked for a while
	for e := w.Expire(now); e != nil; e = w.Expire(now) {
		fmt.Println(e.Value)
		if e == &ping && e.Deadline() < 2*second {
			w.Add(e, e.Deadline()+second)
		} else {
			w.Remove(&timeout)
		}
	}
	fmt.Println(w.Len(), "left")
	// Output:
	// ping
	// ping
	// 0 left
}

// An idle timeout: every message postpones it.
func ExampleWheel_Reset() {
	type connection struct {
		idle timerwheel.Entry[*connection]
		name string
	}
	const timeout = int64(30 * time.Second)

	var w timerwheel.Wheel[*connection]
	c := &connection{name: "c1"}
	c.idle.Value = c // the way from the entry to what it belongs to
	w.Add(&c.idle, timeout)

	for now := int64(0); w.Len() > 0; now += int64(10 * time.Second) {
		if now < int64(time.Minute) { // a message comes in
			w.Reset(&c.idle, now+timeout)
		}
		for e := w.Expire(now); e != nil; e = w.Expire(now) {
			fmt.Println(e.Value.name, "was idle; closed after", time.Duration(now))
		}
	}
	// Output:
	// c1 was idle; closed after 1m30s
}

// Timers that have some slack are due together.
func ExampleCoalesce() {
	slack := int64(250 * time.Millisecond)
	for _, ms := range []int64{1010, 1080, 1190} {
		deadline := ms * int64(time.Millisecond)
		fmt.Println(time.Duration(timerwheel.Coalesce(deadline, slack)))
	}
	// Output:
	// 1.073741824s
	// 1.207959552s
	// 1.207959552s
}
