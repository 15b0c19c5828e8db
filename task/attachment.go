package task

import (
	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/park"
)

// attachment is an element of the list of resources that are attached to a task, or to a branch of
// it: what it owns, and what it waits in. The list belongs to the worker that polls the task. It is
// doubly linked: a resource leaves it in constant time, wherever it is.
type attachment struct {
	next *attachment
	prev **attachment // what points here; nil: in no list
	what resource
}

// resource is something that must not outlive the task that it is attached to.
type resource interface {
	// rank is where in the list it stands.
	rank() rank
	// release lets go of the task, or the branch, which ends with err. It reports false if that
	// has to wait: then the task will be woken, and release called again.
	release(cx *Cx, err error) bool
	// called reports whether the poll has called what is in progress, and forgets that. It is
	// asked at the end of each poll that has returned Pending. With suspends the task waits from
	// now on: what was not called is then abandoned, by release.
	called(cx *Cx, suspends bool) bool
	// drain passes on that the task has to come to an end.
	drain()
}

// rank is the order of a list: each operation looks for its own waiter, among those alone;
// the end of a poll looks at what is in progress; and a task may own many other things.
type rank uint8

const (
	waits  rank = iota // waiters
	timed              // the list of timers: one at most
	inside             // operations and branches
	late               // calls that may have been abandoned: looked at, and waited for at the end
	owned              // groups, handles: waited for at the end, and not looked at before; and remains
	final              // clean-ups: when all else has ended
)

// attach puts a into list, at the place of its rank.
func (a *attachment) attach(list **attachment, what resource) {
	a.insert(place(list, what.rank()), what)
}

// place returns where in list what has that rank begins.
func place(list **attachment, r rank) **attachment {
	for r > waits && *list != nil && (*list).what.rank() < r {
		list = &(*list).next
	}
	return list
}

// insert puts a in a place, and returns the place behind it.
func (a *attachment) insert(at **attachment, what resource) **attachment {
	a.what, a.prev, a.next = what, at, *at
	if a.next != nil {
		a.next.prev = &a.next
	}
	*at = a
	return &a.next
}

// attached reports whether a is in a list.
func (a *attachment) attached() bool { return a.prev != nil }

// detach takes a out of its list, if it is in one.
func (a *attachment) detach() {
	if a.prev == nil {
		return
	}
	*a.prev = a.next
	if a.next != nil {
		a.next.prev = a.prev
	}
	a.next, a.prev, a.what = nil, nil, nil
}

// waiter returns the waiter that a is of, or nil. The first nil in a list says that there are
// no more.
func (a *attachment) waiter() *waiter {
	w, _ := a.what.(*waiter)
	return w
}

// review looks at what is in progress at the end of a poll that has returned Pending. With
// suspends, what the poll has not called is put on the runner's list of what is abandoned.
func (a *attachment) review(cx *Cx, suspends bool) {
	for a != nil && a.what.rank() < owned {
		next := a.next
		if what := a.what; !what.called(cx, suspends) && suspends {
			a.detach()
			a.attach(&cx.run.abandoned, what)
		}
		a = next
	}
}

// abandon lets go of what the poll that ends has not called.
func (r *Runner) abandon(cx *Cx) {
	for a := r.abandoned; a != nil; a = r.abandoned {
		what := a.what
		a.detach() // first: it is released once, even if that panics
		what.release(cx, nil)
	}
}

// moveOn says that one of the task's waits is over, so that it may leave others alone.
func (cx *Cx) moveOn() {
	if invariant.Enabled {
		allowAbandon(cx.frame.attached)
	}
}

// allowAbandon marks the waiters in a list, and in those of the branches in it.
func allowAbandon(a *attachment) {
	for ; a != nil && a.what.rank() <= inside; a = a.next {
		switch what := a.what.(type) {
		case *waiter:
			what.mayAbandon = true
		case *Branch:
			allowAbandon(what.attached)
		}
	}
}

// happened reports, in debug builds, whether something in a list has happened that the task may know
// of without a call: something else than a wait. The caller holds lock, unless that is nil.
func happened(a *attachment, lock *park.Mutex) bool {
	for ; a != nil; a = a.next {
		if e, ok := a.what.(interface{ happened(*park.Mutex) bool }); ok && e.happened(lock) {
			return true
		}
	}
	return false
}

// mustOwn panics if bytes that are lent are kept in a list: in checked builds, at the end of a poll.
func (a *attachment) mustOwn() {
	for ; a != nil; a = a.next {
		if r, ok := a.what.(*Remains); ok {
			if o, ok := r.owner.(interface{ MustOwn() }); ok {
				o.MustOwn()
			}
		}
	}
}

// attachments returns the list of the polled task, or of its branch in progress.
func (cx *Cx) attachments() **attachment {
	if cx.branch != nil {
		return &cx.branch.attached
	}
	return &cx.frame.attached
}

// attach attaches a resource to the polled task, or to its branch in progress. A resource that may
// outlive a branch, and has to be waited for, is attached to the task itself.
func (cx *Cx) attach(a *attachment, what resource) {
	cx.branch.join(cx)
	a.attach(cx.attachments(), what)
}
