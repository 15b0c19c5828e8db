//go:build explore

package lock

import (
	"errors"
	"strings"
	"testing"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
)

// passesOn: one is told and gives up in the same poll, whenever that is; then the
// notification is the next one's.
func passesOn(k func(*Notify) task.Policy) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 2)
		var n Notify
		polled := 0
		r.StartOn(0, rig.Named("fickle", func(cx *task.Cx) error {
			if polled++; polled == 1 {
				err := n.queue.Wait(cx, &n.mu, k(&n), 1)
				if err == nil { // it was told before it came
					n.One(cx)
				}
				return cx.Yield()
			}
			return nil // while it is in line, or has been told
		}))
		r.StartOn(1, rig.Named("loyal", n.Wait))
		x.Go("teller", func() { n.One(nil) })
		x.Final(func() {
			r.Settled()
			x.Assert(n.queue.Empty(), "somebody still waits")
			x.Assert(!n.pending, "told once, and two know")
		})
	}
}

func TestExploreNotifyPassesOn(t *testing.T) {
	explore.Check(t, bounded(2), passesOn(func(n *Notify) task.Policy { return (*notifyPolicy)(n) }))
}

func TestRefuteNotifies(t *testing.T) {
	t.Run("forgets what comes back", func(t *testing.T) {
		rig.Refute(t, 2, "deadlock", passesOn(func(n *Notify) task.Policy { return forgetful{(*notifyPolicy)(n)} }))
	})
	t.Run("does not serve the next", func(t *testing.T) {
		rig.Refute(t, 2, "deadlock", passesOn(func(n *Notify) task.Policy { return idle{(*notifyPolicy)(n)} }))
	})
}

type forgetful struct{ *notifyPolicy }

func (forgetful) Revoke(*task.WaitQueue, int64, task.GrantState) {}

type idle struct{ *notifyPolicy }

func (idle) Dispatch(*task.Cx) {}

// generations: whoever waits until a condition holds looks at the generation first, and
// misses no change.
func generations(all func(*Notify, *task.Cx), wait func(*Notify, *task.Cx, uint64) error) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 1)
		var n Notify
		var ready explore.Uint32
		waits := func(cx *task.Cx) error {
			for {
				gen := n.Generation()
				if ready.Load() == 1 {
					return nil
				}
				if err := wait(&n, cx, gen); err != nil {
					return err
				}
			}
		}
		r.Start(rig.Named("a", waits), rig.Named("b", n.Wait))
		x.Go("changes", func() {
			ready.Add(1)
			all(&n, nil)
		})
		// All does not tell b if it comes later, so somebody else does.
		x.Go("teller", func() { n.One(nil) })
		x.Final(func() {
			r.Settled()
			x.Assert(n.queue.Empty() && n.set.Empty(), "somebody still waits")
		})
	}
}

func TestExploreNotifyAll(t *testing.T) {
	explore.Check(t, bounded(2), generations((*Notify).All, (*Notify).WaitPast))
}

func TestRefuteGenerations(t *testing.T) {
	t.Run("wakes before it says so", func(t *testing.T) {
		rig.Refute(t, 2, "deadlock", generations(func(n *Notify, cx *task.Cx) {
			n.mu.Lock()
			n.queue.NotifyAll(cx, &n.mu)
			n.set.WakeAll(&n.mu, cx)
			n.gen.Add(1)
		}, (*Notify).WaitPast))
	})
	t.Run("waits without a second look", func(t *testing.T) {
		rig.Refute(t, 2, "deadlock", generations((*Notify).All, func(n *Notify, cx *task.Cx, gen uint64) error {
			if n.gen.Load() == gen {
				n.set.Listen(cx, &n.mu)
				return cx.Suspend()
			}
			n.set.Forget(cx)
			return nil
		}))
	})
}

// newcomers: All is called by a task when more wait than are told at a time. The first who
// is told starts another, who comes while the rest is being told, or later. All tells those
// who were there, and is over; the newcomer is told by One.
func newcomers(all func(*Notify, *task.Cx)) func(*explore.X) {
	const many = 33 // more than a batch
	return func(x *explore.X) {
		r := rig.New(x, 2)
		var n Notify
		told := 0
		var ts []task.Task
		for range many {
			ts = append(ts, rig.Named("waits", func(cx *task.Cx) error {
				err := n.Wait(cx)
				if err != nil {
					return err
				}
				if told++; told == 1 {
					cx.Go(rig.Named("newcomer", n.Wait))
				}
				return nil
			}))
		}
		r.StartOn(0, append(ts, rig.Named("teller", func(cx *task.Cx) error {
			all(&n, cx)
			n.One(cx)
			return nil
		}))...)
		x.Final(func() {
			r.Settled()
			x.Assert(told == many, "%d of %d were told", told, many)
			x.Assert(n.queue.Empty(), "somebody still waits")
			x.Assert(!n.pending, "who came when others had been told was told with them")
		})
	}
}

