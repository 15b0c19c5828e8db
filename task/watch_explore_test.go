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

// accusation is a monitor that probes while the first of two polls goes on, and then
// asks for the name. If it gets one, it is the first's; and it does if it has asked in time,
// as soon as no answer is owed.
func accusation(accuse func(*Runner) bool, answer func(*Runner, *Frame)) func(*explore.X) {
	return func(x *explore.X) {
		r := new(Runner)
		first, second := &named{name: "first"}, &named{name: "second"}
		first.self, second.self = first, second
		r.Probe()
		x.Go("guard", func() {
			inTime := accuse(r)
			over := !r.ProbePending()
			name := r.TakeName()
			x.Assert(name != "" || !inTime || !over, "accused: nobody")
			if name != "" {
				x.Assert(name == "first", "accused: %s", name)
				x.Assert(r.TakeName() == "", "accused twice")
			}
		})
		x.Go("worker", func() {
			for _, f := range []*named{first, second} {
				if r.ProbePending() {
					answer(r, &f.Frame)
				}
			}
		})
		x.Final(func() {
			name := r.TakeName()
			x.Assert(name != "second", "accused: %s", name)
			x.Assert(!r.ProbePending(), "the worker owes an answer")
		})
	}
}

func TestExploreWatch(t *testing.T) {
	explore.Check(t, explore.Options{}, accusation((*Runner).RequestName, (*Runner).answer))
}

func TestExploreWatchControls(t *testing.T) {
	for name, broken := range map[string]struct {
		accuse func(*Runner) bool
		answer func(*Runner, *Frame)
	}{
		"accuse whoever comes": {func(r *Runner) bool { r.watch.probe.Store(nameAsked); return true }, (*Runner).answer},
		"answer, and then say the name": {(*Runner).RequestName, func(r *Runner, f *Frame) {
			if r.watch.probe.Swap(noProbe) == nameAsked {
				name := Name(f.self)
				r.watch.name.Store(&name)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) { explore.Refute(t, explore.Options{}, accusation(broken.accuse, broken.answer)) })
	}
}
