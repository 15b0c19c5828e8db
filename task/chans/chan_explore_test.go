//go:build explore

package chans

import (
	"errors"
	"testing"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
)

var errStop = errors.New("stop")

// bounded is for what cannot be enumerated: schedules with at most so many preemptions,
// one less with -short.
func bounded(preemptions int) explore.Options {
	if testing.Short() {
		preemptions--
	}
	return explore.Options{Preemptions: max(preemptions, 1)}
}

// parcel is a value that notices when nothing orders its sender and its receiver.
type parcel = *explore.Plain[int]

func pack(v int) parcel {
	p := new(explore.Plain[int])
	p.Set(v)
	return p
}

// ways are the parts of a channel that a control may replace.
type ways struct {
	send  func(*Chan[parcel], *task.Cx, parcel) error
	recv  func(*Chan[parcel], *task.Cx) (parcel, error)
	close func(*Chan[parcel], *task.Cx)
}

var sound = ways{(*Chan[parcel]).Send, (*Chan[parcel]).Recv, (*Chan[parcel]).Close}

// sends is a task that sends the values, and is content if the channel is closed
// meanwhile. It appends to sent what is in the channel.
func (w ways) sends(name string, c *Chan[parcel], sent *[]int, values ...int) *rig.Task {
	return rig.Named(name, func(cx *task.Cx) error {
		for len(values) > 0 {
			switch err := w.send(c, cx, pack(values[0])); {
			case errors.Is(err, task.ErrClosed):
				return nil
			case err != nil:
				return err
			}
			*sent = append(*sent, values[0])
			values = values[1:]
		}
		return nil
	})
}

// receives is a task that receives up to n values, or until the channel is closed.
func (w ways) receives(name string, c *Chan[parcel], got *[]int, n int) *rig.Task {
	return rig.Named(name, func(cx *task.Cx) error {
		for len(*got) < n {
			p, err := w.recv(c, cx)
			switch {
			case errors.Is(err, task.ErrClosed):
				return nil
			case err != nil:
				return err
			}
			*got = append(*got, p.Get())
		}
		return nil
	})
}

// idle fails the execution unless so many values are in the channel, and nothing else is
// going on.
func (c *Chan[T]) idle(x *explore.X, values int) {
	x.Assert(c.n == values, "%d values are in the channel, not %d", c.n, values)
	x.Assert(c.claimed == 0 && c.reserved == 0, "%d values and %d slots are promised to nobody", c.claimed, c.reserved)
	x.Assert(c.senders.Empty() && c.receivers.Empty(), "somebody is still in line")
}

// same fails the execution unless got is want.
func same(x *explore.X, got, want []int) {
	ok := len(got) == len(want)
	for i := 0; ok && i < len(got); i++ {
		ok = got[i] == want[i]
	}
	x.Assert(ok, "received %v, and sent were %v", got, want)
}

// exchange: a sender and a receiver, each on its worker, and room for one value.
func exchange(w ways, values int) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 2)
		c := New[parcel](1)
		var sent, got []int
		r.StartOn(0, w.sends("sender", c, &sent, []int{1, 2, 3}[:values]...))
		r.StartOn(1, w.receives("receiver", c, &got, values))
		x.Final(func() {
			r.Settled()
			same(x, got, []int{1, 2, 3}[:values])
			c.idle(x, 0)
		})
	}
}

func TestExploreChan(t *testing.T) {
	explore.Check(t, bounded(2), exchange(sound, 2))
	explore.Check(t, bounded(2), exchange(sound, 3))
}

