//go:build unix

package reactor_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// BenchmarkMixedHogs is an echo with 50 connections beside tasks in polls of 50 ms, one after
// the other: on a pool; on goroutines; and, which is the bound, on threads with a processor of
// Go each, beside as many threads that do nothing but compute: there the kernel's shares of
// the processors are all that an answer waits for.
func BenchmarkMixedHogs(b *testing.B) {
	const conns = 50
	for _, hogs := range []int{4, 8} {
		for _, who := range []string{"threads", "net", "heist"} {
			b.Run(fmt.Sprintf("%d/%s", hogs, who), func(b *testing.B) {
				var address string
				var begin func()
				switch who {
				case "heist":
					p := openWith(b, pool.Config{})
					address = serveEcho(b, p).Addr().String()
					begin = func() {
						g := &task.Group{}
						for range hogs {
							g.Go(p, &hog{})
						}
						b.Cleanup(func() {
							g.Cancel(nil)
							_ = g.WaitContext(background)
						})
					}
				default:
					address = echoByGoroutines(b)
					begin = func() { spinning(b, hogs, who == "threads", conns) }
				}
				do := loaded{conns: conns}.by(b, address)
				begin()
				do(1000) // warm
				b.ResetTimer()
				times := do(b.N)
				b.StopTimer()
				report(b, times)
			})
		}
	}
}

// spinning starts goroutines that compute until the end: on threads, they have a processor of
// Go each, and so has each connection.
func spinning(b *testing.B, n int, threads bool, conns int) {
	var over atomic.Bool
	var all sync.WaitGroup
	if threads {
		before := runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + n + conns)
		b.Cleanup(func() { runtime.GOMAXPROCS(before) })
	}
	for range n {
		all.Go(func() {
			if threads {
				runtime.LockOSThread()
			}
			for !over.Load() {
				spin(50 * time.Millisecond)
				if !threads {
					runtime.Gosched()
				}
			}
		})
	}
	b.Cleanup(func() {
		over.Store(true)
		all.Wait()
	})
}
