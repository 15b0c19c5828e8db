//go:build explore

package task

import (
	"testing"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/internal/park"
)

// What tasks wait for, and how they are told.

// join: a task waits for another one's end, and sees what it has done.
func join(wait func(*Frame, *Cx) error, step func(*Runner, *Frame)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 2, 2)
		if step != nil {
			r.step(step)
		}
		var data explore.Plain[int]
		child := newScript("child", func(*script, *Cx) error {
			data.Set(1)
			return errStop
		})
		joiner := newScript("joiner", func(_ *script, cx *Cx) error {
			err := wait(&child.Frame, cx)
			if IsPending(err) {
				return err
			}
			x.Assert(err == errStop, "the wait returns %v", err)
			x.Assert(data.Get() == 1, "the wait is over, and what the child did is not there")
			return nil
		})
		r.detach(joiner, child)
		x.Final(func() {
			r.settled(child, joiner)
			x.Assert(joiner.polls.Get() <= 2, "%d polls for one wait", joiner.polls.Get())
		})
	}
}

func TestExploreJoin(t *testing.T) {
	explore.Check(t, exhaustive, join((*Frame).Wait, nil))
}

// A control: nobody looks again after the task was listed.
func TestRefuteJoinWithoutSecondLook(t *testing.T) {
	refute(t, 2, "deadlock", join(func(f *Frame, cx *Cx) error {
		if !f.state.done() {
			f.joiners.Listen(cx, &f.mu)
			return cx.Suspend()
		}
		f.joiners.Forget(cx)
		return f.result()
	}, nil))
}

// A control: the end of a task that looks at who waits before it says that it is
// over.
func TestRefuteFinishThatLooksFirst(t *testing.T) {
	refute(t, 2, "deadlock", join((*Frame).Wait, func(r *Runner, f *Frame) {
		was := f.state.start()
		cx := r.begin(f, was, false)
		err := f.self.Poll(cx)
		if err == Pending {
			r.suspend(f, cx, was)
			return
		}
		if was&listed != 0 {
			f.members.remove(f)
		}
		f.self.(Finisher).Finish(err)
		f.members = nil
		f.out.Set(&outcome{err: err})
		waits := !f.joiners.Empty()
		f.state.finish(false)
		if waits {
			f.joiners.WakeAll(&f.mu, cx)
		}
		r.Count.Finished++
	}))
}

// joinMember is join of a member of a group, whose end has a release store and then the group's
// count.
func joinMember(step func(*Runner, *Frame)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 2, 2)
		if step != nil {
			r.step(step)
		}
		var g Group
		var data explore.Plain[int]
		child := newScript("child", func(*script, *Cx) error {
			data.Set(1)
			return nil
		})
		joiner := newScript("joiner", func(_ *script, cx *Cx) error {
			err := child.Wait(cx)
			x.Assert(err != nil || data.Get() == 1, "the wait is over, and what the child did is not there")
			return err
		})
		list := g.enter(&r.Runtime, nil)
		r.workers[0].mine = append(r.workers[0].mine, claim(child).enroll(child, &r.Runtime, list))
		r.on(1, joiner)
		x.Final(func() {
			r.settled(child, joiner)
			x.Assert(g.live.Load() == 0, "the group counts %d", g.live.Load())
		})
	}
}

func TestExploreJoinMember(t *testing.T) { explore.Check(t, exhaustive, joinMember(nil)) }

// Controls: a member's end, or the group's count of it, that looks at who waits for it while its last store
// is still in the store buffer.
func TestRefuteJoinMemberWithoutFence(t *testing.T) {
	for name, countFirst := range map[string]bool{"no fence": false, "the count comes first": true} {
		t.Run(name, func(t *testing.T) {
			refute(t, 2, "deadlock", joinMember(func(r *Runner, f *Frame) {
				was := f.state.start()
				cx := r.begin(f, was, false)
				err := f.self.Poll(cx)
				if err == Pending {
					r.suspend(f, cx, was)
					return
				}
				g := f.members.group
				f.self.(Finisher).Finish(err)
				f.members = nil
				if countFirst && g != nil {
					g.countOut(cx)
				}
				f.state.finish(g != nil)
				if !f.joiners.Empty() {
					f.joiners.WakeAll(&f.mu, cx)
				}
				if !countFirst && g != nil {
					g.countOut(cx)
				}
				r.Count.Finished++
			}))
		})
	}
}

