//go:build explore

package deque

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/explore"
)

// Each scenario runs the deque's own code under every interleaving; each control
// replaces one of its methods by a version with one line wrong, which the
// explorer must catch. Elements are numbered; an exploration fails unless each
// was taken exactly once, or is still there at the end.

// variant is the deque under test: its own methods, or broken ones.
type variant struct {
	name  string
	push  func(*Deque[int], *int)
	pop   func(*Deque[int]) *int
	steal func(*Deque[int]) []*int

	shrink func(d *Deque[int], t, kept int64) bool // nil: as it is
}

func one(x *int, r Result) []*int {
	if r != Stolen {
		return nil
	}
	return []*int{x}
}

var sound = variant{
	name:  "sound",
	push:  (*Deque[int]).Push,
	pop:   (*Deque[int]).Pop,
	steal: func(d *Deque[int]) []*int { return one(d.Steal()) },
}

// late reads the slot after the claim: I5 broken.
var late = variant{"late", sound.push, sound.pop, func(d *Deque[int]) []*int {
	t := d.top.Load()
	if d.bottom.Load()-t <= 0 || !d.claim(t) {
		return nil
	}
	return []*int{d.ring.Load().at(t).Load()}
}, nil}

// bulk takes two elements with one CompareAndSwap.
var bulk = variant{"bulk", sound.push, sound.pop, func(d *Deque[int]) []*int {
	t := d.top.Load()
	if d.bottom.Load()-t < 2 {
		return nil
	}
	r := d.ring.Load()
	x, y := r.at(t).Load(), r.at(t+1).Load()
	if !d.top.CompareAndSwap(t, t+2) {
		return nil
	}
	return []*int{x, y}
}, nil}

// stale loads the ring before bottom: I6 broken.
var stale = variant{"stale", sound.push, sound.pop, func(d *Deque[int]) []*int {
	r := d.ring.Load()
	t := d.top.Load()
	if d.bottom.Load()-t <= 0 {
		return nil
	}
	x := r.at(t).Load()
	if !d.claim(t) {
		return nil
	}
	return []*int{x}
}, nil}

// unordered is Pop without its store-load order: it looks at top before it
// withdraws the element.
var unordered = variant{"unordered", sound.push, func(d *Deque[int]) *int {
	b := d.b - 1
	t := d.top.Load()
	if t-b > 0 {
		return nil
	}
	d.bottom.Store(b)
	if b-t > 0 {
		d.b = b
		return d.ring.Load().at(b).Load()
	}
	var x *int
	if d.top.CompareAndSwap(b, b+1) {
		x = d.ring.Load().at(b).Load()
	}
	d.t = b + 1
	d.bottom.Store(b + 1)
	return x
}, sound.steal, nil}

// hasty is Push that publishes the index before the slot.
var hasty = variant{"hasty", func(d *Deque[int], x *int) {
	b, r := d.b, d.ring.Load()
	if b-d.t >= r.size() {
		r = d.grow(r)
	}
	d.b = b + 1
	atomicx.StoreReleaseInt64(&d.bottom, b+1)
	atomicx.StoreReleasePointer(r.at(b), x)
}, sound.pop, sound.steal, nil}

// buffered is Pop whose store of bottom may wait in the store buffer while it looks at top.
var buffered = variant{"buffered", sound.push, func(d *Deque[int]) *int {
	b := d.b - 1
	if d.t-b > 0 {
		return nil
	}
	atomicx.StoreReleaseInt64(&d.bottom, b)
	d.t = d.top.Load()
	if b-d.t > 0 {
		d.b = b
		return d.ring.Load().at(b).Load()
	}
	var x *int
	if b == d.t && d.top.CompareAndSwap(b, b+1) {
		x = d.ring.Load().at(b).Load()
	}
	d.t = b + 1
	atomicx.StoreReleaseInt64(&d.bottom, b+1)
	return x
}, sound.steal, nil}

// eager clears the slot that it has popped last, which may be a thief's.
var eager = variant{"eager", sound.push, func(d *Deque[int]) *int {
	b := d.b - 1
	if d.top.Load()-b > 0 {
		return nil
	}
	d.bottom.Store(b)
	r := d.ring.Load()
	x := r.at(b).Load()
	r.at(b).Store(nil)
	t := d.top.Load()
	if b-t > 0 {
		d.b = b
		return x
	}
	if !d.top.CompareAndSwap(b, b+1) {
		x = nil
	}
	d.t = b + 1
	d.bottom.Store(b + 1)
	return x
}, sound.steal, nil}

