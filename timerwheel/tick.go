package timerwheel

import (
	"math"
	"math/bits"
)

// A tick is an unsigned number: moments are shifted so that the beginning of time,
// math.MinInt64, is tick 0. The order stays.
const sign = 1 << 63

// never is the last tick. The present stops before it, so that there always is a
// next tick.
const never = 1<<(slotBits*levels) - 1

// End is the latest moment at which an entry can be due.
const End = math.MaxInt64 - 2*Tick + 1

// tickOf returns the tick of a deadline: the first that does not begin before it.
func tickOf(deadline int64) uint64 {
	t := uint64(deadline) ^ sign
	return min(t>>tickBits+(t%Tick+Tick-1)>>tickBits, never)
}

// tickAt returns the tick that is under way at a moment.
func tickAt(now int64) uint64 { return min((uint64(now)^sign)>>tickBits, never-1) }

// momentOf returns the beginning of a tick.
func momentOf(tick uint64) int64 { return int64(tick<<tickBits ^ sign) }

// Coalesce returns a moment from deadline to deadline+slack: the next multiple of
// the largest power of two that is not above slack. Timers that have some slack
// fall together like this, and wake up their owner once instead of many times.
// A slack of less than 2 changes nothing; what would be beyond the end of time
// is math.MaxInt64.
//
// The rounding to a [Tick] comes on top of it, unless slack is a tick or more.
func Coalesce(deadline, slack int64) int64 {
	if slack < 2 {
		return deadline
	}
	low := int64(1)<<(bits.Len64(uint64(slack))-1) - 1
	if deadline > math.MaxInt64-low {
		return math.MaxInt64
	}
	return (deadline + low) &^ low
}
