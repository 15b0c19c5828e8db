//go:build explore

package task

import (
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// closing is a loop that looks whether it has come to its end while somebody starts a
// task from outside.
func closing(done func(*loop) bool) func(*explore.X) {
	return func(x *explore.X) {
		var l loop
		var ended, admitted bool
		x.Go("loop", func() { ended = done(&l) })
		x.Go("starter", func() { admitted = l.Admit(1) })
		x.Final(func() { x.Assert(ended != admitted, "ended: %v, admitted: %v", ended, admitted) })
	}
}

func TestExploreRunEnd(t *testing.T) {
	explore.Check(t, explore.Options{}, closing((*loop).done))
}

func TestExploreRunEndControls(t *testing.T) {
	t.Run("the loop looks, and ends then", func(t *testing.T) {
		explore.Refute(t, explore.Options{}, closing(func(l *loop) bool {
			count := &l.runner.Count
			if count.Finished != count.Spawned+uint64(l.admitted.Load()) {
				return false
			}
			l.admitted.Store(over)
			return true
		}))
	})
}