// shrinking is a variant that gives the elements a smaller ring in another way.
func shrinking(name string, f func(d *Deque[int], old *ring[int], size int64)) variant {
	v := sound
	v.name = name
	v.shrink = func(d *Deque[int], t, kept int64) bool {
		old := d.ring.Load()
		if old.size() <= kept {
			return false
		}
		d.t = t
		f(d, old, kept)
		d.clean, d.high = d.t, d.b
		return true
	}
	return v
}

// cleared writes to the ring that it has replaced: I4 broken.
var cleared = shrinking("cleared", func(d *Deque[int], old *ring[int], size int64) {
	d.resize(old, size)
	for i := range old.slots {
		old.slots[i].Store(nil)
	}
})

// forward shows the smaller ring before the elements are in it: I6 broken.
var forward = shrinking("forward", func(d *Deque[int], old *ring[int], size int64) {
	r := newRing[int](size)
	atomicx.StoreReleasePointer(&d.ring, r)
	for i := d.t; i != d.b; i++ {
		r.at(i).Store(old.at(i).Load())
	}
})

// cramped makes the ring smaller than what is in it: I3 broken.
var cramped = shrinking("cramped", func(d *Deque[int], old *ring[int], size int64) { d.resize(old, size/2) })

// tally counts who got what. Each thread writes its own list.
type tally struct {
	items []int
	took  [][]*int
}

func newTally(items, threads int) *tally {
	return &tally{make([]int, items), make([][]*int, threads)}
}

func (y *tally) take(thread int, xs ...*int) {
	y.took[thread] = append(y.took[thread], xs...)
}

// check fails x unless each pushed element was taken once or is still in d.
func (y *tally) check(x *explore.X, d *Deque[int], pushed int) {
	for {
		got, r := d.Steal()
		if r != Stolen {
			break
		}
		y.take(0, got)
	}
	count := map[*int]int{}
	for _, list := range y.took {
		for _, p := range list {
			x.Assert(p != nil, "somebody got nil")
			count[p]++
		}
	}
	for i := range pushed {
		n := count[&y.items[i]]
		x.Assert(n == 1, "element %d was taken %d times", i, n)
	}
}

// start returns an empty deque with a ring of the given size, whose indices are
// about to wrap.
func start(size int64) *Deque[int] {
	const index = 1<<63 - 2
	d := &Deque[int]{b: index, t: index, clean: index, high: index}
	d.top.Store(index)
	d.bottom.Store(index)
	d.ring.Store(newRing[int](size))
	return d
}

// Scenarios: what the owner does, in a deque with the given ring, against how
// many thieves. An owner's program is a string: + push, - pop, ^ steal from
// itself, < take, t tidy, s shrink the ring to two, if that is enough.
type scenario struct {
	name    string
	ring    int64
	before  int // pushed before the threads start
	owner   string
	thieves []int // how often each tries
}

func (s scenario) model(v variant) func(x *explore.X) {
	return func(x *explore.X) {
		d := start(s.ring)
		y := newTally(8, 1+len(s.thieves))
		pushed := 0
		push := func() { v.push(d, &y.items[pushed]); pushed++ }
		for range s.before {
			push()
		}
		x.Go("owner", func() {
			for _, op := range s.owner {
				switch op {
				case '+':
					push()
				case '-':
					if p := v.pop(d); p != nil {
						y.take(0, p)
					}
				case '^':
					y.take(0, v.steal(d)...)
				case '<':
					if p := d.Take(); p != nil {
						y.take(0, p)
					}
				case 't':
					d.Tidy()
				case 's':
					if v.shrink != nil {
						v.shrink(d, d.top.Load(), 2)
					} else {
						d.shrink(d.top.Load(), 2)
					}
				}
			}
		})
		for i, tries := range s.thieves {
			x.Go("thief", func() {
				for range tries {
					y.take(1+i, v.steal(d)...)
				}
			})
		}
		x.Final(func() { y.check(x, d, pushed) })
	}
}

