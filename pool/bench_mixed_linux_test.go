package pool_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// What is small beside what computes: how long an empty task waits for its first poll, and how
// late a timer is, while jobs of 200 ms follow each other. The same beside goroutines, with and
// without a bound on how many compute, in the same run.

const (
	mixedJobs  = 8
	mixedWork  = 200 * time.Millisecond
	mixedEach  = 2 // how many jobs follow each other
	mixedProbe = 2 * time.Millisecond
	// mixedSeen is how often Go's scheduler sees the thread that sleeps between the probes, where
	// it need not wait for a processor: or the runtime's monitor takes it for one that computes
	// without end, and looks every 20 µs (see yieldP), which is no cost of either side.
	mixedSeen = 8 * time.Millisecond
)

// labor computes, without asking for the time.
func labor(n int) (x uint64) {
	x = 88172645463325252
	for range n {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}

// calibrate returns how much of labor takes d, with a processor of its own.
func calibrate(d time.Duration) int {
	const n = 5_000_000
	best := time.Duration(1 << 62)
	for range 5 {
		begin := time.Now()
		mixedSink.Add(labor(n))
		best = min(best, time.Since(begin))
	}
	return int(float64(n) * float64(d) / float64(best))
}

var mixedSink atomic.Uint64

// toil is a task that has one job after the other.
type toil struct {
	task.Frame
	job  pool.Job[uint64]
	work int
	left int
}

func (t *toil) Poll(cx *task.Cx) error {
	for ; t.left > 0; t.left-- {
		n, err := t.job.Do(cx, func(pool.Scope) uint64 { return labor(t.work) })
		if err != nil {
			return err
		}
		mixedSink.Add(n)
	}
	return nil
}

// side is who does it.
type side struct {
	compute func(work int) (wait func())
	empty   func(begun func())                        // starts something small, from outside
	timer   func(d time.Duration, rings func()) error // calls rings when d has passed
	minds   bool                                      // Go's scheduler has processors to spare
}

// lateness is in µs.
func lateness(d []time.Duration, q float64) float64 {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return float64(d[int(q*float64(len(d)-1))]) / 1e3
}

// run computes, and measures meanwhile.
func (s side) run(work int) (took time.Duration, starts, rings []time.Duration) {
	var mu sync.Mutex
	var probes sync.WaitGroup
	over := make(chan struct{})
	var prober sync.WaitGroup
	begin := time.Now()
	wait := s.compute(work)
	prober.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for at, seen := time.Now(), time.Now(); ; {
			select {
			case <-over:
				return
			default:
			}
			at = at.Add(mixedProbe) // what comes late itself is late, too
			nap := syscall.NsecToTimespec(max(int64(time.Until(at)), 0))
			if s.minds && time.Since(seen) > mixedSeen {
				seen = time.Now()
				runtime.Gosched()
			}
			_ = syscall.Nanosleep(&nap, nil)
			probes.Add(2)
			s.empty(func() {
				d := time.Since(at)
				mu.Lock()
				starts = append(starts, d)
				mu.Unlock()
				probes.Done()
			})
			due := time.Now().Add(time.Millisecond)
			_ = s.timer(time.Millisecond, func() {
				d := time.Since(due)
				mu.Lock()
				rings = append(rings, d)
				mu.Unlock()
				probes.Done()
			})
		}
	})
	wait()
	took = time.Since(begin)
	close(over)
	prober.Wait()
	probes.Wait()
	return took, starts, rings
}

