package task

// Remains is the record of values that an object has for a task and nobody has taken yet, as those that
// have come ahead: if the task ends first, they are dropped. Other than an [Operation] it does not
// belong to a branch, and need not be called again in each poll.
//
// The zero value is nothing. All methods are for the task that is polled, and do not block. It must
// not be copied.
type Remains struct {
	attachment attachment
	owner      Abandoner
	frame      *Frame // whose list it is in, or nil
}

// Keep says that something is there. At the end of the task, in whatever way it ends, when its waits are
// abandoned and its children have ended, a.Abandon is called, unless Done was called. If a hook of a's
// panics, it is called again, for the rest.
//
// Another task that takes over the object, and has ended by then, changes nothing.
func (r *Remains) Keep(cx *Cx, a Abandoner) {
	if r.frame == nil {
		r.owner, r.frame = a, cx.frame
		r.attachment.attach(&cx.frame.attached, r)
	}
}

// Done says that nothing is left.
func (r *Remains) Done(cx *Cx) {
	if r.frame == cx.frame {
		r.drop()
	}
}

// Kept reports whether a task has called Keep, and neither it has called Done nor ended.
func (r *Remains) Kept() bool { return r.frame != nil }

func (r *Remains) drop() {
	r.attachment.detach()
	r.owner, r.frame = nil, nil
}

// rank is owned, not final: Keep would look for the place behind all that is owned, in each poll.
func (r *Remains) rank() rank { return owned }

func (r *Remains) release(cx *Cx, _ error) bool {
	r.owner.Abandon(cx)
	r.drop()
	return true
}

func (r *Remains) called(*Cx, bool) bool { return true }

func (r *Remains) drain() {}
