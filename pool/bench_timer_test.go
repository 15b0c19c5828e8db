package pool_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// Timers of tasks beside those of package time.

// many runs f again and again in a task: see times.
func many(b *testing.B, p *pool.Pool, f func(cx *task.Cx, i int)) {
	b.Helper()
	b.ResetTimer()
	times(b, p, b.N, f, b.StopTimer)
}

// times runs f n times in a task, a thousand operations a poll, and then ended, before the task lets go of what it
// holds.
func times(b *testing.B, p *pool.Pool, n int, f func(cx *task.Cx, i int), ended func()) {
	b.Helper()
	done := 0
	inside(b, p, func(cx *task.Cx) error {
		for done < n {
			for range min(1000, n-done) {
				f(cx, done)
				done++
			}
			if err := cx.Yield(); err != nil {
				return err
			}
		}
		ended()
		return nil
	})
}

// armCancel is an operation that has a bound of time, and is through before it.
func armCancel(cx *task.Cx, timer *task.Timer) {
	timer.Reset(cx, 30*time.Second)
	timer.Stop(cx)
}

func BenchmarkTimer(b *testing.B) {
	b.Run("arm-cancel", func(b *testing.B) {
		b.Run("heist", func(b *testing.B) {
			b.ReportAllocs()
			timer := new(task.Timer)
			many(b, open(b, 1), func(cx *task.Cx, i int) {
				armCancel(cx, timer)
			})
		})
		b.Run("time", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				time.AfterFunc(30*time.Second, func() {}).Stop()
			}
		})
	})
	for _, far := range []bool{true, false} {
		name := "reset-1m"
		if !far {
			name = "reset-1m-later" // as a connection does: always half a minute ahead
		}
		ahead := func(r *rand.Rand) time.Duration {
			if far {
				return time.Second + time.Duration(r.Int64N(int64(time.Minute)))
			}
			return 30 * time.Second
		}
		b.Run(name, func(b *testing.B) {
			b.Run("heist", func(b *testing.B) {
				timers, r := make([]task.Timer, million), rand.New(rand.NewPCG(1, 1))
				armed := false
				b.ReportAllocs()
				many(b, open(b, 1), func(cx *task.Cx, i int) {
					if !armed {
						armed = true
						for i := range timers {
							timers[i].Reset(cx, time.Second+time.Duration(r.Int64N(int64(29*time.Second))))
						}
						b.ResetTimer()
					}
					timers[r.IntN(million)].Reset(cx, ahead(r))
				})
			})
			b.Run("time", func(b *testing.B) {
				timers, r := make([]*time.Timer, million), rand.New(rand.NewPCG(1, 1))
				for i := range timers {
					timers[i] = time.AfterFunc(time.Second+time.Duration(r.Int64N(int64(29*time.Second))), func() {})
				}
				b.ReportAllocs()
				for b.Loop() {
					timers[r.IntN(million)].Reset(ahead(r))
				}
				for _, t := range timers {
					t.Stop()
				}
			})
		})
	}
	// A million over one second, all fire: CPU, from the first arming on, without the collector: how often it comes
	// is decided by what the process had before; and in memory that the process has had, or half of what is measured
	// are page faults, each of which interrupts the other processors.
	// Package time's are due at the next millisecond when nothing else happens: at
	// the same precision, heist's have a millisecond of slack.
	b.Run("fire-1m", func(b *testing.B) {
		heist := func(b *testing.B, slack time.Duration) {
			p := open(b, 2)
			for b.Loop() {
				warmHeap()
				tasks := make([]sleeper, million)
				collects := uncollected()
				before := cpuTime()
				var g task.Group
				step := 0
				root := task.Func(func(cx *task.Cx) error {
					for ; step < million; step++ {
						tasks[step].d, tasks[step].slack = time.Duration(step)*time.Second/million, slack
						g.Go(cx, &tasks[step])
					}
					return g.Wait(cx)
				})
				if err := p.Run(background, root); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(cpuTime()-before)/1e6, "cpu-ms")
				collects()
			}
		}
		b.Run("heist", func(b *testing.B) { heist(b, 0) })
		b.Run("heist-slack", func(b *testing.B) { heist(b, time.Millisecond) })
		b.Run("time", func(b *testing.B) {
			for b.Loop() {
				warmHeap()
				var left atomic.Int64
				left.Store(million)
				done := make(chan struct{})
				timers := make([]*time.Timer, million)
				collects := uncollected()
				before := cpuTime()
				for i := range timers {
					timers[i] = time.AfterFunc(time.Duration(i)*time.Second/million, func() {
						if left.Add(-1) == 0 {
							close(done)
						}
					})
				}
				<-done
				b.ReportMetric(float64(cpuTime()-before)/1e6, "cpu-ms")
				collects()
			}
		})
		b.Run("goroutine", func(b *testing.B) { // what a million tasks that sleep are instead of
			for b.Loop() {
				warmHeap()
				var left atomic.Int64
				left.Store(million)
				done := make(chan struct{})
				collects := uncollected()
				before := cpuTime()
				for i := range million {
					go func() {
						time.Sleep(time.Duration(i) * time.Second / million) // sleep: what is measured
						if left.Add(-1) == 0 {
							close(done)
						}
					}()
				}
				<-done
				b.ReportMetric(float64(cpuTime()-before)/1e6, "cpu-ms")
				collects()
			}
		})
	})
	// How late a sleep of 100 µs ends in a process that does nothing else.
	b.Run("accuracy", func(b *testing.B) {
		const d = 100 * time.Microsecond
		report := func(b *testing.B, late []time.Duration) {
			slices.Sort(late)
			b.ReportMetric(float64(late[len(late)/2].Nanoseconds())/1e3, "p50-late-us")
			b.ReportMetric(float64(late[len(late)*99/100].Nanoseconds())/1e3, "p99-late-us")
		}
		b.Run("heist", func(b *testing.B) {
			p := open(b, 1)
			var late []time.Duration
			var timer task.Timer
			var at time.Time
			inside(b, p, func(cx *task.Cx) error {
				for len(late) < b.N {
					if !timer.Armed() && !timer.Fired() {
						at = time.Now()
					}
					if err := timer.Sleep(cx, d); err != nil {
						return err
					}
					late = append(late, time.Since(at)-d)
				}
				return nil
			})
			report(b, late)
		})
		b.Run("time", func(b *testing.B) {
			var late []time.Duration
			for range b.N {
				at := time.Now()
				time.Sleep(d) // sleep: what is measured
				late = append(late, time.Since(at)-d)
			}
			report(b, late)
		})
	})
	b.Run("memory", func(b *testing.B) {
		p := open(b, 1)
		for b.Loop() {
			before := heap()
			timers := make([]task.Timer, million)
			inside(b, p, func(cx *task.Cx) error {
				for i := range timers {
					timers[i].Reset(cx, time.Hour)
				}
				b.ReportMetric(float64(heap()-before)/million, "bytes/timer")
				return nil
			})
			runtime.KeepAlive(timers)
		}
	})
}

