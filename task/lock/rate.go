package lock

import (
	"context"
	"fmt"
	"time"

	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// RateLimiter bounds how often something is done: n times in a while, evenly spaced but
// for a burst after a pause. It is the generic cell rate algorithm (ITU-T I.371): one
// moment says it all. Who waits, waits in line, behind one timer for all, and gives up
// nothing but a place if it is canceled.
//
// A limiter is used by the tasks of one scheduler, and by goroutines.
type RateLimiter struct {
	spacing int64 // nanoseconds that a turn takes
	burst   int64 // how many may come at once

	mu    park.Mutex // guards what follows
	line  task.Line
	busy  int64      // until when the turns take that were given; in nanoseconds
	home  *task.Home // whose clock counts, once a task has come
	alarm task.Alarm // for the oldest in line
	timer *time.Timer
	guest int // goroutines in line: no scheduler may be left to tell them
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
	if !r.line.Holds(cx) {
		r.mu.Lock()
		if r.home == nil { // goroutines have had turns, perhaps, by the machine's clock
			then := r.now()
			r.home = cx.Home()
			r.busy += r.now() - then
		}
		r.mu.Unlock()
	}
	return r.line.Wait(cx, &r.mu, (*turns)(r), int64(n))
}

// Allow takes a turn if there is one and nobody waits, and reports whether it did. Any
// thread.
func (r *RateLimiter) Allow() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.line.Empty() && r.take(1) == 0
}

// WaitContext is Wait for goroutines: it blocks until it has a turn, or until ctx is done;
// then its error wraps ctx's cause.
func (r *RateLimiter) WaitContext(ctx context.Context) error { return r.WaitNContext(ctx, 1) }

// WaitNContext is WaitN for goroutines, as WaitContext is Wait.
func (r *RateLimiter) WaitNContext(ctx context.Context, n int) error {
	if err := r.check(n); err != nil {
		return err
	}
	r.guests(1)
	defer r.guests(-1)
	return r.line.WaitContext(ctx, &r.mu, (*turns)(r), int64(n))
}

func (r *RateLimiter) guests(n int) {
	r.mu.Lock()
	r.guest += n
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
	if r.home != nil {
		return r.home.Nanos()
	}
	return clock.Now()
}

// take takes n turns, or returns how long it will be until there are so many. The lock
// is held.
func (r *RateLimiter) take(n int64) (wait time.Duration) {
	now := r.now()
	next := max(r.busy, now) + n*r.spacing
	if early := next - r.burst*r.spacing - now; early > 0 {
		return time.Duration(early)
	}
	r.busy = next
	return 0
}

// turns is the RateLimiter as the keeper of its line.
type turns RateLimiter

func (t *turns) Decide(_ *task.Line, n int64) task.Verdict {
	r := (*RateLimiter)(t)
	wait := r.take(n)
	if wait == 0 {
		return task.Granted
	}
	if r.home != nil {
		r.alarm.Arm(r.home, nil, r.home.After(wait), t, 0)
	}
	if r.home == nil || r.guest > 0 {
		if r.timer != nil {
			r.timer.Stop()
		}
		r.timer = time.AfterFunc(wait, func() { t.Ring(0) })
	}
	return task.Waiting
}

func (t *turns) Withdraw(l *task.Line, n int64, v task.Verdict) {
	if v == task.Granted {
		t.busy -= n * t.spacing
	}
	if l.Empty() {
		t.alarm.Disarm(t.home)
		if t.timer != nil {
			t.timer.Stop()
		}
	}
}

func (t *turns) Attend(cx *task.Cx) {
	t.mu.Lock()
	t.line.Serve(cx, &t.mu, t)
}

// Ring is called when it is the turn of the oldest in line.
func (t *turns) Ring(uint32) { t.Attend(nil) }
