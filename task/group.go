package task

import (
	"context"
	"errors"

	"github.com/heist-go/heist/internal/atomicx"
)

// Group is a scope: tasks that are started, canceled and waited for together.
// The zero value is ready. A Group must not be copied, nor overwritten, after its
// first use.
//
// A group whose first member a task starts, from within its Poll and by its Cx,
// belongs to that task: when the task ends, the members are canceled and waited for
// before anybody sees it as done. That is so until no member is left. Other groups
// belong to whoever waits for them.
//
// A task that waits for something else than the group is not told when a member
// fails. It is polled when a member has panicked, so that it may look at [Group.Err].
//
// The first error of a member cancels the others and is what Wait returns, unless
// Failed decides otherwise. A panic of a member cancels the others, too, and is
// raised again by Wait, with the member's stack.
type Group struct {
	// Failed, if set, is called with each member that ends with an error, and
	// decides: nil forgets the error, anything else counts as the member's.
	// It runs before the member is done, on whatever worker, several at a time.
	Failed func(t Task, err error) error

	roster // members that have suspended; its lock guards what follows, too

	live    atomicx.Int64         // members that have not ended
	under   atomicx.Pointer[Home] // the owner's, or nil
	waiters Crowd

	err     error // the first that counts
	seen    bool  // a wait has returned err, or raised it
	owner   *Frame
	hold    holding // in the owner's list
	homes   []*Home // that know of it: where members are and the owner is not
	limit   int
	active  int // members that were started, with a limit
	backlog Batch

	bound *timeout // of SetTimeout, or nil

	parent    context.Context // of WithContext
	unbind    func() bool     // ends the watch on parent
	ctx       context.Context // what members see
	cancelCtx context.CancelCauseFunc
}

// errOwner is the cause of a group's cancellation when its owner has ended well.
var errOwner = errors.New("the task that owns the group has ended")

// errSettled is the cause of the end of a group's context when all went well.
var errSettled = errors.New("the group has settled")

// WithContext returns a group that is canceled when ctx is done, with its cause.
// Its members see ctx's values through [Cx.Context].
func WithContext(ctx context.Context) *Group { return &Group{parent: ctx} }

// SetLimit bounds how many tasks of the group are started at a time; more than
// that wait in the group, in order. 0 or less means no limit. Goroutines do not
// count. It must not be called while the group has members.
func (g *Group) SetLimit(n int) {
	if g.live.Load() != 0 {
		panic("task: SetLimit of a group that has members")
	}
	g.limit = max(n, 0)
}

// Go starts t in the group, on the scheduler of a poll in progress (on is a *Cx)
// or on a scheduler from outside. It never blocks: beyond the limit t waits for
// its turn. A member of a canceled group is not polled; its result is the
// cancellation. A member started on a closed scheduler ends with ErrClosed.
func (g *Group) Go(on Spawner, t Task) {
	h, cx := on.place()
	f := claim(t).enroll(t, h, g.enter(h, cx))
	if g.limit > 0 {
		g.mu.Lock()
		if g.active == g.limit {
			g.queue(f)
			g.mu.Unlock()
			return
		}
		g.active++
		g.mu.Unlock()
	}
	launch(f, h, cx)
}

// GoAll starts several tasks in the group, with one notification of the
// scheduler's workers.
func (g *Group) GoAll(on Spawner, ts ...Task) {
	if g.limit > 0 {
		for _, t := range ts {
			g.Go(on, t)
		}
		return
	}
	h, cx := on.place()
	launchAll(ts, h, cx, func() *roster { return g.enter(h, cx) })
}

// TryGo is Go, but if the limit is reached it returns ErrLimit, and if the group
// is canceled the cancellation, and t is not started.
func (g *Group) TryGo(on Spawner, t Task) error {
	if c := g.why.Load(); c != nil {
		return c.err
	}
	h, cx := on.place()
	f := t.frame()
	if g.limit > 0 {
		g.mu.Lock()
		full := g.active == g.limit
		if !full {
			g.active++
		}
		g.mu.Unlock()
		if full {
			return ErrLimit
		}
	}
	if !f.state.spawn() {
		if g.limit > 0 {
			g.vacate(cx)
		}
		panic(inUse(t, f))
	}
	launch(f.enroll(t, h, g.enter(h, cx)), h, cx)
	return nil
}

