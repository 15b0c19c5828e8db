//go:build heistcount && !explore

package pool_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// Locked instructions an operation, on one worker: figures that no noisy machine blurs. rmw and
// stores are bounds, not records: a change that exceeds one says why, in this table. (What is
// injected depends a little on who is awake.)
var lockedOps = []struct {
	name        string
	rmw, stores float64
	run         func(b testing.TB, p *pool.Pool, n int)
}{
	{"spawn", 4.4, 0.2, func(b testing.TB, p *pool.Pool, n int) {
		frames := make([]task.Task, spawnBatch)
		for i := range frames {
			frames[i] = new(empty)
		}
		lockedIn(b, p, spawner(n, func() []task.Task { return frames }))
	}},
	{"yield", 1.1, 0.1, func(b testing.TB, p *pool.Pool, n int) {
		together(b, p, func(i int) task.Task { return &yielder{left: n / 8} }, 8)
	}},
	{"hop", 3.3, 0.1, func(b testing.TB, p *pool.Pool, n int) { pass(b, p, n, 2) }},
	{"hop-ring", 4.3, 0.1, func(b testing.TB, p *pool.Pool, n int) { pass(b, p, n, 503) }},
	{"chan-1", 15, 0.1, sendRecv(1)},
	{"chan-16", 5, 0.1, sendRecv(16)},
	{"chan-128", 4.2, 0.1, sendRecv(128)},
	{"mutex", 2.1, 0.1, func(b testing.TB, p *pool.Pool, n int) {
		var mu lock.Mutex
		together(b, p, func(int) task.Task {
			return rig.Repeat(n, func(cx *task.Cx) error {
				if err := mu.Lock(cx); err != nil {
					return err
				}
				mu.Unlock(cx)
				return nil
			})
		}, 1)
	}},
	{"mutex-handed", 9.3, 1.1, func(b testing.TB, p *pool.Pool, n int) {
		var mu lock.Mutex
		together(b, p, func(int) task.Task {
			held := false
			return rig.Repeat(n/2, func(cx *task.Cx) error {
				if !held {
					if err := mu.Lock(cx); err != nil {
						return err
					}
					held = true
				}
				if err := cx.Yield(); err != nil {
					return err
				}
				held = false
				mu.Unlock(cx)
				return nil
			})
		}, 2)
	}},
	{"timer", 0.1, 0.1, func(b testing.TB, p *pool.Pool, n int) {
		t := new(task.Timer)
		together(b, p, func(int) task.Task {
			return rig.Repeat(n, func(cx *task.Cx) error {
				t.Reset(cx, 30*time.Second)
				t.Stop(cx)
				return nil
			})
		}, 1)
	}},
	{"closure", 9.3, 1.1, func(b testing.TB, p *pool.Pool, n int) {
		i := 0
		var h *task.Handle[int]
		lockedIn(b, p, func(cx *task.Cx) error {
			for ; i < n; i++ {
				if h == nil {
					h = task.Go(cx, func(*task.Cx) (int, error) { return i, nil })
				}
				if v, err := h.Wait(cx); err != nil {
					return err
				} else if v != i {
					b.Errorf("%d, want %d", v, i)
				}
				h = nil
			}
			return nil
		})
	}},
	{"inject", 8.9, 0.3, func(b testing.TB, p *pool.Pool, n int) {
		for ; n > 0; n -= 1000 {
			var g task.Group
			for range min(n, 1000) {
				g.Go(p, new(empty))
			}
			require.NoError(b, g.WaitContext(context.Background()))
		}
	}},
}

func lockedIn(b testing.TB, p *pool.Pool, f func(cx *task.Cx) error) {
	require.NoError(b, p.Run(context.Background(), task.Func(f)))
}

// lockedBy returns what n operations have cost, each: the least of several rounds, because a worker that has lost
// its processor comes back to more, never to less.
func lockedBy(run func(n int), n int) (rmw, stores float64) {
	const rounds = 5
	rmw = math.Inf(1)
	for range rounds {
		before := atomicx.Counted()
		run(n / rounds)
		after := atomicx.Counted()
		x, y := float64(after.RMW-before.RMW)*rounds/float64(n), float64(after.Stores-before.Stores)*rounds/float64(n)
		if x+y < rmw+stores {
			rmw, stores = x, y
		}
	}
	return rmw, stores
}

func TestLocked(t *testing.T) {
	for _, op := range lockedOps {
		t.Run(op.name, func(t *testing.T) {
			p := open(t, 1)
			op.run(t, p, 1000)
			rmw, stores := lockedBy(func(n int) { op.run(t, p, n) }, 500_000)
			t.Logf("%.2f read-modify-writes, %.2f stores", rmw, stores)
			require.LessOrEqual(t, rmw, op.rmw, "read-modify-writes")
			require.LessOrEqual(t, stores, op.stores, "stores")
		})
	}
}

// BenchmarkLocked reports them, for the rows of the benchmark program.
func BenchmarkLocked(b *testing.B) {
	for _, op := range lockedOps {
		b.Run(op.name, func(b *testing.B) {
			p := open(b, 1)
			op.run(b, p, 1000)
			rmw, stores := lockedBy(func(n int) { op.run(b, p, n) }, 500_000)
			for b.Loop() {
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(rmw+stores, "locked/op")
			b.ReportMetric(rmw, "rmw/op")
			b.ReportMetric(stores, "stores/op")
		})
	}
}
