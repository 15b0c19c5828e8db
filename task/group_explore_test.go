//go:build explore

package task

import (
	"errors"
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// Groups: members that end, fail, come late, and owners that end before them.

// patient is a member that ends when it is canceled.
func patient(name string) *script {
	return newScript(name, func(_ *script, cx *Cx) error {
		cx.Waker()
		if err := cx.Err(); err != nil {
			return err
		}
		return Pending
	})
}

// brief is a member that ends in its first poll.
func brief(name string) *script {
	return newScript(name, func(*script, *Cx) error { return nil })
}

// boss is a task that does something in its first poll, and waits for g.
func boss(g *Group, wait func(*Group, *Cx) error, first func(*Cx)) *script {
	return newScript("boss", func(t *script, cx *Cx) error {
		if t.first() {
			first(cx)
		}
		return wait(g, cx)
	})
}

// member polls as Step does, but a member of a group leaves it by leave.
func member(leave func(*Group, *Cx)) func(*Runner, *Frame) {
	return func(r *Runner, f *Frame) {
		g := f.members.group
		if g == nil {
			r.Step(f, false)
			return
		}
		was := f.state.start() | r.comes(f)
		cx := r.begin(f, was, false)
		err := f.self.Poll(cx)
		if err == Pending {
			r.suspend(f, cx, was)
			return
		}
		f.self.(Finisher).Finish(err)
		if err != nil {
			g.memberFailed(f.rt, f.self, err)
			f.out.Set(f.outcome(err))
		}
		if was&listed != 0 {
			f.members.remove(f)
		}
		f.members, cx.frame = nil, nil
		f.state.finish(false)
		r.Count.Finished++
		leave(g, cx)
	}
}

// completion: a task starts two members and waits. They end on two workers.
func completion(wait func(*Group, *Cx) error, leave func(*Group, *Cx)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 2, 3)
		if leave != nil {
			r.step(member(leave))
		}
		var g Group
		var data [2]explore.Plain[int]
		done := func(i int) *script {
			return newScript([]string{"one", "two"}[i], func(*script, *Cx) error {
				data[i].Set(1)
				return nil
			})
		}
		one, two := done(0), done(1)
		start := func(cx *Cx) {
			g.Go(cx, one)
			g.Go(cx, two)
		}
		b := boss(&g, func(g *Group, cx *Cx) error {
			err := wait(g, cx)
			if !IsPending(err) {
				x.Assert(data[0].Get()+data[1].Get() == 2, "the wait is over, and what the members did is not there")
			}
			return err
		}, start)
		r.detach(b)
		x.Final(func() {
			r.settled(b, one, two)
			r.vacant(&g)
			x.Assert(b.polls.Get() <= 3, "%d polls for one wait, in a group that was empty twice at most", b.polls.Get())
		})
	}
}

func TestExploreCompletion(t *testing.T) {
	explore.Check(t, bounded(3), completion((*Group).Wait, nil))
}

func TestRefuteCompletions(t *testing.T) {
	t.Run("looks at who waits first", func(t *testing.T) {
		refute(t, 2, "deadlock", completion((*Group).Wait, func(g *Group, cx *Cx) {
			waits := !g.waiters.Empty()
			if g.live.Add(-1) == 0 && waits {
				g.ended(cx)
			}
		}))
	})
	t.Run("counts in two steps", func(t *testing.T) {
		refute(t, 2, "deadlock", completion((*Group).Wait, func(g *Group, cx *Cx) {
			n := g.live.Load() - 1
			g.live.Store(n)
			if n == 0 {
				g.ended(cx)
			}
		}))
	})
	t.Run("waits without a second look", func(t *testing.T) {
		refute(t, 2, "deadlock", completion(func(g *Group, cx *Cx) error {
			if g.live.Load() != 0 {
				g.waiters.Listen(cx, &g.mu)
				return cx.Suspend()
			}
			g.waiters.Forget(cx)
			return g.result()
		}, nil))
	})
}

