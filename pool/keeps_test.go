package pool_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// inUse returns how many bytes are in use.
func inUse() int64 {
	runtime.GC()
	runtime.GC() // what the first has found, in pools and finalizers
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestKeepsLittleOfABurst: what an idle pool keeps of the most that it ever had to do is bounded.
// Each burst needs megabytes while it lasts.
func TestKeepsLittleOfABurst(t *testing.T) {
	n := 200_000
	if slow() {
		n = 100_000
	}
	var strand lock.Strand[int]
	for name, burst := range map[string]func(p *pool.Pool, g *task.Group){
		"tasks in a deque": func(p *pool.Pool, g *task.Group) {
			g.Go(p, task.Func(func(cx *task.Cx) error {
				for range n {
					g.Go(cx, task.Func(func(*task.Cx) error { return nil }))
				}
				return nil
			}))
		},
		"tasks from outside, in inboxes": func(p *pool.Pool, g *task.Group) {
			ts := make([]task.Task, n)
			for i := range ts {
				ts[i] = task.Func(func(*task.Cx) error { return nil })
			}
			g.GoAll(p, ts...)
		},
		"tasks that have suspended, with timers": func(p *pool.Pool, g *task.Group) {
			for range n {
				var timer task.Timer
				g.Go(p, task.Func(func(cx *task.Cx) error { return timer.Sleep(cx, time.Hour) }))
			}
			require.NoError(t, p.WaitIdle(background))
			g.Cancel(errBoom)
		},
		"tasks that wait in line": func(p *pool.Pool, g *task.Group) {
			var mutex lock.Mutex
			mutex.TryLock()
			for range n {
				g.Go(p, task.Func(mutex.Lock))
			}
			require.NoError(t, p.WaitIdle(background))
			g.Cancel(errBoom)
		},
		"groups of goroutines": func(p *pool.Pool, _ *task.Group) {
			groups := make([]task.Group, n/3)
			var never task.Promise[int]
			for i := range groups {
				groups[i].Go(p, task.Func(func(cx *task.Cx) error {
					_, err := never.Wait(cx)
					return err
				}))
			}
			require.NoError(t, p.WaitIdle(background))
			for i := range groups {
				groups[i].Cancel(errBoom)
				_ = groups[i].WaitContext(background)
			}
		},
		"keys of a strand": func(p *pool.Pool, g *task.Group) {
			ts := make([]task.Task, n)
			for i := range ts {
				ts[i] = strand.Turn(i, func(*task.Cx) error { return nil })
			}
			g.GoAll(p, ts...)
		},
		"scratch": func(p *pool.Pool, g *task.Group) {
			g.Go(p, task.Func(func(cx *task.Cx) error {
				clear(cx.Scratch(64 * n))
				return nil
			}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := openWith(t, fixed(pool.Config{Workers: 1}))
			var warm task.Group
			warm.Go(p, task.Func(func(*task.Cx) error { return nil }))
			require.NoError(t, warm.WaitContext(background))
			require.NoError(t, p.WaitIdle(background))
			before := inUse()
			for range 2 {
				var g task.Group
				burst(p, &g)
				_ = g.WaitContext(background)
			}
			const most = 256 << 10
			until(t, "an idle pool that keeps little", func() bool {
				require.NoError(t, p.WaitIdle(background))
				return inUse()-before < most
			})
		})
	}
}
