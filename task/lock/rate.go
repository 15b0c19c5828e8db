package lock

import (
	"context"
	"fmt"
	"time"

	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// RateLimiter is a rate limiter: it gives n turns in a while, evenly spaced but
// for a burst after a pause. It is the generic cell rate algorithm (ITU-T I.371): its only state is
// one moment. Waits stand in a queue, with one timer for all; a canceled one gives up
// nothing but its place.
//
// A limiter is used by the tasks of one scheduler at a time, whose clock counts, and by
// goroutines. It may outlive the scheduler: then the machine's clock counts, until a task of
// the next one waits.
type RateLimiter struct {
	spacing int64 // nanoseconds that a turn takes
	burst   int64 // how many may come at once

	mu         park.Mutex // guards what follows
	queue      task.WaitQueue
	busy       int64         // until when the turns take that were given; in nanoseconds. It wraps: see take
	rt         *task.Runtime // whose clock counts; nil: the machine's
	alarm      task.Alarm    // for the oldest in the queue
	timer      *time.Timer
	goroutines int // goroutines in the queue: no scheduler may be left to wake them
}

// NewRateLimiter returns a limiter of n turns per while, of which burst may come at once
// after a pause. The time between two turns is rounded down to nanoseconds.
func NewRateLimiter(n int, per time.Duration, burst int) *RateLimiter {
	if n < 1 || int64(per) < int64(n) || burst < 1 {
		panic(fmt.Sprintf("lock: NewRateLimiter(%d, %v, %d): it takes a positive rate of at most one in a nanosecond, and a burst of at least 1", n, per, burst))
	}
	spacing := min(int64(per)/int64(n), longest)
	return &RateLimiter{spacing: spacing, burst: min(int64(burst), max(longest/spacing, 1))}
}

// longest is how long a burst may take, in nanoseconds: 73 years, which is for ever.
const longest = 1 << 61

// Wait waits for a turn.
func (r *RateLimiter) Wait(cx *task.Cx) error { return r.WaitN(cx, 1) }

// WaitN waits for n turns at once. It returns an error that is [task.ErrLimit] if that is
// more than a burst.
func (r *RateLimiter) WaitN(cx *task.Cx, n int) error {
	if err := cx.Spend(); err != nil {
		return err
	}
	if err := r.check(n); err != nil {
		return err
	}
	if !r.queue.Contains(cx) {
		r.mu.Lock()
		if rt := cx.Runtime(); r.rt != rt && (r.rt == nil || r.rt.Ended()) {
			r.move(rt)
		}
		r.mu.Unlock()
	}
	return r.queue.Wait(cx, &r.mu, (*ratePolicy)(r), int64(n))
}

// Allow takes a turn if there is one and nobody waits, and reports whether it did. Any
// thread.
func (r *RateLimiter) Allow() bool {
	task.Point(nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.queue.Empty() && r.take(r.now(), 1) == 0
}

// WaitContext is Wait for goroutines: it blocks until it has a turn, or until ctx is done;
// then its error wraps ctx's cause.
func (r *RateLimiter) WaitContext(ctx context.Context) error { return r.WaitNContext(ctx, 1) }

// WaitNContext is WaitN for goroutines, as WaitContext is Wait.
func (r *RateLimiter) WaitNContext(ctx context.Context, n int) error {
	if err := r.check(n); err != nil {
		return err
	}
	r.countGoroutines(1)
	defer r.countGoroutines(-1)
	return r.queue.WaitContext(ctx, &r.mu, (*ratePolicy)(r), int64(n))
}

func (r *RateLimiter) countGoroutines(n int) {
	r.mu.Lock()
	r.goroutines += n
	r.mu.Unlock()
}

func (r *RateLimiter) check(n int) error {
	if n < 0 {
		panic(fmt.Sprintf("lock: %d turns of a RateLimiter", n))
	}
	if int64(n) > r.burst {
		return fmt.Errorf("lock: rate limiter: %d turns at once, in bursts of %d: %w", n, r.burst, task.ErrLimit)
	}
	return nil
}

// now is the time on the scale of busy. The lock is held.
func (r *RateLimiter) now() int64 {
	if r.rt != nil && r.rt.Ended() {
		r.move(nil)
	}
	return r.rt.Nanos()
}

// move has the clock of another runtime count. The alarm is not armed: the runtime before has
// ended, or there was none. The lock is held.
func (r *RateLimiter) move(rt *task.Runtime) {
	if r.rt.Clock() != rt.Clock() { // else busy is as it was, and two looks would be two moments
		r.busy += rt.Nanos() - r.rt.Nanos()
	}
	r.rt = rt
}

// take takes n turns, or returns how long it will be, from now on, until there are so many. The
// lock is held.
//
// Near the end of time busy lies beyond it, and wraps. Only its distance from the present
// counts, which is at most longest ahead, and at most a lifetime behind.
func (r *RateLimiter) take(now, n int64) (wait time.Duration) {
	ahead := max(r.busy-now, 0) + n*r.spacing
	if early := ahead - r.burst*r.spacing; early > 0 {
		return time.Duration(early)
	}
	r.busy = now + ahead
	return 0
}

// ratePolicy is the RateLimiter as the policy of its queue.
type ratePolicy RateLimiter

// MovesItself says that time lets go on who waits.
func (p *ratePolicy) MovesItself() {}

// WaitObject is what [task.Inspect] calls a RateLimiter.
func (p *ratePolicy) WaitObject() string { return "lock.RateLimiter" }

func (p *ratePolicy) TryGrant(_ *task.WaitQueue, n int64) task.GrantState {
	r := (*RateLimiter)(p)
	now := r.now() // the only look: the clock may be moved until the alarm is armed
	wait := r.take(now, n)
	if wait == 0 {
		return task.Granted
	}
	if r.rt != nil && !r.alarm.Arm(r.rt, nil, task.Later(now, wait), p, 0) {
		r.move(nil)
	}
	if r.rt == nil || r.goroutines > 0 {
		if r.timer != nil {
			r.timer.Stop()
		}
		r.timer = time.AfterFunc(wait, func() { p.Notify(0) })
	}
	return task.Waiting
}

func (p *ratePolicy) Revoke(q *task.WaitQueue, n int64, state task.GrantState) {
	if state == task.Granted {
		p.busy -= n * p.spacing
	}
	if q.Empty() {
		p.alarm.Disarm(p.rt)
		if p.timer != nil {
			p.timer.Stop()
		}
	}
}

// Notify implements [task.Notifier]: it is the turn of the oldest in the queue.
func (p *ratePolicy) Notify(uint32) {
	p.mu.Lock()
	p.queue.Grant(nil, &p.mu, p)
}
