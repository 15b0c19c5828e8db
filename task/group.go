package task

import (
	"context"
	"errors"
	"runtime/pprof"

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
// A task that waits for something else than the group is not woken when a member
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
	// Panicked, if set, is called with each member that has panicked, which is reported
	// (see the scheduler, and [SetPanicked]), and decides: nil forgets the panic, anything
	// else counts as the member's error, the panic itself to raise it. t is nil for a
	// goroutine. It runs as Failed does.
	Panicked func(t Task, p *PanicError) error

	memberList // members that have suspended; its lock guards what follows, too

	live         atomicx.Int64            // members that have not ended
	cpu          atomicx.Int64            // see CPU
	ownerRuntime atomicx.Pointer[Runtime] // the owner's, or nil
	waiters      WaitSet

	err        error // the first that counts
	seen       bool  // a wait has returned err, or raised it
	awaited    bool  // somebody is certain to wait
	owner      *Frame
	attachment attachment // in the owner's list
	locals     []local    // see Local
	runtimes   []*Runtime // that know of it: where members are and the owner is not
	limit      int
	active     int // members that were started, with a limit
	backlog    Batch
	bounded    bool // the backlog is, by most
	most       int
	feeders    WaitQueue // tasks and goroutines that wait for a slot under the limit

	timeout *timeout // of SetTimeout, or nil

	parent    context.Context // of WithContext
	unbind    func() bool     // ends the watch on parent
	ctx       context.Context // what members see
	cancelCtx context.CancelCauseFunc
}

// errOwner is the cause of a group's cancellation when its owner has ended well.
var errOwner = errors.New("the task that owns the group has ended")

// errSettled is the cause of the end of a group's context when all members have ended.
var errSettled = errors.New("the group has settled")

// WithContext returns a group that is canceled when ctx is done, with its cause.
// Its members see ctx's values through [Cx.Context].
func WithContext(ctx context.Context) *Group { return &Group{parent: ctx} }

// Go starts t in the group, on the scheduler of a poll in progress (on is a *Cx)
// or on a scheduler from outside. It never blocks: beyond the limit t waits for
// its turn, in a backlog without end unless [Group.SetBacklog] bounds it. A member of a canceled group
// is not polled; its result is the cancellation. A member started on a closed scheduler ends with
// ErrClosed.
func (g *Group) Go(on Spawner, t Task) {
	rt, cx := on.place()
	if cx != nil {
		Point(cx)
	}
	f := claim(t).enroll(t, rt, g.enter(rt, cx))
	if g.limit > 0 {
		g.mu.Lock()
		if g.full() {
			queued := g.queue(f)
			g.mu.Unlock()
			if !queued {
				(&Runner{slotKept: true}).refuse(f, ErrLimit)
			}
			return
		}
		g.active++
		g.mu.Unlock()
	}
	launch(f, rt, cx)
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
	rt, cx := on.place()
	launchAll(ts, rt, cx, func() *memberList { return g.enter(rt, cx) })
}

// TryGo is Go, but if the limit, or the scheduler's, is reached it returns ErrLimit, and if the group
// is canceled the cancellation, and t is not started.
func (g *Group) TryGo(on Spawner, t Task) error {
	rt, cx := on.place()
	if cx != nil {
		Point(cx)
	}
	if c := g.why.Load(); c != nil {
		return c.err
	}
	f := t.frame()
	if g.limit > 0 {
		g.mu.Lock()
		full := g.full()
		if !full {
			g.active++
		}
		g.mu.Unlock()
		if full {
			return ErrLimit
		}
	}
	if rt.isOutside(cx) && rt.backlog.take(1) == 0 {
		if g.limit > 0 {
			g.vacate(cx)
		}
		return ErrLimit
	}
	g.begin(rt, cx, f, t)
	return nil
}

// begin starts a task that has a slot, if there is a limit, and a place of the backlog, if it comes
// from outside.
func (g *Group) begin(rt *Runtime, cx *Cx, f *Frame, t Task) {
	outside := rt.isOutside(cx)
	if !f.state.spawn() {
		if g.limit > 0 {
			g.vacate(cx)
		}
		if outside {
			rt.backlog.give(nil, 1)
		}
		panic(inUse(t, f))
	}
	f.enroll(t, rt, g.enter(rt, cx))
	if outside {
		rt.launchOutside(f)
	} else {
		launch(f, rt, cx)
	}
}

