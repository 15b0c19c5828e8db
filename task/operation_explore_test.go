//go:build explore

package task

import (
	"testing"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/internal/park"
)

// What is abandoned, while others are about to answer it.

// elsewhere is where a task goes instead of calling an operation again: a thread says when it
// goes, and lets it come back.
type elsewhere struct {
	away, back Promise[int]
	gone, left bool // untraced: the task's
}

func newElsewhere(x *explore.X) *elsewhere {
	e := &elsewhere{}
	x.Go("other", func() {
		e.away.Resolve(1, nil)
		e.back.Resolve(1, nil)
	})
	return e
}

// poll calls op until that is over, or until the task is told to go away: then gone is set. The
// next poll waits elsewhere, with left set if it has to, and op is abandoned by that. It returns
// nil when all is over.
func (e *elsewhere) poll(cx *Cx, op func() error) error {
	if !e.gone {
		if err := op(); !IsPending(err) {
			return err
		}
		if _, err := e.away.Wait(cx); err != nil {
			return err
		}
		e.gone = true
		cx.Waker().Wake()
		return Pending
	}
	_, err := e.back.Wait(cx)
	e.left = e.left || IsPending(err)
	return err
}

// remote is something that cannot be stopped.
type remote struct{}

func (remote) Cancel(error) bool { return false }

// forsaken: a task calls something that runs elsewhere, goes away, and calls something else by
// the same object. It gets an answer to what it has asked for; the other answer is dropped, once.
func forsaken(detached bool, broken func(*Offload[int]) Abandoner) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 1)
		e := newElsewhere(x)
		var dropped, started, running explore.Uint32
		o := &Offload[int]{Detached: detached, Drop: func(v int) { dropped.Add(1 << (8 * v)) }}
		var slots [2]*Slot[int]
		n := 0
		do := func(cx *Cx) (int, error) {
			v, err := o.Do(cx, func(_ *Cx, s *Slot[int]) Remote {
				slots[n] = s
				n++
				started.Add(1)
				return remote{}
			})
			if broken != nil && o.op.InProgress() {
				o.op.owner = broken(o)
			}
			return v, err
		}
		for i, name := range []string{"first", "second"} {
			x.Go(name, func() {
				explore.Wait(&started, func() bool { return started.Peek() > uint32(i) })
				started.Load()
				if i >= n {
					return
				}
				x.Assert(running.Add(1) == 1 || detached, "two run at once, and may use what is the task's")
				running.Add(^uint32(0))
				slots[i].Put(i+1, nil)
			})
		}
		got := 0
		t := newScript("task", func(_ *script, cx *Cx) (err error) {
			if got == 0 {
				err := e.poll(cx, func() (err error) { got, err = do(cx); return err })
				if err != nil || got != 0 {
					return err
				}
			}
			got, err = do(cx)
			return err
		})
		t.last = func() { started.Add(10) }
		r.detach(t)
		x.Final(func() {
			r.settled(t)
			if e.left {
				x.Assert(got == 2, "asked for the second, got %d", got)
				x.Assert(dropped.Load() == 1<<8, "dropped: %x", dropped.Load())
			} else {
				x.Assert(got == 1, "asked for the first, got %d", got)
				x.Assert(dropped.Load() == 0, "dropped: %x", dropped.Load())
			}
		})
	}
}

func TestExploreForsaken(t *testing.T) {
	explore.Check(t, bounded(2), forsaken(false, nil))
	explore.Check(t, bounded(2), forsaken(true, nil))
}

// abandoning is an Abandoner that is a function.
type abandoning func()

func (a abandoning) Abandon(*Cx) { a() }

func TestRefuteForsaken(t *testing.T) {
	t.Run("keeps the call", func(t *testing.T) {
		refute(t, 2, "asked for the second, got 1", forsaken(false, func(o *Offload[int]) Abandoner {
			return abandoning(func() {})
		}))
	})
	t.Run("does not wait for the one before", func(t *testing.T) {
		refute(t, 2, "two run at once", forsaken(false, func(o *Offload[int]) Abandoner {
			return abandoning(func() { o.now.abandoned, o.now = true, nil })
		}))
	})
	t.Run("leaves without a claim", func(t *testing.T) {
		refute(t, 2, "deadlock", forsaken(true, func(o *Offload[int]) Abandoner {
			return abandoning(func() {
				s := o.now
				o.now, s.abandoned = nil, true
				s.state.Store(unclaimed)
			})
		}))
	})
}