// failure: one member fails while the other links itself into the group's list,
// or is still on its way there. It is canceled all the same.
func failure(suspend func(*Runner, *Frame, *Cx, uint32)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 2, 2)
		r.suspend(suspend)
		var g Group
		bad := newScript("bad", func(*script, *Cx) error { return errStop })
		p := patient("patient")
		r.enter(&g, p, bad)
		x.Final(func() {
			r.settled(bad, p)
			r.vacant(&g)
			x.Assert(g.Err() == errStop, "the group's error is %v", g.Err())
			x.Assert(errors.Is(p.Err(), ErrCanceled), "the other member ended with %v", p.Err())
			x.Assert(p.polls.Get() <= 2, "%d polls for one cancellation", p.polls.Get())
		})
	}
}

func TestExploreFailure(t *testing.T) { explore.Check(t, bounded(3), failure(nil)) }

// enlist is memberList.add without its look.
func enlist(f *Frame) {
	r := f.members
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	r.head = f.push(r.head)
}

// looksFirst is suspend that looks what the members are to know, and lists the task
// then.
func looksFirst(r *Runner, f *Frame, cx *Cx, was uint32) {
	cx.poison()
	extra := uint32(0)
	if was&listed == 0 {
		extra = listed
		why, ending := f.members.why.Load(), f.members.draining.Load()
		enlist(f)
		if why != nil {
			f.cancel(why, gen(f.state.bits.Load()))
		}
		if ending {
			f.state.set(woken | draining)
		}
	}
	if f.state.pend(extra) {
		r.queue.Later(f)
	}
}

func TestRefuteMemberListThatLooksFirst(t *testing.T) {
	refute(t, 2, "deadlock", failure(looksFirst))
	refute(t, 2, "deadlock", drains(func(_ *rig, g *Group) { g.Drain() }, looksFirst))
}

// TestExploreOwnerEnds: a task ends in its first poll, without a look at the
// members that it has started. They are canceled, with whom they start, and have
// ended before it has.
func TestExploreOwnerEnds(t *testing.T) {
	explore.Check(t, bounded(2), func(x *explore.X) {
		r := newRig(x, 2, 4)
		var g Group
		p, late := patient("patient"), brief("late")
		busy := newScript("busy", func(_ *script, cx *Cx) error {
			cx.Go(late)
			return nil
		})
		owner := newScript("owner", func(_ *script, cx *Cx) error {
			g.Go(cx, p)
			g.Go(cx, busy)
			return nil
		})
		owner.last = func() {
			x.Assert(g.live.Load() == 0 && p.state.done() && busy.state.done(), "the owner ends before the members")
		}
		r.detach(owner)
		busy.last = func() {
			if busy.polls.Get() == 0 { // canceled before its first poll, it has started nobody
				r.spare(1)
			}
		}
		x.Final(func() {
			r.settled(owner, p, busy)
			r.vacant(&g)
			x.Assert(owner.Err() == nil, "the owner ends with %v", owner.Err())
			x.Assert(errors.Is(p.Err(), ErrCanceled), "a member ends with %v", p.Err())
		})
	})
}

// TestExploreOwnerEndsAgain: the owner of a group is spawned again the instant it
// is done, and starts members in the same group: what is left of its first life
// (a waiter, the end of the last member) does not disturb the second.
func TestExploreOwnerEndsAgain(t *testing.T) {
	explore.Check(t, bounded(2), func(x *explore.X) {
		r := newRig(x, 2, 4)
		var g Group
		m := brief("member")
		owner := newScript("owner", func(t *script, cx *Cx) error {
			if t.first() {
				g.why.Store(nil) // or the member would not be polled
				g.Go(cx, m)
			}
			if t.lives == 1 {
				return nil
			}
			return g.Wait(cx)
		})
		r.detach(owner)
		x.Go("spawner", func() {
			owner.over(1)
			owner.polls.Set(0)
			owner.lives++
			m.lives++
			m.polls.Set(0)
			launch(claim(owner).enroll(owner, &r.Runtime, &r.workers[0].members), &r.Runtime, nil)
		})
		x.Final(func() {
			r.settled(owner, m)
			r.vacant(&g)
		})
	})
}

