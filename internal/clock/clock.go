// Package clock is the one time scale of the module: nanoseconds since the
// process started.
//
// Deadlines are plain int64 on this scale, because they are compared and
// subtracted at every step of a worker, kept in atomic words and handed to the
// kernel. The scale is monotonic (setting the wall clock does not move it) and
// positive: 0 can mean "no deadline" to whoever needs such a value, and a
// deadline that lies ahead, minus Now, cannot overflow.
//
// On Linux it runs at the pace of CLOCK_MONOTONIC, the clock that a futex's
// relative timeout is measured with.
//
// # Price
//
// About 30 ns a reading, half of time.Now's. A loop reads it once a batch and
// passes the value on: pure data structures take now as an argument.
package clock

import (
	"math"
	"time"
)

var start = time.Now()

// Now returns the nanoseconds since the process started, at least 1. Any
// goroutine. It never goes back.
func Now() int64 { return int64(time.Since(start)) + 1 }

// At returns what Now returned at t, a reading of [time.Now]; of a time that is further
// away than a duration can be, the last moment, or the first.
func At(t time.Time) int64 {
	d := int64(t.Sub(start))
	return d + min(math.MaxInt64-max(d, 0), 1)
}
