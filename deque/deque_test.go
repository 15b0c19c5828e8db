package deque_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/deque"
)

// tiny returns an empty deque that is about to need a larger ring, and whose
// indices are about to wrap.
func tiny[T any]() *deque.Deque[T] { return deque.NewAt[T](math.MaxInt64-3, 2) }

// scale returns n, or a tenth of it with -short.
func scale(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

// barrier is where threads wait for each other before they begin.
type barrier struct{ missing atomic.Int32 }

func newBarrier(threads int) *barrier {
	b := new(barrier)
	b.missing.Store(int32(threads))
	return b
}

func (b *barrier) wait() {
	for b.missing.Add(-1); b.missing.Load() > 0; {
		runtime.Gosched()
	}
}

// stealSlowly yields between the read and the claim, so that it loses races even
// on one processor.
func stealSlowly[T any](d *deque.Deque[T]) (*T, deque.Result) {
	return d.StealIf(func(*T) bool { runtime.Gosched(); return true })
}

// item is an element that knows how often it was taken.
type item struct {
	id    int // plain: the race detector sees whether Push published it
	taken atomic.Int32
}

func (x *item) take() int {
	x.taken.Add(1)
	return x.id
}

// items are the elements of one test, in the order in which they are pushed.
type items []item

func (xs items) push(d *deque.Deque[item], id int) {
	xs[id].id = id
	d.Push(&xs[id])
}

// once fails the test unless each element was taken exactly once.
func (xs items) once(t *testing.T) {
	t.Helper()
	for i := range xs {
		if n := xs[i].taken.Load(); n != 1 || xs[i].id != i {
			t.Fatalf("element %d of %d was taken %d times, as %d", i, len(xs), n, xs[i].id)
		}
	}
}

func TestSmoke(t *testing.T) {
	for name, d := range map[string]*deque.Deque[int]{"zero value": {}, "tiny": tiny[int]()} {
		t.Run(name, func(t *testing.T) {
			empty := func() {
				t.Helper()
				x, r := d.Steal()
				require.Nil(t, x)
				require.Equal(t, deque.Empty, r)
				require.Nil(t, d.Pop())
			}
			d.Tidy()
			empty()
			for range 3 { // the second time the indices have wrapped
				xs := [7]int{}
				for i := range xs {
					d.Push(&xs[i])
				}
				require.Same(t, &xs[6], d.Pop(), "newest")
				x, r := d.Steal()
				require.Same(t, &xs[0], x, "oldest")
				require.Equal(t, deque.Stolen, r)
				for i := 5; i > 0; i-- {
					require.Same(t, &xs[i], d.Pop())
				}
				empty()
			}
		})
	}
	require.Equal(t, "Stolen Empty Lost Refused",
		deque.Stolen.String()+" "+deque.Empty.String()+" "+deque.Lost.String()+" "+deque.Refused.String())
}

// TestSPSC: an owner that only pushes and one thief are a queue. Nobody can take
// anything away from the thief, so that it never loses.
func TestSPSC(t *testing.T) {
	const window = 100 // the ring stays small enough to go round often
	d, xs := tiny[item](), make(items, scale(100_000))
	var thief sync.WaitGroup
	thief.Go(func() {
		for next := 0; next < len(xs); {
			x, r := d.Steal()
			switch r {
			case deque.Stolen:
				if !assert.Equal(t, next, x.take()) {
					return
				}
				next++
			case deque.Empty:
				runtime.Gosched()
			default:
				assert.Fail(t, "the only thief did not get an element", r)
				return
			}
		}
	})
	for i := range xs {
		xs.push(d, i)
		for d.Len() > window && !t.Failed() {
			runtime.Gosched()
		}
	}
	thief.Wait()
	xs.once(t)
}

// TestStampede: everything is there, and all come at once. The owner takes
// newer elements first, each thief older ones. As nobody pushes, who finds
// nothing knows that everything is taken.
func TestStampede(t *testing.T) {
	d, xs := tiny[item](), make(items, scale(300_000))
	for i := range xs {
		xs.push(d, i)
	}
	steals := []func(*deque.Deque[item]) (*item, deque.Result){
		(*deque.Deque[item]).Steal, (*deque.Deque[item]).Steal, stealSlowly[item],
	}
	start := newBarrier(1 + len(steals))
	var lost atomic.Int64
	var thieves sync.WaitGroup
	for _, steal := range steals {
		thieves.Go(func() {
			start.wait()
			for last := -1; ; {
				x, r := steal(d)
				switch r {
				case deque.Stolen:
					id := x.take()
					if id <= last {
						t.Errorf("stole %d after %d", id, last)
					}
					if last = id; id%64 == 0 {
						runtime.Gosched()
					}
				case deque.Lost:
					lost.Add(1)
				default:
					assert.Equal(t, deque.Empty, r)
					assert.Zero(t, d.Len())
					return
				}
			}
		})
	}
	start.wait()
	last := len(xs)
	for x := d.Pop(); x != nil; x = d.Pop() {
		id := x.take()
		if id >= last {
			t.Errorf("popped %d after %d", id, last)
		}
		if last = id; id%64 == 0 {
			runtime.Gosched()
		}
	}
	assert.Zero(t, d.Len())
	thieves.Wait()

	xs.once(t)
	t.Logf("%d lost", lost.Load())
	if !testing.Short() {
		require.Positive(t, lost.Load(), "the race was not reached")
	}
}

// TestStress mixes all operations.
func TestStress(t *testing.T) {
	d, xs := tiny[item](), make(items, scale(500_000))
	var lost, refused atomic.Int64
	var done atomic.Bool

	take := func(x *item, r deque.Result) {
		switch r {
		case deque.Stolen:
			x.take()
		case deque.Empty:
			runtime.Gosched()
		case deque.Lost:
			lost.Add(1)
		case deque.Refused:
			refused.Add(1)
		}
	}
	own := tiny[item]() // of the thief that steals in batches
	var thieves sync.WaitGroup
	for _, try := range []func(){
		func() { take(d.Steal()) },
		func() { take(stealSlowly(d)) },
		func() {
			take(d.StealIf(func(x *item) bool {
				if x == nil {
					t.Error("StealIf asked about an element that is not there")
				}
				return rand.IntN(2) == 0
			}))
		},
		func() {
			first, _, r := d.StealBatch(own, 4)
			take(first, r)
			for x := own.Pop(); x != nil; x = own.Pop() {
				x.take()
			}
		},
	} {
		thieves.Go(func() {
			for !done.Load() {
				try()
				if rand.IntN(8) == 0 {
					runtime.Gosched()
				}
			}
		})
	}

	// The owner pushes and takes in bursts, most of them short, and on average
	// as much as it pushes: so everybody wants the same few elements.
	for next := 0; next < len(xs); {
		burst := 1 + rand.IntN(4)
		if rand.IntN(100) == 0 {
			burst = 200
		}
		for range min(burst, len(xs)-next) {
			xs.push(d, next)
			next++
		}
		for range rand.IntN(2*burst + 1) {
			if rand.IntN(4) == 0 {
				take(d.Steal())
			} else if x := d.Pop(); x != nil {
				x.take()
			}
		}
		switch rand.IntN(20) {
		case 0:
			d.Tidy()
		case 1:
			runtime.Gosched()
		}
	}
	for x := d.Pop(); x != nil; x = d.Pop() {
		x.take()
	}
	done.Store(true)
	thieves.Wait()

	xs.once(t)
	t.Logf("%d lost, %d refused, ring of %d", lost.Load(), refused.Load(), d.Cap())
	if !testing.Short() {
		require.Positive(t, lost.Load(), "the race was not reached")
		require.Positive(t, refused.Load())
	}
}

// TestNoStarvation: while the owner keeps pushing and popping, every thief gets
// its share. A thief that got something lets the others have a turn.
func TestNoStarvation(t *testing.T) {
	const thieves, share, most, window = 3, 10, 1_000_000, 100
	d, x := tiny[int](), 1
	var fed atomic.Int32
	var done atomic.Bool
	var all sync.WaitGroup
	for range thieves {
		all.Go(func() {
			for got := 0; !done.Load(); runtime.Gosched() {
				if _, r := d.Steal(); r == deque.Stolen {
					if got++; got == share {
						fed.Add(1)
					}
				}
			}
		})
	}
	pushes := 0
	for fed.Load() < thieves && pushes < most {
		d.Push(&x)
		if pushes++; pushes%16 == 0 {
			runtime.Gosched()
		}
		if d.Len() > window {
			d.Pop()
		}
	}
	done.Store(true)
	all.Wait()
	t.Logf("%d pushes", pushes)
	require.EqualValues(t, thieves, fed.Load(), "thieves that got their share")
}
