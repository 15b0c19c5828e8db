package lock_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/heist-go/heist/internal/pad"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// The benchmarks are named like the rows that the bench program will print. Read them as
// ratios of one run, and as the minimum of several (-count).

// onPool runs tasks on pools of several sizes.
func onPool(b *testing.B, tasks func(n int) []task.Task) {
	for _, workers := range []int{1, 2, 4, 8, 16} {
		if workers > max(2, runtime.NumCPU()) {
			break
		}
		b.Run(fmt.Sprintf("heist-%d", workers), func(b *testing.B) {
			p := open(b, workers)
			b.ReportAllocs()
			var g task.Group
			g.GoAll(p, tasks(b.N)...)
			if err := g.WaitContext(context.Background()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func BenchmarkLock(b *testing.B) {
	b.Run("mutex/free", func(b *testing.B) {
		onPool(b, func(n int) []task.Task {
			var mu lock.Mutex
			return []task.Task{rig.Repeat(n, func(cx *task.Cx) error {
				if err := mu.Lock(cx); err != nil {
					return err
				}
				mu.Unlock(cx)
				return nil
			})}
		})
	})
	b.Run("semaphore/free", func(b *testing.B) {
		onPool(b, func(n int) []task.Task {
			s := lock.NewSemaphore(3)
			return []task.Task{rig.Repeat(n, func(cx *task.Cx) error {
				if err := s.Acquire(cx, 1); err != nil {
					return err
				}
				s.Release(cx, 1)
				return nil
			})}
		})
	})
	// Eight hold the lock in turn, each across a suspension: the others block.
	b.Run("mutex/held", func(b *testing.B) {
		onPool(b, func(n int) (ts []task.Task) {
			var mu lock.Mutex
			for range 8 {
				var mine struct {
					held bool
					_    pad.Line
				}
				ts = append(ts, rig.Repeat(n/8, func(cx *task.Cx) error {
					if !mine.held {
						if err := mu.Lock(cx); err != nil {
							return err
						}
						mine.held = true
					}
					if err := cx.Yield(); err != nil {
						return err
					}
					mine.held = false
					mu.Unlock(cx)
					return nil
				}))
			}
			return ts
		})
		b.Run("goroutine", func(b *testing.B) {
			var mu sync.Mutex
			goroutines(b, func() {
				mu.Lock()
				runtime.Gosched()
				mu.Unlock()
			})
		})
	})
	// Eight take the lock for an instruction, on several threads.
	b.Run("mutex/short", func(b *testing.B) {
		onPool(b, func(n int) (ts []task.Task) {
			var mu lock.Mutex
			shared := 0
			for range 8 {
				ts = append(ts, rig.Repeat(n/8, func(cx *task.Cx) error {
					if err := mu.Lock(cx); err != nil {
						return err
					}
					shared++
					mu.Unlock(cx)
					return nil
				}))
			}
			return ts
		})
		b.Run("goroutine", func(b *testing.B) {
			var mu sync.Mutex
			shared := 0
			goroutines(b, func() {
				mu.Lock()
				shared++
				mu.Unlock()
			})
		})
	})
}

// goroutines is the counterpart of eight tasks.
func goroutines(b *testing.B, f func()) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range b.N / 8 {
				f()
			}
		})
	}
	wg.Wait()
}

func open(t testing.TB, workers int) *pool.Pool {
	t.Helper()
	p, err := pool.New(pool.Config{Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}
