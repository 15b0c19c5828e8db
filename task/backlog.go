package task

import (
	"context"

	"github.com/heist-go/heist/internal/park"
)

// backlog is a runtime's bound on tasks that were started from outside and wait for their first
// poll, in whatever queue. Each of them has a place, which its first poll gives back. Beyond the
// bound a start that cannot wait is refused, and one that can waits in a queue. Tasks that polls
// start, that a group has kept back, or that a scheduler starts itself need no place.
//
// The lock is taken twice for each task, if there is a bound.
type backlog struct {
	most int // 0: no bound

	mu      park.Mutex // guards what follows
	taken   int
	depth   int // the most that were taken at a time
	refused uint64
	queue   WaitQueue
}

// SetBacklog sets the bound, before Open.
func SetBacklog(rt *Runtime, most int) { rt.backlog.most = most }

// BacklogStats are figures of the bound that [SetBacklog] sets.
type BacklogStats struct {
	Waiting int    // tasks from outside that wait for their first poll
	Depth   int    // the most that have waited at a time
	Blocked int    // goroutines that wait for room
	Refused uint64 // tasks that ended with ErrLimit, or were not started
}

// Backlog returns the figures of the runtime's bound. Any goroutine.
func Backlog(rt *Runtime) BacklogStats {
	b := &rt.backlog
	b.mu.Lock()
	defer b.mu.Unlock()
	return BacklogStats{b.taken, b.depth, b.queue.Len(), b.refused}
}

// take takes up to n places for a start that does not wait, and returns how many it has got.
func (b *backlog) take(n int) int {
	if b.most == 0 {
		return n
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	k := 0
	if b.queue.Empty() {
		k = min(n, b.most-b.taken)
	}
	b.taken += k
	b.depth = max(b.depth, b.taken)
	b.refused += uint64(n - k)
	return k
}

// wait takes a place, and blocks until there is one, or until ctx is done.
func (b *backlog) wait(ctx context.Context) error {
	if b.most == 0 {
		return nil
	}
	return b.queue.WaitContext(ctx, &b.mu, b, 1)
}

// give gives n places back.
func (b *backlog) give(cx *Cx, n int) {
	if b.most == 0 || n == 0 {
		return
	}
	b.mu.Lock()
	b.taken -= n
	if b.queue.Empty() {
		b.mu.Unlock()
		return
	}
	b.queue.Grant(cx, &b.mu, b)
}

// MovesItself says that the workers' polls let go on who waits.
func (b *backlog) MovesItself() {}

// TryGrant implements Policy.
func (b *backlog) TryGrant(*WaitQueue, int64) GrantState {
	if b.taken >= b.most {
		return Waiting
	}
	b.taken++
	b.depth = max(b.depth, b.taken)
	return Granted
}

// Revoke implements Policy.
func (b *backlog) Revoke(_ *WaitQueue, _ int64, state GrantState) {
	if state == Granted {
		b.taken--
	}
}
