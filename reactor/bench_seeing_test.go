//go:build linux

package reactor_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// What it costs an echo with 50 connections to be seen, by turns.
func BenchmarkSeeing(b *testing.B) {
	median := func(of []float64) float64 {
		slices.Sort(of)
		return of[len(of)/2]
	}
	// Samples as they are by default: x is the CPU of a round trip without them over that with them, medians.
	b.Run("echo-50", func(b *testing.B) {
		const trips, turns = 20_000, 20
		pools := []pool.Config{{Samples: -1}, {}}
		var do [2]func(n int) []float64
		for i, c := range pools {
			do[i] = loaded{conns: 50}.by(b, serveEcho(b, openWith(b, c)).Addr().String())
			do[i](trips) // warm
		}
		var spent [2][]float64
		for b.Loop() {
			for range turns {
				for i := range do {
					before := cpu()
					do[i](trips)
					spent[i] = append(spent[i], float64(cpu()-before)/1000/trips)
				}
			}
		}
		without, with := median(spent[0]), median(spent[1])
		b.ReportMetric(without/with, "x")
		b.ReportMetric(without, "cpu-without-µs")
		b.ReportMetric(with, "cpu-with-µs")
		b.ReportMetric(0, "ns/op")
	})
	// 100,000 suspended tasks beside it are dumped each second: x is its 99th percentile without dumps over that with
	// them, medians of turns of some seconds.
	const conns, beside, trips, turns = 50, 100_000, 60_000, 4
	b.Run("dump", func(b *testing.B) {
		p := openWith(b, pool.Config{})
		address := serveEcho(b, p).Addr().String()
		var g task.Group
		var never task.Promise[int]
		for range beside {
			g.Go(p, task.Func(func(cx *task.Cx) error {
				_, err := never.Wait(cx)
				return err
			}))
		}
		require.NoError(b, p.WaitIdle(background))
		require.GreaterOrEqual(b, p.Dump(pool.DumpOptions{}).Suspended, beside)
		b.Cleanup(func() {
			g.Cancel(nil)
			_ = g.WaitContext(background)
		})
		do := loaded{conns: conns}.by(b, address)
		do(1000) // warm
		var with, without []float64
		p99 := slices.Index(percentiles[:], 99)
		dumps, took := 0, time.Duration(0)
		for b.Loop() {
			for range turns {
				without = append(without, do(trips)[p99])
				over, ended := make(chan struct{}), make(chan struct{})
				go func() {
					defer close(ended)
					each := time.NewTicker(time.Second)
					defer each.Stop()
					for {
						begin := time.Now()
						p.Dump(pool.DumpOptions{})
						dumps, took = dumps+1, took+time.Since(begin)
						select {
						case <-over:
							return
						case <-each.C:
						}
					}
				}()
				with = append(with, do(trips)[p99])
				close(over)
				<-ended
			}
		}
		require.Positive(b, dumps)
		b.ReportMetric(median(without)/median(with), "x")
		b.ReportMetric(median(without)/1e3, "p99-without-µs")
		b.ReportMetric(median(with)/1e3, "p99-with-µs")
		b.ReportMetric(float64(took)/float64(dumps)/1e6, "ms/dump")
		b.ReportMetric(0, "ns/op")
	})
}
