package pool_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// What a pool costs while little happens, and how cost grows.

// parked waits for a wake-up that does not come.
type parked struct{ task.Frame }

func (*parked) Poll(cx *task.Cx) error {
	if err := cx.Err(); err != nil {
		return err
	}
	cx.Waker()
	return task.Pending
}

// park starts n tasks in g and returns when all of them are parked.
func park(p *pool.Pool, g *task.Group, n int) {
	before := p.Stats().Polls
	tasks := make([]parked, n)
	for i := range tasks {
		g.Go(p, &tasks[i])
	}
	for p.Stats().Polls < before+uint64(n) || p.Stats().Idle < p.Workers() {
		runtime.Gosched()
	}
}

// heap returns the bytes that are reachable.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

const million = 1_000_000

// A tree of a million parked tasks, a hundred groups of ten thousand: the time
// from the cancellation of the root until all have settled. And what each of them keeps.
func BenchmarkCancelStorm(b *testing.B) {
	const groups, members = 100, million / 100
	b.Run("heist", func(b *testing.B) {
		p := open(b, 2)
		for b.Loop() {
			b.StopTimer()
			before := heap()
			var root task.Group
			for range groups {
				var g task.Group
				tasks := make([]parked, members)
				started := false
				root.Go(p, task.Func(func(cx *task.Cx) error {
					if !started {
						started = true
						for i := range tasks {
							g.Go(cx, &tasks[i])
						}
					}
					return g.Wait(cx)
				}))
			}
			for s := p.Stats(); s.Live < groups*(members+1) || s.Idle < s.Workers; s = p.Stats() {
				runtime.Gosched()
			}
			b.ReportMetric(float64(heap()-before)/(groups*members), "bytes/parked")
			b.StartTimer()
			root.Cancel(nil)
			_ = root.WaitContext(context.Background())
		}
	})
	b.Run("goroutine", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			before := heap()
			ctx, cancel := context.WithCancel(context.Background())
			var wg, ready sync.WaitGroup
			ready.Add(groups * members)
			for range groups {
				sub, stop := context.WithCancel(ctx)
				wg.Go(func() {
					defer stop()
					var inner sync.WaitGroup
					for range members {
						inner.Go(func() { ready.Done(); <-sub.Done() })
					}
					inner.Wait()
				})
			}
			ready.Wait()
			b.ReportMetric(float64(heap()-before)/(groups*members), "bytes/parked")
			b.StartTimer()
			cancel()
			wg.Wait()
		}
	})
}

// CPU of an idle pool, and of one that gets a task a millisecond.
func BenchmarkIdle(b *testing.B) {
	const span = time.Second
	b.Run("cpu", func(b *testing.B) {
		p := open(b, 4)
		var g task.Group
		park(p, &g, 1000)
		<-time.After(span / 2) // until the monitor sleeps, too, and the collector is through
		for b.Loop() {
			before := cpuTime()
			<-time.After(span)
			b.ReportMetric(float64(cpuTime()-before)/1e6, "cpu-ms/s")
		}
		g.Cancel(nil)
		_ = g.WaitContext(context.Background())
	})
	// The task has a timer of its own, and so has the goroutine.
	b.Run("low-rate/heist", func(b *testing.B) {
		p := open(b, 2)
		for b.Loop() {
			before := cpuTime()
			ticker, n := task.Ticker{Every: time.Millisecond}, 0
			inside(b, p, func(cx *task.Cx) error {
				for ; n < int(span/time.Millisecond); n++ {
					if _, err := ticker.Tick(cx); err != nil {
						return err
					}
				}
				return nil
			})
			b.ReportMetric(float64(cpuTime()-before)/1e6, "cpu-ms/s")
		}
	})
	b.Run("low-rate/goroutine", func(b *testing.B) {
		for b.Loop() {
			before := cpuTime()
			tick := time.NewTicker(time.Millisecond)
			for range int(span / time.Millisecond) {
				<-tick.C
			}
			tick.Stop()
			b.ReportMetric(float64(cpuTime()-before)/1e6, "cpu-ms/s")
		}
	})
	// Somebody else hands the work in, every millisecond.
	lowRate := func(b *testing.B, work func()) {
		for b.Loop() {
			tick := time.NewTicker(time.Millisecond)
			before := cpuTime()
			for range int(span / time.Millisecond) {
				<-tick.C
				work()
			}
			b.ReportMetric(float64(cpuTime()-before)/1e6, "cpu-ms/s")
			tick.Stop()
		}
	}
	for _, n := range []int{1, 2} {
		b.Run(fmt.Sprintf("low-rate-inject/heist-%d", n), func(b *testing.B) {
			p := open(b, n)
			lowRate(b, func() { p.Go(new(empty)) })
		})
	}
	b.Run("low-rate-inject/goroutine", func(b *testing.B) {
		work := make(chan struct{})
		go func() {
			for range work {
			}
		}()
		lowRate(b, func() { work <- struct{}{} })
		close(work)
	})
}

