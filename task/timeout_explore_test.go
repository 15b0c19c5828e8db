//go:build explore

package task

import (
	"context"
	"testing"
	"time"

	"github.com/heist-go/heist/internal/explore"
)

// relocated is the timeout of a group whose first member is of another runtime than who has set
// it, on the same clock, which is moved meanwhile: the moment stays.
func relocated(move func(*timeout, *Runtime)) func(*explore.X) {
	return func(x *explore.X) {
		clock := NewClock(time.Unix(0, 0))
		var from, to Runtime
		for _, rt := range []*Runtime{&from, &to} {
			SetClock(rt, clock)
			Open(context.Background(), rt, nil, new(Runner))
		}
		b := &timeout{rt: &from, at: from.After(time.Second)}
		at := b.at
		x.Go("group", func() { move(b, &to) })
		x.Go("mover", func() { clock.Advance(time.Second) })
		x.Final(func() {
			x.Assert(b.rt == &to, "it is where it was")
			x.Assert(b.at == at, "the time is up at %d, and it was %d", b.at, at)
		})
	}
}

func TestExploreTimeoutMoves(t *testing.T) {
	explore.Check(t, explore.Options{}, relocated((*timeout).move))
}

// A control: it counts what is left, from now on.
func TestExploreTimeoutMovesControl(t *testing.T) {
	explore.Refute(t, explore.Options{}, relocated(func(b *timeout, rt *Runtime) {
		left := b.left()
		b.rt, b.at = rt, Later(rt.Nanos(), left)
	}))
}
