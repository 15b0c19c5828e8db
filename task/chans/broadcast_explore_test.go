//go:build explore

package chans

import (
	"errors"
	"testing"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
)

// air are the parts of a Broadcast that a control may replace.
type air struct {
	send  func(*Broadcast[parcel], *task.Cx, parcel) error
	close func(*Broadcast[parcel], *task.Cx)
	recv  func(*Subscription[parcel], *task.Cx) (parcel, error)
}

var soundAir = air{(*Broadcast[parcel]).Send, (*Broadcast[parcel]).Close, (*Subscription[parcel]).Recv}

// listens is a task that receives until the broadcast is closed. It counts what is lost, and
// knows by the values how much that must be: they are 1, 2, 3, in order.
func (w air) listens(x *explore.X, s *Subscription[parcel], heard *int) *rig.Task {
	return rig.Named("listener", func(cx *task.Cx) error {
		for {
			p, err := w.recv(s, cx)
			var lag *LagError
			switch {
			case errors.As(err, &lag):
				x.Assert(0 < lag.Lost && lag.Lost < 10, "a lag of %d", int64(lag.Lost))
				*heard += int(lag.Lost)
			case errors.Is(err, task.ErrClosed):
				return nil
			case err != nil:
				return err
			default:
				*heard++
				x.Assert(p.Get() == *heard, "value %d comes as the %d.", p.Get(), *heard)
			}
		}
	})
}

// onAir: values are sent while one listens, which is at times too slow; then the broadcast is
// closed. Each value is received or counted as lost.
func onAir(w air, keeps, values int) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 1)
		b := NewBroadcast[parcel](keeps)
		heard := 0
		r.Start(w.listens(x, b.Subscribe(), &heard))
		x.Go("sender", func() {
			for i := range values {
				x.Assert(w.send(b, nil, pack(1+i)) == nil, "an open broadcast refuses a value")
			}
			w.close(b, nil)
		})
		x.Final(func() {
			r.Settled()
			x.Assert(heard == values, "%d values were received or lost, and sent were %d", heard, values)
			for i := range b.shards {
				x.Assert(b.shards[i].set.Empty(), "somebody is still listed")
			}
		})
	}
}

// twoOnAir: two send, each twice, and who listens is too slow at times.
func twoOnAir(w air) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 1)
		b := NewBroadcast[parcel](1)
		heard, highest := 0, [2]int{}
		s := b.Subscribe()
		r.Start(rig.Named("listener", func(cx *task.Cx) error {
			for heard < 4 {
				p, err := w.recv(s, cx)
				var lag *LagError
				switch {
				case errors.As(err, &lag):
					heard += int(lag.Lost)
				case err != nil:
					return err
				default:
					heard++
					from, v := p.Get()/10, p.Get()%10
					x.Assert(v > highest[from], "value %d of sender %d comes after %d", v, from, highest[from])
					highest[from] = v
				}
			}
			return nil
		}))
		for from, name := range []string{"first", "second"} {
			x.Go(name, func() {
				for i := range 2 {
					_ = w.send(b, nil, pack(10*from+1+i))
				}
			})
		}
		x.Final(func() {
			r.Settled()
			x.Assert(heard == 4, "%d values were received or lost, and sent were 4", heard)
			x.Assert(max(highest[0], highest[1]) == 2, "the last value is lost")
		})
	}
}

// crowds: a task sends a value and closes, and takes each shard for a crowd, so that heralds wake those of
// the other worker.
func crowds(w air, notify func(*Broadcast[parcel], *task.Cx)) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 2)
		b := NewBroadcast[parcel](1)
		for i := range b.shards {
			b.shards[i].woken.Store(crowd)
		}
		heard := 0
		r.StartOn(1, w.listens(x, b.Subscribe(), &heard))
		r.StartOn(0, rig.Named("sender", func(cx *task.Cx) error {
			b.ring[0].Store(&slot[parcel]{0, pack(1)})
			b.sent.Store(1)
			notify(b, cx)
			for i := range b.shards {
				b.shards[i].woken.Store(crowd)
			}
			b.closed.Store(true)
			notify(b, cx)
			return nil
		}))
		x.Final(func() {
			r.Settled()
			x.Assert(heard == 1, "%d values were received or lost, and sent was 1", heard)
		})
	}
}

func TestExploreBroadcast(t *testing.T) {
	explore.Check(t, bounded(2), crowds(soundAir, (*Broadcast[parcel]).notifyAll))
	explore.Check(t, bounded(2), onAir(soundAir, 1, 2))
	explore.Check(t, bounded(2), onAir(soundAir, 2, 3))
	explore.Check(t, bounded(1), twoOnAir(soundAir))
}