// An ordinary goroutine's wake-up beside workers, or goroutines, that are busy.
func BenchmarkWakeBeside(b *testing.B) {
	measure := func(b *testing.B) {
		var late []time.Duration
		for b.Loop() {
			at := time.Now()
			<-time.After(time.Millisecond)
			late = append(late, time.Since(at)-time.Millisecond)
		}
		slices.Sort(late)
		b.ReportMetric(float64(late[len(late)/2].Microseconds()), "p50-late-us")
		b.ReportMetric(float64(late[len(late)*99/100].Microseconds()), "p99-late-us")
	}
	spin := func() {
		for x, at := 1, time.Now(); time.Since(at) < 50*time.Microsecond; x++ {
			_ = x
		}
	}
	n := runtime.NumCPU()
	b.Run("alone", measure) // what package time does to it in any case
	b.Run("heist", func(b *testing.B) {
		p := open(b, n)
		var g task.Group
		for range n {
			g.Go(p, task.Func(func(cx *task.Cx) error {
				for {
					spin()
					if err := cx.Yield(); err != nil {
						return err
					}
				}
			}))
		}
		measure(b)
		g.Cancel(nil)
		_ = g.WaitContext(context.Background())
	})
	b.Run("goroutine", func(b *testing.B) {
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				for {
					spin()
					select {
					case <-stop:
						return
					default:
						runtime.Gosched()
					}
				}
			})
		}
		measure(b)
		close(stop)
		wg.Wait()
	})
}

// Cost a task of waking n tasks in order, again and again: it must not grow with
// their number beyond what the caches do.
func BenchmarkGrow(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 10_000_000} {
		b.Run(fmt.Sprintf("tasks-%d", n), func(b *testing.B) {
			p := open(b, 1)
			tasks := make([]counted, n)
			var g task.Group
			for i := range tasks {
				g.Go(p, &tasks[i])
			}
			for s := p.Stats(); s.Polls < uint64(n) || s.Idle < s.Workers; s = p.Stats() {
				runtime.Gosched()
			}
			procs := runtime.GOMAXPROCS(0)
			b.Run("wake", func(b *testing.B) { // again for each b.N, and what is above is not
				runtime.GOMAXPROCS(procs) // package testing has taken back what the pool has added
				done := 0
				inside(b, p, func(cx *task.Cx) error {
					for done < b.N {
						for range min(1000, b.N-done) {
							cx.Wake(tasks[done%n].waker)
							done++
						}
						if err := cx.Yield(); err != nil {
							return err
						}
					}
					return nil
				})
			})
			g.Cancel(nil)
			_ = g.WaitContext(context.Background())
		})
	}
}

// counted counts its polls.
type counted struct {
	task.Frame
	waker task.Waker
	polls int
}

func (c *counted) Poll(cx *task.Cx) error {
	if err := cx.Err(); err != nil {
		return err
	}
	c.polls++
	c.waker = cx.Waker()
	return task.Pending
}
