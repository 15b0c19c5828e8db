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
	n    int
	mu   park.Mutex // guards what follows
	here int        // how many are in line
	line task.Line
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
	if b.line.Holds(cx) {
		return false, b.line.Collect(cx, 1)
	}
	if err := cx.Err(); err != nil {
		return false, err
	}
	b.mu.Lock()
	if b.arrive() {
		b.line.ServeAll(cx, &b.mu)
		return true, nil
	}
	return false, b.line.Hold(cx, &b.mu, (*gathering)(b), 1, task.Waiting)
}

// WaitContext is Wait for goroutines: it blocks until n have come, or until ctx is done;
// then its error wraps ctx's cause.
func (b *Barrier) WaitContext(ctx context.Context) (last bool, err error) {
	err = b.line.HoldContext(ctx, &b.mu, (*gathering)(b), 1, func() task.Verdict {
		if last = b.arrive(); last {
			b.line.ServeAll(nil, &b.mu)
			b.mu.Lock()
			return task.Told
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

// gathering is the Barrier as the keeper of its line, which is let go as a whole.
type gathering Barrier

func (b *gathering) Decide(*task.Line, int64) task.Verdict { return task.Waiting }

func (b *gathering) Withdraw(_ *task.Line, _ int64, v task.Verdict) {
	if v == task.Waiting {
		b.here--
	}
}

func (b *gathering) Attend(*task.Cx) {}
