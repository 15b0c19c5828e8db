package lock

import (
	"context"
	"fmt"

	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// Barrier lets tasks wait for each other: when as many have come as it is for, all go on,
// and the next round begins.
type Barrier struct {
	n     int
	mu    park.Mutex // guards what follows
	here  int        // how many wait
	queue task.WaitQueue
}

// NewBarrier returns a barrier for n tasks.
func NewBarrier(n int) *Barrier {
	if n < 1 {
		panic(fmt.Sprintf("lock: NewBarrier(%d): at least one has to come", n))
	}
	return &Barrier{n: n}
}

// Wait waits until n have come, and reports to one of them that it was the last. A task
// that is canceled while it waits has not come.
func (b *Barrier) Wait(cx *task.Cx) (last bool, err error) {
	if err := cx.Spend(); err != nil {
		return false, err
	}
	if b.queue.Contains(cx) {
		return false, b.queue.Collect(cx, 1)
	}
	if err := cx.Err(); err != nil {
		return false, err
	}
	b.mu.Lock()
	if b.arrive() {
		b.queue.NotifyAll(cx, &b.mu)
		return true, nil
	}
	return false, b.queue.Enqueue(cx, &b.mu, (*barrierPolicy)(b), 1, task.Waiting)
}

// WaitContext is Wait for goroutines: it blocks until n have come, or until ctx is done;
// then its error wraps ctx's cause.
func (b *Barrier) WaitContext(ctx context.Context) (last bool, err error) {
	err = b.queue.EnqueueContext(ctx, &b.mu, (*barrierPolicy)(b), 1, func() task.GrantState {
		if last = b.arrive(); last {
			b.queue.NotifyAll(nil, &b.mu)
			b.mu.Lock()
			return task.Notified
		}
		return task.Waiting
	})
	return last, err
}

// arrive counts a newcomer, and reports whether the round is complete. The lock is held.
func (b *Barrier) arrive() bool {
	if b.here++; b.here < b.n {
		return false
	}
	b.here = 0
	return true
}

// barrierPolicy is the Barrier as the policy of its queue, which goes on as a whole.
type barrierPolicy Barrier

// WaitObject is what [task.Inspect] calls a Barrier.
func (p *barrierPolicy) WaitObject() string { return "lock.Barrier" }

func (p *barrierPolicy) TryGrant(*task.WaitQueue, int64) task.GrantState { return task.Waiting }

func (p *barrierPolicy) Revoke(_ *task.WaitQueue, _ int64, state task.GrantState) {
	if state == task.Waiting {
		p.here--
	}
}
