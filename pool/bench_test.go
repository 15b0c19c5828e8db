package pool_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/pad"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

// The benchmarks are named like the rows that the bench program will print:
// Benchmark<group>/<row>/<contender>. Read them as ratios of one run, and as the
// minimum of several (-count). Heist's run on pools of 1, 2 and 4 workers, and of 8
// and 16 where there are as many processors; a goroutine's counterpart uses the
// machine's default GOMAXPROCS.

// onPools runs a benchmark on pools of several sizes.
func onPools(b *testing.B, f func(b *testing.B, p *pool.Pool)) {
	for _, n := range []int{1, 2, 4, 8, 16} {
		if n > max(4, runtime.NumCPU()) {
			break
		}
		b.Run(fmt.Sprintf("heist-%d", n), func(b *testing.B) {
			p := open(b, n)
			b.ReportAllocs()
			begin := cpuTime()
			f(b, p)
			b.ReportMetric(float64(cpuTime()-begin)/float64(b.N), "cpu-ns/op")
		})
	}
}

// inside runs f, a poll function, as a task of p, and waits.
func inside(b *testing.B, p *pool.Pool, f func(cx *task.Cx) error) {
	b.Helper()
	if err := p.Run(context.Background(), task.Func(f)); err != nil {
		b.Fatal(err)
	}
}

type empty struct{ task.Frame }

func (*empty) Poll(*task.Cx) error { return nil }

// yielder yields some times. What it counts is in its frame: next to that of another one, on
// another worker, each would wait for the other's cache line.
type yielder struct {
	task.Frame
	left int
	_    pad.Line
}

func (y *yielder) Poll(cx *task.Cx) error {
	for ; y.left > 0; y.left-- {
		if err := cx.Yield(); err != nil {
			return err
		}
	}
	return nil
}

// spawner starts tasks a batch at a time and waits for each batch.
func spawner(n int, next func() []task.Task) func(cx *task.Cx) error {
	var g task.Group
	return func(cx *task.Cx) error {
		for {
			if err := g.Wait(cx); err != nil || n <= 0 {
				return err
			}
			batch := next()
			for _, t := range batch {
				g.Go(cx, t)
			}
			n -= len(batch)
		}
	}
}

const spawnBatch = 64

// ballast is the live heap of a program that does something. Without it the
// garbage collector runs every few milliseconds, over nothing, and rows that
// allocate measure little else.
var ballast = make([]byte, 64<<20)

// warm touches as much memory as the heap grows to before it is collected: to touch a page
// for the first time costs more than all that is measured in it.
func warm() {
	b := make([]byte, 2*len(ballast))
	for i := 0; i < len(b); i += os.Getpagesize() {
		b[i] = 1
	}
	runtime.KeepAlive(b)
	runtime.GC()
}

func BenchmarkTask(b *testing.B) {
	defer runtime.KeepAlive(ballast)
	b.Run("spawn", func(b *testing.B) {
		onPools(b, func(b *testing.B, p *pool.Pool) {
			frames := make([]task.Task, spawnBatch)
			for i := range frames {
				frames[i] = new(empty)
			}
			b.ResetTimer()
			inside(b, p, spawner(b.N, func() []task.Task { return frames }))
		})
		b.Run("goroutine", goroutineSpawn)
	})
	b.Run("spawn-heap", func(b *testing.B) {
		warm()
		onPools(b, func(b *testing.B, p *pool.Pool) {
			batch := make([]task.Task, spawnBatch)
			inside(b, p, spawner(b.N, func() []task.Task {
				for i := range batch {
					batch[i] = new(empty)
				}
				return batch
			}))
		})
		b.Run("goroutine", goroutineSpawn)
	})
	b.Run("closure", func(b *testing.B) {
		warm()
		onPools(b, func(b *testing.B, p *pool.Pool) {
			n := 0
			var h *task.Handle[int]
			inside(b, p, func(cx *task.Cx) error {
				for n < b.N {
					if h == nil {
						h = task.Go(cx, func(*task.Cx) (int, error) { return n, nil })
					}
					v, err := h.Wait(cx)
					if err != nil {
						return err
					}
					if v != n {
						b.Errorf("%d, want %d", v, n)
					}
					h = nil
					n++
				}
				return nil
			})
		})
		b.Run("goroutine", func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				result := make(chan int, 1)
				go func() { result <- i }()
				<-result
			}
		})
	})
	b.Run("yield", func(b *testing.B) {
		const tasks = 8
		onPools(b, func(b *testing.B, p *pool.Pool) {
			var g task.Group
			for range tasks {
				g.Go(p, &yielder{left: b.N / tasks})
			}
			_ = g.WaitContext(context.Background())
		})
		b.Run("goroutine", func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // Gosched at its best
			var wg sync.WaitGroup
			for range tasks {
				wg.Go(func() {
					for range b.N / tasks {
						runtime.Gosched()
					}
				})
			}
			wg.Wait()
		})
	})
	b.Run("pingpong", func(b *testing.B) {
		onPools(b, func(b *testing.B, p *pool.Pool) { pass(b, p, b.N, 2) })
		b.Run("goroutine", func(b *testing.B) { passGoroutines(b, 2) })
	})
	b.Run("ring", func(b *testing.B) {
		onPools(b, func(b *testing.B, p *pool.Pool) { pass(b, p, b.N, 503) })
		b.Run("goroutine", func(b *testing.B) { passGoroutines(b, 503) })
	})
	b.Run("inject", func(b *testing.B) {
		const from = 4
		onPools(b, func(b *testing.B, p *pool.Pool) {
			fromGoroutines(b, from, func(n int) {
				var g task.Group
				for range n {
					g.Go(p, new(empty))
				}
				_ = g.WaitContext(context.Background())
			})
		})
		b.Run("goroutine", func(b *testing.B) {
			fromGoroutines(b, from, func(n int) {
				var wg sync.WaitGroup
				for range n {
					wg.Go(func() {})
				}
				wg.Wait()
			})
		})
	})
}

