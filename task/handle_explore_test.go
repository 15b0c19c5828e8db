//go:build explore

package task

import (
	"errors"
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// holder is a task that starts a handle in its first poll and then does what the
// test says.
func holder(h **Handle[int], child func(*Cx) (int, error), then func(*Cx) error) *script {
	return newScript("holder", func(t *script, cx *Cx) error {
		if t.first() {
			*h = Go(cx, child)
		}
		return then(cx)
	})
}

// TestExploreHandle: a handle is awaited while its task ends; the result is there.
func TestExploreHandle(t *testing.T) {
	explore.Check(t, bounded(3), func(x *explore.X) {
		r := newRig(x, 2, 2)
		var h *Handle[int]
		var data explore.Plain[int]
		child := func(*Cx) (int, error) {
			data.Set(1)
			return 7, nil
		}
		t := holder(&h, child, func(cx *Cx) error {
			v, err := h.Wait(cx)
			if err == nil {
				x.Assert(v == 7 && data.Get() == 1, "the result is %d", v)
			}
			return err
		})
		r.detach(t)
		x.Final(func() {
			r.settled(t)
			x.Assert(h.t.state.done() && h.t.joiners.Empty(), "the handle is not at rest")
			x.Assert(h.t.hold.what == nil, "the handle is still held")
		})
	})
}

// TestExploreHandleOfTheDone: the task that started a handle ends without a look at
// it: the handle's task is canceled, if it has not ended, and has ended before.
func TestExploreHandleOfTheDone(t *testing.T) {
	explore.Check(t, bounded(3), func(x *explore.X) {
		r := newRig(x, 2, 2)
		var h *Handle[int]
		polls := 0
		child := func(cx *Cx) (int, error) {
			if polls++; polls == 1 {
				return 0, cx.Yield()
			}
			return 7, nil
		}
		t := holder(&h, child, func(*Cx) error { return nil })
		t.last = func() { x.Assert(h.t.state.done(), "the holder ends before the handle's task") }
		r.detach(t)
		x.Final(func() {
			r.settled(t)
			err := h.t.Err()
			x.Assert(err == nil && h.t.value == 7 || errors.Is(err, ErrCanceled), "%d, %v", h.t.value, err)
			x.Assert(h.t.joiners.Empty() && h.t.hold.what == nil, "the handle is not at rest")
		})
	})
}

// TestExploreHandleOfTheDraining: a task starts a handle while it is told to come to
// an end, or before, or after. The handle's task hears of it.
func TestExploreHandleOfTheDraining(t *testing.T) {
	explore.Check(t, bounded(3), func(x *explore.X) {
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
				h = Go(cx, child)
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
	})
}
