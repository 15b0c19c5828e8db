package par

import (
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// turn is how long a hand works until other tasks of its worker have their turn.
const turn = 500 * time.Microsecond

// hand is a task that handles values of a line.
type hand[In, Out any] struct {
	task.Frame
	line   *line[In, Out]
	claim  claim
	free   bool // it is counted as one that looks for something
	ended  bool // it is not counted any more: it has found nothing
	yields bool
}

// Poll implements task.Task.
func (h *hand[In, Out]) Poll(cx *task.Cx) error {
	if h.yields {
		if err := cx.Yield(); err != nil {
			return err
		}
		h.yields = false
	}
	if !cx.Draining() && pool.Call(cx, turnOf[In, Out], h) {
		h.yields = true
		return cx.Yield()
	}
	return nil
}

// turnOf is the function of the computation that each turn of a hand is, so that nobody takes
// it for a poll that is stuck. It reports whether there may be more.
func turnOf[In, Out any](_ pool.Fork[*hand[In, Out], bool], h *hand[In, Out]) (more bool) {
	if !h.begins() {
		return false
	}
	for end := h.line.now() + int64(turn); h.line.handle(&h.claim, h, end); {
		continue
	}
	return !h.ended
}

// begins claims what the hand handles first in a turn. If there is nothing the hand has ended.
func (h *hand[In, Out]) begins() bool {
	h.line.mu.Lock()
	ok := h.next()
	h.line.unlock()
	return ok
}

// next claims what the hand handles next. If there is nothing the hand has ended. The lock is
// held.
func (h *hand[In, Out]) next() bool {
	if !h.line.take(&h.claim, true) {
		h.leave()
		return false
	}
	h.line.free--
	h.free = false
	return true
}

// leave counts the hand no more. The lock is held.
func (h *hand[In, Out]) leave() {
	if h.free {
		h.line.free--
	}
	h.line.started--
	h.free, h.ended = false, true
}

// Finish implements task.Finisher. A hand that the pool refuses, cancels or drains leaves the
// rest to those who wait.
func (h *hand[In, Out]) Finish(error) {
	if h.ended {
		return
	}
	l := h.line
	l.mu.Lock()
	h.leave()
	l.hands = 0
	l.unlock()
}
