//go:build explore

package chans

import (
	"errors"
	"testing"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
)

// shots are the parts of a Oneshot that a control may replace.
type shots struct {
	recv  func(*Oneshot[parcel], *task.Cx) (parcel, error)
	close func(*Oneshot[parcel], *task.Cx)
}

var soundShots = shots{(*Oneshot[parcel]).Recv, (*Oneshot[parcel]).Close}

func (w shots) receives(name string, o *Oneshot[parcel], got *int) *rig.Task {
	return rig.Named(name, func(cx *task.Cx) error {
		p, err := w.recv(o, cx)
		if err == nil {
			*got += p.Get()
		}
		return err
	})
}

// shot: two wait for a value that is sent and then closed, or the other way round. The
// first of them is canceled at any moment, also when the value is his already; and somebody
// comes by and tries.
func shot(w shots, closes, tries bool) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 1)
		var o Oneshot[parcel]
		got, sent := 0, 0
		fickle, loyal := w.receives("fickle", &o, &got), w.receives("loyal", &o, &got)
		r.Start(fickle, loyal)
		x.Go("sender", func() {
			if o.Send(nil, pack(1)) == nil {
				sent = 1
			}
			if !closes {
				return
			}
			w.close(&o, nil)
			x.Assert(o.Send(nil, pack(2)) != nil, "Send after Close, or a second one, is fine")
		})
		x.Go("cancels", func() { fickle.Cancel(errStop) })
		if tries {
			x.Go("tries", func() {
				p, err := o.TryRecv()
				if err == nil {
					got += p.Get()
				}
				w.close(&o, nil)
			})
		}
		x.Final(func() {
			r.Settled()
			x.Assert(got == sent, "received %d, and sent were %d", got, sent)
			for _, t := range []*rig.Task{fickle, loyal} {
				err := t.Err()
				x.Assert(err == nil || errors.Is(err, task.ErrClosed) || t == fickle && errors.Is(err, errStop), "%s has got %v", t.TaskName(), err)
			}
			x.Assert(o.queue.Empty(), "somebody is still in line")
			x.Assert(o.state == over && o.value == nil, "the value is still there")
		})
	}
}

func TestExploreOneshot(t *testing.T) {
	explore.Check(t, bounded(2), shot(soundShots, false, false))
	explore.Check(t, bounded(1), shot(soundShots, true, true))
}

// answering are the ways of those who have another policy while they wait.
func answering(policy func(*Oneshot[parcel]) task.Policy) shots {
	w := soundShots
	w.recv = func(o *Oneshot[parcel], cx *task.Cx) (parcel, error) {
		if !o.queue.Contains(cx) {
			o.mu.Lock()
			if o.state == open || o.state == claimed {
				return nil, o.queue.Enqueue(cx, &o.mu, policy(o), 1, task.Waiting)
			}
			o.mu.Unlock()
		}
		return o.Recv(cx)
	}
	return w
}

type (
	forgetful struct{ *oneshotPolicy[parcel] }
	mute      struct{ *oneshotPolicy[parcel] }
)

func (forgetful) Revoke(*task.WaitQueue, int64, task.GrantState) {}
func (mute) Dispatch(*task.Cx)                                   {}

func TestRefuteShots(t *testing.T) {
	t.Run("forgets what was promised", func(t *testing.T) {
		w := answering(func(o *Oneshot[parcel]) task.Policy { return forgetful{(*oneshotPolicy[parcel])(o)} })
		rig.Refute(t, 2, "deadlock", shot(w, false, false))
	})
	t.Run("does not offer it to the next", func(t *testing.T) {
		w := answering(func(o *Oneshot[parcel]) task.Policy { return mute{(*oneshotPolicy[parcel])(o)} })
		rig.Refute(t, 2, "deadlock", shot(w, false, false))
	})
	t.Run("Recv that does not tell the others", func(t *testing.T) {
		w := soundShots
		w.recv = func(o *Oneshot[parcel], cx *task.Cx) (parcel, error) {
			if !o.queue.Contains(cx) {
				return o.Recv(cx)
			}
			if err := o.queue.Resume(cx, 1); err != nil {
				return nil, err
			}
			o.queue.Leave(cx)
			o.mu.Lock()
			defer o.mu.Unlock()
			return o.take(), nil
		}
		rig.Refute(t, 2, "deadlock", shot(w, false, false))
	})
	t.Run("Recv that takes another's value", func(t *testing.T) {
		w := soundShots
		w.recv = func(o *Oneshot[parcel], cx *task.Cx) (parcel, error) {
			o.mu.Lock()
			if !o.queue.Contains(cx) && o.value != nil {
				v := o.take()
				o.queue.Grant(cx, &o.mu, (*oneshotPolicy[parcel])(o))
				return v, nil
			}
			o.mu.Unlock()
			return o.Recv(cx)
		}
		rig.Refute(t, 2, "nil pointer", robbed(w))
	})
	t.Run("Close that takes a promised value away", func(t *testing.T) {
		w := soundShots
		w.close = func(o *Oneshot[parcel], cx *task.Cx) {
			o.mu.Lock()
			if o.state != over {
				o.take()
			}
			o.queue.Grant(cx, &o.mu, (*oneshotPolicy[parcel])(o))
		}
		rig.Refute(t, 1, "nil pointer", shot(w, true, true))
	})
}

// robbed: one waits, and another one comes later.
func robbed(w shots) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 2)
		var o Oneshot[parcel]
		got := 0
		r.StartOn(0, w.receives("a", &o, &got))
		r.StartOn(1, w.receives("b", &o, &got))
		x.Go("sender", func() { _ = o.Send(nil, pack(1)) })
		x.Final(func() {
			r.Settled()
			x.Assert(got == 1, "received %d", got)
		})
	}
}

func TestExploreTwoReceiversOfAOneshot(t *testing.T) {
	explore.Check(t, bounded(2), robbed(soundShots))
}

// Who comes when another one is in line does not overtake it.
func TestExploreOneshotIsFair(t *testing.T) {
	explore.Check(t, bounded(1), func(x *explore.X) {
		r := rig.New(x, 2)
		var o Oneshot[parcel]
		var inLine explore.Uint32
		got := 0
		fickle := soundShots.receives("fickle", &o, &got)
		loyal := rig.Named("loyal", func(cx *task.Cx) error {
			p, err := o.Recv(cx)
			if err == nil {
				got += p.Get()
			} else if task.IsPending(err) {
				inLine.Store(1)
			}
			return err
		})
		asked := false
		late := rig.Named("late", func(cx *task.Cx) error {
			if !asked && inLine.Load() == 0 {
				return nil // too early: that proves nothing
			}
			asked = true
			_, err := o.Recv(cx)
			x.Assert(err != nil, "late has overtaken loyal")
			return err
		})
		r.StartOn(0, fickle, loyal)
		r.StartOn(1, late)
		x.Go("sender", func() { _ = o.Send(nil, pack(1)) })
		x.Go("cancels", func() { fickle.Cancel(errStop) })
		x.Final(r.Settled)
	})
}
