package task

// This file is the seam for what wakes tasks from the operating system, a reactor.

// SetDriver gives a scheduler something that its tasks find through [Cx.Driver]:
// before [Open].
func SetDriver(h *Home, driver any) { h.driver = driver }

// Driver returns what the scheduler was given, or nil.
func (cx *Cx) Driver() any { return cx.run.home.driver }

// Self is [Cx.Waker] for operations: it does not count as a promise that somebody
// will wake the task. The operation calls [Cx.Suspend] when that is arranged.
func (cx *Cx) Self() Waker { return Waker{cx.frame, gen(cx.frame.state.bits.Load())} }

// Rouse wakes w's task. If it is one of h's, it becomes runnable on q, as the one to
// run next or behind all others. It is for a worker of h outside of polls.
func (h *Home) Rouse(w Waker, q Queue, next bool) {
	f := w.frame
	switch {
	case f == nil || !f.state.wake(w.of, 0):
	case f.home != h || q == nil:
		f.home.submit(f)
	case next:
		q.Next(f)
	default:
		q.Later(f)
	}
}
