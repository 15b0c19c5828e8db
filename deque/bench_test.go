package deque_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/heist-go/heist/deque"
)

// filled returns a deque of n elements. Its ring has its final size.
func filled(n int) *deque.Deque[int] {
	d, x := new(deque.Deque[int]), new(int)
	for range n {
		d.Push(x)
	}
	return d
}

// BenchmarkPushPop is an owner alone: one element in, the same one out. At depth
// 1 it is the last element, which Pop has to claim.
func BenchmarkPushPop(b *testing.B) {
	for _, depth := range []int{1, 100} {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			d, x := filled(depth-1), new(int)
			b.ReportAllocs()
			for b.Loop() {
				d.Push(x)
				d.Pop()
			}
		})
	}
}

// BenchmarkPushSteal is an owner that uses its deque as a queue: one element in,
// the oldest one out.
func BenchmarkPushSteal(b *testing.B) {
	for _, depth := range []int{1, 100} {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			d, x := filled(depth-1), new(int)
			b.ReportAllocs()
			for b.Loop() {
				d.Push(x)
				d.Steal()
			}
		})
	}
}

// BenchmarkSteal is a thief alone. The owner's pushes are not measured.
func BenchmarkSteal(b *testing.B) {
	const chunk = 1 << 14
	d, x := filled(chunk), new(int)
	b.ReportAllocs()
	left := chunk
	for b.Loop() {
		if left == 0 {
			b.StopTimer()
			for ; left < chunk; left++ {
				d.Push(x)
			}
			b.StartTimer()
		}
		d.Steal()
		left--
	}
}

// BenchmarkExchange is one owner and some thieves that share work. An operation
// is one element that the owner pushes and that somebody takes and works on: the
// owner pushes a burst, then all take until nothing is left. Who finds nothing
// yields. The share that thieves got is reported as stolen/op.
func BenchmarkExchange(b *testing.B) {
	for _, kind := range []struct {
		name string
		new  func() queue
	}{
		{"deque", func() queue { return new(stealing) }},
		{"mutex", func() queue { return new(locked) }},
		{"channel", func() queue { return make(channel, burst) }},
	} {
		for _, thieves := range []int{0, 1, 3} {
			b.Run(fmt.Sprintf("%s/thieves=%d", kind.name, thieves), func(b *testing.B) {
				exchange(b, kind.new(), thieves)
			})
		}
	}
}

const burst = 64

// work is what is done with an element: something short that takes its time.
//
//go:noinline
func work(x *int) int {
	n := *x
	for range 100 {
		n = n*5 + 1
	}
	return n
}

func exchange(b *testing.B, q queue, thieves int) {
	var done atomic.Bool
	var stolen atomic.Int64
	var all sync.WaitGroup
	for range thieves {
		all.Go(func() {
			n := 0
			for !done.Load() {
				x := q.steal()
				if x == nil {
					runtime.Gosched()
					continue
				}
				work(x)
				n++
			}
			stolen.Add(int64(n))
		})
	}
	x := new(int)
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; left -= burst {
		for range min(left, burst) {
			q.push(x)
		}
		for x := q.pop(); x != nil; x = q.pop() {
			work(x)
		}
	}
	b.StopTimer()
	done.Store(true)
	all.Wait()
	b.ReportMetric(float64(stolen.Load())/float64(b.N), "stolen/op")
}

// queue is what an exchange needs: pop is the owner's, steal a thief's. Both
// return nil if there is nothing, and do not wait.
type queue interface {
	push(*int)
	pop() *int
	steal() *int
}

type stealing struct{ d deque.Deque[int] }

func (q *stealing) push(x *int) { q.d.Push(x) }
func (q *stealing) pop() *int   { return q.d.Pop() }
func (q *stealing) steal() *int {
	x, _ := q.d.Steal()
	return x
}

// locked is a slice behind a mutex, with the deque's order.
type locked struct {
	mu    sync.Mutex
	items []*int
	head  int // what is below was stolen
}

func (q *locked) push(x *int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
	q.items = append(q.items, x)
}

func (q *locked) pop() *int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.items) - 1
	if n < q.head {
		return nil
	}
	x := q.items[n]
	q.items = q.items[:n]
	return x
}

func (q *locked) steal() *int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head == len(q.items) {
		return nil
	}
	x := q.items[q.head]
	q.head++
	return x
}

// channel has one order for all: oldest first.
type channel chan *int

func (q channel) push(x *int) { q <- x }

func (q channel) pop() *int {
	select {
	case x := <-q:
		return x
	default:
		return nil
	}
}

func (q channel) steal() *int { return q.pop() }
