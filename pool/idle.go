package pool

import (
	"context"
	"fmt"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
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
// looked everywhere, so what there is lies in an inbox, in the monitor's hands or in those of a reader; what the
// monitor has put down since the first line is seen in the last.
func (p *Pool) isIdle() bool {
	return p.looks.without(func() bool {
		moves := p.monitor.moves.Load() // Pairs with: (*monitor).relieve.
		return moves%2 == 0 && p.allParked() && !p.anyWork() && !p.anyNext() && p.team.Computing() == 0 && p.allParked() &&
			p.monitor.moves.Load() == moves
	})
}

// looks are those of readers, who have tasks and frames in hand meanwhile: nobody finds these, though one may have been
// woken.
type looks struct{ begun, ended atomicx.Int64 }

// during calls look, which puts down all that it takes.
func (l *looks) during(look func()) {
	// Store-load: counted first, then something is out of sight. Pairs with: (*looks).without.
	l.begun.Add(1)
	// Publish. What was put down. Pairs with: (*looks).without.
	defer l.ended.Add(1)
	look()
}

// without reports whether holds is true, and nobody has looked meanwhile.
func (l *looks) without(holds func() bool) bool {
	// First: a look that begins in between is not counted as one that has ended. Pairs with: (*looks).during.
	ended := l.ended.Load()
	return l.begun.Load() == ended && holds() && l.begun.Load() == ended
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
