//go:build explore

package par

import (
	"fmt"
	"slices"
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// failing is the parts of a loop, of which some indices fail: the error is that of the lowest, and
// all lower ones were called. Without fail it is the loop's own body.
func failing(fail func(e *failure, j *fold[none], i int, err error), fails ...int) func(*explore.X) {
	const parts, size = 3, 2
	return func(x *explore.X) {
		var called [parts * size]bool
		call := func(i int) error {
			called[i] = true
			if slices.Contains(fails, i) {
				return fmt.Errorf("%d", i)
			}
			return nil
		}
		j, e := tries(call)
		j.limit.Store(parts * size)
		if fail != nil {
			j.body = func(_ none, lo, hi int) (_ none) {
				for i := lo; i < hi && int64(i) < j.limit.Load(); i++ {
					if err := call(i); err != nil {
						fail(e, j, i, err)
						return
					}
				}
				return
			}
		}
		for p := range parts {
			x.Go("part", func() { j.body(none{}, p*size, (p+1)*size) })
		}
		x.Final(func() {
			lowest := fails[0]
			x.Assert(int(j.limit.Peek()) == lowest, "the limit is %d, and index %d has failed", j.limit.Peek(), lowest)
			x.Assert(e.err != nil && e.err.Error() == fmt.Sprint(lowest), "the error is that of %v, and index %d has failed", e.err, lowest)
			for i := range lowest {
				x.Assert(called[i], "index %d was not called", i)
			}
		})
	}
}

func TestExploreFold(t *testing.T) {
	explore.Check(t, explore.Options{Preemptions: 3}, failing(nil, 1, 2, 4))
	explore.Check(t, explore.Options{Preemptions: 3}, failing(nil, 3, 5))
	explore.Check(t, explore.Options{Preemptions: 3}, failing((*failure).fail, 1, 2, 4)) // the copy that controls change
}

func TestExploreFoldControls(t *testing.T) {
	for name, fail := range map[string]func(e *failure, j *fold[none], i int, err error){
		"the limit is written with a Store": func(e *failure, j *fold[none], i int, err error) { // F1
			if int64(i) < j.limit.Load() {
				j.limit.Store(int64(i))
				e.mu.Lock()
				if j.limit.Load() == int64(i) {
					e.err = err
				}
				e.mu.Unlock()
			}
		},
		"the limit is lowered before the lock is taken, and not looked at in it": func(e *failure, j *fold[none], i int, err error) { // F3
			if j.lower(i) {
				e.mu.Lock()
				e.err = err
				e.mu.Unlock()
			}
		},
		"the first error counts": func(e *failure, j *fold[none], i int, err error) { // F3
			e.mu.Lock()
			if j.lower(i); e.err == nil {
				e.err = err
			}
			e.mu.Unlock()
		},
	} {
		t.Run(name, func(t *testing.T) {
			explore.Refute(t, explore.Options{Preemptions: 3}, failing(fail, 1, 2, 4))
		})
	}
}

// aborting is a part that is ended by a panic, and one that returns nothing if it sees that: whoever joins the latter
// does not use the nothing.
func aborting(clear, early bool) func(*explore.X) {
	return func(x *explore.X) {
		var flag abortFlag
		var joined explore.Bool
		result, ended := 0, false
		x.Go("panics", func() {
			flag.unless(&ended)
			if clear {
				flag.aborted.Store(false)
			}
		})
		x.Go("part", func() { // as grow begins
			if !flag.aborted.Load() {
				result = 1
			}
			joined.Store(true)
		})
		x.Go("joiner", func() { // as grow ends
			aborted := early && flag.aborted.Load()
			explore.Wait(&joined, joined.Peek)
			if joined.Load(); !early {
				aborted = flag.aborted.Load()
			}
			if !aborted {
				x.Assert(result == 1, "nothing was merged")
			}
		})
	}
}

func TestExploreAbort(t *testing.T) {
	explore.Check(t, explore.Options{}, aborting(false, false))
}

func TestExploreAbortControls(t *testing.T) {
	t.Run("the flag is cleared when the part has ended", func(t *testing.T) {
		explore.Refute(t, explore.Options{}, aborting(true, false))
	})
	t.Run("the joiner looks before it joins", func(t *testing.T) {
		explore.Refute(t, explore.Options{}, aborting(false, true))
	})
}

// measured is threads that measure a function of short loops, while epochs pass: in the end, when no timer is
// set any more, the function is due (C2).
func measured(next func(*epochs), threads int) func(*explore.X) {
	return func(x *explore.X) {
		var e epochs
		e.now.Store(1)
		var c cost
		var left, timers explore.Int64 // threads that still ask, and timers that are set
		left.Store(int64(threads))
		for range threads {
			x.Go("loop", func() {
				for range 2 {
					e.isDue(&c.asked, func() { timers.Add(1) })
				}
				left.Add(-1)
			})
		}
		x.Go("timer", func() {
			for {
				explore.Wait(&timers, func() bool { return timers.Peek() > 0 || left.Peek() == 0 })
				if timers.Load() == 0 {
					if left.Load() == 0 {
						return
					}
					continue
				}
				next(&e)
				timers.Add(-1)
			}
		})
		x.Final(func() {
			x.Assert(timers.Peek() == 0 && !e.set.Peek(), "a timer is set")
			x.Assert(c.asked.Peek() != e.now.Peek(), "the function is never measured again")
		})
	}
}

func TestExploreEpochs(t *testing.T) {
	explore.Check(t, explore.Options{Preemptions: 3}, measured((*epochs).next, 1))
	explore.Check(t, explore.Options{Preemptions: 2}, measured((*epochs).next, 2))
}

func TestExploreEpochsControl(t *testing.T) {
	explore.Refute(t, explore.Options{Preemptions: 3}, measured(func(e *epochs) {
		e.now.Add(1)
		e.set.Store(false)
	}, 1))
}