// release is a group as its owner holds it, with a release of its own.
type release struct {
	*Group
	do func(g *Group, cx *Cx) bool
}

func (r release) release(cx *Cx, _ error) bool { return r.do(r.Group, cx) }

// flaw is what is wrong with a release.
type flaw int

const (
	sloppy  flaw = iota // leaves a waiter that it has listed for nothing
	tardy               // lets go of the group after the lock
	trustee             // counts first, and says second that the group is nobody's
)

// release is Group's, with the flaw.
func (w flaw) release(g *Group, cx *Cx) bool {
	for listed := false; ; listed = true {
		g.mu.Lock()
		if w != trustee {
			g.ownerRuntime.Store(nil)
		}
		if g.live.Load() == 0 {
			break
		}
		g.ownerRuntime.Store(cx.frame.rt)
		g.mu.Unlock()
		if listed {
			return false
		}
		g.Cancel(errOwner)
		g.waiters.Listen(cx, &g.mu)
	}
	g.owner = nil
	if w == trustee {
		g.ownerRuntime.Store(nil)
	}
	if w != tardy {
		g.attachment.detach()
	}
	g.mu.Unlock()
	if w == tardy {
		g.live.Load() // a step: here the worker may stop
		g.attachment.detach()
	}
	if w != sloppy {
		g.waiters.Forget(cx)
	}
	return true
}

// succession is a model: others start members while the owner of a group ends: a
// task, or threads from outside. The members become the owner's, and are waited
// for, or somebody looks after them from then on: the other task, or the scheduler.
type succession struct {
	workers int
	waits   bool // the owner waits before it ends
	heir    bool // a task starts a member
	outside int  // so many threads do
}

func (m succession) model(do func(*Group, *Cx) bool) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, m.workers, 0)
		var g Group
		member := brief("member")
		owner := newScript("owner", func(t *script, cx *Cx) error {
			if t.first() {
				g.Go(cx, member)
				if do != nil {
					g.attachment.what = release{&g, do}
				}
			}
			if m.waits {
				return g.Wait(cx)
			}
			return nil
		})
		start := func(on Spawner, late *script) {
			g.Go(on, late)
			x.Assert(g.live.Peek() == 0 || g.owner != nil || len(g.runtimes) > 0, "nobody looks after the group")
		}
		ts := []*script{owner, member}
		r.detach(owner)
		if m.heir {
			late := brief("late")
			heir := newScript("heir", func(_ *script, cx *Cx) error {
				start(cx, late)
				return nil
			})
			r.on(1, heir)
			ts = append(ts, heir, late)
		}
		for range m.outside {
			late := brief("late")
			x.Go("outside", func() { start(&r.Runtime, late) })
			ts = append(ts, late)
		}
		r.left = len(ts)
		x.Final(func() {
			r.settled(ts...)
			r.vacant(&g)
		})
	}
}

var (
	toHeir     = succession{workers: 2, heir: true}
	toOutsider = succession{workers: 2, outside: 1}
	toTwo      = succession{workers: 1, waits: true, outside: 2}
	twoBeside  = succession{workers: 1, outside: 2}
)

func TestExploreSuccession(t *testing.T) {
	explore.Check(t, bounded(2), toHeir.model(nil))
	explore.Check(t, bounded(2), toOutsider.model(nil))
	explore.Check(t, bounded(2), toTwo.model(nil))
	explore.Check(t, bounded(2), twoBeside.model(nil))
}

func TestRefuteReleases(t *testing.T) {
	t.Run("leaves its waiter", func(t *testing.T) {
		refute(t, 2, "the group still has an owner", toOutsider.model(sloppy.release))
	})
	t.Run("lets go after the lock", func(t *testing.T) { refute(t, 2, "nil pointer", toHeir.model(tardy.release)) })
	t.Run("counts first", func(t *testing.T) {
		refute(t, 2, "nobody looks after the group", twoBeside.model(trustee.release))
	})
}