// Goroutine runs f on a goroutine of its own as a member of the group. f's
// context is done when the group is canceled. Its panic is the group's.
func (g *Group) Goroutine(on Spawner, f func(context.Context) error) {
	h, cx := on.place()
	g.enter(h, cx)
	ctx := g.Context()
	go func() {
		err := ErrGoexit
		defer func() {
			if p := recover(); p != nil {
				err = newPanic("goroutine", p)
			}
			if err != nil {
				g.failed(nil, err)
			}
			g.leave(nil)
		}()
		err = f(ctx)
	}()
}

// enter counts a new member, and gives the group an owner if it is the first.
func (g *Group) enter(h *Home, cx *Cx) *roster {
	// Store-load: count first, then a look whose the group is. While there are
	// other members an owned group stays as it is, so there is nothing to look
	// after.
	// Pairs with: (*Group).release.
	first := g.live.Add(1) == 1
	if !first && g.under.Load() == h {
		return &g.roster
	}
	g.mu.Lock()
	if g.group == nil {
		g.group = g // read without the lock by members, which come later
	}
	if first && cx != nil && g.owner == nil && cx.frame.roster != &g.roster {
		g.owner = cx.frame
		g.under.Store(g.owner.home)
		g.owner.hold(&g.hold, g)
		if cx.Draining() {
			g.ending.Store(true)
		}
	}
	known := g.under.Load() == h || cx != nil && cx.frame.roster == &g.roster
	for _, k := range g.homes {
		known = known || k == h
	}
	if !known {
		g.homes = append(g.homes, h)
		h.know(g)
	}
	watch := first && g.parent != nil && g.unbind == nil
	switch {
	case !first || g.bound == nil:
	case g.bound.home == nil:
		g.bound.begin(h, cx)
	default: // the use before, whose end is late: its limit is not ours
		g.bound.end()
		g.bound = nil
	}
	g.mu.Unlock()
	if !known {
		h.tell(g)
	}
	if watch {
		g.watch()
	}
	return &g.roster
}

// know makes the home remember a group with members that no task of it owns, to
// reach them when the scheduler shuts down. The group's lock is held, in forget
// too: the end of one use of a group may be late, and overlap the next.
func (h *Home) know(g *Group) {
	h.mu.Lock()
	h.groups[g] = struct{}{}
	h.mu.Unlock()
}

// forget undoes know. The group's lock is held.
func (h *Home) forget(g *Group) {
	h.mu.Lock()
	delete(h.groups, g)
	h.mu.Unlock()
}

// tell passes on to a group that has just become known what its members missed.
func (h *Home) tell(g *Group) {
	if h.draining.Load() {
		g.Drain()
	}
	if why := h.cause.Load(); why != nil {
		g.cancel(why)
	}
}

// watch cancels the group when its parent context is done.
func (g *Group) watch() {
	cancel := func() { g.Cancel(context.Cause(g.parent)) }
	if g.parent.Err() != nil {
		cancel() // before the first member is polled
		return
	}
	stop := context.AfterFunc(g.parent, cancel)
	g.mu.Lock()
	g.unbind = stop
	g.mu.Unlock()
}

// queue puts a claimed frame into the backlog. The lock is held.
func (g *Group) queue(f *Frame) {
	f.next.Set(nil)
	if g.backlog.N == 0 {
		g.backlog.newest, g.backlog.oldest = f, f
	} else { // oldest to newest here: frames leave one by one
		g.backlog.newest.next.Set(f)
		g.backlog.newest = f
	}
	g.backlog.N++
}

