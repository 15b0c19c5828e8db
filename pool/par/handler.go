package par

import (
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// turn is how long a handler works until other tasks of its worker have their turn.
const turn = 500 * time.Microsecond

// handler is a task that handles values of a stage.
type handler[In, Out any] struct {
	task.Frame
	stage  *stage[In, Out]
	claim  claim
	free   bool // it is counted as one that looks for something
	ended  bool // it is not counted any more: it has found nothing
	yields bool
}

// Poll implements task.Task.
func (h *handler[In, Out]) Poll(cx *task.Cx) error {
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

// turnOf is the function of the computation that each turn of a handler is, so that nobody takes
// it for a poll that is stuck. It reports whether there may be more.
func turnOf[In, Out any](_ pool.Fork[*handler[In, Out], bool], h *handler[In, Out]) (more bool) {
	if !h.begins() {
		return false
	}
	for end := h.stage.now() + int64(turn); h.stage.handle(&h.claim, h, end); {
		continue
	}
	return !h.ended
}

// begins claims what the handler handles first in a turn. If there is nothing the handler has ended.
func (h *handler[In, Out]) begins() bool {
	h.stage.mu.Lock()
	ok := h.next()
	h.stage.unlock()
	return ok
}

// next claims what the handler handles next. If there is nothing the handler has ended. The lock is
// held.
func (h *handler[In, Out]) next() bool {
	if !h.stage.take(&h.claim, true) {
		h.leave()
		return false
	}
	h.stage.free--
	h.free = false
	return true
}

// leave counts the handler no more. The lock is held.
func (h *handler[In, Out]) leave() {
	if h.free {
		h.stage.free--
	}
	h.stage.started--
	h.free, h.ended = false, true
}

// Finish implements task.Finisher. A handler that the pool refuses, cancels or drains leaves the
// rest to those who wait.
func (h *handler[In, Out]) Finish(error) {
	if h.ended {
		return
	}
	s := h.stage
	s.mu.Lock()
	h.leave()
	s.handlers = 0
	s.unlock()
}