func BenchmarkMixedJobs(b *testing.B) {
	workers := runtime.GOMAXPROCS(0)
	work := calibrate(mixedWork)
	crowd := func(bound int) side {
		return side{
			compute: func(work int) func() {
				var wg sync.WaitGroup
				turns := make(chan struct{}, bound)
				for range mixedJobs {
					wg.Go(func() {
						for range mixedEach {
							turns <- struct{}{}
							mixedSink.Add(labor(work))
							<-turns
						}
					})
				}
				return wg.Wait
			},
			empty: func(begun func()) { go begun() },
			timer: func(d time.Duration, rings func()) error { time.AfterFunc(d, rings); return nil },
		}
	}
	took, used := map[string][]float64{}, map[string][]float64{}
	measure := func(b *testing.B, name string, s side) {
		var starts, rings []time.Duration
		var sum float64
		for b.Loop() {
			cpu := cpuTime()
			d, x, y := s.run(work)
			took[name], used[name] = append(took[name], float64(d)), append(used[name], float64(cpuTime()-cpu))
			sum += float64(d)
			starts, rings = append(starts, x...), append(rings, y...)
		}
		b.ReportMetric(lateness(starts, 0.5), "p50-µs")
		b.ReportMetric(lateness(starts, 0.99), "p99-µs")
		b.ReportMetric(lateness(rings, 0.99), "timer-p99-µs")
		b.ReportMetric(float64(b.N*mixedJobs*mixedEach)*float64(time.Second)/sum, "jobs/s")
		// What a job takes of the processors: beside other programs it says more than the time.
		b.ReportMetric(mean(used[name])/(mixedJobs*mixedEach)/1e6, "cpu-ms/job")
		if name == "heist" && len(took["goroutine"]) > 0 {
			b.ReportMetric(mean(took["goroutine"])/mean(took["heist"]), "x-throughput")
			b.ReportMetric(mean(used["goroutine"])/mean(used["heist"]), "x-cpu")
		}
	}
	b.Run("goroutine", func(b *testing.B) { measure(b, "goroutine", crowd(mixedJobs)) })
	b.Run("bound", func(b *testing.B) { measure(b, "bound", crowd(workers)) })
	b.Run("heist", func(b *testing.B) {
		p := openWith(b, pool.Config{Workers: workers})
		measure(b, "heist", side{
			compute: func(work int) func() {
				var g task.Group
				for range mixedJobs {
					g.Go(p, &toil{work: work, left: mixedEach})
				}
				return func() { _ = g.WaitContext(context.Background()) }
			},
			empty: func(begun func()) { p.Go(act(func(*task.Cx) { begun() })) },
			timer: func(d time.Duration, rings func()) error { p.AfterFunc(d, rings); return nil },
			minds: true,
		})
	})
}

func total(list []float64) (s float64) {
	for _, x := range list {
		s += x
	}
	return s
}

func mean(list []float64) float64 { return total(list) / float64(len(list)) }

// What a job costs beyond what it computes: the median of how long each takes, less that of
// the same computed in the poll, by turns.
func BenchmarkJob(b *testing.B) {
	p := openWith(b, pool.Config{Workers: runtime.GOMAXPROCS(0)})
	for _, d := range []time.Duration{0, 10 * time.Microsecond, 100 * time.Microsecond, time.Millisecond} {
		work := calibrate(d)
		b.Run("computes-"+d.String(), func(b *testing.B) {
			h := &handover{work: work, left: max(b.N, 100)} // the first ones start threads
			_ = p.Run(context.Background(), h)
			b.ReportMetric(1e3*(lateness(h.jobs, 0.5)-lateness(h.plain, 0.5)), "beyond-ns/op")
			b.ReportMetric(1e3*(lateness(h.jobs, 0.99)-lateness(h.plain, 0.99)), "beyond-p99-ns/op")
		})
	}
}

// handover is a task that computes by itself, and in a job, by turns.
type handover struct {
	task.Frame
	job         pool.Job[uint64]
	work, left  int
	begun       time.Time
	plain, jobs []time.Duration
}

func (h *handover) Poll(cx *task.Cx) error {
	for ; h.left > 0; h.left-- {
		if h.begun.IsZero() {
			h.begun = time.Now()
			mixedSink.Add(labor(h.work))
			h.plain = append(h.plain, time.Since(h.begun))
			h.begun = time.Now()
		}
		n, err := h.job.Do(cx, func(pool.Scope) uint64 { return labor(h.work) })
		if err != nil {
			return err
		}
		mixedSink.Add(n)
		h.jobs = append(h.jobs, time.Since(h.begun))
		h.begun = time.Time{}
	}
	return nil
}
