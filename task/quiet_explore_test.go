//go:build explore

package task

import (
	"errors"
	"testing"
	"time"

	"github.com/heist-go/heist/internal/explore"
)

// quietAndTimer: the owner of a group has a timer that cancels the group, whose member waits for nobody knows what, while
// another thread asks whether the group is quiet: it never is (U3).
func quietAndTimer(quiet func(rt *Runtime, g *Group) bool) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 2)
		var g Group
		var timer Timer
		var nobody Promise[int]
		up := errors.New("the time is up")
		member := newScript("member", func(_ *script, cx *Cx) error {
			_, err := nobody.Wait(cx)
			return err
		})
		owner := newScript("owner", func(t *script, cx *Cx) error {
			if t.first() {
				g.Go(cx, member)
				timer.Reset(cx, time.Hour)
			}
			if timer.Fired() {
				g.Cancel(up)
			}
			if err := g.Wait(cx); IsPending(err) {
				return err
			}
			return nil
		})
		x.Go("time", func() {
			w := r.workers[0]
			explore.Wait(&w.timers.next, func() bool { return w.timers.next.Peek() != never })
			w.Expire(r.After(2*time.Hour), nil)
		})
		x.Go("reader", func() {
			x.Assert(!quiet(&r.Runtime, &g), "U3: a group is quiet that a timer will cancel")
		})
		r.detach(owner)
		x.Final(func() {
			r.settled(owner, member)
			r.vacant(&g)
			x.Assert(errors.Is(g.Err(), ErrCanceled) && errors.Is(g.Err(), up), "%v", g.Err())
		})
	}
}

func TestExploreQuiet(t *testing.T) {
	explore.Check(t, bounded(2), quietAndTimer(func(rt *Runtime, g *Group) bool {
		_, quiet := quietGroup(rt, g, nil, nil)
		return quiet
	}))
}

// Looks that do not ask the keepers, or do not look once more whether the group is there.
func TestRefuteQuiet(t *testing.T) {
	for name, look := range map[string]func(l *look, g *Group) bool{
		"without the keepers": func(l *look, g *Group) bool {
			l.kept[g] = true
			if g.live.Load() == 0 || !l.group(g) {
				return false
			}
			clear(l.kept)
			return l.confirm(nil, nil)
		},
		"looks once": func(l *look, g *Group) bool {
			if g.live.Load() == 0 || !l.group(g) {
				return false
			}
			clear(l.groups)
			return l.confirm(nil, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			refute(t, 2, "U3", quietAndTimer(func(rt *Runtime, g *Group) bool {
				l := newLook(rt)
				defer l.letGo()
				return look(l, g)
			}))
		})
	}
}