// Goroutine runs f on a goroutine of its own as a member of the group. f's
// context is done when the group is canceled. Its panic is the group's.
func (g *Group) Goroutine(on Spawner, f func(context.Context) error) {
	rt, cx := on.place()
	g.enter(rt, cx)
	ctx := g.Context()
	expect(rt)
	rt.start("a goroutine of a group", func() {
		defer unhelp(help(helper{rt: rt, group: g}))
		pprof.SetGoroutineLabels(ctx) // not those of who has started it
		err, ended := ErrGoexit, false
		defer func() {
			if !ended {
				rt.panics.Add(1) // Hint. A counter
			}
			if p := recover(); p != nil {
				err = newPanic("goroutine", p)
			}
			if err != nil {
				g.memberFailed(rt, nil, err)
			}
			g.countOut(nil)
		}()
		err = f(ctx)
		ended = true
	})
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

// memberFailed takes the error of a member that was on rt. t is nil for a goroutine.
func (g *Group) memberFailed(rt *Runtime, t Task, err error) {
	p, panicked := err.(*PanicError)
	if panicked {
		g.suspect(rt, t, err)
	}
	switch {
	case panicked && g.Panicked != nil:
		err = g.Panicked(t, p)
	case !panicked && g.Failed != nil:
		err = g.Failed(t, err)
	}
	if err != nil {
		g.record(rt, err)
	}
}

// suspect reports a member's panic, if nobody waits for it, or if it may be forgotten.
func (g *Group) suspect(rt *Runtime, t Task, err error) {
	waits := g.awaited || !g.waiters.Empty() || t != nil && !t.frame().joiners.Empty()
	if p, ok := err.(*PanicError); ok && (!waits || g.Panicked != nil) {
		rt.reportPanic(p)
	}
}

// record keeps an error that counts, and cancels the group. A panic goes before
// an error, and wakes the owner, which may wait for something else than its members.
func (g *Group) record(rt *Runtime, err error) {
	p, panicked := err.(*PanicError)
	kept := false
	var owner Waker
	g.mu.Lock()
	if _, before := g.err.(*PanicError); g.err == nil || panicked && !before {
		g.err, g.seen, kept = err, false, panicked
	}
	if panicked && g.owner != nil { // it cannot end as long as we hold the lock
		owner = Waker{g.owner, gen(g.owner.state.bits.Load())}
	}
	g.mu.Unlock()
	if kept {
		keep(g, rt, p)
	}
	g.Cancel(err)
	if owner.frame != nil { // else nobody waits, and in a simulation there is nothing to say
		owner.Wake()
	}
}

// Cancel cancels all members, those to come too. The first cause counts; members
// see an error that is ErrCanceled and wraps it. Cancel does not wait.
//
// Any goroutine.
func (g *Group) Cancel(cause error) { g.cancel(canceledBy(cause, 0)) }

func (g *Group) cancel(why *outcome) {
	Point(nil)
	// Publish. Before the sweep: a task that is listed later sees it.
	// Pairs with: (*memberList).add.
	if g.why.CompareAndSwap(nil, why) {
		g.spread(why)
	}
}

// spread cancels the members, the group's context, and the waits of its feeders.
func (g *Group) spread(why *outcome) {
	g.sweep()
	g.mu.Lock()
	cancel := g.cancelCtx
	g.mu.Unlock()
	if cancel != nil {
		cancel(why.err)
	}
	(*limitPolicy)(g).Dispatch(nil) // feeders have waited in vain
}

// Drain tells the members, those to come too, to come to an end by themselves;
// and the members of the groups that they own. See [Cx.Draining]. Any goroutine.
func (g *Group) Drain() {
	Point(nil)
	// Publish. Before the sweep: a task that is listed later sees it.
	// Pairs with: (*memberList).add.
	if !g.draining.Swap(true) {
		g.sweep()
	}
}

// Wait waits until no member is left, and returns the group's error. It raises a
// member's panic. If the waiting task owns the group and is canceled, so are the
// members, and Wait still waits for them; other tasks get the cancellation at
// once. It is sticky.
//
// Tasks only; goroutines use WaitContext.
//
//heist:sticky
func (g *Group) Wait(cx *Cx) error {
	Point(cx)
	// The looks at live, before and after Listen. Pairs with: (*Group).countOut.
	if g.live.Load() != 0 {
		if err := cx.Err(); err != nil {
			if !g.ownedBy(cx.frame) {
				return err
			}
			g.Cancel(err)
		}
		g.waiters.ListenFor(cx, &g.mu, g)
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

// WaitContext is Wait for goroutines. It blocks until no member is left: when
// ctx is done it cancels the group, with ctx's cause, and waits on.
func (g *Group) WaitContext(ctx context.Context) error {
	// Pairs with: (*Group).countOut.
	empty := func() bool { return g.live.Load() == 0 }
	if g.waiters.blockFor(ctx, &g.mu, g, empty) != nil {
		g.Cancel(context.Cause(ctx))
		_ = g.waiters.blockFor(context.Background(), &g.mu, g, empty) // cannot fail
	}
	return g.result()
}

// Err returns the error that Wait will return, as far as it is known. A panic is
// a [*PanicError].
func (g *Group) Err() error {
	Point(nil)
	g.mu.Lock()
	defer g.mu.Unlock()
	return seen(g.err)
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
		above, parent = owner.members.group, owner.rt.Context()
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