// Controls: a Send or a Recv that leaves something out.
func TestRefuteExchanges(t *testing.T) {
	t.Run("Send that tells nobody", func(t *testing.T) {
		w := sound
		w.send = func(c *Chan[parcel], cx *task.Cx, v parcel) error {
			if !c.senders.Contains(cx) {
				c.mu.Lock()
				if c.room() {
					c.put(v)
					c.mu.Unlock()
					return nil
				}
				c.mu.Unlock()
			}
			return c.Send(cx, v)
		}
		rig.Refute(t, 2, "deadlock", exchange(w, 2))
	})
	t.Run("Recv that tells nobody", func(t *testing.T) {
		w := sound
		w.recv = func(c *Chan[parcel], cx *task.Cx) (parcel, error) {
			if !c.receivers.Contains(cx) {
				c.mu.Lock()
				if c.ready() {
					defer c.mu.Unlock()
					return c.take(), nil
				}
				c.mu.Unlock()
			}
			return c.Recv(cx)
		}
		rig.Refute(t, 2, "deadlock", exchange(w, 2))
	})
	t.Run("Recv that looks and waits in two steps", func(t *testing.T) {
		w := sound
		w.recv = func(c *Chan[parcel], cx *task.Cx) (parcel, error) {
			if c.receivers.Contains(cx) {
				return c.Recv(cx)
			}
			c.mu.Lock()
			ready := c.ready()
			c.mu.Unlock()
			if ready {
				return c.Recv(cx)
			}
			c.mu.Lock()
			return nil, c.enqueueReceiver(cx)
		}
		rig.Refute(t, 2, "deadlock", exchange(w, 2))
	})
	t.Run("Send with a slot that it does not use up", func(t *testing.T) {
		w := sound
		w.send = func(c *Chan[parcel], cx *task.Cx, v parcel) error {
			if c.senders.Contains(cx) {
				if err := c.senders.Resume(cx, 1); err != nil {
					return err
				}
				c.senders.Leave(cx)
				c.mu.Lock()
				c.put(v)
				c.deliver(cx)
				return nil
			}
			return c.Send(cx, v)
		}
		rig.Refute(t, 2, "promised to nobody", exchange(w, 2))
	})
	t.Run("Recv that takes another's value", func(t *testing.T) {
		w := sound
		w.recv = func(c *Chan[parcel], cx *task.Cx) (parcel, error) {
			if !c.receivers.Contains(cx) {
				c.mu.Lock()
				if c.n > 0 {
					v := c.take()
					c.admit(cx)
					return v, nil
				}
				return nil, c.enqueueReceiver(cx)
			}
			return c.Recv(cx)
		}
		rig.Refute(t, 2, "nil pointer", disputed(w))
	})
}

// disputed: two receivers, and a value for each.
func disputed(w ways) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 2)
		c := New[parcel](1)
		var a, b, sent []int
		r.StartOn(0, w.receives("a", c, &a, 1), w.sends("sender", c, &sent, 1, 2))
		r.StartOn(1, w.receives("b", c, &b, 1))
		x.Final(func() {
			r.Settled()
			x.Assert(len(a) == 1 && len(b) == 1 && a[0]+b[0] == 3, "received %v and %v, and sent were [1 2]", a, b)
			c.idle(x, 0)
		})
	}
}

func TestExploreReceivers(t *testing.T) { explore.Check(t, bounded(2), disputed(sound)) }

// closing: the channel is full, and closed at any moment: before the sender has asked for
// room, while it waits, or when it has been promised some and has not used it yet. What
// Send has said is in it is received, and nothing else.
func closing(w ways) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 2)
		c := New[parcel](1)
		c.put(pack(1))
		sent, got := []int{1}, []int(nil)
		r.StartOn(0, w.sends("sender", c, &sent, 2))
		r.StartOn(1, w.receives("receiver", c, &got, 3))
		x.Go("closer", func() { w.close(c, nil) })
		x.Final(func() {
			r.Settled()
			same(x, got, sent)
			c.idle(x, 0)
		})
	}
}

func TestExploreClose(t *testing.T) { explore.Check(t, bounded(2), closing(sound)) }

// hasty is a policy that tells receivers that no value will come, although there is a slot
// that is promised.
type hasty struct{ *chanPolicy[parcel] }

func (h hasty) TryGrant(q *task.WaitQueue, n int64) task.GrantState {
	p := h.chanPolicy
	if q == &p.receivers && p.closed && p.n == 0 {
		return task.Refused
	}
	return p.TryGrant(q, n)
}