// reuse: a group that nobody owns has members again the instant it is empty. The
// scheduler still knows it, and cancels it.
func reuse(leave func(*Group, *Cx)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 2)
		if leave != nil {
			r.step(member(leave))
		}
		var g Group
		m, p := brief("member"), patient("patient")
		r.enter(&g, m)
		x.Go("outside", func() {
			explore.Wait(&g.live, func() bool { return g.live.Peek() == 0 })
			g.live.Load()
			g.Go(&r.Runtime, p)
			r.CancelAll(errStop)
		})
		x.Final(func() {
			r.settled(m, p)
			r.vacant(&g)
			x.Assert(errors.Is(p.Err(), errStop), "a member ends with %v", p.Err())
		})
	}
}

func TestExploreReuse(t *testing.T) { explore.Check(t, bounded(3), reuse(nil)) }

// A control: the end of one use makes the scheduler forget the group after the
// lock, when the next may have begun.
func TestRefuteForgottenGroup(t *testing.T) {
	refute(t, 2, "deadlock", reuse(func(g *Group, cx *Cx) {
		if g.live.Add(-1) != 0 {
			return
		}
		var homes []*Runtime
		g.mu.Lock()
		if g.live.Load() == 0 {
			homes, g.runtimes = g.runtimes, nil
		}
		g.mu.Unlock()
		for _, rt := range homes {
			rt.forget(g)
		}
		g.waiters.WakeAll(&g.mu, cx)
	}))
}

// TestExploreCancelAndSpawn: a group is canceled while a member is started from
// outside, or suspends for the first time.
func TestExploreCancelAndSpawn(t *testing.T) {
	explore.Check(t, bounded(2), func(x *explore.X) {
		r := newRig(x, 1, 2)
		var g Group
		early, late := patient("early"), patient("late")
		r.enter(&g, early)
		x.Go("starter", func() { g.Go(&r.Runtime, late) })
		x.Go("canceler", func() { g.Cancel(errStop) })
		x.Final(func() {
			r.settled(early, late)
			r.vacant(&g)
			for _, t := range []*script{early, late} {
				x.Assert(errors.Is(t.Err(), errStop), "%s ends with %v", t.name, t.Err())
				x.Assert(t.polls.Get() <= 2, "%d polls for one cancellation", t.polls.Get())
			}
		})
	})
}

// drains: two members, of which one has suspended and the other is about to, end
// when they are told to come to an end. What tells them is a group, or the
// scheduler.
func drains(drain func(*rig, *Group), suspend func(*Runner, *Frame, *Cx, uint32)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 2)
		r.suspend(suspend)
		var g Group
		obedient := func(name string) *script {
			return newScript(name, func(_ *script, cx *Cx) error {
				cx.Waker()
				if cx.Draining() {
					return nil
				}
				return Pending
			})
		}
		one, two := obedient("one"), obedient("two")
		r.enter(&g, one, two)
		x.Go("outside", func() { drain(r, &g) })
		x.Final(func() {
			r.settled(one, two)
			r.vacant(&g)
			x.Assert(one.polls.Get() <= 2 && two.polls.Get() <= 2, "%d and %d polls for one message", one.polls.Get(), two.polls.Get())
		})
	}
}

func TestExploreDrain(t *testing.T) {
	explore.Check(t, bounded(3), drains(func(_ *rig, g *Group) { g.Drain() }, nil))
	explore.Check(t, bounded(3), drains(func(r *rig, _ *Group) { r.Drain() }, nil))
}

