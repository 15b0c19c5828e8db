package task

// Branch is a part of a task that waits by itself, for combinators: what it waits for,
// by way of which objects and timers, is kept apart from the rest of the task, and can be
// let go of at once. Two branches of a task may wait for the same object.
//
// The zero value is ready. A Branch belongs to one task, must not be copied, and may be
// used again once it has ended. When the task ends, so do its branches.
type Branch struct {
	hold holding  // in the list of what it is a part of
	list *holding // what it waits for
	up   *Branch  // what it is a part of; nil: the task
	ends uint32   // how often it has ended
	seen uint32   // up's ends when it was polled last
	life life
}

// Begins reports whether what the branch is a part of, a branch or a life of the task, is
// another one than at the last call, or has ended since; then the branch has ended, too.
// What the owner of the branch remembers of its operation is of no use any more. Poll asks
// as well, so that it holds for branches in branches.
func (b *Branch) Begins(cx *Cx) bool {
	up, ends := cx.branch, uint32(0)
	if up != nil {
		ends = up.ends
	}
	if b.life.begins(cx) || b.up != up || b.seen != ends {
		b.End(cx)
		b.up, b.seen = up, ends
		return true
	}
	return false
}

// Poll calls op, whose waits are the branch's from then on, and returns its error.
func (b *Branch) Poll(cx *Cx, op func(*Cx) error) error {
	b.Begins(cx)
	outer := cx.branch
	defer func() { cx.branch = outer }()
	cx.branch = b
	return op(cx)
}

// End ends what the branch still waits for: timers are stopped, places in a line are
// given up, and what was granted there meanwhile goes to the next in line. It does not
// block.
func (b *Branch) End(cx *Cx) {
	if b.list != nil {
		b.release(cx, nil)
	}
	b.ends++
}

func (b *Branch) release(cx *Cx, err error) bool {
	b.ends++
	outer := cx.branch
	cx.branch = b
	for h := b.list; h != nil; h = b.list {
		h.what.release(cx, err) // unlinks it, and does not have to wait: see (*Cx).hold
	}
	cx.branch = outer
	if b.hold.what != nil {
		cx.unhold(&b.hold)
	}
	return true
}

func (b *Branch) drain() {}

// above is the list that b is in.
func (b *Branch) above(cx *Cx) **holding {
	if b.up != nil {
		return &b.up.list
	}
	return &cx.frame.held
}

// holdings is the list for what the polled task begins to wait for.
func (cx *Cx) holdings() **holding {
	if cx.branch != nil {
		return &cx.branch.list
	}
	return &cx.frame.held
}

// hold adds h, a waiter's or a timer's, to what the task or its branch holds. What may
// outlive a branch, and has to be waited for, is the task's: see (*Frame).hold.
func (cx *Cx) hold(h *holding, what held) {
	for b := cx.branch; b != nil && b.hold.what == nil; b = b.up {
		b.hold.link(b.above(cx), b)
	}
	h.link(cx.holdings(), what)
}

// unhold removes h, wherever the task holds it.
func (cx *Cx) unhold(h *holding) {
	if !h.unlink(cx.holdings()) {
		h.remove(&cx.frame.held)
	}
}

// remove takes h out of list, or of one of the branches in it.
func (h *holding) remove(list **holding) bool {
	if h.unlink(list) {
		return true
	}
	for p := *list; p != nil; p = p.next {
		if b, ok := p.what.(*Branch); ok && h.remove(&b.list) {
			return true
		}
	}
	return false
}