// TestExploreJoinLives: the task that is waited for ends and is spawned again at once, for a
// life that ends as soon. Whoever waits for it sees the end of one or the other
// (not its result: that is the owner's to replace); what the end of the first does
// late is no harm to whoever waits for the second.
func TestExploreJoinLives(t *testing.T) {
	explore.Check(t, bounded(2), func(x *explore.X) {
		r := newRig(x, 2, 3)
		child := newScript("child", func(*script, *Cx) error { return nil })
		joiner := newScript("joiner", func(_ *script, cx *Cx) error { return child.await(cx) })
		r.detach(child, joiner)
		x.Go("owner", func() {
			child.over(1)
			child.lives++
			launch(claim(child).enroll(child, &r.Runtime, &r.workers[0].members), &r.Runtime, nil)
		})
		x.Final(func() {
			r.settled(child, joiner)
			x.Assert(joiner.polls.Get() <= 3, "%d polls for one wait", joiner.polls.Get())
		})
	})
}

// promised: tasks wait for a promise that others resolve; one of them succeeds.
func promised(resolve func(*Promise[int], int) bool, wait func(*Promise[int], *Cx) (int, error), resolvers int) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 1)
		var p Promise[int]
		got, won := 0, 0
		t := newScript("waiter", func(_ *script, cx *Cx) (err error) {
			got, err = wait(&p, cx)
			return err
		})
		r.detach(t)
		for i, name := range []string{"first", "second"}[:resolvers] {
			x.Go(name, func() {
				if resolve(&p, 1+i) {
					won |= 1 << i
				}
			})
		}
		x.Final(func() {
			r.settled(t)
			x.Assert(got == won, "the waiter got %d, the winners are %b", got, won)
			x.Assert(p.waiters.Empty(), "somebody still waits")
		})
	}
}

func resolve(p *Promise[int], v int) bool { return p.Resolve(v, nil) }

func TestExplorePromise(t *testing.T) {
	explore.Check(t, exhaustive, promised(resolve, (*Promise[int]).Wait, 1))
	explore.Check(t, exhaustive, promised(resolve, (*Promise[int]).Wait, 2))
}

func TestRefutePromises(t *testing.T) {
	t.Run("the state before the value", func(t *testing.T) {
		refute(t, 2, "data race", promised(func(p *Promise[int], v int) bool {
			if !p.state.CompareAndSwap(open, resolved) {
				return false
			}
			p.value.Set(v)
			if !p.waiters.Empty() {
				p.waiters.WakeAll(&p.mu, nil)
			}
			return true
		}, (*Promise[int]).Wait, 1))
	})
	t.Run("claims in two steps", func(t *testing.T) {
		refute(t, 2, "data race", promised(func(p *Promise[int], v int) bool {
			if p.state.Load() != open {
				return false
			}
			p.state.Store(resolving)
			p.value.Set(v)
			p.state.Store(resolved)
			if !p.waiters.Empty() {
				p.waiters.WakeAll(&p.mu, nil)
			}
			return true
		}, (*Promise[int]).Wait, 2))
	})
	t.Run("looks at who waits first", func(t *testing.T) {
		refute(t, 2, "deadlock", promised(func(p *Promise[int], v int) bool {
			p.state.CompareAndSwap(open, resolving)
			p.value.Set(v)
			waits := !p.waiters.Empty()
			p.state.Store(resolved)
			if waits {
				p.waiters.WakeAll(&p.mu, nil)
			}
			return true
		}, (*Promise[int]).Wait, 1))
	})
	t.Run("waits without a second look", func(t *testing.T) {
		refute(t, 2, "deadlock", promised(resolve, func(p *Promise[int], cx *Cx) (int, error) {
			if !p.done() {
				p.waiters.Listen(cx, &p.mu)
				return 0, cx.Suspend()
			}
			p.waiters.Forget(cx)
			return p.value.Get(), nil
		}, 1))
	})
}