func TestExploreQueueNotifyAll(t *testing.T) {
	// One queue for all workers: who waits is told and polled by either of them.
	explore.Check(t, explore.Options{Random: 2000}, newcomers((*Notify).All))
}

// A control: all are told until nobody is in line.
func TestRefuteQueueNotifyAllOfNewcomers(t *testing.T) {
	f := explore.Refute(t, explore.Options{Random: 2000}, newcomers(func(n *Notify, cx *task.Cx) {
		n.mu.Lock()
		n.queue.Grant(cx, &n.mu, everybody{(*notifyPolicy)(n)})
	}))
	if !strings.Contains(f.Reason, "told with them") {
		t.Fatal(f.Reason)
	}
}

type everybody struct{ *notifyPolicy }

func (everybody) TryGrant(*task.WaitQueue, int64) task.GrantState { return task.Notified }

// happens: an event is set twice while two wait for it, one after the other.
func happens(set func(*Event, *task.Cx), wait func(*Event, *task.Cx) error) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 2)
		var e Event
		var data explore.Plain[int]
		waits := func(cx *task.Cx) error {
			if err := wait(&e, cx); err != nil {
				return err
			}
			x.Assert(data.Get() == 1, "it has happened, and what came before is not there")
			return nil
		}
		a, b := rig.Named("a", waits), rig.Named("b", waits)
		r.StartOn(0, a)
		r.StartOn(1, b)
		x.Go("setter", func() {
			data.Set(1)
			set(&e, nil)
			set(&e, nil)
		})
		x.Final(func() {
			r.Settled()
			x.Assert(e.set.Empty(), "somebody still waits")
			x.Assert(a.Polls() <= 2 && b.Polls() <= 2, "%d and %d polls for one event", a.Polls(), b.Polls())
		})
	}
}

func TestExploreEvent(t *testing.T) {
	explore.Check(t, bounded(2), happens((*Event).Set, (*Event).Wait))
}

func TestRefuteEvents(t *testing.T) {
	t.Run("looks who waits before it says so", func(t *testing.T) {
		rig.Refute(t, 2, "deadlock", happens(func(e *Event, cx *task.Cx) {
			waits := !e.set.Empty()
			if !e.isSet.Swap(true) && waits {
				e.set.WakeAll(&e.mu, cx)
			}
		}, (*Event).Wait))
	})
	t.Run("waits without a second look", func(t *testing.T) {
		rig.Refute(t, 2, "deadlock", happens((*Event).Set, func(e *Event, cx *task.Cx) error {
			if !e.isSet.Load() {
				e.set.Listen(cx, &e.mu)
				return cx.Suspend()
			}
			e.set.Forget(cx)
			return nil
		}))
	})
}

// makes: two tasks want a value. Whoever makes it may be canceled in the middle, and may
// fail.
func makes(cancel, fails bool, get func(*OnceValue[int], *task.Cx, func(*task.Cx) (int, error)) (int, error)) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 2)
		var o OnceValue[int]
		var making explore.Plain[int] // one at a time, and ordered
		var data explore.Plain[int]
		getter := func(name string, fails bool) *rig.Task {
			begun := false
			return rig.Named(name, func(cx *task.Cx) error {
				v, err := get(&o, cx, func(cx *task.Cx) (int, error) {
					making.Set(making.Get() + 1)
					if !begun {
						begun = true
						return 0, cx.Yield()
					}
					if fails {
						return 0, errStop
					}
					data.Set(data.Get() + 1)
					return 7, nil
				})
				if err == nil {
					x.Assert(v == 7 && data.Get() == 1, "the value is %d, and was made %d times", v, data.Get())
				}
				return err
			})
		}
		a, b := getter("a", fails), getter("b", false)
		r.StartOn(0, a)
		r.StartOn(1, b)
		if cancel {
			x.Go("cancels", func() { a.Cancel(errStop) })
		}
		x.Final(func() {
			r.Settled()
			x.Assert(o.queue.Empty() && !o.making, "somebody still waits, or makes")
			x.Assert(b.Err() == nil, "b has got %v", b.Err())
			x.Assert(a.Err() == nil || errors.Is(a.Err(), errStop), "a has got %v", a.Err())
			_, ok := o.Value()
			x.Assert(ok, "there is no value")
		})
	}
}

