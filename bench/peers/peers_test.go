// Package peers measures Heist beside other Go libraries. It is a module of its
// own, so that they never enter a user's go.sum.
package peers

import (
	"context"
	"sync"
	"testing"

	"github.com/alitto/pond/v2"
	"github.com/panjf2000/ants/v2"
	"github.com/sourcegraph/conc"
	"golang.org/x/sync/errgroup"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// submitters is how many goroutines submit at the same time, burst how many tasks
// each submits before it waits for them.
const (
	submitters = 4
	burst      = 1000
)

// bursts divides b.N tasks among the submitters.
func bursts(b *testing.B, submit func(n int)) {
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for range submitters {
		wg.Go(func() {
			for left := b.N / submitters; left > 0; left -= burst {
				submit(min(left, burst))
			}
		})
	}
	wg.Wait()
}

type empty struct{ task.Frame }

func (*empty) Poll(*task.Cx) error { return nil }

// BenchmarkInject is the row task/inject: four goroutines submit empty tasks from
// outside, a burst at a time, to pools of two workers.
func BenchmarkInject(b *testing.B) {
	const workers = 2
	b.Run("heist", func(b *testing.B) {
		p, err := pool.New(pool.Config{Workers: workers})
		if err != nil {
			b.Fatal(err)
		}
		defer p.Close()
		bursts(b, func(n int) {
			var g task.Group
			for range n {
				g.Go(p, new(empty))
			}
			_ = g.WaitContext(context.Background())
		})
	})
	b.Run("ants", func(b *testing.B) {
		p, err := ants.NewPool(workers)
		if err != nil {
			b.Fatal(err)
		}
		defer p.Release()
		bursts(b, func(n int) {
			var wg sync.WaitGroup
			wg.Add(n)
			for range n {
				_ = p.Submit(wg.Done)
			}
			wg.Wait()
		})
	})
	b.Run("ants-unbounded", func(b *testing.B) {
		p, err := ants.NewPool(-1)
		if err != nil {
			b.Fatal(err)
		}
		defer p.Release()
		bursts(b, func(n int) {
			var wg sync.WaitGroup
			wg.Add(n)
			for range n {
				_ = p.Submit(wg.Done)
			}
			wg.Wait()
		})
	})
	b.Run("pond", func(b *testing.B) {
		p := pond.NewPool(workers)
		defer p.StopAndWait()
		bursts(b, func(n int) {
			g := p.NewGroup()
			for range n {
				g.Submit(func() {})
			}
			_ = g.Wait()
		})
	})
	b.Run("conc", func(b *testing.B) {
		bursts(b, func(n int) {
			var wg conc.WaitGroup
			for range n {
				wg.Go(func() {})
			}
			wg.Wait()
		})
	})
	b.Run("errgroup", func(b *testing.B) {
		bursts(b, func(n int) {
			var g errgroup.Group
			g.SetLimit(workers)
			for range n {
				g.Go(func() error { return nil })
			}
			_ = g.Wait()
		})
	})
	b.Run("goroutine", func(b *testing.B) {
		bursts(b, func(n int) {
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() {})
			}
			wg.Wait()
		})
	})
}
