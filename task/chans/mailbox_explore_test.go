//go:build explore

package chans

import (
	"errors"
	"testing"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
)

// posts are the parts of a mailbox that a control may replace.
type posts struct {
	send  func(*Mailbox[parcel], *task.Cx, parcel) error
	fetch func(*Mailbox[parcel], *task.Cx) error
	close func(*Mailbox[parcel], *task.Cx)
}

var soundPosts = posts{(*Mailbox[parcel]).Send, (*Mailbox[parcel]).fetch, (*Mailbox[parcel]).Close}

// recv is Recv with another fetch.
func (w posts) recv(m *Mailbox[parcel], cx *task.Cx) (parcel, error) {
	if m.at == len(m.out) {
		if err := w.fetch(m, cx); err != nil {
			return nil, err
		}
	}
	return m.pop(), nil
}

func (w posts) sends(name string, m *Mailbox[parcel], sent *[]int, values ...int) *rig.Task {
	return rig.Named(name, func(cx *task.Cx) error {
		for len(values) > 0 {
			switch err := w.send(m, cx, pack(values[0])); {
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

// receives is a task that receives until it has the value last, or until the mailbox is
// closed.
func (w posts) receives(m *Mailbox[parcel], got *[]int, last int) *rig.Task {
	return rig.Named("receiver", func(cx *task.Cx) error {
		for len(*got) == 0 || (*got)[len(*got)-1] != last {
			p, err := w.recv(m, cx)
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

// idle fails the execution unless the mailbox is empty, and nothing is going on.
func (m *Mailbox[T]) idle(x *explore.X) {
	x.Assert(len(m.in) == 0 && m.at == len(m.out), "values are left in the mailbox")
	x.Assert(m.reserved == 0, "%d places are promised to nobody", m.reserved)
	x.Assert(m.senders.Empty() && m.receiver.Empty(), "somebody is still in line")
	x.Assert(cap(m.in) == 1 && cap(m.out) == 1, "a buffer has grown: %d and %d", cap(m.in), cap(m.out))
}

// posted: a sender and the receiver, each on its worker.
func posted(w posts, values ...int) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 2)
		m := NewMailbox[parcel](1)
		var sent, got []int
		r.StartOn(0, w.sends("sender", m, &sent, values...))
		r.StartOn(1, w.receives(m, &got, values[len(values)-1]))
		x.Final(func() {
			r.Settled()
			same(x, got, values)
			m.idle(x)
		})
	}
}

func TestExploreMailbox(t *testing.T) {
	explore.Check(t, bounded(2), posted(soundPosts, 1, 2))
	explore.Check(t, bounded(2), posted(soundPosts, 1, 2, 3, 4))
}

func TestRefutePosts(t *testing.T) {
	t.Run("Send that tells nobody", func(t *testing.T) {
		w := soundPosts
		w.send = func(m *Mailbox[parcel], cx *task.Cx, v parcel) error {
			if !m.senders.Contains(cx) {
				m.mu.Lock()
				if m.room() {
					m.in = append(m.in, v)
					m.mu.Unlock()
					return nil
				}
				m.mu.Unlock()
			}
			return m.Send(cx, v)
		}
		rig.Refute(t, 2, "deadlock", posted(w, 1, 2))
	})
	t.Run("Send that forgets who was promised room", func(t *testing.T) {
		w := soundPosts
		w.send = func(m *Mailbox[parcel], cx *task.Cx, v parcel) error {
			m.mu.Lock()
			if !m.senders.Contains(cx) && len(m.in) < cap(m.in) {
				m.put(cx, v)
				return nil
			}
			m.mu.Unlock()
			return m.Send(cx, v)
		}
		rig.Refute(t, 2, "a buffer has grown", crowded(w))
	})
	t.Run("Recv without a second look", func(t *testing.T) {
		w := soundPosts
		w.fetch = func(m *Mailbox[parcel], cx *task.Cx) error {
			if m.receiver.Contains(cx) {
				return m.fetch(cx)
			}
			m.mu.Lock()
			some := len(m.in) > 0
			m.mu.Unlock()
			if some {
				return m.fetch(cx)
			}
			m.mu.Lock()
			return m.receiver.Enqueue(cx, &m.mu, (*mailboxPolicy[parcel])(m), 1, task.Waiting)
		}
		rig.Refute(t, 2, "deadlock", posted(w, 1, 2))
	})
	t.Run("fetches and lets nobody in", func(t *testing.T) {
		w := soundPosts
		w.fetch = func(m *Mailbox[parcel], cx *task.Cx) error {
			if !m.receiver.Contains(cx) {
				m.mu.Lock()
				if len(m.in) > 0 {
					m.in, m.out, m.at = m.out[:0], m.in, 0
					m.mu.Unlock()
					return nil
				}
				m.mu.Unlock()
			}
			return m.fetch(cx)
		}
		rig.Refute(t, 2, "deadlock", posted(w, 1, 2, 3, 4))
	})
	t.Run("Close that tells nobody", func(t *testing.T) {
		w := soundPosts
		w.close = func(m *Mailbox[parcel], cx *task.Cx) {
			m.mu.Lock()
			m.closed = true
			m.mu.Unlock()
		}
		rig.Refute(t, 2, "deadlock", closingMailbox(w))
	})
	t.Run("Close that refuses the receiver while room is promised", func(t *testing.T) {
		w := soundPosts
		w.close = func(m *Mailbox[parcel], cx *task.Cx) {
			m.mu.Lock()
			m.closed = true
			m.senders.Grant(cx, &m.mu, hastyPostman{(*mailboxPolicy[parcel])(m)})
			m.mu.Lock()
			m.receiver.Grant(cx, &m.mu, hastyPostman{(*mailboxPolicy[parcel])(m)})
		}
		rig.Refute(t, 2, "and sent were", closingMailbox(w))
	})
}

type hastyPostman struct{ *mailboxPolicy[parcel] }

func (h hastyPostman) TryGrant(q *task.WaitQueue, n int64) task.GrantState {
	if p := h.mailboxPolicy; q == &p.receiver && p.closed && len(p.in) == 0 {
		return task.Refused
	}
	return h.mailboxPolicy.TryGrant(q, n)
}

// crowded: one waits for room, while the receiver comes, and another one sends by the way.
// The buffers change places while room is promised.
func crowded(w posts) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 2)
		m := NewMailbox[parcel](1)
		m.in = append(m.in, pack(1))
		sent, got := []int{1}, []int(nil)
		r.StartOn(0, w.sends("waits", m, &sent, 2), w.sends("comes by", m, &sent, 3))
		r.StartOn(1, rig.Named("receiver", func(cx *task.Cx) error {
			for len(got) < 3 {
				p, err := w.recv(m, cx)
				if err != nil {
					return err
				}
				got = append(got, p.Get())
			}
			return nil
		}))
		x.Final(func() {
			r.Settled()
			same(x, got[:1], []int{1})
			x.Assert(got[1]+got[2] == 5, "received %v", got)
			m.idle(x)
		})
	}
}

func TestExploreCrowdedMailbox(t *testing.T) {
	explore.Check(t, bounded(2), crowded(soundPosts))
}

// closingMailbox: the mailbox is full, one waits for room, and it is closed at any moment.
func closingMailbox(w posts) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 2)
		m := NewMailbox[parcel](1)
		m.in = append(m.in, pack(1))
		sent, got := []int{1}, []int(nil)
		r.StartOn(0, w.sends("sender", m, &sent, 2))
		r.StartOn(1, w.receives(m, &got, -1))
		x.Go("closer", func() { w.close(m, nil) })
		x.Final(func() {
			r.Settled()
			same(x, got, sent)
			m.idle(x)
		})
	}
}