func closeInHaste(c *Chan[parcel], cx *task.Cx) {
	c.mu.Lock()
	c.closed = true
	c.senders.Grant(cx, &c.mu, hasty{(*chanPolicy[parcel])(c)})
	c.mu.Lock()
	c.receivers.Grant(cx, &c.mu, hasty{(*chanPolicy[parcel])(c)})
}

func TestRefuteCloses(t *testing.T) {
	t.Run("tells nobody", func(t *testing.T) {
		w := sound
		w.close = func(c *Chan[parcel], _ *task.Cx) {
			c.mu.Lock()
			c.closed = true
			c.mu.Unlock()
		}
		rig.Refute(t, 2, "deadlock", closing(w))
	})
	t.Run("tells senders only", func(t *testing.T) {
		w := sound
		w.close = func(c *Chan[parcel], cx *task.Cx) {
			c.mu.Lock()
			c.closed = true
			c.senders.Grant(cx, &c.mu, (*chanPolicy[parcel])(c))
		}
		rig.Refute(t, 2, "deadlock", closing(w))
	})
	t.Run("refuses receivers while a slot is promised to a sender", func(t *testing.T) {
		w := sound
		w.close = closeInHaste
		rig.Refute(t, 2, "and sent were", closing(w))
	})
	t.Run("refuses receivers while a permit is out", func(t *testing.T) {
		w := sound
		w.close = closeInHaste
		rig.Refute(t, 2, "and sent were", permits(w, true))
	})
	t.Run("the last value tells nobody that it was the last", func(t *testing.T) {
		w := sound
		w.recv = func(c *Chan[parcel], cx *task.Cx) (parcel, error) {
			if !c.receivers.Contains(cx) {
				return c.Recv(cx)
			}
			if err := c.receivers.Resume(cx, 1); err != nil {
				return nil, err
			}
			c.receivers.Leave(cx)
			c.mu.Lock()
			c.claimed--
			v := c.take()
			c.senders.Grant(cx, &c.mu, (*chanPolicy[parcel])(c))
			return v, nil
		}
		rig.Refute(t, 2, "deadlock", lastValue(w))
	})
}

// lastValue: two wait for a value that is sent with a permit when the channel is closed
// already. The first is canceled at any moment, also when the value is promised to him,
// and somebody comes by and tries.
func lastValue(w ways) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 1)
		c := New[parcel](1)
		permit, _ := c.TryReserve()
		var a, b []int
		late := 0
		fickle, loyal := w.receives("fickle", c, &a, 1), w.receives("loyal", c, &b, 2)
		r.Start(fickle, loyal)
		x.Go("holder", func() {
			w.close(c, nil)
			permit.Send(nil, pack(1))
			if _, err := c.TryRecv(nil); err == nil {
				late = 1
			}
		})
		x.Go("cancels", func() { fickle.Cancel(errStop) })
		x.Final(func() {
			r.Settled()
			x.Assert(len(a)+len(b)+late == 1, "the only value was received %d times", len(a)+len(b)+late)
			x.Assert(loyal.Err() == nil, "who was not canceled has got %v", loyal.Err())
			c.idle(x, 0)
		})
	}
}

func TestExploreLastValue(t *testing.T) { explore.Check(t, bounded(2), lastValue(sound)) }

// careless is a policy whose way to take back is replaced.
type careless struct {
	*chanPolicy[parcel]
	withdraw func(*chanPolicy[parcel], *task.WaitQueue, int64, task.GrantState)
	attend   func(*chanPolicy[parcel], *task.Cx)
}

func (c *careless) Revoke(q *task.WaitQueue, n int64, state task.GrantState) {
	c.withdraw(c.chanPolicy, q, n, state)
}
func (c *careless) Dispatch(cx *task.Cx) { c.attend(c.chanPolicy, cx) }