// TestExploreCancelTheWaiting: the owner of a group is canceled while it waits, or
// is about to. It cancels the members, and waits on.
func TestExploreCancelTheWaiting(t *testing.T) {
	explore.Check(t, bounded(2), func(x *explore.X) {
		r := newRig(x, 2, 2)
		var g Group
		p := patient("patient")
		p.lives = 0
		b := boss(&g, (*Group).Wait, func(cx *Cx) {
			p.lives = 1
			g.Go(cx, p)
		})
		b.last = func() {
			if p.lives == 0 { // canceled before its first poll, it has started nobody
				r.spare(1)
			}
			x.Assert(p.ends == p.lives, "the owner ends before the member")
		}
		r.detach(b)
		x.Go("canceler", func() { b.Cancel(errStop) })
		x.Final(func() {
			r.settled(b)
			r.vacant(&g)
			if p.lives == 1 {
				r.settled(p)
				x.Assert(errors.Is(p.Err(), errStop), "the member ends with %v", p.Err())
			}
		})
	})
}

// shutdown: the scheduler cancels all tasks while a member of a group that nobody
// owns is started from outside, and while a detached task suspends for the first
// time.
func shutdown(start func(*Group, *Runtime, Task)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 2)
		var g Group
		alone, m := patient("detached"), patient("member")
		r.detach(alone)
		x.Go("starter", func() { start(&g, &r.Runtime, m) })
		x.Go("outside", func() { r.CancelAll(errStop) })
		x.Final(func() {
			r.settled(alone, m)
			r.vacant(&g)
			for _, t := range []*script{alone, m} {
				x.Assert(errors.Is(t.Err(), errStop), "%s ends with %v", t.name, t.Err())
			}
		})
	}
}

func TestExploreShutdown(t *testing.T) {
	explore.Check(t, bounded(2), shutdown(func(g *Group, rt *Runtime, m Task) { g.Go(rt, m) }))
}

// A control: a group asks first whether the scheduler shuts down, and makes itself
// known then.
func TestRefuteGroupThatAsksFirst(t *testing.T) {
	refute(t, 2, "deadlock", shutdown(func(g *Group, rt *Runtime, m Task) {
		f := claim(m)
		g.live.Add(1)
		rt.catchUp(g)
		g.mu.Lock()
		g.group = g
		g.runtimes = append(g.runtimes, rt)
		rt.know(g)
		g.mu.Unlock()
		launch(f.enroll(m, rt, &g.memberList), rt, nil)
	}))
}

// limited: of a group with a limit of one, two members are started from outside
// by as many threads. They have their turns, one after the other.
func limited(start func(*Group, *Runtime, *script)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 2)
		var g Group
		g.SetLimit(1)
		active := 0
		turn := func(name string) *script {
			t := newScript(name, func(t *script, cx *Cx) error {
				if t.first() {
					active++
				}
				x.Assert(active == 1, "%d members are started", active)
				return cx.Yield()
			})
			t.last = func() { active -= min(t.polls.Get(), 1) }
			return t
		}
		one, two := turn("one"), turn("two")
		for _, t := range []*script{one, two} {
			x.Go("starter", func() { start(&g, &r.Runtime, t) })
		}
		x.Final(func() {
			r.settled(one, two)
			r.vacant(&g)
		})
	}
}

func TestExploreLimit(t *testing.T) {
	explore.Check(t, bounded(2), limited(func(g *Group, rt *Runtime, t *script) { g.Go(rt, t) }))
}

// A control: a member finds the group full, and is put into the backlog when
// there may be nobody left who would start it.
func TestRefuteLimitInTwoSteps(t *testing.T) {
	refute(t, 2, "deadlock", limited(func(g *Group, rt *Runtime, t *script) {
		f := claim(t).enroll(t, rt, g.enter(rt, nil))
		g.mu.Lock()
		full := g.active == g.limit
		if !full {
			g.active++
		}
		g.mu.Unlock()
		if !full {
			launch(f, rt, nil)
			return
		}
		g.mu.Lock()
		g.queue(f)
		g.mu.Unlock()
	}))
}

