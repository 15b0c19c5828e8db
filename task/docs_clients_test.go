package task_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// Every Go block of docs/clients.md is an excerpt of example_clients_test.go.
func TestClientsQuotesItsCode(t *testing.T) {
	text, err := os.ReadFile("example_clients_test.go")
	require.NoError(t, err)
	tested := strings.Split(string(text), "\n")
	doc, err := os.ReadFile("../docs/clients.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)\n```$").FindAllStringSubmatch(string(doc), -1)
	require.GreaterOrEqual(t, len(blocks), 3)
	for _, b := range blocks {
		assert.True(t, quoted(strings.Split(b[1], "\n"), tested), "not in the tested file:\n%s", b[1])
	}
}

// TestContendedMutexHoldsUpTheWorker: what docs/clients.md says of a sync.Mutex that somebody holds
// for long, and of a lock.Mutex. One worker, and no spare.
func TestContendedMutexHoldsUpTheWorker(t *testing.T) {
	var std sync.Mutex
	var own lock.Mutex
	ctx := context.Background()
	for _, c := range []struct {
		name           string
		hold, release  func()
		take           func(cx *task.Cx) error
		othersAreAlive bool
	}{
		{"sync", std.Lock, std.Unlock, func(*task.Cx) error {
			std.Lock()
			//lint:ignore SA2001 it was free
			std.Unlock()
			return nil
		}, false},
		{"lock", func() { assert.NoError(t, own.LockContext(ctx)) }, func() { own.Unlock(nil) }, func(cx *task.Cx) error {
			if err := own.Lock(cx); err != nil {
				return err
			}
			own.Unlock(cx)
			return nil
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := pool.New(pool.Config{Workers: 1, StallLimit: -1})
			require.NoError(t, err)
			defer p.Close()
			var begun, over, stop atomic.Bool
			var polls atomic.Int64
			c.hold()
			var g task.Group
			g.Go(p, task.Func(func(cx *task.Cx) error {
				begun.Store(true)
				err := c.take(cx)
				if err == nil {
					over.Store(true)
				}
				return err
			}))
			require.Eventually(t, begun.Load, time.Minute, time.Millisecond, "the task is at the lock")
			g.Go(p, task.Func(func(cx *task.Cx) error {
				for !stop.Load() {
					polls.Add(1)
					if err := cx.Yield(); err != nil {
						return err
					}
				}
				return nil
			}))
			if c.othersAreAlive {
				require.Eventually(t, func() bool { return polls.Load() > 1000 }, time.Minute, time.Millisecond, "the other task is polled a thousand times")
			}
			// The worker is in Lock, so the other has not begun. A lock.Mutex lets go of it.
			assert.Equal(t, c.othersAreAlive, polls.Load() > 0)
			assert.False(t, over.Load())
			c.release()
			require.Eventually(t, over.Load, time.Minute, time.Millisecond, "the lock is taken")
			stop.Store(true)
			require.NoError(t, g.WaitContext(ctx))
		})
	}
}

// TestCostOfACall: what docs/clients.md says that a call costs.
func TestCostOfACall(t *testing.T) {
	if invariant.Enabled {
		t.Skip("checked builds allocate")
	}
	p, err := pool.New(pool.Config{Workers: 1})
	require.NoError(t, err)
	defer p.Close()
	run := func(n int) float64 {
		c := &costly{calls: n}
		return testing.AllocsPerRun(5, func() {
			c.left = c.calls
			assert.NoError(t, p.Run(context.Background(), c))
		})
	}
	perCall := (run(200) - run(100)) / 100
	t.Logf("%.2f allocations a call", perCall)
	require.LessOrEqual(t, perCall, 9.5)
}

type costly struct {
	task.Frame
	call        task.Blocking[int]
	calls, left int
}

func (c *costly) Poll(cx *task.Cx) error {
	for c.left > 0 {
		if _, err := c.call.Do(cx, nothing); err != nil {
			return err
		}
		c.left--
	}
	return nil
}

func nothing(context.Context) (int, error) { return 0, nil }