// left is called after a task of the group has ended. cx is the caller's poll, or
// nil.
func (g *Group) left(cx *Cx) {
	if g.limit > 0 {
		g.vacate(cx)
	}
	g.leave(cx) // inlined
}

// vacate passes a slot under the limit on to the oldest of the backlog.
func (g *Group) vacate(cx *Cx) {
	for {
		g.mu.Lock()
		f := g.backlog.oldest
		if f == nil {
			g.active--
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
		if cx != nil && cx.run.home == f.home {
			launch(f, f.home, cx)
			return
		}
		if admit(f, f.home) {
			return
		}
		(&Runner{stands: true}).refuse(f) // the slot is the next one's: not by recursion, they may be many
	}
}

// leave counts a member out, a task or a goroutine.
func (g *Group) leave(cx *Cx) {
	// Store-load: count first, look for waiters second; they list themselves
	// first and look at the count then.
	// Pairs with: (*Group).Wait, (*Group).WaitContext, (*Group).release.
	if g.live.Add(-1) == 0 {
		g.ended(cx)
	}
}

// ended wakes who waits for the last member, and ends the watches.
func (g *Group) ended(cx *Cx) {
	var unbind func() bool
	var cancel context.CancelCauseFunc
	g.mu.Lock()
	if g.live.Load() == 0 {
		unbind, g.unbind = g.unbind, nil
		if g.owner == nil { // else the owner's end will do it
			cancel, g.ctx, g.cancelCtx = g.cancelCtx, nil, nil
		}
		for _, h := range g.homes {
			h.forget(g)
		}
		g.homes = nil
		if g.bound != nil && g.bound.home != nil {
			g.bound.end()
			g.bound = nil
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

// failed takes a member's error. t is nil for a goroutine.
func (g *Group) failed(t Task, err error) {
	if _, panicked := err.(*PanicError); g.Failed != nil && !panicked {
		if err = g.Failed(t, err); err == nil {
			return
		}
	}
	g.fail(err)
}

// fail records an error that counts, and cancels the group. A panic goes before
// an error, and wakes the owner, which may wait for something else than its members.
func (g *Group) fail(err error) {
	_, panicked := err.(*PanicError)
	var owner Waker
	g.mu.Lock()
	if _, p := g.err.(*PanicError); g.err == nil || panicked && !p {
		g.err, g.seen = err, false
	}
	if panicked && g.owner != nil { // it cannot end as long as we hold the lock
		owner = Waker{g.owner, gen(g.owner.state.bits.Load())}
	}
	g.mu.Unlock()
	g.Cancel(err)
	owner.Wake()
}

// Cancel cancels all members, those to come too. The first cause counts; members
// see an error that is ErrCanceled and wraps it. Cancel does not wait.
//
// Any goroutine.
func (g *Group) Cancel(cause error) { g.cancel(canceledBy(cause, 0)) }

func (g *Group) cancel(why *outcome) {
	// Publish. Before the sweep: who is listed later sees it.
	// Pairs with: (*roster).add.
	if g.why.CompareAndSwap(nil, why) {
		g.spread(why)
	}
}

// spread tells all that the group is canceled.
func (g *Group) spread(why *outcome) {
	g.sweep()
	g.mu.Lock()
	cancel := g.cancelCtx
	g.mu.Unlock()
	if cancel != nil {
		cancel(why.err)
	}
}

// Drain tells the members, those to come too, to come to an end by themselves;
// and the members of the groups that they own. See [Cx.Draining]. Any goroutine.
func (g *Group) Drain() {
	// Publish. Pairs with: (*roster).add.
	if !g.ending.Swap(true) {
		g.sweep()
	}
}

// Wait waits until no member is left, and returns the group's error. It raises a
// member's panic. If the waiting task owns the group and is canceled, so are the
// members, and Wait still waits for them; other tasks get the cancellation at
// once. It is sticky.
//
// Tasks only; goroutines use WaitContext.
func (g *Group) Wait(cx *Cx) error {
	if g.live.Load() != 0 {
		if err := cx.Err(); err != nil {
			if !g.ownedBy(cx.frame) {
				return err
			}
			g.Cancel(err)
		}
		g.waiters.Listen(cx, &g.mu)
		if g.live.Load() != 0 {
			return cx.Suspend()
		}
	}
	if err := g.waiters.end(cx); err != nil {
		return err
	}
	err := g.result()
	g.disown(cx)
	return err
}

// ownedBy reports whether f, which is being polled, owns the group.
func (g *Group) ownedBy(f *Frame) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.owner == f
}

// WaitContext is Wait for goroutines. It blocks until no member is left: when
// ctx is done it cancels the group, with ctx's cause, and waits on.
func (g *Group) WaitContext(ctx context.Context) error {
	empty := func() bool { return g.live.Load() == 0 }
	if g.waiters.Block(ctx, &g.mu, empty) != nil {
		g.Cancel(context.Cause(ctx))
		_ = g.waiters.Block(context.Background(), &g.mu, empty) // cannot fail
	}
	return g.result()
}

// Err returns the error that Wait will return, as far as it is known. A panic is
// a [*PanicError].
func (g *Group) Err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// result is Err for waits: it raises a panic.
func (g *Group) result() error {
	g.mu.Lock()
	err := g.err
	g.seen = true
	g.mu.Unlock()
	return raise(err)
}

// Context returns a context that is done when the group is canceled, or has no
// members any more (a group that a task owns: when that task has waited for it, or ends). Its values
// are those of WithContext's context, or of the owner's group.
func (g *Group) Context() context.Context {
	var above *Group
	g.mu.Lock()
	made, parent := g.ctx, g.parent
	if owner := g.owner; owner != nil && parent == nil { // it cannot end as long as we hold the lock
		above, parent = owner.roster.group, owner.home.Context()
	}
	g.mu.Unlock()
	if made != nil {
		return made
	}
	if above != nil {
		parent = above.Context()
	}
	if parent == nil {
		parent = context.Background()
	}
	g.mu.Lock()
	if g.ctx == nil { // another thread may have been first
		g.ctx, g.cancelCtx = context.WithCancelCause(parent)
	}
	ctx, cancel := g.ctx, g.cancelCtx
	g.mu.Unlock()
	if c := g.why.Load(); c != nil {
		cancel(c.err)
	}
	return ctx
}

// release cancels the members and waits for them: the owner ends.
func (g *Group) release(cx *Cx, err error) bool {
	if err == nil {
		err = errOwner
	}
	for listed := false; !g.disown(cx); listed = true {
		if listed {
			return false
		}
		g.Cancel(err)
		g.waiters.Listen(cx, &g.mu)
	}
	return true
}

// disown ends the polled task's ownership, if it has that: the group has no members. It
// reports false, and does nothing, if it has. Members that are started later give the group
// an owner again.
func (g *Group) disown(cx *Cx) bool {
	g.mu.Lock()
	if g.owner != cx.frame {
		g.mu.Unlock()
		return true
	}
	// Store-load: nobody's first, then a look at the count. Whoever enters counts
	// first and looks then whose the group is: either we see the new member, or
	// it sees that it has to look after the group itself.
	// Pairs with: (*Group).enter.
	g.under.Store(nil)
	if g.live.Load() != 0 {
		g.under.Store(cx.frame.home)
		g.mu.Unlock()
		return false
	}
	if p, ok := g.err.(*PanicError); ok && !g.seen {
		cx.run.orphan = p
	}
	g.owner = nil
	cx.frame.unhold(&g.hold) // under the lock: it may be the next owner's at once
	cancel := g.cancelCtx
	g.ctx, g.cancelCtx = nil, nil
	g.mu.Unlock()
	g.waiters.Forget(cx) // if it was listed for nothing
	if cancel != nil {
		cancel(errSettled) // the parent would keep the context
	}
	return true
}

// drain passes on the owner's draining.
func (g *Group) drain() { g.Drain() }
