package task

import (
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
)

// roster is the list of those members of a group that have suspended at least
// once: whoever must be reached to be canceled. A task that runs to its end in
// its first poll is never listed and pays nothing; one that is still in a queue
// finds out when it gets its turn.
//
// The list is a ring through the frames, under a lock. A task is listed by its
// worker before its first suspension takes effect, and looks at the group's state
// under the same lock: a cancellation either comes first, and is seen, or finds
// the task on the list.
type roster struct {
	mu    park.Mutex
	group *Group // nil: detached tasks
	head  *Frame
	n     int

	why    atomicx.Pointer[outcome] // why all are canceled, those to come too; or nil
	ending atomicx.Bool             // all are to come to an end, those to come too
}

// add lists f, which is being polled. If the members were told something before
// that, f is told now: it stays runnable.
func (r *roster) add(f *Frame) {
	r.mu.Lock()
	if h := r.head; h == nil {
		f.left, f.right = f, f
		r.head = f
	} else {
		f.left, f.right = h.left, h
		h.left.right = f
		h.left = f
	}
	r.n++
	// Store-load, by the lock: first the list, then this look.
	// Pairs with: (*Group).cancel, (*Group).Drain, (*roster).sweep.
	why, drain := r.why.Load(), r.ending.Load()
	r.mu.Unlock()
	s := f.state.bits.Load()
	if why != nil {
		f.cancel(why, gen(s)) // we are running: pend will see to it
	}
	if drain && s&draining == 0 {
		f.state.set(queued | draining)
	}
}

// remove takes f off the list. Its worker only.
func (r *roster) remove(f *Frame) {
	r.mu.Lock()
	if f.right == f {
		r.head = nil
	} else {
		f.left.right, f.right.left = f.right, f.left
		if r.head == f {
			r.head = f.right
		}
	}
	f.left, f.right = nil, nil
	r.n--
	r.mu.Unlock()
}

// sweep tells each listed frame what the members are to know, and submits those
// that have to run for it. It does so a few at a time: the ring is turned past
// those that were told, so that the lock is not held for long and never while
// anybody is woken.
//
// Sweeps that go on at the same time turn the same ring, so that one passes the
// frames that another has not reached. Therefore each tells everything that is
// known by then: whoever of them passes a frame, it is told.
func (r *roster) sweep() {
	r.mu.Lock()
	todo := r.n
	r.mu.Unlock()
	for todo > 0 {
		var woken [batch]*Frame
		n := 0
		r.mu.Lock()
		for range batch {
			f := r.head
			if f == nil || todo == 0 {
				todo = 0
				break
			}
			if r.tell(f) {
				woken[n] = f
				n++
			}
			r.head = f.right
			todo--
		}
		r.mu.Unlock()
		submitAll(woken[:n])
	}
}

// submitAll submits frames, those of one home together.
func submitAll(frames []*Frame) {
	for len(frames) > 0 {
		var b Batch
		h := frames[0].home
		for len(frames) > 0 && frames[0].home == h {
			b.Add(frames[0])
			frames = frames[1:]
		}
		h.scheduler.Submit(b)
	}
}

// tell is sweep for one frame, which is listed and so alive. It reports whether
// the caller must submit f.
func (r *roster) tell(f *Frame) (submit bool) {
	if why := r.why.Load(); why != nil {
		submit = f.cancel(why, gen(f.state.bits.Load()))
	}
	if r.ending.Load() && tellDrain(f) {
		submit = true
	}
	return submit
}

// tellDrain tells a live frame to come to an end, unless it knows. It reports
// whether the caller must submit f.
func tellDrain(f *Frame) bool {
	s := f.state.bits.Load()
	return s&draining == 0 && f.state.wake(gen(s), draining)
}
