package par

import (
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// fold is a loop over the indices from 0, with a result that it carries along: all
// algorithms here are made of it. Its parts have a result each, and those are merged in
// their order.
//
//	0 . . . . . . . . . limit . . . . . . . n
//	 part |   part      | not asked for any more
//
// # Invariants
//
//	F1  limit only falls. A part asks for no index from the limit on that it has seen.
//	F2  All indices below the final limit were asked for.
//	F3  The error of a loop is that of the lowest index that has failed, and the limit is that
//	    index: both change under one lock.
//
// # Order
//
// No pair of accesses needs the total order. The parts are joined before the loop reads the
// limit and the error.
//
// # Price
//
// An atomic load for each block, in loops that may fail for each index. Nobody writes unless a loop ends
// early.
type fold[R any] struct {
	body  func(acc R, lo, hi int) R
	merge func(x, y R) R
	start func() R // nil: the zero value
	// cut says what the first k indices of a part go on with, and what the rest begins with.
	// nil: those go on with acc, and the rest begins with what start makes.
	cut   func(acc R, k int) (lower, upper R)
	n     int
	block int
	limit atomicx.Int64 // indices from here on are not asked for any more
}

// canceledAt is the limit of a loop in a computation that was canceled.
const canceledAt = -1

// part is the rest of a loop.
type part[R any] struct {
	*fold[R]
	lo, hi int
	acc    *R  // what it begins with; nil: what start makes
	done   int // indices, by the part that it was cut from
}

// none is the result of a loop without one.
type none = struct{}

func mergeNone(none, none) none { return none{} }

// each runs a loop without a result, and reports whether all of it has run.
func each[P pool.Place](on P, c *cost, n int, body func(lo, hi int)) bool {
	j := &fold[none]{
		body:  func(_ none, lo, hi int) none { body(lo, hi); return none{} },
		merge: mergeNone,
	}
	run(on, c, n, j)
	return j.isWhole()
}

// run runs the loop over [0, n). c is what an iteration costs.
func run[P pool.Place, R any](on P, c *cost, n int, j *fold[R]) R {
	if n > 0 {
		mustCall(c != &unknown && j.body != nil && j.merge != nil)
	}
	if takesTurns(on) {
		c = decided()
	}
	acc := j.begin()
	j.n = max(n, 0)
	j.limit.Store(int64(j.n)) // initialisation
	if n > 0 && canceled(on) != nil {
		j.lower(canceledAt)
		return acc
	}
	lo := 0
	if c.price.Load() == 0 {
		acc, lo = j.try(c, acc, n)
	}
	switch d := c.of(n - lo); {
	case lo >= n:
		return acc
	case d < enough(on):
		return j.alone(c, d, acc, lo, n)
	}
	j.block = c.blockSize()
	seed := acc
	begin := time.Now()
	acc = pool.Call(on, share[R], part[R]{fold: j, lo: lo, hi: n, acc: &seed})
	if d := time.Since(begin); d < ripe { // much cheaper than it was
		j.learn(c, n-lo, d)
	}
	return acc
}

// begin is zero, outside of a computation.
func (j *fold[R]) begin() R {
	defer raise()
	return j.zero()
}

func (j *fold[R]) zero() (r R) {
	if j.start != nil {
		r = j.start()
	}
	return r
}

// try runs the first iterations, more and more of them, until it is known what they cost.
func (j *fold[R]) try(c *cost, acc R, n int) (_ R, lo int) {
	defer raise()
	begin := time.Now()
	d := time.Duration(0)
	for size := 1; lo < n && lo < int(j.limit.Load()) && d < ripe; size *= 2 {
		hi := min(lo+size, n)
		acc = j.body(acc, lo, hi)
		lo, d = hi, time.Since(begin)
	}
	c.learn(lo, d)
	if lo >= int(j.limit.Load()) {
		lo = n
	}
	return acc, lo
}

// alone runs what is not worth to be shared; d is what it should take.
func (j *fold[R]) alone(c *cost, d time.Duration, acc R, lo, hi int) R {
	defer raise()
	if !c.due(d) {
		return j.body(acc, lo, hi)
	}
	begin := time.Now()
	acc = j.body(acc, lo, hi)
	j.learn(c, hi-lo, time.Since(begin))
	return acc
}

// learn says what iterations have cost, if all of them have run.
func (j *fold[R]) learn(c *cost, n int, d time.Duration) {
	if j.isWhole() {
		c.learn(n, d)
	}
}

// isWhole reports whether no index was left out.
func (j *fold[R]) isWhole() bool { return j.limit.Load() == int64(j.n) }

// raise raises a panic as the computations of the pool do.
func raise() {
	if v := recover(); v != nil {
		panic(task.Recovered("a parallel loop", v))
	}
}

// share is the function of the computation: it runs a part with a result of its own.
func share[R any](f pool.Fork[part[R], R], p part[R]) R {
	ended := false
	defer func() {
		if !ended { // a panic, or a Goexit: the other parts need not go on
			p.lower(0)
		}
	}()
	var acc R
	if p.acc != nil {
		acc = *p.acc
	} else {
		acc = p.zero()
	}
	g := newGrain(p.n, p.block, p.done)
	acc = p.rest(f, &g, acc, p.lo, p.hi)
	ended = true
	return acc
}

// rest runs a part on top of a result, block by block, and cuts it where it is wanted.
func (j *fold[R]) rest(f pool.Fork[part[R], R], g *grain, acc R, lo, hi int) R {
	for lo < hi && int64(lo) < j.limit.Load() {
		if f.Scope().Err() != nil {
			j.lower(canceledAt)
			return acc
		}
		if n, measured := g.next(); hi-lo <= n || !f.Wanted() {
			if hi-lo <= n {
				return j.body(acc, lo, hi)
			}
			if !measured {
				acc = j.body(acc, lo, lo+n)
				g.ran(n)
			} else {
				begin := f.Scope().Now()
				acc = j.body(acc, lo, lo+n)
				g.took(n, time.Duration(f.Scope().Now()-begin))
			}
			lo += n
			continue
		}
		mid := lo + (hi-lo)/2
		upper := part[R]{fold: j, lo: mid, hi: hi, done: g.done}
		if j.cut != nil {
			upper.acc = new(R)
			acc, *upper.acc = j.cut(acc, mid-lo)
		}
		acc = j.rest(f.Offer(upper), g, acc, lo, mid)
		if !f.Kept() {
			if r := f.Take(upper); j.isWhole() { // or r may be of nothing: no result of body
				acc = j.merge(acc, r)
			}
			return acc
		}
		if j.cut != nil {
			acc = *upper.acc
		}
		lo = mid
	}
	return acc
}

// lower makes i the limit, unless there is a lower one (F1). It reports whether i is the limit.
func (j *fold[R]) lower(i int) bool {
	for {
		old := j.limit.Load()
		if int64(i) >= old {
			return int64(i) == old
		}
		// Claim. The limit. Pairs with: (*fold).lower.
		if j.limit.CompareAndSwap(old, int64(i)) {
			return true
		}
	}
}

// failure is the error of the lowest index that has failed.
type failure struct {
	mu  park.Mutex // guards err, and with it that the limit is err's index
	err error
}

// fail makes err the loop's error, unless a lower index has failed (F3).
func (e *failure) fail(j *fold[none], i int, err error) {
	e.mu.Lock()
	if j.lower(i) {
		e.err = err
	}
	e.mu.Unlock()
}

// tries returns a loop that calls body until it fails, and where its error is afterwards.
func tries(body func(i int) error) (*fold[none], *failure) {
	e := new(failure)
	j := &fold[none]{merge: mergeNone}
	j.body = func(_ none, lo, hi int) (_ none) {
		for i := lo; i < hi && int64(i) < j.limit.Load(); i++ {
			if err := body(i); err != nil {
				e.fail(j, i, err)
				return
			}
		}
		return
	}
	return j, e
}
