package par

import (
	"reflect"
	"sync/atomic"
	"time"

	"github.com/heist-go/heist/pool"
)

// costs remembers what a call of a function has cost lately: a table by the address of its
// code. Two functions in one place push each other out, which costs them a trial.
var costs [1 << 8]cost

// cost is of one function.
type cost struct {
	code  atomic.Uintptr
	price atomic.Uint32 // picoseconds a call; 0: not known
	asked atomic.Uint32 // the epoch in which a short loop was measured last
}

// epoch counts on every few milliseconds, as long as short loops run: each is measured once in
// an epoch. (To draw lots for each call costs as much as ten iterations.)
var (
	epoch atomic.Uint32
	turns atomic.Bool // a timer is set for the next
)

func init() { epoch.Store(1) } // so that what was never measured is due

// costOf returns the place of a function.
func costOf(fn any) *cost {
	code := reflect.ValueOf(fn).Pointer()
	c := &costs[code>>4%uintptr(len(costs))]
	if c.code.Load() != code {
		c.code.Store(code)
		c.price.Store(0)
	}
	return c
}

const (
	// ripe is how long a loop must be for others to be woken, as in the pool.
	ripe = 20 * time.Microsecond
	// inner is that for a loop inside of a computation, whose helpers are awake.
	inner = 2 * time.Microsecond
	// block is how long a loop runs until it looks whether somebody is hungry.
	block = 4 * time.Microsecond
	// short is what is not worth a look at the clock, but once in an epoch.
	short = time.Microsecond
	// lasting is how long an epoch takes.
	lasting = 5 * time.Millisecond
)

// enough returns how long a loop must be to be shared.
func enough[P pool.Place](on P) time.Duration {
	if _, inside := any(on).(pool.Scope); inside {
		return inner
	}
	return ripe
}

// of returns what n calls will take, or 0 if that is not known.
func (c *cost) of(n int) time.Duration {
	return time.Duration(min(float64(c.price.Load())*float64(n)/1000, 1<<62))
}

// blockSize returns how many calls make a block.
func (c *cost) blockSize() int {
	return max(1, int(block*1000/time.Duration(max(c.price.Load(), 1))))
}

// isTiny reports whether n calls are known to be short, and need not be measured.
func (c *cost) isTiny(n int) bool {
	price := uint64(c.price.Load())
	return price > 0 && uint64(n) < uint64(short) && price*uint64(n) < uint64(short)*1000 && c.asked.Load() == epoch.Load()
}

// due reports whether a loop that is expected to take d is to be measured, by the caller.
func (c *cost) due(d time.Duration) bool {
	if d >= short {
		return true
	}
	now := epoch.Load()
	if c.asked.Load() == now {
		return false
	}
	c.asked.Store(now)
	if turns.CompareAndSwap(false, true) {
		time.AfterFunc(lasting, func() {
			turns.Store(false)
			epoch.Add(1)
		})
	}
	return true
}

// learn says that n calls have taken d. It believes at once that they are cheaper than
// they were; and only by and by that they are dearer, for the thread may have been
// interrupted.
func (c *cost) learn(n int, d time.Duration) {
	if n == 0 {
		return
	}
	price := uint32(min(max(float64(d)*1000/float64(n), 1), 1<<31))
	if old := c.price.Load(); old != 0 {
		price = min(price, max(old, old<<3)) // if it overflows: old
	}
	c.price.Store(price)
}
