//go:build explore

package task

import (
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// named says who it is.
type named struct {
	Frame
	name string
}

func (*named) Poll(*Cx) error     { return nil }
func (n *named) TaskName() string { return n.name }

// accusation is a guard that asks while the first of two polls goes on, and then
// asks for the name. If it gets one, it is the first's.
func accusation(accuse func(*Runner)) func(*explore.X) {
	return func(x *explore.X) {
		r := new(Runner)
		first, second := &named{name: "first"}, &named{name: "second"}
		first.self, second.self = first, second
		r.Ask()
		x.Go("guard", func() {
			accuse(r)
			if name := r.Culprit(); name != "" {
				x.Assert(name == "first", "accused: %s", name)
				x.Assert(r.Culprit() == "", "accused twice")
			}
		})
		x.Go("worker", func() {
			for _, f := range []*named{first, second} {
				if r.Owes() {
					r.answer(&f.Frame)
				}
			}
		})
		x.Final(func() {
			name := r.Culprit()
			x.Assert(name != "second", "accused: %s", name)
			x.Assert(!r.Owes(), "the worker owes an answer")
		})
	}
}

func TestExploreWatch(t *testing.T) {
	explore.Check(t, explore.Options{}, accusation((*Runner).Accuse))
}

func TestExploreWatchControl(t *testing.T) {
	explore.Refute(t, explore.Options{}, accusation(func(r *Runner) { r.watch.question.Store(which) }))
}