// warmHeap leaves the heap with memory that was in use before.
func warmHeap() {
	const size, page = 512 << 20, 4096
	memory := make([]byte, size)
	for i := 0; i < size; i += page {
		memory[i] = 1
	}
	runtime.KeepAlive(memory)
	memory = nil
	runtime.GC()
}

// uncollected collects garbage, and then no more until the function that it returns is called.
func uncollected() (collects func()) {
	runtime.GC()
	percent := debug.SetGCPercent(-1)
	return func() { debug.SetGCPercent(percent) }
}

// sleeper sleeps once.
type sleeper struct {
	task.Frame
	timer task.Timer
	d     time.Duration
	slack time.Duration
}

func (s *sleeper) Poll(cx *task.Cx) error {
	if !s.timer.Armed() && !s.timer.Fired() {
		s.timer.ResetWithin(cx, s.d, s.slack)
	}
	return s.timer.Wait(cx)
}

// Cost of arming and cancelling timers in order, while n are armed.
func BenchmarkGrowTimers(b *testing.B) {
	for _, n := range []int{1_000, 100_000, million} {
		b.Run(fmt.Sprintf("timers-%d", n), func(b *testing.B) {
			timers := make([]task.Timer, n)
			armed := false
			many(b, open(b, 1), func(cx *task.Cx, i int) {
				if !armed {
					armed = true
					for i := range timers {
						timers[i].Reset(cx, 30*time.Second)
					}
					b.ResetTimer()
				}
				t := &timers[i%n]
				t.Stop(cx)
				t.Reset(cx, 30*time.Second)
			})
		})
	}
}
