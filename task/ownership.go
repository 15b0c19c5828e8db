package task

import (
	"context"

	"github.com/heist-go/heist/internal/park"
)

// A group's members are counted, and somebody looks after them: the task that owns the group, whose
// end cancels them and waits; or, if nobody owns it, each runtime that has members of it, which
// reaches them by the group when it is canceled or drained.
//
//	               the first member, by a task's Cx
//	 empty, nobody's --------------------------------> owned
//	   ^    |                                            |
//	   |    | the first member, from outside             | disown: the owner has waited, or ends
//	   |    v                                            v
//	  known to runtimes <--- a member that comes late -- nobody's
//	   the last member is counted out: forgotten, empty
//
// # Invariants
//
//	G1  live counts a member before its frame is in any queue, and until the frame is not live.
//	G2  While live is not zero, the group is on its owner's list of attachments, or all runtimes that
//	    have members of it know it.
//	G3  owner, runtimes and the place on the list change under the lock, and the list is the owner's
//	    worker's: it changes in polls of the owner alone.
//	G4  ownerRuntime is the runtime of the owner, for a look without the lock. It is not nil only
//	    while there is an owner.
//	G5  The owner gives up the group when it has seen live at zero after it has cleared ownerRuntime.
//	G6  What the end of one use of the group does late, it does under the lock and only while live is
//	    zero: the next use may have begun.
//
// # Order
//
// Two pairs of accesses need the total order. enter counts, and then looks at ownerRuntime; disown
// clears that, and then looks at the count (G5): at least one of them sees the other. countOut counts,
// and then looks for waiters; a waiter lists itself, and then looks at the count.
//
// # Price
//
// A member is two atomic additions and a load. The lock is taken for the first and the last member,
// and for members on another runtime than the owner's.

// enter counts a new member, and gives the group an owner if it is the first.
func (g *Group) enter(rt *Runtime, cx *Cx) *memberList {
	// Store-load: the count (G1), then a look whose the group is: a member that neither sees would
	// have nobody. While there are other members an owned group stays as it is.
	// Pairs with: (*Group).disown.
	first := g.live.Add(1) == 1
	if !first && g.ownerRuntime.Load() == rt {
		return &g.memberList
	}
	g.mu.Lock()
	if g.group == nil {
		g.group = g // read without the lock by members, which come later
	}
	if first && cx != nil && g.owner == nil && cx.frame.members != &g.memberList {
		g.owner = cx.frame
		// Hint. Members that come now need not lock (G4).
		g.ownerRuntime.Store(g.owner.rt)
		g.attachment.attach(&g.owner.attached, g)
		if cx.Draining() {
			g.draining.Store(true) // Initialisation: nobody is a member yet
		}
	}
	known := g.ownerRuntime.Load() == rt || cx != nil && cx.frame.members == &g.memberList
	for _, k := range g.runtimes {
		known = known || k == rt
	}
	if !known {
		g.runtimes = append(g.runtimes, rt)
		rt.know(g)
	}
	watch := first && g.parent != nil && g.unbind == nil
	switch {
	case !first || g.timeout == nil:
	case !g.timeout.begun:
		g.timeout.begin(rt, cx)
	default: // the use before, whose end is late (G6): its limit is not ours
		g.timeout.end()
		g.timeout = nil
	}
	g.mu.Unlock()
	if !known {
		rt.catchUp(g)
	}
	if watch {
		g.watch()
	}
	return &g.memberList
}

// memberEnded is called after a task of the group has ended. cx is the caller's poll, or
// nil.
func (g *Group) memberEnded(cx *Cx) {
	if g.limit > 0 {
		g.vacate(cx)
	}
	g.countOut(cx) // inlined
}

// countOut counts a member out, a task or a goroutine.
func (g *Group) countOut(cx *Cx) {
	// Store-load: the count, then a look for waiters, in ended: a waiter that neither sees would
	// sleep for ever.
	// Pairs with: (*Group).Wait, (*Group).WaitContext, (*Group).release.
	if g.live.Add(-1) == 0 {
		g.ended(cx)
	}
}

// ended wakes the tasks and goroutines that wait for the last member, and ends the watches.
func (g *Group) ended(cx *Cx) {
	var unbind func() bool
	var cancel context.CancelCauseFunc
	g.mu.Lock()
	if g.live.Load() == 0 { // G6
		unbind, g.unbind = g.unbind, nil
		if g.owner == nil { // else the owner's end will do it
			cancel, g.ctx, g.cancelCtx = g.cancelCtx, nil, nil
		}
		for _, rt := range g.runtimes {
			rt.forget(g)
		}
		g.runtimes = nil
		if g.timeout != nil && g.timeout.begun {
			g.timeout.end()
			g.timeout = nil
		}
	}
	g.mu.Unlock()
	if unbind != nil {
		unbind()
	}
	if cancel != nil {
		cancel(errSettled) // the parent would keep the context
	}
	g.waiters.WakeAll(&g.mu, cx)
}

// ownedBy reports whether f, which is being polled, owns the group.
func (g *Group) ownedBy(f *Frame) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.owner == f
}

// release cancels the members and waits for them: the owner ends.
//
// Pairs with: (*Group).countOut.
func (g *Group) release(cx *Cx, err error) bool {
	if err == nil {
		err = errOwner
	}
	for listed := false; !g.disown(cx); listed = true {
		if listed {
			return false
		}
		g.Cancel(err)
		g.waiters.ListenFor(cx, &g.mu, g)
	}
	return true
}

// disown ends the polled task's ownership, if the group has no members: it reports false, and does
// nothing, if it has. Members that are started later give the group an owner again.
func (g *Group) disown(cx *Cx) bool {
	g.mu.Lock()
	if g.owner != cx.frame {
		g.mu.Unlock()
		return true
	}
	// Store-load: nobody's, then a look at the count (G5): a member that neither sees would have
	// nobody.
	// Pairs with: (*Group).enter.
	g.ownerRuntime.Store(nil)
	if g.live.Load() != 0 {
		g.ownerRuntime.Store(cx.frame.rt) // Hint. As in enter
		g.mu.Unlock()
		return false
	}
	if p, ok := g.err.(*PanicError); ok && !g.seen {
		cx.run.orphan = p
	}
	g.owner = nil
	g.attachment.detach() // under the lock (G3): it may be the next owner's at once
	cancel := g.cancelCtx
	g.ctx, g.cancelCtx = nil, nil
	g.mu.Unlock()
	g.waiters.Forget(cx) // if it was listed for nothing
	if cancel != nil {
		cancel(errSettled) // the parent would keep the context
	}
	return true
}

// seesPanic notes that a member of one of f's groups has raised p in f: it is f's now, not one that nobody has seen.
func (f *Frame) seesPanic(p *PanicError) {
	for a := f.attached; a != nil; a = a.next {
		g, ok := a.what.(*Group)
		if !ok {
			continue
		}
		g.mu.Lock()
		if g.err == error(p) {
			g.seen = true
		}
		g.mu.Unlock()
	}
}

func (g *Group) rank() rank { return owned }

func (g *Group) called(*Cx, bool) bool { return true }

// happened: the owner is polled when a member has panicked.
func (g *Group) happened(held *park.Mutex) bool {
	if &g.mu != held && !g.mu.TryLock() {
		return true // perhaps
	}
	_, panicked := g.err.(*PanicError)
	if &g.mu != held {
		g.mu.Unlock()
	}
	return panicked
}

// drain passes on the owner's draining.
func (g *Group) drain() { g.Drain() }