func TestExploreOnceValue(t *testing.T) {
	get := (*OnceValue[int]).Get
	explore.Check(t, bounded(2), makes(false, false, get))
	explore.Check(t, bounded(2), makes(true, false, get))
	explore.Check(t, bounded(2), makes(false, true, get))
}

func TestRefuteOnceValues(t *testing.T) {
	t.Run("keeps the grant after an error", func(t *testing.T) {
		rig.Refute(t, 2, "deadlock", makes(false, true, func(o *OnceValue[int], cx *task.Cx, f func(*task.Cx) (int, error)) (int, error) {
			v, err := o.Get(cx, f)
			if errors.Is(err, errStop) { // as if it had left the line without giving back
				o.mu.Lock()
				o.making = true
				o.mu.Unlock()
			}
			return v, err
		}))
	})
	t.Run("makes it without asking", func(t *testing.T) {
		rig.Refute(t, 2, "data race", makes(false, false, func(o *OnceValue[int], cx *task.Cx, f func(*task.Cx) (int, error)) (int, error) {
			if v, ok := o.Value(); ok {
				return v, nil
			}
			v, err := f(cx)
			if err == nil {
				o.set(v)
			}
			return v, err
		}))
	})
	t.Run("the flag before the value", func(t *testing.T) {
		rig.Refute(t, 2, "data race", makes(false, false, func(o *OnceValue[int], cx *task.Cx, f func(*task.Cx) (int, error)) (int, error) {
			return o.Get(cx, func(cx *task.Cx) (int, error) {
				if _, err := f(cx); err != nil {
					return 0, err
				}
				o.made.Store(true)
				return 7, nil
			})
		}))
	})
}

// gathers: two for a barrier. One may be canceled at any moment; when that one has ended,
// so may the other. Whoever has left before the round was complete is not counted, and
// whoever has left afterwards is not taken from the next round.
func gathers(k func(*Barrier) task.Policy) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 2)
		b := NewBarrier(2)
		var lasts, passed explore.Uint32
		wait := func(cx *task.Cx) error {
			last, err := waitAt(b, cx, k(b))
			if last {
				lasts.Add(1)
			}
			if err == nil {
				passed.Add(1)
			}
			return err
		}
		fickle, other := rig.Named("fickle", wait), rig.Named("other", wait)
		r.StartOn(0, fickle)
		r.StartOn(1, other, rig.Named("canceler", func(cx *task.Cx) error {
			if err := fickle.Wait(cx); task.IsPending(err) {
				return err
			}
			other.Cancel(errStop)
			return nil
		}))
		x.Go("cancels", func() { fickle.Cancel(errStop) })
		x.Final(func() {
			r.Settled()
			x.Assert(b.queue.Empty() && b.here == 0, "%d are here when all have left", b.here)
			x.Assert(lasts.Peek() == 1 || lasts.Peek() == 0 && passed.Peek() == 0, "%d have passed, %d as the last", passed.Peek(), lasts.Peek())
		})
	}
}

// waitAt is (*Barrier).Wait with another policy.
func waitAt(b *Barrier, cx *task.Cx, policy task.Policy) (bool, error) {
	if _, own := policy.(*barrierPolicy); own || b.queue.Contains(cx) {
		return b.Wait(cx)
	}
	b.mu.Lock()
	if b.arrive() {
		b.queue.NotifyAll(cx, &b.mu)
		return true, nil
	}
	return false, b.queue.Enqueue(cx, &b.mu, policy, 1, task.Waiting)
}

func TestExploreBarrier(t *testing.T) {
	explore.Check(t, bounded(2), gathers(func(b *Barrier) task.Policy { return (*barrierPolicy)(b) }))
}

func TestRefuteBarriers(t *testing.T) {
	t.Run("counts who has left", func(t *testing.T) {
		rig.Refute(t, 2, "1 are here", gathers(func(b *Barrier) task.Policy { return gone{(*barrierPolicy)(b)} }))
	})
	t.Run("takes who has passed from the next round", func(t *testing.T) {
		rig.Refute(t, 2, "-1 are here", gathers(func(b *Barrier) task.Policy { return twice{(*barrierPolicy)(b)} }))
	})
}

type gone struct{ *barrierPolicy }

func (gone) Revoke(*task.WaitQueue, int64, task.GrantState) {}

type twice struct{ *barrierPolicy }

func (w twice) Revoke(*task.WaitQueue, int64, task.GrantState) { w.here-- }