func goroutineSpawn(b *testing.B) {
	b.ReportAllocs()
	var wg sync.WaitGroup
	for n := b.N; n > 0; n -= spawnBatch {
		for range spawnBatch {
			wg.Go(func() {})
		}
		wg.Wait()
	}
}

// fromGoroutines divides b.N among goroutines that each submit a thousand at a
// time.
func fromGoroutines(b *testing.B, from int, submit func(n int)) {
	b.ReportAllocs()
	var wg sync.WaitGroup
	for range from {
		wg.Go(func() {
			for left := b.N / from; left > 0; left -= 1000 {
				submit(min(left, 1000))
			}
		})
	}
	wg.Wait()
}

// passer is a member of a ring: it waits for the baton and passes it on.
type passer struct {
	task.Frame
	self task.Waker
	next *passer
	has  bool
	left *int
}

func (r *passer) Poll(cx *task.Cx) error {
	r.self = cx.Waker()
	if !r.has {
		return task.Pending
	}
	r.has = false
	n := *r.left
	*r.left = n - 1
	r.next.has = true
	cx.Wake(r.next.self)
	if n <= 0 {
		return nil
	}
	return task.Pending
}

// together runs n tasks and waits for them.
func together(b testing.TB, p *pool.Pool, one func(i int) task.Task, n int) {
	var g task.Group
	for i := range n {
		g.Go(p, one(i))
	}
	require.NoError(b, g.WaitContext(context.Background()))
}

// sendRecv returns what sends n values from one task to another.
func sendRecv(room int) func(b testing.TB, p *pool.Pool, n int) {
	return func(b testing.TB, p *pool.Pool, n int) {
		c := chans.New[int](room)
		together(b, p, func(i int) task.Task {
			return rig.Repeat(n, func(cx *task.Cx) error {
				if i == 0 {
					return c.Send(cx, 1)
				}
				_, err := c.Recv(cx)
				return err
			})
		}, 2)
	}
}

// pass lets a ring of tasks pass a baton n times.
func pass(b testing.TB, p *pool.Pool, n, members int) {
	left := n
	ring := make([]*passer, members)
	for i := range ring {
		ring[i] = &passer{left: &left}
	}
	for i, r := range ring {
		r.next = ring[(i+1)%members]
	}
	var g task.Group
	for _, r := range ring { // all parked before the baton goes round
		g.Go(p, r)
	}
	for p.Stats().Idle < p.Workers() {
		runtime.Gosched()
	}
	if b, ok := b.(*testing.B); ok {
		b.ResetTimer()
	}
	ring[0].has = true
	ring[0].self.Wake()
	if err := g.WaitContext(context.Background()); err != nil {
		b.Fatal(err)
	}
}

// passGoroutines is the same on unbuffered channels.
func passGoroutines(b *testing.B, members int) {
	chans := make([]chan int, members)
	for i := range chans {
		chans[i] = make(chan int)
	}
	var wg sync.WaitGroup
	for i := range members {
		in, out := chans[i], chans[(i+1)%members]
		wg.Go(func() {
			for {
				n := <-in
				if n > 1-members { // the end goes round once
					out <- n - 1
				}
				if n <= 0 {
					return
				}
			}
		})
	}
	b.ResetTimer()
	chans[0] <- b.N
	wg.Wait()
}