// quits: a task waits for an event, another waits and gives up: it ends while it
// is listed. Its waiter is used again at once, by a third. Meanwhile the event
// wakes all.
func quits(wakeAll func(*WaitSet, *park.Mutex)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 3)
		var p Promise[int]
		wait := func(cx *Cx) error {
			_, err := p.Wait(cx)
			return err
		}
		loyal := newScript("loyal", func(_ *script, cx *Cx) error { return wait(cx) })
		fickle := newScript("fickle", func(t *script, cx *Cx) error {
			if err := wait(cx); !t.first() || !IsPending(err) {
				return nil
			}
			return cx.Yield()
		})
		late := newScript("late", func(t *script, cx *Cx) error {
			if t.first() {
				return cx.Yield()
			}
			return wait(cx)
		})
		r.detach(fickle, late, loyal)
		x.Go("resolver", func() {
			p.state.Store(resolved)
			if !p.waiters.Empty() {
				wakeAll(&p.waiters, &p.mu)
			}
		})
		x.Final(func() {
			r.settled(loyal, fickle, late)
			x.Assert(p.waiters.Empty(), "somebody still waits")
		})
	}
}

func TestExploreQuit(t *testing.T) {
	explore.Check(t, bounded(3), quits(func(s *WaitSet, mu *park.Mutex) { s.WakeAll(mu, nil) }))
}

// A control: a waiter is read after the lock was given back. By then it may be
// another task's, or nobody's.
func TestRefuteWakeAllThatKeepsTheWaiter(t *testing.T) {
	refute(t, 3, "nil pointer", quits(func(s *WaitSet, mu *park.Mutex) {
		for {
			mu.Lock()
			w := s.head.Load()
			if w == nil {
				mu.Unlock()
				return
			}
			s.remove(w)
			mu.Unlock()
			w.wake.do(nil)
		}
	}))
}

// nextLifeOfTheWaiting: a task gives up a wait, ends, and is spawned again, while
// the event that it has waited for wakes all. The second life is not woken by it.
func nextLifeOfTheWaiting(wakeAll func(*WaitSet, *park.Mutex)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 2)
		var p Promise[int]
		woken := false
		t := newScript("task", func(t *script, cx *Cx) error {
			if t.lives == 1 {
				_, _ = p.Wait(cx)
				return nil // with its waiter listed, or taken off by the resolver
			}
			if cx.Waker(); !woken {
				return Pending
			}
			return nil
		})
		r.detach(t)
		x.Go("resolver", func() {
			p.state.Store(resolved)
			wakeAll(&p.waiters, &p.mu)
		})
		x.Go("owner", func() {
			t.over(1)
			t.polls.Set(0)
			t.lives++
			launch(claim(t).enroll(t, &r.Runtime, &r.workers[0].members), &r.Runtime, nil)
			w := t.waker()
			w.Wake()
			woken = true
		})
		x.Final(func() {
			r.settled(t)
			x.Assert(p.waiters.Empty(), "somebody still waits")
			x.Assert(t.polls.Get() <= 2, "%d polls for one wake-up", t.polls.Get())
		})
	}
}

func TestExploreNextLifeOfTheWaiting(t *testing.T) {
	explore.Check(t, bounded(3), nextLifeOfTheWaiting(func(s *WaitSet, mu *park.Mutex) { s.WakeAll(mu, nil) }))
}

// A control: who is woken is asked for its life when it is woken, and not when it
// began to wait.
func TestRefuteWakeAllOfAnyLife(t *testing.T) {
	refute(t, 3, "3 polls for one wake-up", nextLifeOfTheWaiting(func(s *WaitSet, mu *park.Mutex) {
		for {
			mu.Lock()
			w := s.head.Load()
			if w == nil {
				mu.Unlock()
				return
			}
			s.remove(w)
			f := w.wake.frame
			mu.Unlock()
			wakeTask(nil, f, gen(f.state.bits.Load()))
		}
	}))
}