// token is one thing that is given to one at a time.
type token struct {
	mu   park.Mutex
	line WaitQueue
	free bool
}

func (k *token) TryGrant(*WaitQueue, int64) GrantState {
	if !k.free {
		return Waiting
	}
	k.free = false
	return Granted
}

func (k *token) Revoke(_ *WaitQueue, _ int64, state GrantState) {
	if state == Granted {
		k.free = true
	}
}

// overlooked: the first in line goes away without a word, while the token is given. It is not
// lost: the next in line has it.
func overlooked(review func(*Runner, *Frame, *Cx)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 2)
		if review != nil {
			r.suspend(func(r *Runner, f *Frame, cx *Cx, was uint32) {
				review(r, f, cx)
				r.suspend(f, cx, was)
			})
		}
		e := newElsewhere(x)
		k := &token{}
		fickle := newScript("fickle", func(_ *script, cx *Cx) error {
			err := e.poll(cx, func() error { return k.line.Wait(cx, &k.mu, k, 1) })
			if err == nil && !e.gone { // it has the token
				k.mu.Lock()
				k.free = true
				k.line.Grant(cx, &k.mu, k)
			}
			return err
		})
		loyal := newScript("loyal", func(_ *script, cx *Cx) error { return k.line.Wait(cx, &k.mu, k, 1) })
		r.detach(fickle, loyal)
		x.Go("giver", func() {
			k.mu.Lock()
			k.free = true
			k.line.Grant(nil, &k.mu, k)
		})
		x.Final(func() {
			r.settled(fickle, loyal)
			x.Assert(k.line.Empty(), "somebody still waits")
			x.Assert(!k.free, "the token lies about")
		})
	}
}

func TestExploreOverlooked(t *testing.T) { explore.Check(t, bounded(2), overlooked(nil)) }

// A control: who goes away leaves the line, and takes along what was granted.
func TestRefuteReviewThatKeepsTheGrant(t *testing.T) {
	refute(t, 2, "deadlock", overlooked(func(_ *Runner, f *Frame, cx *Cx) {
		for a := f.attached; a != nil && a.waiter() != nil; a = a.next {
			if w := a.waiter(); w.queue != nil && !w.asked && cx.again == 0 {
				w.mu.Lock()
				w.queue.remove(w)
				w.mu.Unlock()
				a.detach()
				return
			}
		}
	}))
}

// strays: as quits, but the task goes on living when it gives up its wait. Its waiter is used
// again at once, by a third.
func strays(wakeAll func(*WaitSet, *park.Mutex)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 3)
		e := newElsewhere(x)
		var p Promise[int]
		wait := func(cx *Cx) error {
			_, err := p.Wait(cx)
			return err
		}
		fickle := newScript("fickle", func(_ *script, cx *Cx) error {
			return e.poll(cx, func() error { return wait(cx) })
		})
		late := newScript("late", func(t *script, cx *Cx) error {
			if t.first() {
				return cx.Yield()
			}
			return wait(cx)
		})
		loyal := newScript("loyal", func(_ *script, cx *Cx) error { return wait(cx) })
		r.detach(fickle, late, loyal)
		x.Go("resolver", func() {
			p.state.Store(resolved)
			if !p.waiters.Empty() {
				wakeAll(&p.waiters, &p.mu)
			}
		})
		x.Final(func() {
			r.settled(fickle, late, loyal)
			x.Assert(p.waiters.Empty(), "somebody still waits")
		})
	}
}

func TestExploreStrays(t *testing.T) {
	explore.Check(t, bounded(2), strays(func(s *WaitSet, mu *park.Mutex) { s.WakeAll(mu, nil) }))
}