// TestExploreBacklog: a group is canceled while one member works, one waits for
// its turn, and a third tries to get in. Each ends once or is refused.
func TestExploreBacklog(t *testing.T) {
	explore.Check(t, bounded(2), func(x *explore.X) {
		r := newRig(x, 1, 4)
		var g Group
		g.SetLimit(1)
		works, waits, tries := patient("working"), patient("waiting"), patient("trying")
		b := boss(&g, (*Group).Wait, func(cx *Cx) {
			g.Go(cx, works)
			g.Go(cx, waits)
		})
		r.detach(b)
		ts := []*script{b, works, waits}
		x.Go("outside", func() {
			err := g.TryGo(&r.Runtime, tries)
			if err == nil {
				ts = append(ts, tries)
				return
			}
			x.Assert(err == ErrLimit || errors.Is(err, errStop), "TryGo returns %v", err)
			r.spare(1)
		})
		x.Go("canceler", func() { g.Cancel(errStop) })
		x.Final(func() {
			r.settled(ts...)
			r.vacant(&g)
		})
	})
}

// TestExploreRefused: a member is started from outside on a scheduler that is
// closed. It ends on the spot, on the starter's thread, and wakes a task that waits
// for the group.
func TestExploreRefused(t *testing.T) {
	explore.Check(t, bounded(2), func(x *explore.X) {
		r := newRig(x, 1, 2)
		r.closed = true
		var g Group
		m, late := patient("member"), brief("late")
		waiter := newScript("waiter", func(_ *script, cx *Cx) error {
			if err := g.Wait(cx); IsPending(err) {
				return err
			}
			return nil
		})
		r.enter(&g, m)
		r.detach(waiter)
		x.Go("outside", func() { g.Go(&r.Runtime, late) })
		x.Final(func() {
			r.settled(waiter, m, late)
			r.vacant(&g)
			x.Assert(late.Err() == ErrClosed && late.polls.Get() == 0, "it ends with %v", late.Err())
			x.Assert(errors.Is(m.Err(), ErrClosed), "the other member ends with %v", m.Err())
		})
	})
}

// sweeps: a group of more members than are told at a time is told to drain and
// canceled at once. Each member hears of both.
func sweeps(sweep func(*Group, func(*Frame) bool)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 0, 0)
		var g Group
		frames := make([]script, batch+8)
		for i := range frames { // as if all had been polled, and suspended
			f := claim(&frames[i]).enroll(&frames[i], &r.Runtime, g.enter(&r.Runtime, nil))
			f.members.add(f)
			f.state.bits.Store(generation | live | listed)
		}
		why := canceledBy(errStop, 0)
		x.Go("canceler", func() {
			g.why.Store(why)
			sweep(&g, func(f *Frame) bool { return f.cancel(why, 1) })
		})
		x.Go("drainer", func() {
			g.draining.Store(true)
			sweep(&g, signalDrain)
		})
		x.Final(func() {
			for i := range frames {
				f := &frames[i].Frame
				x.Assert(f.cause.Load() == why, "member %d does not hear that it is canceled", i)
				x.Assert(f.state.bits.Load()&draining != 0, "member %d does not hear of the end", i)
			}
		})
	}
}

func TestExploreSweeps(t *testing.T) {
	n := 1_000
	if testing.Short() {
		n = 100
	}
	explore.Check(t, explore.Options{Random: n, Seed: 1}, sweeps(func(g *Group, _ func(*Frame) bool) { g.sweep() }))
}

// A control: each sweep tells only what it is about, and so passes over frames
// that another one has turned past.
func TestRefuteSweepsThatMindTheirOwnBusiness(t *testing.T) {
	explore.Refute(t, explore.Options{Random: 1_000, Seed: 1}, sweeps(func(g *Group, tell func(*Frame) bool) {
		for todo := g.n; todo > 0; {
			var woken []*Frame
			g.mu.Lock()
			for range min(batch, todo) {
				if tell(g.head) {
					woken = append(woken, g.head)
				}
				g.head = g.head.right
				todo--
			}
			g.mu.Unlock()
			submitAll(woken)
		}
	}))
}
