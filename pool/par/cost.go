package par

import (
	"reflect"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/fork"
	"github.com/heist-go/heist/task"
)

// costs remembers what a call of a function has cost lately: a table by the address of its
// code. Two functions in one place push each other out, which costs them a trial.
//
//	function --> costs[address] price: what all threads know, and whoever has measured a loop writes
//	             epoch . . . . . . 1 . . . . . . . 2 . . . .   short loops are measured once in each
//
// # Invariants
//
//	C1  A price is a hint: it says how a loop is cut, and never what comes out. It is 0 if it is not known,
//	    and a measured one is not.
//	C2  When a function has been measured in the epoch a timer is set that begins the next epoch.
//
// # Order
//
// The timer's end first lets another one be set, and begins the next epoch then. In the other order a function that was
// measured in between would set none, and never be measured again: C2.
//
// # Price
//
// Two atomic loads for a short loop that need not be measured, and no write.
var costs [1 << 8]cost

// cost is of one function.
type cost struct {
	code  atomicx.Uint64 // its address
	price atomicx.Uint32 // picoseconds a call; 0: not known
	asked atomicx.Uint32 // the epoch in which a short loop was measured last
}

// epochs count on every few milliseconds, as long as short loops run: each is measured once in
// an epoch. (To draw lots for each call costs as much as ten iterations.)
type epochs struct {
	now atomicx.Uint32
	set atomicx.Bool // a timer is, for the next
}

var epoch epochs

func init() { epoch.now.Store(1) } // initialisation: what was never measured is due

// isDue reports whether a function is due, which was asked for in the epoch before. start sets a timer, which
// calls next.
func (e *epochs) isDue(asked *atomicx.Uint32, start func()) bool {
	now := e.now.Load()
	if asked.Load() == now {
		return false
	}
	// Store-load: asked first, then a look whether a timer is set (C2).
	// Pairs with: (*epochs).next.
	asked.Store(now)
	if e.set.CompareAndSwap(false, true) {
		start()
	}
	return true
}

// next begins the next epoch.
func (e *epochs) next() {
	// Store-load: the timer is gone first, then the epoch is (C2).
	// Pairs with: (*epochs).isDue.
	e.set.Store(false)
	e.now.Add(1)
}

// unknown is the cost of no function.
var unknown cost

// mustCall panics if there is no function, and something to call it with. A panic in the
// middle of a loop would not say why.
func mustCall(exists bool) {
	if !exists {
		panic("par: the function to call is nil: pass one, or no elements")
	}
}

// costOf returns the place of a function.
func costOf(fn any) *cost {
	code := uint64(reflect.ValueOf(fn).Pointer())
	if code == 0 {
		return &unknown
	}
	c := &costs[code>>4%uint64(len(costs))]
	if c.code.Load() != code {
		c.code.Store(code) // Hint. A thread that measures the other function now writes its price.
		c.price.Store(0)
	}
	return c
}

// takesTurns reports whether a computation runs where nothing may depend on how long it takes: in a
// simulation.
func takesTurns[P pool.Place](on P) bool { return teamOf(on).Turns() != nil }

// teamOf returns the team that helps a computation on a place, or nil; nil, too, for a *pool.Pool.
func teamOf[P pool.Place](on P) *fork.Team {
	switch on := any(on).(type) {
	case *task.Cx:
		return fork.TeamOf(on)
	case *fork.Team:
		return on
	case pool.Scope:
		return on.Participant().Team()
	}
	return nil
}

// decided is the cost of a function there: a block a call, so that all parts may be shared.
func decided() *cost {
	c := new(cost)
	c.price.Store(uint32(block * 1000)) // initialisation
	return c
}

const (
	// ripe is how long a loop must be for others to be woken, as in the pool.
	ripe = 20 * time.Microsecond
	// inner is that for a loop inside of a computation, whose helpers are awake.
	inner = 2 * time.Microsecond
	// block is how long a loop runs until it looks whether a thread wants work.
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
	return price > 0 && uint64(n) < uint64(short) && price*uint64(n) < uint64(short)*1000 && c.asked.Load() == epoch.now.Load()
}

// due reports whether a loop that is expected to take d is to be measured, by the caller.
func (c *cost) due(d time.Duration) bool {
	if d >= short {
		return true
	}
	return epoch.isDue(&c.asked, func() { time.AfterFunc(lasting, epoch.next) })
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
	c.price.Store(price) // Hint. C1.
}
