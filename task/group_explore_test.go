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
		g := f.roster.group
		if g == nil {
			r.Step(f, false)
			return
		}
		was := f.state.start()
		cx := r.begin(f, was, false)
		err := f.self.Poll(cx)
		if err == Pending {
			r.suspend(f, cx, was)
			return
		}
		f.self.(Finisher).Finish(err)
		if err != nil {
			g.failed(f.self, err)
		}
		if was&listed != 0 {
			f.roster.remove(f)
		}
		f.roster, cx.frame = nil, nil
		f.state.finish()
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
		refute(t, "deadlock", completion((*Group).Wait, func(g *Group, cx *Cx) {
			waits := !g.waiters.empty()
			if g.live.Add(-1) == 0 && waits {
				g.ended(cx)
			}
		}))
	})
	t.Run("counts in two steps", func(t *testing.T) {
		refute(t, "deadlock", completion((*Group).Wait, func(g *Group, cx *Cx) {
			n := g.live.Load() - 1
			g.live.Store(n)
			if n == 0 {
				g.ended(cx)
			}
		}))
	})
	t.Run("waits without a second look", func(t *testing.T) {
		refute(t, "deadlock", completion(func(g *Group, cx *Cx) error {
			if g.live.Load() != 0 {
				cx.listen(&g.mu, &g.waiters)
				return cx.Suspend()
			}
			cx.forget(&g.waiters)
			return g.result()
		}, nil))
	})
}

// failure: one member fails while the other links itself into the group's roster,
// or is still on its way there. It is canceled all the same.
func failure(suspend func(*Runner, *Frame, *Cx, uint32)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 2, 2)
		if suspend != nil {
			r.step(func(r *Runner, f *Frame) {
				was := f.state.start()
				cx := r.begin(f, was, false)
				if err := f.self.Poll(cx); err == Pending {
					suspend(r, f, cx, was)
				} else {
					r.end(f, cx, err)
				}
			})
		}
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

func TestExploreFailure(t *testing.T) { explore.Check(t, bounded(4), failure(nil)) }

// A control: a member looks whether the group is canceled, and is listed then.
func TestRefuteRosterThatLooksFirst(t *testing.T) {
	refute(t, "deadlock", failure(func(r *Runner, f *Frame, cx *Cx, was uint32) {
		cx.poison()
		extra := uint32(0)
		if was&listed == 0 {
			extra = listed
			why := f.roster.why.Load()
			f.roster.mu.Lock()
			f.left, f.right = f, f // the other member suspends never
			f.roster.head = f
			f.roster.n++
			f.roster.mu.Unlock()
			if why != nil {
				f.cancel(why, gen(f.state.bits.Load()))
			}
		}
		if f.state.pend(extra) {
			r.queue.Later(f)
		}
	}))
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
		if late.lives = 0; true {
			busy.last = func() {
				if busy.polls.Get() == 0 { // canceled before it was polled
					r.left--
				} else {
					late.lives++
				}
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
			launch(claim(owner).enroll(owner, &r.Home, &r.workers[0].roster), &r.Home, nil)
		})
		x.Final(func() {
			r.settled(owner, m)
			r.vacant(&g)
		})
	})
}

// newcomer: somebody else starts a member while the owner ends. It becomes the
// owner's, and is waited for, or its own.
func newcomer(start func(r *rig, g *Group, late *script) *script, lives int) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 2, 2+lives)
		var g Group
		m, late := brief("member"), brief("late")
		owner := newScript("owner", func(_ *script, cx *Cx) error {
			g.Go(cx, m)
			return nil
		})
		r.detach(owner)
		ts := []*script{owner, m, late}
		if t := start(r, &g, late); t != nil {
			w := r.workers[1]
			w.mine = append(w.mine, claim(t).enroll(t, &r.Home, &w.roster))
			ts = append(ts, t)
		}
		x.Final(func() {
			r.settled(ts...)
			r.vacant(&g)
		})
	}
}

// TestExploreNewcomer: from outside, and from a task that becomes the next owner.
func TestExploreNewcomer(t *testing.T) {
	explore.Check(t, bounded(2), newcomer(func(r *rig, g *Group, late *script) *script {
		r.x.Go("outside", func() { g.Go(&r.Home, late) })
		return nil
	}, 1))
	explore.Check(t, bounded(2), newcomer(func(r *rig, g *Group, late *script) *script {
		return newScript("heir", func(_ *script, cx *Cx) error {
			g.Go(cx, late)
			return nil
		})
	}, 2))
}

// TestExploreReuse: a group that nobody owns has members again the instant it is
// empty. The scheduler still knows it, and cancels it.
func TestExploreReuse(t *testing.T) {
	explore.Check(t, bounded(3), func(x *explore.X) {
		r := newRig(x, 1, 2)
		var g Group
		m, p := brief("member"), patient("patient")
		r.enter(&g, m)
		x.Go("outside", func() {
			explore.Wait(&g.live, func() bool { return g.live.Peek() == 0 })
			g.live.Load()
			g.Go(&r.Home, p)
			r.CancelAll(errStop)
		})
		x.Final(func() {
			r.settled(m, p)
			r.vacant(&g)
			x.Assert(errors.Is(p.Err(), errStop), "a member ends with %v", p.Err())
		})
	})
}
