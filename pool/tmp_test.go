package pool_test

import (
	"testing"

	"github.com/heist-go/heist/pool"
)

func BenchmarkTmp(b *testing.B) {
	for _, n := range []int{15, 18, 20, 22, 24} {
		for _, w := range []int{1, 2} {
			b.Run(string(rune('a'+n-10))+"-"+string(rune('0'+w)), func(b *testing.B) {
				p := open(b, w)
				for b.Loop() {
					pool.Call(p, fib, n)
				}
				b.ReportMetric(float64(p.Stats().Parts)/float64(b.N), "parts/op")
				b.ReportMetric(float64(p.Stats().Parks)/float64(b.N), "parks/op")
			})
		}
	}
}
