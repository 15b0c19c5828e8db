package pool

import (
	"context"
	"fmt"
	"time"

	"github.com/heist-go/heist/task"
)

// WaitIdle blocks until the pool has nothing to do: all tasks are suspended or have ended, and
// no computation runs. It is for tests, above all of a pool with a [task.Clock]: move the
// clock, wait until what was due then has been done, and look.
//
// What is on its way from outside, a blocking call, a packet, real time, is not waited for.
// It returns an error that wraps ctx's cause if that is done first. Goroutines only.
func (p *Pool) WaitIdle(ctx context.Context) error {
	task.MustNotPoll("pool: WaitIdle inside a task waits for that task: call it from a goroutine")
	const first, longest = 10 * time.Microsecond, time.Millisecond
	var timer *time.Timer
	for pause := first; !p.isIdle(); pause = min(2*pause, longest) {
		if timer == nil {
			timer = time.NewTimer(pause)
			defer timer.Stop()
		} else {
			timer.Reset(pause)
		}
		select {
		case <-timer.C:
		case <-ctx.Done():
			return fmt.Errorf("pool: wait until idle: %w", context.Cause(ctx))
		}
	}
	return nil
}

// isIdle reports whether nothing was to do at some moment of the call. A parked worker has
// looked everywhere, so what there is lies in an inbox or in the monitor's hands; what the
// monitor has put down since the first line is seen in the last.
func (p *Pool) isIdle() bool {
	moves := p.monitor.moves.Load() // Pairs with: (*monitor).relieve.
	return moves%2 == 0 && p.allParked() && !p.anyWork() && !p.anyNext() && p.team.Computing() == 0 && p.allParked() &&
		p.monitor.moves.Load() == moves
}

// anyNext reports whether a worker has something that runs next: one that sleeps in a poll
// gets that before it is awake.
func (p *Pool) anyNext() bool {
	for _, w := range p.active() {
		if w.lifo.Load() != nil {
			return true
		}
	}
	return false
}
