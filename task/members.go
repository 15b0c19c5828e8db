package task

import (
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
)

// memberList is the list of a group's members that have suspended at least once: those that a
// cancellation has to reach. A task that runs to its end in its first poll is never listed and pays
// nothing; one that is still in a queue finds out when it gets its turn.
//
//	             push, before the first suspension
//	head -> frame <-> frame <-> frame <-> (head)      cut, at the end
//	sweep ->  signals the head, and turns the ring past it
//
// # Invariants
//
//	M1  A frame is in the ring from before its first suspension takes effect until its end. Its worker
//	    puts it in and takes it out.
//	M2  why and draining are written before a sweep begins, and are not taken back while the list has
//	    members.
//	M3  Each frame that was in the ring when a sweep began is signaled by it, or by another sweep that
//	    goes on at the same time and knows as much.
//	M4  Nobody is woken, and no frame submitted, under the lock.
//
// # Order
//
// A task lists itself and then looks at why and draining; a cancellation writes them and then takes
// the lock to sweep. The lock orders the two: either the task sees what was written, or the sweep
// finds the task.
//
// # Price
//
// A task that suspends pays two critical sections in its life. The list keeps nothing of a burst.
type memberList struct {
	mu    park.Mutex
	group *Group // nil: detached tasks
	head  *Frame
	n     int

	why      atomicx.Pointer[outcome] // why all are canceled, those to come too; or nil
	draining atomicx.Bool             // all are to come to an end, those to come too
}

// add lists f, which is being polled (M1). What the members were told before that, f is told now: it
// stays runnable.
func (l *memberList) add(f *Frame) {
	l.mu.Lock()
	l.head = f.push(l.head)
	l.n++
	// Store-load, by the lock: the list, then this look (M2).
	// Pairs with: (*Group).cancel, (*Group).Drain, (*timeout).Notify, (*Runtime).CancelAll, (*Runtime).Drain, AddSpare, (*memberList).sweep.
	why, drain := l.why.Load(), l.draining.Load()
	l.mu.Unlock()
	s := f.state.bits.Load()
	if why != nil {
		f.cancel(why, gen(s)) // we are running: pend will see to it
	}
	if drain && s&draining == 0 {
		f.state.set(woken | draining)
	}
}

// remove takes f off the list (M1). Its worker only.
func (l *memberList) remove(f *Frame) {
	l.mu.Lock()
	l.head = f.cut(l.head)
	l.n--
	l.mu.Unlock()
}

// sweep signals each listed frame, and submits those that have to run for it. It does so a few at a
// time, and turns the ring past them, so that the lock is not held for long (M4).
//
// Sweeps that go on at the same time turn the same ring, so that one passes frames that another has
// not reached. Therefore each signals everything that is known by then (M3).
//
// Pairs with: (*memberList).add.
func (l *memberList) sweep() {
	l.mu.Lock()
	todo := l.n
	l.mu.Unlock()
	for todo > 0 {
		var woken [batch]*Frame
		n := 0
		l.mu.Lock()
		for range batch {
			f := l.head
			if todo == 0 || l.n == 0 {
				todo = 0
				break
			}
			if f.isMark() {
				l.head = f.right
				continue
			}
			if l.signal(f) {
				woken[n] = f
				n++
			}
			l.head = f.right
			todo--
		}
		l.mu.Unlock()
		submitAll(woken[:n])
	}
}

// submitAll submits frames, those of one runtime together.
func submitAll(frames []*Frame) {
	for len(frames) > 0 {
		var b Batch
		rt := frames[0].rt
		for len(frames) > 0 && frames[0].rt == rt {
			b.Add(frames[0])
			frames = frames[1:]
		}
		rt.scheduler.Submit(b)
	}
}

// isMark reports whether f is no member, but the place of an [Inspect] in the ring, which is not
// counted. The lock is held.
func (f *Frame) isMark() bool { return f.members == nil }

// signal tells a listed frame that it is canceled, or to come to an end, if the members are. It
// reports whether the caller must submit f.
func (l *memberList) signal(f *Frame) (submit bool) {
	if why := l.why.Load(); why != nil {
		submit = f.cancel(why, gen(f.state.bits.Load()))
	}
	if l.draining.Load() && signalDrain(f) {
		submit = true
	}
	return submit
}

// signalDrain tells a live frame to come to an end, unless it knows that already. It reports whether
// the caller must submit f.
func signalDrain(f *Frame) bool {
	s := f.state.bits.Load()
	return s&draining == 0 && f.state.wake(gen(s), draining)
}
