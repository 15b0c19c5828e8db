//go:build explore

package pool

import (
	"testing"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/internal/park"
)

// relay is how a worker sleeps in the poll and how it is woken: as in the pool, or
// with a mistake.
type relay struct {
	take      func(b *baton, who int64) bool
	sleep     func(b *baton, p *park.Parker, poll func())
	interrupt func(b *baton, who int64, p *park.Parker, wake func()) // with the token
}

var soundRelay = relay{take: (*baton).take, sleep: (*baton).sleep, interrupt: func(b *baton, who int64, p *park.Parker, wake func()) {
	p.Unpark()
	b.interrupt(who, wake)
}}

// runners is some workers that go to sleep with one poll between them, while each is
// woken once and, if there is to be an event, one that polls comes back by itself. Who
// sleeps on is found as a deadlock, and two in the poll as a data race.
func runners(y relay, workers int, event bool) func(*explore.X) {
	return func(x *explore.X) {
		var (
			inside  atomicx.Plain[int] // what the poll writes
			woken   explore.Bool       // the kernel's: a poll returns
			parkers = make([]park.Parker, workers)
			roused  = make([]explore.Bool, workers) // the worker's bit, which decides
		)
		b := &baton{}
		poll := func() {
			inside.Set(inside.Get() + 1)
			explore.Wait(&woken, woken.Peek)
			woken.Store(false)
			inside.Set(inside.Get() + 1)
		}
		for i := range workers {
			who := int64(1 + i)
			x.Go("worker", func() {
				for !roused[i].Load() {
					if y.take(b, who) {
						y.sleep(b, &parkers[i], poll)
					} else {
						parkers[i].Park()
					}
				}
			})
			x.Go("submitter", func() {
				roused[i].Store(true)
				y.interrupt(b, who, &parkers[i], func() { woken.Store(true) })
			})
		}
		if event {
			x.Go("peer", func() { woken.Store(true) })
		}
	}
}

func TestExploreBaton(t *testing.T) {
	explore.Check(t, explore.Options{}, runners(soundRelay, 1, false))
	explore.Check(t, explore.Options{Preemptions: 3}, runners(soundRelay, 1, true))
	explore.Check(t, explore.Options{Preemptions: 2}, runners(soundRelay, 2, false))
	explore.Check(t, explore.Options{Random: 20_000, Seed: 1}, runners(soundRelay, 2, true))
}

func TestExploreBatonControls(t *testing.T) {
	looksFirst, rousesFirst, unlocked := soundRelay, soundRelay, soundRelay
	looksFirst.sleep = func(b *baton, p *park.Parker, poll func()) {
		who := b.holder.Load()
		b.give()
		token := p.ParkUntil(0)
		if !b.take(who) || token {
			return
		}
		poll()
		b.give()
		p.ParkUntil(0)
	}
	rousesFirst.interrupt = func(b *baton, who int64, p *park.Parker, wake func()) {
		b.interrupt(who, wake)
		p.Unpark()
	}
	unlocked.take = func(b *baton, who int64) bool {
		if b.holder.Load() != 0 {
			return false
		}
		b.holder.Store(who)
		return true
	}
	for name, y := range map[string]relay{
		"the worker looks for a token before it takes the baton":    looksFirst,
		"the submitter looks at the baton before it leaves a token": rousesFirst,
		"the baton is taken with a Store":                           unlocked,
	} {
		t.Run(name, func(t *testing.T) {
			explore.Refute(t, explore.Options{Random: 20_000, Seed: 1}, runners(y, 2, false))
		})
	}
}