func TestExploreCloseOfAMailbox(t *testing.T) {
	explore.Check(t, bounded(2), closingMailbox(soundPosts))
}

// fickleWriter: the mailbox is full, two wait for room, and the first is canceled at any
// moment, also when the room is his.
func fickleWriter(w posts) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 1)
		m := NewMailbox[parcel](1)
		m.in = append(m.in, pack(0))
		sent, got := []int{0}, []int(nil)
		fickle, loyal := w.sends("fickle", m, &sent, 1), w.sends("loyal", m, &sent, 2)
		r.Start(fickle, loyal, w.receives(m, &got, 2))
		x.Go("cancels", func() { fickle.Cancel(errStop) })
		x.Final(func() {
			r.Settled()
			same(x, got, sent)
			x.Assert(fickle.Err() == nil && len(sent) == 3 || len(sent) == 2 && errors.Is(fickle.Err(), errStop), "who was canceled has got %v", fickle.Err())
			x.Assert(loyal.Err() == nil, "who was not canceled has got %v", loyal.Err())
			m.idle(x)
		})
	}
}

func TestExploreCanceledWriter(t *testing.T) { explore.Check(t, bounded(2), fickleWriter(soundPosts)) }

// carelessMailbox is a policy whose way to take back is replaced.
type carelessMailbox struct {
	*mailboxPolicy[parcel]
	forgets, offersToNobody bool
}

func (c *carelessMailbox) Revoke(q *task.WaitQueue, n int64, state task.GrantState) {
	if !c.forgets {
		c.mailboxPolicy.Revoke(q, n, state)
	}
}

func (c *carelessMailbox) Dispatch(cx *task.Cx) {
	if !c.offersToNobody {
		c.mailboxPolicy.Dispatch(cx)
	}
}

func TestRefuteCanceledWriters(t *testing.T) {
	for name, policy := range map[string]carelessMailbox{
		"forgets what was promised":     {forgets: true},
		"does not offer it to the next": {offersToNobody: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := soundPosts
			w.send = func(m *Mailbox[parcel], cx *task.Cx, v parcel) error {
				if !m.senders.Contains(cx) {
					m.mu.Lock()
					if !m.room() {
						k := policy
						k.mailboxPolicy = (*mailboxPolicy[parcel])(m)
						return m.senders.Enqueue(cx, &m.mu, &k, 1, task.Waiting)
					}
					m.mu.Unlock()
				}
				return m.Send(cx, v)
			}
			rig.Refute(t, 2, "deadlock", fickleWriter(w))
		})
	}
}

// fickleReader: the receiver is canceled at any moment, also when it was told that there is
// a value; another one takes its place.
func fickleReader(w posts) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 1)
		m := NewMailbox[parcel](1)
		var a, b []int
		first, second := w.receives(m, &a, 1), w.receives(m, &b, 1)
		r.Start(first, rig.Named("successor", func(cx *task.Cx) error {
			if err := first.Wait(cx); task.IsPending(err) || err == nil {
				return err
			}
			return second.Poll(cx)
		}))
		x.Go("sender", func() { x.Assert(m.TrySend(nil, pack(1)) == nil, "there is no room in an empty mailbox") })
		x.Go("cancels", func() { first.Cancel(errStop) })
		x.Final(func() {
			r.Settled()
			x.Assert(len(a)+len(b) == 1, "the only value was received %d times", len(a)+len(b))
			m.idle(x)
		})
	}
}

func TestExploreSuccessionOfReceivers(t *testing.T) {
	explore.Check(t, bounded(2), fickleReader(soundPosts))
}
