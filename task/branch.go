package task

import (
	"github.com/heist-go/heist/internal/park"
)

// Branch is a part of a task that waits by itself, for combinators: its waits and timers are kept apart
// from the rest of the task, and are abandoned together. Two branches of a task may wait for the
// same object.
//
// The zero value is ready. A Branch belongs to one task, must not be copied, and may be
// used again once it has ended. It ends with the task or the branch that it is a part of, and when the
// task suspends in a poll that has not polled it: see [Operation].
type Branch struct {
	attachment attachment  // in the list of its parent, as soon as it waits
	attached   *attachment // what it waits for
	armed      armed
	frame      *Frame  // whose it is, as long as it is listed
	up         *Branch // what it is a part of; nil: the task
	upPart     uint32  // and of which of its operations
	polled     bool    // in the poll in progress
	leaving    bool    // the poll in progress has left it: see Leave
	contended  bool    // another wait was told to wait, and is polled when it has ended
}

// Poll calls op, whose waits are the branch's from then on, and returns its error. If that is not
// Pending, the branch waits for nothing any more: see Leave.
func (b *Branch) Poll(cx *Cx, op func(*Cx) error) error {
	if !b.enter(cx) {
		return cx.Suspend()
	}
	cx.part = 0
	defer func() { cx.branch, cx.part = b.up, b.upPart }()
	err := op(cx)
	if !IsPending(err) {
		b.polled = false
		if b.attached != nil {
			b.over(cx, 0, err)
		}
	}
	return err
}

// PollPart is Poll for one of several operations of the branch, which have numbers: each waits by itself,
// and all are abandoned together.
func (b *Branch) PollPart(cx *Cx, part int, op func(*Cx) error) error {
	if !b.enter(cx) {
		return cx.Suspend()
	}
	cx.part = uint32(part)
	defer func() { cx.branch, cx.part = b.up, b.upPart }()
	err := op(cx)
	if b.attached != nil && !IsPending(err) {
		b.over(cx, uint32(part), err)
	}
	return err
}

// enter makes b the branch in progress. It reports false if another wait of the task waits in
// it: its turn comes when that is over, or has abandoned it.
func (b *Branch) enter(cx *Cx) bool {
	if b.attachment.attached() {
		if b.frame != cx.frame {
			panic("task: " + Name(cx.frame.self) + " uses a combinator or a stream that another task waits in: it belongs to one task at a time")
		}
		if b.up != cx.branch || b.upPart != cx.part {
			if !b.leaving {
				b.contended = b.contended || !b.polled // which may come later in this poll
				return false
			}
			b.release(cx, nil)
		}
	}
	b.up, b.upPart = cx.branch, cx.part
	b.polled, b.leaving = true, false
	cx.branch = b
	return true
}

// End ends all waits of the branch: timers are stopped, places in queues are
// given up, and what was granted there meanwhile goes to the next; operations in
// progress are abandoned. It does not block.
func (b *Branch) End(cx *Cx) {
	if b.attachment.attached() {
		b.release(cx, nil)
	}
}

// Leave says that the poll has a result and does not need the other waits of the branch: unless the
// branch is polled again, it ends with the poll, if the task waits then. It is for an operation that
// gives one result and asks for the next: called again at once it keeps its places.
func (b *Branch) Leave() { b.polled, b.leaving = false, true }

func (b *Branch) rank() rank { return inside }

func (b *Branch) release(cx *Cx, err error) bool {
	b.attachment.detach()
	b.frame, b.leaving = nil, false
	if b.contended {
		b.contended = false
		cx.Wake(cx.Self())
	}
	defer b.rescue(cx)
	b.armed.stop(cx)
	for a := b.attached; a != nil; a = b.attached {
		what := a.what
		if what.rank() == final && cx.Ends() {
			b.climb(cx, &cx.frame.attached, nil)
			continue
		}
		a.detach()
		what.release(cx, err) // does not have to wait: see (*Cx).attach
	}
	return true
}

// rescue attaches what a hook that panics leaves behind to the task: its end releases it.
func (b *Branch) rescue(cx *Cx) {
	if b.attached != nil && !b.attachment.attached() {
		b.frame = cx.frame
		b.attachment.attach(&cx.frame.attached, b)
	}
}

func (b *Branch) called(cx *Cx, suspends bool) bool {
	polled := b.polled
	b.polled, b.leaving = false, false
	if polled || !suspends {
		b.armed.review(cx, suspends)
		b.attached.review(cx, suspends)
	}
	return polled && !(b.attached == nil && b.armed.none())
}

func (b *Branch) drain() {}

func (b *Branch) happened(lock *park.Mutex) bool {
	return b.armed.fired() || happened(b.attached, lock)
}

// above returns the list that b is in, or will be.
func (b *Branch) above(cx *Cx) **attachment {
	if b.up != nil {
		return &b.up.attached
	}
	return &cx.frame.attached
}

// join attaches b, and the branches that it is a part of, unless they are attached: it begins to wait.
func (b *Branch) join(cx *Cx) {
	for ; b != nil && !b.attachment.attached(); b = b.up {
		b.frame = cx.frame
		b.attachment.attach(b.above(cx), b)
	}
}
