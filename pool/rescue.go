package pool

import (
	"time"

	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/task"
)

// The LIFO slot must not be a trap: a frame in it waits for the poll in progress,
// and that may be long. But it must not be stolen lightly either, because it was
// put there to run at once, on this worker (taking it always costs tokio 30 % of
// its throughput). So a thief takes it only when it has found the same frame
// there twice, stuck apart, and the owner has hardly polled in between.

const (
	// stuck is how long a frame must have been in a LIFO slot to be taken.
	stuck = int64(50 * time.Microsecond)
	// maxPatience bounds the intervals at which an idle worker looks again.
	maxPatience = int64(5 * time.Millisecond)
)

// suspect is what a thief has seen in another worker's LIFO slot.
type suspect struct {
	frame *task.Frame
	beat  uint32
	since int64
	looks int
}

// rescue takes the frame in v's LIFO slot if it is stuck there.
func (w *worker) rescue(v *worker) *task.Frame {
	s := &w.suspects[v.id]
	f := v.lifo.Load()
	if f == nil || v == w {
		*s = suspect{}
		return nil
	}
	beat := v.beat.Load()
	if s.frame != f || s.beat != beat {
		*s = suspect{f, beat, clock.Now(), s.looks + 1}
		return nil
	}
	if clock.Now()-s.since < stuck {
		return nil
	}
	*s = suspect{}
	// Claim. The frame: whoever empties the slot. It may have left the slot and
	// come back meanwhile; then it is as runnable as before.
	// Pairs with: (*worker).find, (*worker).Next.
	if v.lifo.CompareAndSwap(f, nil) {
		w.count[rescued]++
		return f
	}
	return nil
}

// patience returns how long the worker may sleep before it looks at its suspects
// again, in nanoseconds; 0 means that it has none. The intervals grow while the
// suspects turn out to be innocent.
func (w *worker) patience() int64 {
	wait := int64(0)
	for i := range w.suspects {
		s := &w.suspects[i]
		if s.frame == nil {
			continue
		}
		d := min(stuck<<min(s.looks, 16), maxPatience)
		if wait == 0 || d < wait {
			wait = d
		}
	}
	return wait
}
