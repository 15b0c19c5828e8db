//go:build explore

package task

import (
	"errors"
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// starting is Go within a poll, or a broken variant of it.
type starting func(cx *Cx, child func(*Cx) (int, error)) *Handle[int]

func starts(cx *Cx, child func(*Cx) (int, error)) *Handle[int] { return Go(cx, child) }

// unowned is a broken variant: the handle is not on the list of the task that starts it.
func unowned(cx *Cx, child func(*Cx) (int, error)) *Handle[int] {
	h := &Handle[int]{call[int]{f: child}}
	Detach(cx, &h.t)
	return h
}

// uninformed is a broken variant: nobody looks whether the task was told to come to an end while
// the handle was put on its list.
func uninformed(cx *Cx, child func(*Cx) (int, error)) *Handle[int] {
	h := &Handle[int]{call[int]{f: child}}
	h.t.owner = cx.frame
	h.t.attachment.attach(&cx.frame.attached, &h.t)
	Detach(cx, &h.t)
	return h
}

// holder is a task that starts a handle in its first poll and then does what the
// test says.
func holder(start starting, h **Handle[int], child func(*Cx) (int, error), then func(*Cx) error) *script {
	return newScript("holder", func(t *script, cx *Cx) error {
		if t.first() {
			*h = start(cx, child)
		}
		return then(cx)
	})
}

// TestExploreHandle: a handle is awaited while its task ends; the result is there.
func TestExploreHandle(t *testing.T) {
	explore.Check(t, bounded(3), awaited((*Handle[int]).Wait))
}

// A control: nobody looks again after the task was listed.
func TestRefuteHandleWithoutSecondLook(t *testing.T) {
	refute(t, 2, "deadlock", awaited(func(h *Handle[int], cx *Cx) (int, error) {
		if !h.t.state.done() {
			h.t.joiners.Listen(cx, &h.t.mu)
			return 0, cx.Suspend()
		}
		return h.Wait(cx)
	}))
}

func awaited(wait func(*Handle[int], *Cx) (int, error)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 2, 2)
		var h *Handle[int]
		var data explore.Plain[int]
		child := func(*Cx) (int, error) {
			data.Set(1)
			return 7, nil
		}
		t := holder(starts, &h, child, func(cx *Cx) error {
			v, err := wait(h, cx)
			if err == nil {
				x.Assert(v == 7 && data.Get() == 1, "the result is %d", v)
			}
			return err
		})
		r.detach(t)
		x.Final(func() {
			r.settled(t)
			x.Assert(h.t.state.done() && h.t.joiners.Empty(), "the handle is not at rest")
			x.Assert(h.t.attachment.what == nil, "the handle is still held")
		})
	}
}

// TestExploreHandleOfTheDone: the task that started a handle ends without a look at
// it: the handle's task is canceled, if it has not ended, and has ended before.
func TestExploreHandleOfTheDone(t *testing.T) {
	explore.Check(t, bounded(3), ofTheDone(starts))
}

func TestRefuteHandleOfTheDone(t *testing.T) {
	refute(t, 2, "the holder ends before the handle's task", ofTheDone(unowned))
}

func ofTheDone(start starting) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 2, 2)
		var h *Handle[int]
		polls := 0
		child := func(cx *Cx) (int, error) {
			if polls++; polls == 1 {
				return 0, cx.Yield()
			}
			return 7, nil
		}
		t := holder(start, &h, child, func(*Cx) error { return nil })
		t.last = func() { x.Assert(h.t.state.done(), "the holder ends before the handle's task") }
		r.detach(t)
		x.Final(func() {
			r.settled(t)
			err := h.t.Err()
			x.Assert(err == nil && h.t.value == 7 || errors.Is(err, ErrCanceled), "%d, %v", h.t.value, err)
			x.Assert(h.t.joiners.Empty() && h.t.attachment.what == nil, "the handle is not at rest")
		})
	}
}

// TestExploreHandleOfTheDraining: a task starts a handle while it is told to come to
// an end, or before, or after. The handle's task hears of it.
func TestExploreHandleOfTheDraining(t *testing.T) {
	explore.Check(t, bounded(3), ofTheDraining(starts))
}

func TestRefuteHandleOfTheDraining(t *testing.T) {
	refute(t, 2, "deadlock", ofTheDraining(uninformed))
}

func ofTheDraining(start starting) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 2)
		var g Group
		var h *Handle[int]
		child := func(cx *Cx) (int, error) {
			cx.Waker()
			if cx.Draining() {
				return 7, nil
			}
			return 0, Pending
		}
		t := newScript("holder", func(t *script, cx *Cx) error {
			if t.first() {
				return cx.Yield()
			}
			if h == nil {
				h = start(cx, child)
			}
			_, err := h.Wait(cx)
			return err
		})
		r.enter(&g, t)
		x.Go("outside", func() { g.Drain() })
		x.Final(func() {
			r.settled(t)
			r.vacant(&g)
			x.Assert(h.t.Err() == nil && h.t.value == 7, "%d, %v", h.t.value, h.t.Err())
		})
	}
}
