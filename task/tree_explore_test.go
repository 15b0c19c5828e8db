//go:build explore

package task

import (
	"strings"
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// TestExploreTree: everything at once, in schedules drawn at random. A task owns a
// group with a limit, whose members wait, fail, yield and start others; it holds a
// handle; it waits for all of that, or just ends. Meanwhile a promise is resolved,
// the task is canceled, the scheduler drains. When the task has ended nothing is
// left.
func TestExploreTree(t *testing.T) {
	n := 50_000
	if testing.Short() {
		n = 2_000
	}
	explore.Check(t, explore.Options{Random: n, Seed: 1}, func(x *explore.X) { tree(x, starts) })
}

// A control: the task does not own its handle, and may end before it.
func TestRefuteTree(t *testing.T) {
	f := explore.Refute(t, explore.Options{Random: 50_000, Seed: 1}, func(x *explore.X) { tree(x, unowned) })
	if !strings.Contains(f.Reason, "the root ends before what it owns") {
		t.Fatalf("it fails for another reason:\n%v", &f)
	}
}

func tree(x *explore.X, start starting) {
	r := newRig(x, 3, 0)
	var g Group
	g.SetLimit(2)
	var p Promise[int]
	var h *Handle[int]
	var data explore.Plain[int]
	promised := func(cx *Cx) error {
		v, err := p.Wait(cx)
		if err == nil {
			x.Assert(data.Get() == v, "the promise came without what was done before it")
		}
		return err
	}
	waits := newScript("waiting", func(_ *script, cx *Cx) error { return promised(cx) })
	late := brief("late")
	busy := newScript("busy", func(t *script, cx *Cx) error {
		if t.first() {
			cx.Go(late)
			return cx.Yield()
		}
		if explore.Choose(2) == 1 {
			return errStop
		}
		return cx.Yield()
	})
	obedient := newScript("obedient", func(_ *script, cx *Cx) error {
		cx.Waker()
		if err := cx.Err(); err != nil || cx.Draining() {
			return err
		}
		return Pending
	})
	started := false
	root := newScript("root", func(t *script, cx *Cx) error {
		if t.first() {
			started = true
			for _, m := range []*script{waits, busy, obedient} {
				g.Go(cx, m)
			}
			h = start(cx, func(cx *Cx) (int, error) { return 0, promised(cx) })
			if explore.Choose(3) == 0 {
				return nil
			}
		}
		_, err := h.Wait(cx)
		return All(g.Wait(cx), err)
	})
	root.last = func() {
		x.Assert(g.live.Load() == 0 && (h == nil || h.t.state.done()), "the root ends before what it owns")
	}
	r.root = root
	r.detach(root)
	x.Go("resolver", func() {
		data.Set(1)
		p.Resolve(1, nil)
	})
	x.Go("canceler", func() { root.Cancel(errStop) })
	x.Go("drainer", func() { r.Drain() })
	x.Final(func() {
		r.settled(root)
		r.vacant(&g)
		x.Assert(p.waiters.Empty(), "somebody still waits for the promise")
		if started {
			x.Assert(h.t.joiners.Empty() && h.t.attachment.what == nil, "the handle is not at rest")
		}
	})
}