var scenarios = []scenario{
	{"last element", 2, 1, "-", []int{1, 1}},
	{"push, pop, steal", 2, 0, "++--", []int{1, 1}},
	{"pop to empty and again", 2, 0, "+-+-", []int{1, 1}},
	{"wrap of the ring", 2, 2, "-+-+", []int{2}},
	{"wrap under two thieves", 2, 2, "++", []int{1, 1}},
	{"growth during a steal", 1, 1, "++-", []int{1, 1}},
	{"growth twice", 1, 1, "++++", []int{2}},
	{"two left, two thieves", 2, 2, "--", []int{1, 1}},
	{"the owner steals too", 2, 2, "^-+^", []int{2}},
	{"the owner takes too", 2, 2, "<-+<", []int{1, 1}},
	{"take to empty and again", 2, 0, "+<+<+-", []int{1, 1}},
	{"tidy under thieves", 2, 2, "-t+-t", []int{2}},
	{"tidy after growth", 1, 1, "++-t-t", []int{2}},
	{"two thieves twice", 2, 1, "++--", []int{2, 2}},
	{"three thieves", 2, 1, "+-+", []int{1, 1, 1}},
	{"shrink under a thief", 8, 2, "s", []int{2}},
	{"shrink of a few", 8, 1, "s", []int{1, 1}},
	{"shrink, and go on", 8, 1, "s+-+", []int{2}},
	{"shrink, and grow", 4, 1, "s+++-", []int{2}},
	{"shrink of what is not too many", 8, 3, "-s-s", []int{2}},
}

func TestExplore(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) { explore.Check(t, explore.Options{}, s.model(sound)) })
	}
}

func TestExploreControls(t *testing.T) {
	for _, v := range []variant{late, bulk, stale, unordered, hasty, buffered, eager, cleared, forward, cramped} {
		t.Run(v.name, func(t *testing.T) {
			for _, s := range scenarios {
				if v.shrink != nil && !strings.Contains(s.owner, "s") {
					continue
				}
				if r := explore.Run(explore.Options{}, s.model(v)); r.Failure != nil {
					t.Logf("caught in %q after %v: %s, schedule %s", s.name, r, r.Failure.Reason, r.Failure.Schedule)
					return
				}
			}
			t.Fatal("no scenario catches this broken variant")
		})
	}
}

// Larger than what can be enumerated: random schedules.
func TestExploreRandom(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 2_000
	}
	s := scenario{"mixed", 1, 1, "++-+^-+ts--+s-", []int{3, 3, 2}}
	explore.Check(t, explore.Options{Random: n, Seed: 1}, s.model(sound))
	require.NotNil(t, explore.Run(explore.Options{Random: n, Seed: 1}, s.model(unordered)).Failure)
}

// A thief's condition is tested between the read and the claim: what it saw
// still holds for the element it gets, if nobody else claims it.
func TestExploreStealIf(t *testing.T) {
	explore.Check(t, explore.Options{}, func(x *explore.X) {
		d := start(2)
		y := newTally(3, 3)
		var stop explore.Bool
		d.Push(&y.items[0])
		d.Push(&y.items[1])
		x.Go("owner", func() {
			for range 2 { // the second may tidy up
				if p := d.Pop(); p != nil {
					y.take(0, p)
				}
			}
			d.Push(&y.items[2])
		})
		x.Go("picky", func() {
			p, r := d.StealIf(func(p *int) bool {
				x.Assert(p != nil, "the condition was asked about nil")
				return !stop.Load()
			})
			y.take(1, one(p, r)...)
		})
		x.Go("thief", func() {
			y.take(2, sound.steal(d)...)
			stop.Store(true)
		})
		x.Final(func() { y.check(x, d, 3) })
	})
}

// An owner that pushes and then looks whether a thief waits, and a thief that says so and then looks for
// elements, cannot miss each other if the owner flushes in between; else they can.
func TestExploreFlush(t *testing.T) {
	model := func(flush func(d *Deque[int])) func(x *explore.X) {
		return func(x *explore.X) {
			d := start(1)
			y := newTally(2, 2)
			var waits explore.Bool
			woken, left := false, true
			x.Go("owner", func() {
				d.Push(&y.items[0])
				d.Push(&y.items[1]) // with a new ring
				flush(d)
				woken = waits.Load()
			})
			x.Go("thief", func() {
				waits.Store(true)
				left = d.Len() > 0
				y.take(1, sound.steal(d)...)
			})
			x.Final(func() {
				x.Assert(woken || left, "the thief sleeps, and nobody wakes it")
				y.check(x, d, 2)
			})
		}
	}
	explore.Check(t, explore.Options{}, model((*Deque[int]).Flush))
	f := explore.Refute(t, explore.Options{}, model(func(*Deque[int]) {}))
	require.Contains(t, f.Reason, "nobody wakes it")
}
