//go:build explore

package task

import (
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// placeAndReader: a feeder waits for the only place of a group, until who has it ends; it starts a member then, which waits
// for the feeder's end, and the feeder for the reader's. Whenever that looks, there is no circle, though who looks at the
// feeder first, and at the member then, sees one (L1, L5).
func placeAndReader(circles func(g *waitGraph) int) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 3)
		var feeders, g Group
		var looked Promise[int]
		g.SetLimit(1)
		var feeder *script
		first, fed := brief("first"), false
		second := newScript("second", func(_ *script, cx *Cx) error { return feeder.Wait(cx) })
		feeder = newScript("feeder", func(_ *script, cx *Cx) error {
			if !fed {
				if err := g.GoWait(cx, second); err != nil {
					return err
				}
				fed = true
			}
			_, err := looked.Wait(cx)
			return err
		})
		r.enter(&feeders, feeder) // polled, and looked at, first
		r.enter(&g, first)
		g.active = 1
		x.Go("reader", func() {
			r.looksForCircles(x, circles)
			looked.Resolve(1, nil)
		})
		x.Final(func() {
			r.settled(feeder, first, second)
			r.vacant(&g)
		})
	}
}

// backlogAndReader: a feeder waits for a task in the backlog of a group, which gets the only place and ends; the next that
// gets it waits for the feeder, which has put the first into the backlog again meanwhile, and does not wait for it. There is no circle
// either, though who looks at the feeder first, and at the rest then, sees one.
func backlogAndReader(circles func(g *waitGraph) int) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 5)
		var feeders, g Group
		var looked Promise[int]
		g.SetLimit(1)
		var feeder *script
		first, again, stage := brief("first"), brief("again"), 0
		second := newScript("second", func(_ *script, cx *Cx) error { return feeder.Wait(cx) })
		feeder = newScript("feeder", func(_ *script, cx *Cx) error {
			if stage == 0 {
				g.Go(cx, again)
				g.Go(cx, second)
				stage = 1
			}
			if stage == 1 {
				if err := again.Wait(cx); err != nil {
					return err
				}
				g.Go(cx, again)
				stage = 2
			}
			_, err := looked.Wait(cx)
			return err
		})
		r.enter(&feeders, feeder) // polled, and looked at, first
		r.enter(&g, first)
		g.active = 1
		x.Go("reader", func() {
			r.looksForCircles(x, circles)
			looked.Resolve(1, nil)
		})
		x.Final(func() {
			r.settled(feeder, first, second)
			r.vacant(&g)
		})
	}
}

// looksForCircles looks for circles, of which there must be none.
func (r *rig) looksForCircles(x *explore.X, circles func(g *waitGraph) int) {
	w := &waitGraph{nodes: map[any]*node{}, reached: []*Runtime{&r.Runtime}}
	in := &inspection{rt: &r.Runtime, visit: w.collect, foreign: map[*Group]bool{}, sighting: newSighting()}
	for _, of := range r.foreign() {
		in.walk(&of.memberList, above{})
	}
	w.link()
	w.prune()
	n := circles(w)
	x.Assert(n == 0, "L1: %d circles of tasks that go on", n)
}

// confirmed counts the circles of a graph of which confirm says that they are.
func confirmed(confirm func(w *waitGraph, circle []*node) bool) func(w *waitGraph) int {
	return func(w *waitGraph) (n int) {
		for _, t := range w.tasks {
			if c := t.circle(); len(c) > 0 && confirm(w, c) {
				n++
			}
		}
		return n
	}
}

var programsOfALimit = map[string]func(circles func(g *waitGraph) int) func(*explore.X){"a place": placeAndReader, "the backlog": backlogAndReader}

func TestExploreDeadlocksOfALimit(t *testing.T) {
	for name, program := range programsOfALimit {
		t.Run(name, func(t *testing.T) {
			explore.Check(t, bounded(2), program(confirmed(func(w *waitGraph, c []*node) bool { return w.confirm(c) != nil })))
		})
	}
}

func TestRefuteDeadlocksOfALimit(t *testing.T) {
	for name, confirm := range map[string]func(w *waitGraph, circle []*node) bool{
		"looks once": func(*waitGraph, []*node) bool { return true },
		"has all in hand, and does not look again": func(_ *waitGraph, circle []*node) bool {
			all := true
			for _, n := range circle {
				if n.task == nil {
					continue
				}
				if !n.task.self.frame.state.seize() {
					all = false
					break
				}
				defer n.task.self.frame.letGo()
			}
			return all
		},
		"looks at the places alone": func(_ *waitGraph, circle []*node) bool {
			for _, n := range circle {
				if n.places != nil && !n.taken() {
					return false
				}
			}
			return true
		},
	} {
		for of, program := range programsOfALimit {
			t.Run(name+", "+of, func(t *testing.T) { refute(t, 2, "L1", program(confirmed(confirm))) })
		}
	}
}
