package par

import (
	"sync/atomic"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// fold is a loop over the indices from 0, with a result that it carries along: what all
// algorithms here are made of. Its parts have a result each, and those are merged in
// their order.
type fold[R any] struct {
	body  func(acc R, lo, hi int) R
	merge func(x, y R) R
	start func() R // nil: the zero value
	seed  R        // what the first part begins with
	n     int
	block int
	limit atomic.Int64 // indices from here on are not asked for any more
}

// cut is the limit of a loop in a computation that was canceled.
const cut = -1

// part is the rest of a loop.
type part[R any] struct {
	*fold[R]
	lo, hi int
	first  bool
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
	acc := j.begin()
	j.n = max(n, 0)
	j.limit.Store(int64(j.n))
	if n > 0 && canceled(on) != nil {
		j.lower(cut)
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
	j.seed, j.block = acc, c.blockSize()
	begin := time.Now()
	acc = pool.Call(on, share[R], part[R]{j, lo, n, true})
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
			p.limit.Store(0)
		}
	}()
	var acc R
	if p.first {
		acc = p.seed
	} else {
		acc = p.zero()
	}
	acc = p.rest(f, acc, p.lo, p.hi)
	ended = true
	return acc
}

// rest runs a part on top of a result, block by block, and cuts it where it is wanted.
func (j *fold[R]) rest(f pool.Fork[part[R], R], acc R, lo, hi int) R {
	for lo < hi && int64(lo) < j.limit.Load() {
		if f.Scope().Err() != nil {
			j.lower(cut)
			return acc
		}
		if hi-lo <= j.block || !f.Wanted() {
			end := lo + min(j.block, hi-lo)
			acc = j.body(acc, lo, end)
			lo = end
			continue
		}
		mid := lo + (hi-lo)/2
		upper := part[R]{j, mid, hi, false}
		acc = j.rest(f.Offer(upper), acc, lo, mid)
		if !f.Kept() {
			if r := f.Take(upper); j.isWhole() { // or r may be of nothing: no result of body
				acc = j.merge(acc, r)
			}
			return acc
		}
		lo = mid
	}
	return acc
}

// lower makes i the limit, unless there is a lower one.
func (j *fold[R]) lower(i int) {
	for {
		old := j.limit.Load()
		if int64(i) >= old || j.limit.CompareAndSwap(old, int64(i)) {
			return
		}
	}
}
