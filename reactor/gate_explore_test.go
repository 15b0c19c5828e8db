//go:build explore

package reactor

import (
	"testing"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/explore"
)

// latches is how a gate is used: the real methods, or copies with one line wrong.
type latches struct {
	tryLock func(*gate) bool
	wait    func(*gate, waiter) bool
	unlock  func(*gate)
}

var soundLatches = latches{(*gate).tryLock, (*gate).wait, (*gate).unlock}

// visits is some who use a gate, some times each. Two at a time are found as a data race, and one that
// is not notified as a deadlock.
func (y latches) visits(users, times int) func(*explore.X) {
	return func(x *explore.X) {
		var g gate
		var uses atomicx.Plain[int]
		for range users {
			var notified explore.Bool
			w := waiter{hook: &hooked{func() { notified.Store(true) }}}
			x.Go("user", func() {
				for range times {
					for !y.tryLock(&g) {
						if y.wait(&g, w) {
							explore.Wait(&notified, notified.Peek)
							notified.Store(false)
						}
					}
					uses.Set(uses.Get() + 1)
					y.unlock(&g)
				}
			})
		}
		x.Final(func() {
			x.Assert(uses.Get() == users*times, "%d uses", uses.Get())
			x.Assert(g.word.Load() == unlocked, "it is still locked")
		})
	}
}

func TestExploreGate(t *testing.T) {
	explore.Check(t, explore.Options{Preemptions: 4}, soundLatches.visits(2, 1))
	explore.Check(t, explore.Options{Preemptions: 3}, soundLatches.visits(2, 2))
	explore.Check(t, explore.Options{Preemptions: 2}, soundLatches.visits(3, 1))
	explore.Check(t, explore.Options{Random: 10_000, Seed: 1}, soundLatches.visits(3, 3))
}

func TestExploreGateControls(t *testing.T) {
	rude, blind, deaf := soundLatches, soundLatches, soundLatches
	rude.tryLock = func(g *gate) bool {
		free := g.word.Load() == unlocked
		if free {
			g.word.Store(locked)
		}
		return free
	}
	blind.wait = func(g *gate, w waiter) bool {
		waits := g.word.Load() == locked
		b := g.open()
		b.mu.Lock()
		b.list = append(b.list, w)
		b.mu.Unlock()
		return waits
	}
	deaf.unlock = func(g *gate) {
		var list []waiter
		if b := g.waiters.Load(); b != nil {
			b.mu.Lock()
			list, b.list = b.list, nil
			b.mu.Unlock()
		}
		g.word.Store(unlocked)
		for i := range list {
			list[i].notify()
		}
	}
	for name, code := range map[string]latches{
		"who locks looks, and stores":          rude,
		"who waits looks, and lists itself":    blind,
		"who unlocks looks at the list, first": deaf,
	} {
		t.Run(name, func(t *testing.T) {
			explore.Refute(t, explore.Options{Preemptions: 3}, code.visits(2, 1))
		})
	}
}