// withdrawing are the ways of those who have such a policy while they wait.
func withdrawing(withdraw func(*chanPolicy[parcel], *task.WaitQueue, int64, task.GrantState), attend func(*chanPolicy[parcel], *task.Cx)) ways {
	w := sound
	of := func(c *Chan[parcel]) task.Policy { return &careless{(*chanPolicy[parcel])(c), withdraw, attend} }
	w.send = func(c *Chan[parcel], cx *task.Cx, v parcel) error {
		if !c.senders.Contains(cx) {
			c.mu.Lock()
			if !c.room() && !c.closed {
				return c.senders.Enqueue(cx, &c.mu, of(c), 1, task.Waiting)
			}
			c.mu.Unlock()
		}
		return c.Send(cx, v)
	}
	w.recv = func(c *Chan[parcel], cx *task.Cx) (parcel, error) {
		if !c.receivers.Contains(cx) {
			c.mu.Lock()
			if !c.ready() && !c.drained() {
				return nil, c.receivers.Enqueue(cx, &c.mu, of(c), 1, task.Waiting)
			}
			c.mu.Unlock()
		}
		return c.Recv(cx)
	}
	return w
}

// careful is such a pair that leaves nothing out.
var careful = withdrawing((*chanPolicy[parcel]).Revoke, (*chanPolicy[parcel]).Dispatch)

func forgets(p *chanPolicy[parcel], q *task.WaitQueue, n int64, _ task.GrantState) {
	p.Revoke(q, n, task.Waiting)
}

func takesBackAnyway(p *chanPolicy[parcel], q *task.WaitQueue, n int64, _ task.GrantState) {
	p.Revoke(q, n, task.Granted)
}

func offersToNobody(*chanPolicy[parcel], *task.Cx) {}

// fickleReceiver: a value comes while two wait for it; the first is canceled at any
// moment, also when the value is his already.
func fickleReceiver(w ways) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 1)
		c := New[parcel](1)
		var a, b []int
		fickle, loyal := w.receives("fickle", c, &a, 1), w.receives("loyal", c, &b, 1)
		r.Start(fickle, loyal)
		x.Go("sender", func() {
			x.Assert(c.TrySend(nil, pack(1)) == nil, "there is no room in an empty channel")
			w.close(c, nil)
		})
		x.Go("cancels", func() { fickle.Cancel(errStop) })
		x.Final(func() {
			r.Settled()
			x.Assert(len(a)+len(b) == 1, "the only value was received %d times", len(a)+len(b))
			x.Assert(fickle.Err() == nil || len(a) == 0 && errors.Is(fickle.Err(), errStop), "who was canceled has got %v", fickle.Err())
			x.Assert(loyal.Err() == nil, "who was not canceled has got %v", loyal.Err())
			c.idle(x, 0)
		})
	}
}

// fickleSender: room is made while two wait for it; the first is canceled at any moment,
// also when the room is his already.
func fickleSender(w ways) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 1)
		c := New[parcel](1)
		c.put(pack(0))
		sent, got := []int{0}, []int(nil)
		fickle, loyal := w.sends("fickle", c, &sent, 1), w.sends("loyal", c, &sent, 2)
		r.Start(fickle, loyal, rig.Named("receiver", func(cx *task.Cx) error {
			for len(got) == 0 || got[len(got)-1] != 2 {
				p, err := w.recv(c, cx)
				if err != nil {
					return err
				}
				got = append(got, p.Get())
			}
			return nil
		}))
		x.Go("cancels", func() { fickle.Cancel(errStop) })
		x.Final(func() {
			r.Settled()
			same(x, got, sent)
			x.Assert(fickle.Err() == nil && len(sent) == 3 || len(sent) == 2 && errors.Is(fickle.Err(), errStop), "who was canceled has got %v", fickle.Err())
			x.Assert(loyal.Err() == nil, "who was not canceled has got %v", loyal.Err())
			c.idle(x, 0)
		})
	}
}

func TestExploreCanceledReceiver(t *testing.T) {
	explore.Check(t, bounded(2), fickleReceiver(sound))
	explore.Check(t, bounded(2), fickleReceiver(careful))
}

func TestExploreCanceledSender(t *testing.T) {
	explore.Check(t, bounded(2), fickleSender(sound))
	explore.Check(t, bounded(2), fickleSender(careful))
}

