package task

// Waker makes one life of a task runnable. It is a value, comparable, and may be
// kept: when that life is over, Wake does nothing. The zero Waker wakes nobody.
type Waker struct {
	frame *Frame
	gen   uint32
}

// Wake makes the task runnable: it will be polled at least once more. Any number
// of calls before that poll count as one. What the caller has done before is
// visible to the poll.
//
// Any thread; it never blocks. Within a poll, [Cx.Wake] is cheaper.
func (w Waker) Wake() {
	if w.frame != nil || simulated.Load() != 0 {
		wakeTask(nil, w.frame, w.gen)
	}
}

// Over reports whether the task's life has ended, and its outcome stands. Any thread.
func (w Waker) Over() bool {
	if w.frame == nil {
		return false
	}
	s := w.frame.state.bits.Load()
	return s&live == 0 || gen(s) != w.gen
}

// wakeTask wakes f in life g. cx is the caller's poll, or nil. Simulations are told of a wake-up of nobody, too:
// then f is nil.
func wakeTask(cx *Cx, f *Frame, g uint32) {
	var told Interruptible
	if simulated.Load() != 0 {
		if told = point(cx); f == nil {
			if told != nil {
				told.NoChange(Waker{})
			}
			return
		}
	}
	if !f.state.wake(g, 0) {
		if told != nil {
			told.NoChange(Waker{f, g})
		}
		return
	}
	if cx != nil && cx.run.rt == f.rt {
		cx.run.queue.Next(f)
		return
	}
	f.rt.submit(f)
}

// Waker returns what makes this life of the task runnable. Whoever calls it
// means to return Pending: the runner takes it that somebody will wake the task.
func (cx *Cx) Waker() Waker {
	cx.armed = true
	if cx.was&exposed == 0 {
		cx.expose()
	}
	return Waker{cx.frame, cx.was >> flagBits} // gen, spelled out: so this is inlined
}

// expose is Waker for the first time in a life, and in a simulation each time: it is an operation.
func (cx *Cx) expose() {
	Point(cx)
	cx.frame.state.set(exposed)
	cx.was |= exposed &^ cx.run.hides
}

// Self is [Cx.Waker] for operations: it does not count as a promise that somebody
// will wake the task. The operation calls [Cx.Suspend] when that is arranged.
func (cx *Cx) Self() Waker { return Waker{cx.frame, gen(cx.frame.state.bits.Load())} }

// Wake is w.Wake, cheaper: a task that is woken from within a poll runs next on
// the same worker.
func (cx *Cx) Wake(w Waker) {
	if w.frame != nil || simulated.Load() != 0 {
		wakeTask(cx, w.frame, w.gen)
	}
}

// Rouse wakes w's task. If it is one of rt's, it becomes runnable on q, as the one to
// run next or behind all others. It is for a worker of rt outside of polls.
func (rt *Runtime) Rouse(w Waker, q Queue, next bool) {
	f := w.frame
	switch {
	case f == nil || !f.state.wake(w.gen, 0):
	case f.rt != rt || q == nil:
		f.rt.submit(f)
	case next:
		q.Next(f)
	default:
		q.Later(f)
	}
}
