package pool_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// What it costs to be seen. Two pools of one worker each do the same by turns, one of them without samples: x is
// how much more the other one does (1: it costs nothing), by the least time of each.
func BenchmarkSeeing(b *testing.B) {
	loads := map[string]func(p *pool.Pool, n int){
		"yield": func(p *pool.Pool, n int) {
			var g task.Group
			for range 8 {
				g.Go(p, &yielder{left: n / 8})
			}
			_ = g.WaitContext(context.Background())
		},
		"spawn": func(p *pool.Pool, n int) {
			var g task.Group
			batch := make([]task.Task, 64)
			frames := make([]empty, len(batch))
			for i := range batch {
				batch[i] = &frames[i]
			}
			g.Go(p, task.Func(spawner(n, func() []task.Task { return batch })))
			_ = g.WaitContext(context.Background())
		},
		"pingpong": func(p *pool.Pool, n int) { pass(b, p, n, 2) },
		"chan":     func(p *pool.Pool, n int) { sendRecv(128)(b, p, n) },
		"arm-cancel": func(p *pool.Pool, n int) {
			timer := new(task.Timer)
			times(b, p, n, func(cx *task.Cx, _ int) { armCancel(cx, timer) }, func() {})
		},
	}
	for _, load := range []string{"yield", "spawn", "pingpong", "chan", "arm-cancel"} {
		for _, c := range []struct {
			name   string
			config pool.Config
			watch  bool
		}{
			{"default", pool.Config{Workers: 1}, false},
			{"watched", pool.Config{Workers: 1}, true},
			{"each-poll", pool.Config{Workers: 1, Samples: time.Nanosecond}, false},
			{"debug", pool.Config{Workers: 1, Samples: -1, Debug: true}, false},
		} {
			b.Run(load+"/"+c.name, func(b *testing.B) {
				const n, rounds = 200_000, 20
				off := openWith(b, fixed(pool.Config{Workers: 1, Samples: -1}))
				on := openWith(b, fixed(c.config))
				if c.watch {
					defer on.Watch()()
				}
				least := map[*pool.Pool]time.Duration{}
				for b.Loop() {
					for range rounds {
						for _, p := range []*pool.Pool{off, on} {
							begin := time.Now()
							loads[load](p, n)
							if d := time.Since(begin); least[p] == 0 || d < least[p] {
								least[p] = d
							}
						}
					}
				}
				b.ReportMetric(float64(least[off])/float64(least[on]), "x")
				b.ReportMetric(float64(least[on]-least[off])/n, "ns-more")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
	b.Run("dump", dumpMillion)
	b.Run("burst", burstMillion)
}

// burstMillion is what a pool with Config.Debug keeps of a million tasks that were there together, and have ended, beside one
// without.
func burstMillion(b *testing.B) {
	var kept [2]int64
	for b.Loop() {
		for i, debug := range []bool{false, true} {
			p := openWith(b, fixed(pool.Config{Workers: 2, Debug: debug}))
			before := heap()
			var g task.Group
			for range million {
				g.Go(p, new(parked)) // each by itself: a pointer to one keeps no others
			}
			for p.Stats().Polls < million {
				runtime.Gosched()
			}
			g.Cancel(nil)
			_ = g.WaitContext(context.Background())
			kept[i] = int64(heap()) - int64(before)
		}
	}
	b.ReportMetric(float64(kept[1]-kept[0])/1024, "KB-kept")
	b.ReportMetric(0, "ns/op")
}

// dumpMillion dumps a million suspended tasks, while a task on each worker yields: the time of a dump, what it
// allocates, and the longest time between two polls of a worker, beside the same without a dump.
func dumpMillion(b *testing.B) {
	p := open(b, 2)
	var g, probes task.Group
	park(p, &g, million)
	gaps := make([]gap, 2)
	for i := range gaps {
		probes.Go(p, &gaps[i])
	}
	longest := func(f func()) (d time.Duration) {
		for i := range gaps {
			gaps[i].reset.Store(true)
		}
		f()
		for i := range gaps {
			d = max(d, time.Duration(gaps[i].longest.Load()))
		}
		return d
	}
	b.ReportAllocs()
	var with, without, took time.Duration
	var allocated uint64
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		with = max(with, longest(func() {
			d := p.Dump(pool.DumpOptions{})
			require.Equal(b, million, d.Suspended)
		}))
		took = time.Since(begin)
		runtime.ReadMemStats(&after)
		allocated = after.TotalAlloc - before.TotalAlloc
		without = max(without, longest(func() {
			for end := time.Now().Add(took); time.Now().Before(end); {
				runtime.Gosched()
			}
		}))
	}
	probes.Cancel(nil)
	g.Cancel(nil)
	_, _ = probes.WaitContext(context.Background()), g.WaitContext(context.Background())
	b.ReportMetric(float64(took)/million, "ns/task")
	b.ReportMetric(float64(allocated)/1024, "KB-dump")
	b.ReportMetric(float64(with.Microseconds()), "longest-pause-µs")
	b.ReportMetric(float64(without.Microseconds()), "pause-without-µs")
}

// gap is a task that yields all the time and measures the longest time between two of its polls.
type gap struct {
	task.Frame
	last    time.Time
	longest atomic.Int64
	reset   atomic.Bool
}

func (g *gap) Poll(cx *task.Cx) error {
	for {
		now := time.Now()
		if g.reset.Swap(false) || g.last.IsZero() {
			g.longest.Store(0)
		} else if d := int64(now.Sub(g.last)); d > g.longest.Load() {
			g.longest.Store(d)
		}
		g.last = now
		if err := cx.Yield(); err != nil {
			return err
		}
	}
}
