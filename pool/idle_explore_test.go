//go:build explore

package pool

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/explore"
)

// inAReadersHand: a reader takes a frame out of an inbox and puts it back, twice, while somebody asks whether the pool is
// idle. It never is.
func inAReadersHand(during func(*looks, func()), without func(*looks, func() bool) bool) func(*explore.X) {
	return func(x *explore.X) {
		var l looks
		var inbox atomicx.Int64
		inbox.Store(1)
		x.Go("reader", func() {
			for range 2 {
				during(&l, func() {
					inbox.Store(0)
					inbox.Store(1)
				})
			}
		})
		x.Go("asks", func() {
			x.Assert(!without(&l, func() bool { return inbox.Load() == 0 }), "a pool with a frame is idle")
		})
	}
}

func TestExploreIdle(t *testing.T) {
	explore.Check(t, explore.Options{Preemptions: 3}, inAReadersHand((*looks).during, (*looks).without))
}

func TestRefuteIdle(t *testing.T) {
	for name, c := range map[string]struct {
		during  func(*looks, func())
		without func(*looks, func() bool) bool
	}{
		"nobody looks whether somebody looks": {(*looks).during, func(_ *looks, holds func() bool) bool { return holds() }},
		"only before": {(*looks).during, func(l *looks, holds func() bool) bool {
			ended := l.ended.Load()
			return l.begun.Load() == ended && holds()
		}},
		"only behind": {(*looks).during, func(l *looks, holds func() bool) bool {
			begun := l.begun.Load()
			return holds() && l.begun.Load() == begun
		}},
		"the look is counted when it is over": {func(l *looks, look func()) {
			look()
			l.begun.Add(1)
			l.ended.Add(1)
		}, (*looks).without},
	} {
		t.Run(name, func(t *testing.T) {
			f := explore.Refute(t, explore.Options{Preemptions: 3}, inAReadersHand(c.during, c.without))
			require.Contains(t, f.Reason, "a pool with a frame is idle")
		})
	}
}
