package pool

import (
	"reflect"
	"runtime"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// Timer is a function that runs later. See [Pool.AfterFunc].
type Timer struct {
	pool  *Pool
	f     func()
	mu    park.Mutex // guards alarm
	alarm task.Alarm
	kept  atomicx.Bool // the pool's end has kept f from running; swapped under mu
}

// AfterFunc runs f on the pool, in a task of its own, when d has passed: never
// early, and one tick of package timerwheel late at most, plus what it takes to get a task
// polled. f must not block. It is for goroutines; a task has [task.Timer]. Once
// the pool is closed f does not run any more; a Shutdown does not wait for it.
//
// Any goroutine; it does not block.
func (p *Pool) AfterFunc(d time.Duration, f func()) *Timer {
	t := &Timer{pool: p, f: f}
	t.Reset(d)
	return t
}

// Reset has f run when d has passed from now, once more or at another time, and
// reports whether it was still to run. As with [time.Timer], an f that has begun
// may still be running.
func (t *Timer) Reset(d time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := &t.pool.runtime
	// Claim. What the pool's end has kept. Pairs with: (*notifier).Notify.
	pending := t.alarm.Disarm(h) || t.kept.Swap(false)
	t.alarm.Arm(h, nil, h.After(d), (*notifier)(t), 0)
	return pending
}

// Stop keeps f from running, and reports whether it has done so. It does not wait
// for an f that has begun.
func (t *Timer) Stop() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	// Claim. What the pool's end has kept. Pairs with: (*notifier).Notify.
	return t.alarm.Disarm(&t.pool.runtime) || t.kept.Swap(false)
}

// notifier is a Timer as its alarm sees it.
type notifier Timer

// Notify starts f, unless the pool has been closed: its end notifies of what is still armed.
func (b *notifier) Notify(uint32) {
	if b.pool.closing.Load() {
		// Publish. f does not run. Pairs with: (*Timer).Stop, (*Timer).Reset.
		b.kept.Store(true)
		return
	}
	task.DetachDue(&b.pool.runtime, &timerTask{f: b.f})
}

// timerTask is the task of an AfterFunc.
type timerTask struct {
	task.Frame
	f func()
}

func (c *timerTask) Poll(*task.Cx) error {
	c.f()
	return nil
}

// TaskName is the function's name.
func (c *timerTask) TaskName() string {
	return runtime.FuncForPC(reflect.ValueOf(c.f).Pointer()).Name()
}