func TestRefuteBroadcasts(t *testing.T) {
	// send is Send in parts.
	put := func(b *Broadcast[parcel], v parcel) {
		at := b.sent.Load()
		b.ring[at%uint64(len(b.ring))].Store(&slot[parcel]{at, v})
	}
	count := func(b *Broadcast[parcel]) { b.sent.Store(b.sent.Load() + 1) }
	t.Run("Send that counts first", func(t *testing.T) {
		w := soundAir
		w.send = func(b *Broadcast[parcel], cx *task.Cx, v parcel) error {
			at := b.sent.Load()
			count(b)
			b.ring[at%uint64(len(b.ring))].Store(&slot[parcel]{at, v})
			b.notifyAll(cx)
			return nil
		}
		rig.Refute(t, 2, "a lag of", onAir(w, 2, 3))
	})
	t.Run("Send that looks at who waits first", func(t *testing.T) {
		w := soundAir
		w.send = func(b *Broadcast[parcel], cx *task.Cx, v parcel) error {
			b.notifyAll(cx)
			put(b, v)
			count(b)
			return nil
		}
		w.close = func(b *Broadcast[parcel], _ *task.Cx) { b.closed.Store(true) }
		rig.Refute(t, 2, "deadlock", onAir(w, 1, 2))
	})
	t.Run("Send that changes a slot", func(t *testing.T) {
		w := soundAir
		w.send = func(b *Broadcast[parcel], cx *task.Cx, v parcel) error {
			at := b.sent.Load()
			if s := b.ring[at%uint64(len(b.ring))].Load(); s != nil {
				s.v.Set(v.Get()) // in place of what another thread may be reading
				s.at = at
			} else {
				put(b, v)
			}
			count(b)
			b.notifyAll(cx)
			return nil
		}
		rig.Refute(t, 2, "data race", onAir(w, 1, 2))
	})
	t.Run("a herald whose task is not started", func(t *testing.T) {
		rig.Refute(t, 2, "deadlock", crowds(soundAir, func(b *Broadcast[parcel], cx *task.Cx) {
			for i := range b.shards {
				if h := &b.shards[i]; i == cx.Worker() {
					h.notifyAll(cx)
				}
			}
		}))
	})
	t.Run("Close that tells nobody", func(t *testing.T) {
		w := soundAir
		w.close = func(b *Broadcast[parcel], _ *task.Cx) { b.closed.Store(true) }
		rig.Refute(t, 2, "deadlock", onAir(w, 1, 2))
	})
	// recv is Recv with another next, and with a second look or without.
	recv := func(next func(*Subscription[parcel]) (parcel, error), again bool) func(*Subscription[parcel], *task.Cx) (parcel, error) {
		return func(s *Subscription[parcel], cx *task.Cx) (v parcel, err error) {
			if v, err = next(s); err == ErrEmpty {
				h := &s.b.shards[0]
				h.set.Listen(cx, &h.mu)
				if again {
					v, err = next(s)
				}
				if err == ErrEmpty {
					return nil, cx.Suspend()
				}
			}
			s.b.shards[0].set.Forget(cx)
			return v, err
		}
	}
	t.Run("Recv in parts that leaves nothing out", func(t *testing.T) {
		w := soundAir
		w.recv = recv((*Subscription[parcel]).next, true)
		explore.Check(t, bounded(1), onAir(w, 2, 3))
	})
	t.Run("Recv without a second look", func(t *testing.T) {
		w := soundAir
		w.recv = recv((*Subscription[parcel]).next, false)
		rig.Refute(t, 2, "deadlock", onAir(w, 1, 2))
	})
	t.Run("Recv that looks at the count only when values were lost", func(t *testing.T) {
		w := soundAir
		w.recv = recv(func(s *Subscription[parcel]) (parcel, error) {
			b := s.b
			closed := b.closed.Load()
			if s.at == b.sent.Load() {
				if closed {
					return nil, errClosed
				}
				return nil, ErrEmpty
			}
			if slot := b.ring[s.at%uint64(len(b.ring))].Load(); slot.at == s.at {
				s.at++
				return slot.v, nil
			}
			oldest := b.sent.Load() - uint64(len(b.ring)) // not of a value that is not counted yet
			lost := oldest - s.at
			s.at = oldest
			return nil, &LagError{lost}
		}, true)
		rig.Refute(t, 2, "a lag of 0", onAir(w, 1, 2))
	})
	t.Run("Recv that looks whether it is closed last", func(t *testing.T) {
		w := soundAir
		w.recv = recv(func(s *Subscription[parcel]) (parcel, error) {
			if s.at == s.b.sent.Load() && s.b.closed.Load() {
				return nil, errClosed
			}
			return s.next()
		}, true)
		rig.Refute(t, 2, "values were received or lost", onAir(w, 1, 2))
	})
}