// Controls: policies that do not do all of what they are to do with what comes back.
func TestRefuteWithdrawals(t *testing.T) {
	for name, model := range map[string]func(ways) func(*explore.X){"receiver": fickleReceiver, "sender": fickleSender} {
		t.Run(name+": forgets what was promised", func(t *testing.T) {
			rig.Refute(t, 2, "deadlock", model(withdrawing(forgets, (*chanPolicy[parcel]).Dispatch)))
		})
		t.Run(name+": does not offer it to the next", func(t *testing.T) {
			rig.Refute(t, 2, "deadlock", model(withdrawing((*chanPolicy[parcel]).Revoke, offersToNobody)))
		})
	}
	t.Run("receiver: takes back what was not promised", func(t *testing.T) {
		rig.Refute(t, 2, "nil pointer", fickleReceiver(withdrawing(takesBackAnyway, (*chanPolicy[parcel]).Dispatch)))
	})
	t.Run("sender: takes back what was not promised", func(t *testing.T) {
		rig.Refute(t, 2, "and sent were", fickleSender(withdrawing(takesBackAnyway, (*chanPolicy[parcel]).Dispatch)))
	})
}

// permits: one keeps room, and uses it, or gives it back, after a while; the channel is
// closed at any moment. A value that is sent with a permit is received.
func permits(w ways, uses bool) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 2)
		c := New[parcel](1)
		var sent, got []int
		var permit Permit[parcel]
		has := false
		r.StartOn(0, rig.Named("keeps", func(cx *task.Cx) (err error) {
			if !has {
				if permit, err = c.Reserve(cx); err != nil {
					if errors.Is(err, task.ErrClosed) {
						return nil
					}
					return err
				}
				has = true
				return cx.Yield()
			}
			if uses {
				permit.Send(cx, pack(1))
				sent = append(sent, 1)
			} else {
				permit.Release(cx)
			}
			return nil
		}))
		r.StartOn(1, w.receives("receiver", c, &got, 2))
		x.Go("closer", func() { w.close(c, nil) })
		x.Final(func() {
			r.Settled()
			same(x, got, sent)
			c.idle(x, 0)
		})
	}
}

func TestExplorePermits(t *testing.T) {
	explore.Check(t, bounded(2), permits(sound, true))
	explore.Check(t, bounded(2), permits(sound, false))
}

// passing: one waits for room, which is made while another one comes by and tries. That one
// never gets in first, also not between the room and the promise. full takes the room, and returns what
// makes it.
func passing(full func(*Chan[parcel]) func(), try func(*Chan[parcel]) error) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 1)
		c := New[parcel](1)
		frees := full(c)
		var waits explore.Uint32
		r.Start(rig.Named("waits", func(cx *task.Cx) error {
			err := c.Send(cx, pack(1))
			if task.IsPending(err) {
				waits.Store(1)
			}
			return err
		}))
		x.Go("makes room", frees)
		x.Go("comes by", func() {
			waited := waits.Load() == 1
			if try(c) == nil {
				x.Assert(!waited, "somebody has passed one who waits")
				_, _ = c.TryRecv(nil) // and makes room
			}
		})
		x.Final(func() {
			r.Settled()
			c.idle(x, 1)
		})
	}
}

// byValue is full with a value, which is received: those who wait are served under the lock that has taken it.
func byValue(c *Chan[parcel]) func() {
	c.put(pack(0))
	return func() { _, _ = c.TryRecv(nil) }
}

// byPermit is full with a permit, which is released.
func byPermit(c *Chan[parcel]) func() {
	c.reserved++
	p := Permit[parcel]{c}
	return func() { p.Release(nil) }
}

func TestExplorePassing(t *testing.T) {
	try := func(c *Chan[parcel]) error { return c.TrySend(nil, pack(2)) }
	explore.Check(t, bounded(2), passing(byValue, try))
	explore.Check(t, bounded(2), passing(byPermit, try))
}

// A control: a newcomer that looks for room only, and not who waits for it.
func TestRefuteNewcomer(t *testing.T) {
	rig.Refute(t, 2, "somebody has passed", passing(byPermit, func(c *Chan[parcel]) error {
		c.mu.Lock()
		if c.n+c.reserved < c.limit {
			c.put(pack(2))
			c.deliver(nil)
			return nil
		}
		c.mu.Unlock()
		return ErrFull
	}))
}
