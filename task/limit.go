package task

import "context"

// A group's limit holds back whoever starts members faster than members end. A member that is
// started beyond the limit waits in the group's backlog. A task or goroutine that can wait itself
// stands in a WaitQueue, the feeders, behind that backlog.
//
// A slot that becomes free goes to the oldest of the backlog, then to the oldest feeder: it is
// theirs from that moment on, and goes on to the next if they do not want it any more.

// SetLimit bounds how many tasks of the group are started at a time; more than
// that wait in the group, in order, or their starters wait: see [Group.GoWait] and
// [Group.GoContext]. 0 or less means no limit. Goroutines do not count. It must not be
// called while the group has members.
func (g *Group) SetLimit(n int) {
	if g.live.Load() != 0 {
		panic("task: SetLimit of a group that has members")
	}
	g.mu.Lock() // for who inspects
	g.limit = max(n, 0)
	g.mu.Unlock()
}

// SetBacklog bounds how many tasks wait in the group beyond its limit: what is started by Go
// or GoAll when so many wait ends at once, with ErrLimit, and its Poll is not called. A negative
// n means no bound, as if it was never called. It must not be called while the group has members.
//
// It is for those who cannot wait; who can is held back by [Group.GoWait] or
// [Group.GoContext], and nothing is lost.
func (g *Group) SetBacklog(n int) {
	if g.live.Load() != 0 {
		panic("task: SetBacklog of a group that has members: call it before the first Go")
	}
	g.bounded, g.most = n >= 0, n
}

// GoWait is Go for a task that feeds the group: it waits until fewer tasks than the limit are
// started and nobody is before it in the queue, starts t, and returns nil. If the group is canceled,
// or the waiting task, it returns that, and t is not started. Without a limit it does not wait.
//
// A task that waits here is no member yet: wait for the group when all that feed it are through. A
// task must not wait for room in a group whose members wait for that task.
func (g *Group) GoWait(cx *Cx, t Task) error {
	if err := cx.Spend(); err != nil {
		return err
	}
	if g.limit > 0 || g.feeders.Contains(cx) {
		if err := g.feeders.Wait(cx, &g.mu, (*limitPolicy)(g), 1); err != nil {
			return g.unfed(err)
		}
	} else if err := g.canceledOr(cx.Err()); err != nil {
		return err
	}
	g.begin(cx.run.rt, cx, t.frame(), t)
	return nil
}

// GoContext is GoWait for goroutines: it blocks until there is room, in the group and in a
// scheduler that bounds what comes from outside, or until ctx is done; then
// its error wraps ctx's cause, and t is not started. As with Go, a member that is started on a
// closed scheduler ends with ErrClosed.
func (g *Group) GoContext(ctx context.Context, on Spawner, t Task) error {
	if g.limit > 0 {
		if err := g.feeders.WaitContext(ctx, &g.mu, (*limitPolicy)(g), 1); err != nil {
			return g.unfed(err)
		}
	} else {
		var err error
		if ctx.Err() != nil {
			err = interrupted(ctx)
		}
		if err := g.canceledOr(err); err != nil {
			return err
		}
	}
	rt, cx := on.place()
	if rt.isOutside(cx) {
		err := rt.backlog.wait(ctx)
		if err == nil {
			if err = g.canceledOr(nil); err != nil {
				rt.backlog.give(nil, 1)
			}
		}
		if err != nil {
			if g.limit > 0 {
				g.vacate(cx)
			}
			return err
		}
	}
	g.begin(rt, cx, t.frame(), t)
	return nil
}

// canceledOr returns the group's cancellation, or else err.
func (g *Group) canceledOr(err error) error {
	if c := g.why.Load(); c != nil {
		return c.err
	}
	return err
}

// unfed returns the error of a feeder that has waited in vain: Refused means here that the group is
// canceled.
func (g *Group) unfed(err error) error {
	if err == ErrClosed {
		return g.canceledOr(err)
	}
	return err
}

// full reports whether no slot is free for a caller that does not wait. The lock is held.
func (g *Group) full() bool { return g.active == g.limit || !g.feeders.Empty() }

// queue puts a claimed frame into the backlog, and reports false if that is full. The lock is
// held.
func (g *Group) queue(f *Frame) bool {
	if g.bounded && g.backlog.N >= g.most {
		return false
	}
	f.next.Set(nil)
	if g.backlog.N == 0 {
		g.backlog.newest, g.backlog.oldest = f, f
	} else { // oldest to newest here: frames leave one by one
		g.backlog.newest.next.Set(f)
		g.backlog.newest = f
	}
	g.backlog.N++
	return true
}

// eachQueued calls visit with those in the backlog, the oldest first, until it returns false, or has seen many. The lock
// is held.
func (g *Group) eachQueued(visit func(*Frame) bool) {
	f := g.backlog.oldest
	for n := min(g.backlog.N, maxBacklog); n > 0 && visit(f); n-- {
		f = f.next.Get()
	}
}

// LimitOf returns what those wait for that are started beyond the limit of g, and how many wait in g until they begin. Those
// that wait to start one are not among them. Any goroutine.
func LimitOf(g *Group) (limit Await, queued int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Await{Kind: AwaitsTurn, Object: (*limitPolicy)(g)}, g.backlog.N
}

// vacate passes a slot under the limit on to the oldest of the backlog.
func (g *Group) vacate(cx *Cx) {
	for {
		g.mu.Lock()
		f := g.backlog.oldest
		if f == nil {
			if g.active--; !g.feeders.Empty() {
				g.feeders.Grant(cx, &g.mu, (*limitPolicy)(g))
				return
			}
		} else {
			g.backlog.oldest = f.next.Get()
			if g.backlog.N--; g.backlog.N == 0 {
				g.backlog.newest = nil // f: or the group would keep it
			}
		}
		g.mu.Unlock()
		if f == nil {
			return
		}
		f.next.Set(nil)
		if cx != nil && cx.run.rt == f.rt {
			launch(f, f.rt, cx)
			return
		}
		if admit(f, f.rt) {
			return
		}
		(&Runner{slotKept: true}).refuse(f, ErrClosed) // the slot is the next one's: not by recursion, they may be many
	}
}

// limitPolicy is a Group as the policy of its feeders.
type limitPolicy Group

// WaitObject is what [Inspect] calls the queue of the feeders.
func (p *limitPolicy) WaitObject() string { return "the limit of a task.Group" }

func (p *limitPolicy) TryGrant(*WaitQueue, int64) GrantState {
	switch {
	case p.why.Load() != nil:
		return Refused
	case p.active < p.limit:
		p.active++
		return Granted
	}
	return Waiting
}

// Revoke gives the slot back. Dispatch offers it to the backlog first.
func (p *limitPolicy) Revoke(_ *WaitQueue, _ int64, state GrantState) {
	if state == Granted {
		p.active--
	}
}

// Dispatch implements [Dispatcher]: free slots go to the oldest of the backlog, and then to the
// feeders.
func (p *limitPolicy) Dispatch(cx *Cx) {
	g := (*Group)(p)
	g.mu.Lock()
	for g.backlog.N > 0 && g.active < g.limit {
		g.active++
		g.mu.Unlock()
		g.vacate(cx) // passes the slot on
		g.mu.Lock()
	}
	g.feeders.Grant(cx, &g.mu, p)
}
