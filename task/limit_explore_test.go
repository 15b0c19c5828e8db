//go:build explore

package task

import (
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// feeding is tasks that feed a group with a limit of one, which has a member: each waits for
// room and starts one. Meanwhile a third thread does something.
type feeding struct {
	feeders int
	feed    func(g *Group, cx *Cx, t Task) error
	leave   func(*Group, *Cx)           // nil: as it is
	third   func(g *Group, feeder Task) // nil: nothing
}

func (c feeding) model(x *explore.X) {
	r := newRig(x, 2, 1+2*c.feeders)
	if c.leave != nil {
		r.step(member(c.leave))
	}
	var g Group
	g.SetLimit(1)
	first := brief("first")
	ts := []*script{first}
	var feeders []Task
	for i := range c.feeders {
		m, fed := brief([]string{"one", "two"}[i]), false
		f := newScript([]string{"feeds one", "feeds two"}[i], func(_ *script, cx *Cx) error {
			err := c.feed(&g, cx, m)
			if err == nil {
				ts, fed = append(ts, m), true
			}
			return err
		})
		f.last = func() {
			if !fed {
				r.spare(1) // it was told, and its member is not started
			}
		}
		ts, feeders = append(ts, f), append(feeders, f)
	}
	r.detach(feeders...)
	w := r.workers[1] // beside the first feeder
	w.mine = append(w.mine, claim(first).enroll(first, &r.Runtime, g.enter(&r.Runtime, nil)))
	g.active = 1
	if c.third != nil {
		x.Go("third", func() { c.third(&g, feeders[0]) })
	}
	x.Final(func() {
		r.settled(ts...)
		r.vacant(&g)
		x.Assert(g.feeders.Empty(), "somebody still waits for room")
	})
}

// cancelFeeder cancels the first that feeds, which may have its slot already.
func cancelFeeder(_ *Group, feeder Task) { feeder.frame().Cancel(errStop) }

func TestExploreFeed(t *testing.T) {
	for _, c := range []struct {
		name    string
		feeders int
		third   func(*Group, Task)
		bound   int
	}{
		{"two, and nobody else", 2, nil, 2},
		{"the group is canceled", 1, func(g *Group, _ Task) { g.Cancel(errStop) }, 1},
		{"the feeder is canceled", 1, cancelFeeder, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			explore.Check(t, bounded(c.bound), feeding{feeders: c.feeders, feed: (*Group).GoWait, third: c.third}.model)
		})
	}
	o := explore.Options{Random: 4_000, Seed: 1}
	explore.Check(t, o, feeding{feeders: 2, feed: (*Group).GoWait, third: cancelFeeder}.model)
}

// leaky is a group that does not take back a slot.
type leaky Group

func (l *leaky) TryGrant(x *WaitQueue, n int64) GrantState { return (*limitPolicy)(l).TryGrant(x, n) }
func (l *leaky) Revoke(*WaitQueue, int64, GrantState)      {}
func (l *leaky) Dispatch(cx *Cx)                           { (*limitPolicy)(l).Dispatch(cx) }

func TestRefuteFeeds(t *testing.T) {
	t.Run("who leaves does not look who waits", func(t *testing.T) {
		refute(t, 2, "deadlock", feeding{feeders: 1, feed: (*Group).GoWait, leave: func(g *Group, cx *Cx) {
			g.mu.Lock()
			g.active--
			g.mu.Unlock()
			g.countOut(cx)
		}}.model)
	})
	t.Run("a slot is not given back", func(t *testing.T) {
		refute(t, 2, "the group's limit is out of step", feeding{feeders: 1, third: cancelFeeder, feed: func(g *Group, cx *Cx, t Task) error {
			if err := g.feeders.Wait(cx, &g.mu, (*leaky)(g), 1); err != nil {
				return g.unfed(err)
			}
			g.begin(cx.run.rt, cx, t.frame(), t)
			return nil
		}}.model)
	})
	t.Run("who waits looks before it locks", func(t *testing.T) {
		refute(t, 2, "deadlock", feeding{feeders: 1, feed: func(g *Group, cx *Cx, t Task) error {
			if !g.feeders.Contains(cx) {
				g.mu.Lock()
				state := (*limitPolicy)(g).TryGrant(&g.feeders, 1)
				g.mu.Unlock()
				if state == Waiting {
					g.mu.Lock()
					return g.feeders.Enqueue(cx, &g.mu, (*limitPolicy)(g), 1, Waiting)
				}
			} else if err := g.feeders.Collect(cx, 1); err != nil {
				return g.unfed(err)
			}
			g.begin(cx.run.rt, cx, t.frame(), t)
			return nil
		}}.model)
	})
}