// hurried: a poll that is cut short, because its budget is used up, has abandoned nothing: the
// task has its place in line, and is not overtaken by the one behind it.
func hurried(review func(*Runner, *Frame, *Cx)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 2)
		if review != nil {
			r.step(func(r *Runner, f *Frame) {
				was := f.state.start() | r.comes(f)
				cx := r.begin(f, was, false)
				if err := f.self.Poll(cx); err != Pending {
					r.complete(f, cx, err)
					return
				}
				review(r, f, cx)
				r.suspend(f, cx, was)
			})
		}
		k := &token{}
		var order []string
		ask := func(t *script, cx *Cx) error {
			if err := k.line.Wait(cx, &k.mu, k, 1); err != nil {
				return err
			}
			order = append(order, t.name)
			k.mu.Lock()
			k.free = true
			k.line.Grant(cx, &k.mu, k)
			return nil
		}
		first := newScript("first", func(t *script, cx *Cx) error {
			if t.polls.Get() == 2 {
				cx.budget = 0
				return cx.Spend()
			}
			err := ask(t, cx)
			if t.first() {
				cx.Waker().Wake()
			}
			return err
		})
		r.detach(first, newScript("behind", ask))
		x.Go("giver", func() {
			k.mu.Lock()
			k.free = true
			k.line.Grant(nil, &k.mu, k)
		})
		x.Final(func() {
			x.Assert(len(order) == 2 && order[0] == "first", "the order is %v", order)
		})
	}
}

func TestExploreHurried(t *testing.T) { explore.Check(t, bounded(2), hurried(nil)) }

// A control: what a poll that was cut short has not called is abandoned.
func TestRefuteReviewOfAHurriedPoll(t *testing.T) {
	refute(t, 2, "the order is", hurried(func(r *Runner, f *Frame, cx *Cx) {
		if cx.again != 0 {
			f.attached.review(cx, true)
			r.abandon(cx)
		}
	}))
}

// inherited: a task has given up a call, and lives on; another one calls by the same object. It
// waits until the first call has ended, is woken by that, and gets its own answer.
func inherited(do func(o *Offload[int], cx *Cx, begin func(*Cx, *Slot[int]) Remote) (int, error)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 2)
		var dropped, calls, running explore.Uint32
		o := &Offload[int]{Drop: func(v int) { dropped.Add(1 << (8 * v)) }}
		var first explore.Plain[*Slot[int]]
		begin := func(_ *Cx, s *Slot[int]) Remote {
			if calls.Add(1) == 1 {
				first.Set(s)
				running.Add(1)
			} else {
				x.Assert(running.Load() == 0, "two run at once, and may use what is the task's")
				s.Put(2, nil)
			}
			return remote{}
		}
		x.Go("first", func() {
			explore.Wait(&running, func() bool { return running.Peek() > 0 })
			running.Add(^uint32(0))
			first.Get().Put(1, nil)
		})
		var over Promise[int]
		got := 0
		heir := newScript("heir", func(_ *script, cx *Cx) (err error) {
			if got, err = do(o, cx, begin); err == nil {
				over.Resolve(1, nil)
			}
			return err
		})
		var b Branch
		testator := newScript("testator", func(t *script, cx *Cx) error {
			if t.first() {
				err := b.Poll(cx, func(cx *Cx) error { _, err := o.Do(cx, begin); return err })
				x.Assert(IsPending(err), "the call is over at once: %v", err)
				b.End(cx)
				Detach(cx, heir)
			}
			_, err := over.Wait(cx)
			return err
		})
		r.detach(testator)
		x.Final(func() {
			r.settled(testator, heir)
			x.Assert(got == 2, "asked for the second, got %d", got)
			x.Assert(dropped.Load() == 1<<8, "dropped: %x", dropped.Load())
		})
	}
}

func TestExploreInherited(t *testing.T) {
	explore.Check(t, bounded(2), inherited((*Offload[int]).Do))
}

func TestRefuteInherited(t *testing.T) {
	t.Run("looks first", func(t *testing.T) {
		refute(t, 2, "deadlock", inherited(func(o *Offload[int], cx *Cx, begin func(*Cx, *Slot[int]) Remote) (int, error) {
			if s := o.late; s != nil && s.heir.Load() == nil && s.state.Load() == begun {
				w := cx.Self()
				s.heir.Store(&w)
				return 0, o.op.Suspend(cx, o)
			}
			return o.Do(cx, begin)
		}))
	})
	t.Run("tells nobody", func(t *testing.T) {
		refute(t, 2, "deadlock", inherited(func(o *Offload[int], cx *Cx, begin func(*Cx, *Slot[int]) Remote) (int, error) {
			if s := o.late; s != nil && s.state.Load() == begun {
				return 0, o.op.Suspend(cx, o)
			}
			return o.Do(cx, begin)
		}))
	})
	t.Run("does not wait", func(t *testing.T) {
		refute(t, 2, "two run at once", inherited(func(o *Offload[int], cx *Cx, begin func(*Cx, *Slot[int]) Remote) (int, error) {
			o.late = nil
			return o.Do(cx, begin)
		}))
	})
}