// consumes: a producer, a consumer, and one who waits at the same condition for something
// that never comes, and leaves at any moment: with the only signal, perhaps.
func consumes(lockWhen func(*Cond, *task.Cx, func() bool) error, late bool) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 2)
		var m Mutex
		c := Cond{L: &m}
		var items explore.Plain[int]
		polled := false
		r.StartOn(0, rig.Named("fickle", func(cx *task.Cx) error {
			if polled {
				return nil
			}
			polled = true
			err := lockWhen(&c, cx, func() bool { return false })
			x.Assert(task.IsPending(err), "the lock without the condition: %v", err)
			return cx.Yield()
		}), rig.Named("consumer", func(cx *task.Cx) error {
			if err := lockWhen(&c, cx, func() bool { return items.Get() > 0 }); err != nil {
				return err
			}
			items.Set(items.Get() - 1)
			m.Unlock(cx)
			return nil
		}))
		r.StartOn(1, rig.Named("producer", func(cx *task.Cx) error {
			if err := m.Lock(cx); err != nil {
				return err
			}
			items.Set(items.Get() + 1)
			if late {
				m.Unlock(cx)
				c.Signal(cx)
			} else {
				c.Signal(cx)
				m.Unlock(cx)
			}
			return nil
		}))
		x.Final(func() {
			r.Settled()
			m.p.unused(x)
			x.Assert(c.queue.Empty(), "somebody still waits")
			x.Assert(items.Get() == 0, "%d items are left", items.Get())
		})
	}
}

func TestExploreCond(t *testing.T) {
	explore.Check(t, bounded(2), consumes((*Cond).LockWhen, false))
	explore.Check(t, bounded(2), consumes((*Cond).LockWhen, true))
}

func TestRefuteConds(t *testing.T) {
	t.Run("gives up the lock before it is in line", func(t *testing.T) {
		rig.Refute(t, 2, "deadlock", consumes(func(c *Cond, cx *task.Cx, condition func() bool) error {
			if c.queue.Contains(cx) {
				return c.LockWhen(cx, condition)
			}
			if err := c.L.Lock(cx); err != nil {
				return err
			}
			if condition() {
				return nil
			}
			c.L.Unlock(cx)
			c.mu.Lock()
			return c.queue.Enqueue(cx, &c.mu, (*condPolicy)(c), 1, task.Waiting)
		}, false))
	})
	t.Run("keeps a signal", func(t *testing.T) {
		rig.Refute(t, 2, "deadlock", consumes(func(c *Cond, cx *task.Cx, condition func() bool) error {
			if c.queue.Contains(cx) {
				return c.LockWhen(cx, condition)
			}
			if err := c.L.Lock(cx); err != nil {
				return err
			}
			if condition() {
				return nil
			}
			c.mu.Lock()
			err := c.queue.Enqueue(cx, &c.mu, selfish{(*condPolicy)(c)}, 1, task.Waiting)
			c.L.Unlock(cx)
			return err
		}, false))
	})
}

type selfish struct{ *condPolicy }

func (selfish) Revoke(*task.WaitQueue, int64, task.GrantState) {}

// inOrder: three things of one key, one of them canceled at any moment. They are done one
// after the other, in order.
func inOrder(wrap func(*Turn[int]) task.Task) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 2)
		var s Strand[int]
		var done explore.Plain[int]
		turn := func(i int) *Turn[int] {
			return s.Turn(7, func(cx *task.Cx) error {
				if err := cx.Err(); err != nil {
					return err
				}
				x.Assert(done.Get() < i, "turn %d after turn %d", i, done.Get())
				done.Set(i)
				return nil
			})
		}
		first, second, third := turn(1), turn(2), turn(3)
		r.StartOn(0, wrap(first), wrap(third))
		r.StartOn(1, wrap(second))
		x.Go("cancels", func() { second.Cancel(errStop) })
		x.Final(func() {
			r.Settled()
			x.Assert(s.Len() == 0, "%d keys have something queued", s.Len())
			x.Assert(done.Get() == 3, "turn %d was the last", done.Get())
		})
	}
}

func TestExploreStrand(t *testing.T) {
	explore.Check(t, bounded(2), inOrder(func(turn *Turn[int]) task.Task { return turn }))
}

// A control: a turn looks whether it is the first, and says where to wake it, in two steps.
func TestRefuteTurnInTwoSteps(t *testing.T) {
	rig.Refute(t, 2, "deadlock", inOrder(func(turn *Turn[int]) task.Task { return &slowTurn{turn: turn} }))
}

type slowTurn struct {
	task.Frame
	turn *Turn[int]
}

func (t *slowTurn) Poll(cx *task.Cx) error {
	s := t.turn.strand
	s.mu.Lock()
	first := t.turn.prev == nil
	s.mu.Unlock()
	if first {
		return t.turn.f(cx)
	}
	s.mu.Lock()
	t.turn.waker = cx.Waker()
	s.mu.Unlock()
	return cx.Suspend()
}

func (t *slowTurn) Finish(err error) { t.turn.Finish(err) }
