package task

import "github.com/heist-go/heist/internal/invariant"

// The end of a life has five steps, in this order, each of which calls the next:
//
//	complete       a poll has returned something else than Pending, or has panicked
//	awaitChildren  what is attached to the task is released; it may take several polls
//	Finish         the task's own
//	report         an error goes to the group: its Failed, Panicked
//	retire         the frame leaves the list of members, and is done: see (*word).finish
//
// A panic in one of them goes on with the next: see (*Runner).recovered.

// complete begins the end of a life: a poll has returned err.
func (r *Runner) complete(f *Frame, cx *Cx, err error) {
	if err != nil && wrapsPending(err) {
		r.Count.Wrapped++
		r.suspend(f, cx, f.state.bits.Load())
		return
	}
	if invariant.Enabled {
		r.spoil()
	}
	if t := r.deferred; t != nil {
		t.Stop(cx)
	}
	if f.attached != nil || r.abandoned != nil {
		if err = r.awaitChildren(f, cx, err); IsPending(err) {
			return
		}
	}
	r.phase = finishing
	if t, ok := f.self.(Finisher); ok {
		t.Finish(err)
	}
	if err != nil {
		r.report(f, cx, err)
		return
	}
	r.retire(f, cx, nil)
}

// awaitChildren releases all that is attached to the task. It returns Pending as long as that takes;
// then the task's error, which a child's panic replaces if nobody has seen it.
func (r *Runner) awaitChildren(f *Frame, cx *Cx, err error) error {
	r.phase = releasing
	cx.again = 0  // whatever the last poll did meanwhile
	r.abandon(cx) // if a hook has panicked
	// What is in progress first: what comes then may wait again, through the same waiter.
	for a := f.attached; a != nil && a.what.rank() < late; a = f.attached {
		a.what.release(cx, err) // detaches it, and perhaps others
	}
	ended := true
	for a := f.attached; a != nil && a.what.rank() < final; {
		next := a.next // release may detach a, and attach waiters in front
		if _, last := a.what.(*Remains); !last && !a.what.release(cx, err) {
			ended = false
		}
		if a = next; a != nil && !a.attached() { // a hook has taken it out
			a = f.attached
		}
	}
	if ended {
		for a := f.attached; a != nil; a = f.attached { // remains and clean-ups, which may do others
			a.what.release(cx, err)
		}
	}
	r.phase = outside
	if r.orphan != nil {
		err, r.orphan = r.orphan, nil
	}
	if !ended {
		s := f.state.bits.Load()
		if s&completing == 0 {
			f.state.set(completing)
		}
		f.out.Set(&outcome{err: err})
		r.settles = true
		r.suspend(f, cx, s|completing)
		return Pending
	}
	return err
}

// report follows Finish: it tells the group.
func (r *Runner) report(f *Frame, cx *Cx, err error) {
	if g := f.members.group; g != nil && err != nil {
		r.phase = reporting
		g.memberFailed(f.rt, f.self, err)
	}
	r.retire(f, cx, err)
}

// retire follows the group's Failed: the frame becomes its owner's again.
func (r *Runner) retire(f *Frame, cx *Cx, err error) {
	r.phase = outside
	if r.ended != nil {
		r.ended(f.self, err)
	}
	g := f.members.group
	if f.state.bits.Load()&listed != 0 {
		f.members.remove(f)
	}
	f.members = nil
	if err != nil {
		f.out.Set(f.outcome(err))
	}
	p, panicked := err.(*PanicError)
	if panicked && g == nil {
		f.alone(p)
	}
	cx.frame = nil // whatever comes, this worker does not keep the task alive
	f.state.finish(g != nil)
	// f may be in its next life from here on.
	switch {
	case g == nil:
	case r.slotKept:
		g.countOut(cx)
	default:
		g.memberEnded(cx) // may launch the next of a backlog
	}
	// After finish, and the fence: its store, or the group's count. Pairs with: (*WaitSet).add.
	if !f.joiners.Empty() {
		f.joiners.WakeAll(&f.mu, cx)
	}
	// Last, after what the end has launched is counted: the scheduler sees a time
	// without tasks otherwise.
	r.Count.Finished++
}

// outcome returns err as an outcome, without allocating if it is the error that
// the task was canceled with.
func (f *Frame) outcome(err error) *outcome {
	if c := f.cause.Load(); c != nil && c.err == err {
		return c
	}
	return &outcome{err: err}
}

// refuse ends the life of a frame that was claimed and cannot run, with err. r is a new runner without
// runtime and queue: tasks that the end wakes or launches go where they belong.
func (r *Runner) refuse(f *Frame, err error) {
	r.Init(nil)
	r.ended = f.rt.lives.ends(nil)
	was := f.state.start() | r.comes(f)
	r.complete(f, r.begin(f, was, false), err)
}

// Ends reports whether the task's life ends and its resources are released: then an operation
// that is abandoned will not be called again. See [Abandoner].
func (cx *Cx) Ends() bool { return cx.run.phase == releasing }
