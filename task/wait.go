package task

import (
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/park"
)

// waiter is a place in a Crowd or a Line: a task's, or a goroutine's.
type waiter struct {
	hold       holding // in the waiting task's list; its worker's
	on         *Crowd  // or in, whose lock is mu
	in         *Line
	mu         *park.Mutex
	prev, next *waiter // guarded by mu; next is nil when not listed
	wake       wakeup
	visit      uint64 // debug builds: the poll that called last, or left

	// Of a Line.
	keeper  Keeper
	asks    int64          // what it wants of keeper
	going   bool           // guarded by mu: it is Told, as soon as it is off the list
	use     uint32         // how often the waiter was used; a verdict counts if it was given in this use
	verdict atomicx.Uint32 // what keeper has said, and in which use; written under mu
}

// left is the visit of waiters that their task may leave alone: another of its
// waits is over.
const left = ^uint64(0)

// wakeup is who is to be woken: a task in one of its lives, or a goroutine.
type wakeup struct {
	frame *Frame
	of    uint32
	bell  chan struct{}
}

// do wakes it. cx is the caller's, or nil outside of a poll.
func (w *wakeup) do(cx *Cx) {
	if w.bell == nil {
		wakeTask(cx, w.frame, w.of)
		return
	}
	select {
	case w.bell <- struct{}{}: // one token is enough, and a worker must not block
	default:
	}
}

// wakeMany wakes several: the first runs next, and the others in their turn.
func wakeMany(woken []wakeup, cx *Cx) {
	for i := range woken {
		w := &woken[i]
		if i == 0 || cx == nil || w.bell != nil {
			w.do(cx)
			continue
		}
		switch f := w.frame; {
		case !f.state.wake(w.of, 0): // or it is in its next life, and not to be looked at
		case f.home == cx.run.home:
			cx.run.queue.Push(f)
		default:
			f.home.submit(f)
		}
	}
}

// holding is a place in the list of what a task owns or waits in. The list
// belongs to the worker that polls the task.
type holding struct {
	next *holding
	what held
}

// held is something that must not outlive the task that holds it.
type held interface {
	// release lets go of the task, which ends with err. It reports false if that
	// has to wait: then the task will be woken, and release called again.
	release(cx *Cx, err error) bool
	// drain passes on that the task is to come to an end.
	drain()
}

// hold adds h to what the task holds.
func (f *Frame) hold(h *holding, what held) { h.link(&f.held, what) }

// link puts h into list: waiters in front of all else, because each operation looks for its
// own among them, and a task may own many other things.
func (h *holding) link(list **holding, what held) {
	if _, ok := what.(*waiter); !ok {
		for *list != nil && (*list).waits() != nil {
			list = &(*list).next
		}
	}
	h.what, h.next = what, *list
	*list = h
}

// waits returns the waiter that h holds, or nil. The first nil in a list says that there are
// no more.
func (h *holding) waits() *waiter {
	w, _ := h.what.(*waiter)
	return w
}

// unlink takes h out of list, and reports whether it was there.
func (h *holding) unlink(list **holding) bool {
	for p := list; *p != nil; p = &(*p).next {
		if *p == h {
			*p = h.next
			h.next, h.what = nil, nil
			return true
		}
	}
	return false
}

// unhold removes h, which the task itself holds and none of its branches.
func (f *Frame) unhold(h *holding) { h.unlink(&f.held) }

// waiter finds the waiter of the polled task, or of its branch in progress, in c.
func (cx *Cx) waiter(c *Crowd) *waiter {
	for h := *cx.holdings(); h != nil; h = h.next {
		w := h.waits()
		if w == nil || w.on == c {
			return w
		}
	}
	return nil
}

// newWaiter gives the polled task a waiter, which is not listed yet.
func (cx *Cx) newWaiter(mu *park.Mutex) *waiter {
	w := cx.run.takeWaiter()
	w.mu = mu
	w.wake = wakeup{frame: cx.frame, of: gen(cx.frame.state.bits.Load())}
	cx.hold(&w.hold, w)
	return w
}

// visit says that the poll in progress has called what w waits for.
func (cx *Cx) visit(w *waiter) {
	if invariant.Enabled {
		w.visit = cx.run.Count.Polls
	}
}

// moveOn says that one of the task's waits is over, so that it may leave others alone.
func (cx *Cx) moveOn() {
	if invariant.Enabled {
		for b := cx.branch; b != nil; b = b.up {
			leave(b.list)
		}
		leave(cx.frame.held)
	}
}

// leave marks the waiters in a list.
func leave(h *holding) {
	for ; h != nil && h.waits() != nil; h = h.next {
		h.waits().visit = left
	}
}

// release unlists the waiter. It is called when its task, or a branch of it, ends.
func (w *waiter) release(cx *Cx, _ error) bool {
	if w.in != nil {
		w.in.withdraw(cx, w)
	} else {
		w.on.quit(cx, w)
	}
	return true
}

func (w *waiter) drain() {}

// takeWaiter and freeWaiter are the worker's free list: a waiter is allocated
// once and used over and over. The list is short, because tasks may always begin
// to wait on one worker and end it on another.
func (r *Runner) takeWaiter() *waiter {
	w := r.waiters
	if w == nil {
		return new(waiter)
	}
	r.waiters = w.next
	r.spares--
	w.next = nil
	return w
}

// freeWaiter takes w back, which is listed nowhere and known to nobody else.
func (r *Runner) freeWaiter(w *waiter) {
	w.on, w.in, w.mu, w.prev, w.next = nil, nil, nil, nil, nil
	w.wake = wakeup{}
	w.visit = 0
	if w.keeper != nil {
		w.keeper, w.going = nil, false
	}
	if r.spares < maxSpares {
		w.next, r.waiters = r.waiters, w
		r.spares++
	}
}

// maxSpares bounds a worker's free list.
const maxSpares = 256
