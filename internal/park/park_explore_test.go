//go:build explore

package park_test

import (
	"testing"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/internal/park"
)

// parker is park.Parker or a broken variant of it.
type parker interface {
	Park()
	ParkUntil(deadline int64) bool
	Unpark()
}

func newParker() parker { return new(park.Parker) }

// someday is any deadline: under exploration it may pass at every moment.
const someday = 1

// The models. Each takes a constructor, so that broken variants run in the same.

// passOn: what a thread writes before Unpark is visible after Park. There and
// back, twice.
func passOn(fresh func() parker) func(*explore.X) {
	return func(x *explore.X) {
		ping, pong := fresh(), fresh()
		var balls atomicx.Plain[int]
		x.Go("ping", func() {
			for range 2 {
				balls.Set(balls.Get() + 1)
				ping.Unpark()
				pong.Park()
			}
		})
		x.Go("pong", func() {
			for range 2 {
				ping.Park()
				balls.Set(balls.Get() + 1)
				pong.Unpark()
			}
		})
		x.Final(func() {
			x.Assert(balls.Get() == 4, "%d hand-overs of 4", balls.Get())
			x.Assert(!ping.ParkUntil(0) && !pong.ParkUntil(0), "a token is left over")
		})
	}
}

// twoUnparkers: a thread waits in an event loop for two others. Their tokens may
// melt into one; what they wrote is visible all the same.
func twoUnparkers(fresh func() parker) func(*explore.X) {
	return func(x *explore.X) {
		p := fresh()
		var ready [2]atomicx.Bool
		var plain [2]atomicx.Plain[int]
		for i, name := range []string{"first", "second"} {
			x.Go(name, func() {
				plain[i].Set(1)
				ready[i].Store(true)
				p.Unpark()
			})
		}
		x.Go("sleeper", func() {
			for !ready[0].Load() || !ready[1].Load() {
				p.Park()
			}
			x.Assert(plain[0].Get()+plain[1].Get() == 2, "not both")
		})
	}
}

// melt: of two tokens that melt into one, both publish.
func melt(fresh func() parker) func(*explore.X) {
	return func(x *explore.X) {
		p := fresh()
		var plain atomicx.Plain[int]
		published := false // untraced: it changes in the same step as the word
		x.Go("first", func() { p.Unpark() })
		x.Go("second", func() {
			plain.Set(1)
			p.Unpark()
			published = true
		})
		x.Go("sleeper", func() {
			p.Park()
			if published {
				plain.Get() // a data race, unless the second Unpark is visible
			}
		})
	}
}

// timedOut: a token that races a timeout is taken now or later, once.
func timedOut(fresh func() parker) func(*explore.X) {
	return func(x *explore.X) {
		p := fresh()
		var plain atomicx.Plain[int]
		taken := 0
		x.Go("sleeper", func() {
			for range 2 {
				if p.ParkUntil(someday) {
					taken++
					plain.Get()
				}
			}
		})
		x.Go("unparker", func() {
			plain.Set(1)
			p.Unpark()
		})
		x.Final(func() {
			if p.ParkUntil(0) {
				taken++
			}
			x.Assert(taken == 1, "one token was taken %d times", taken)
		})
	}
}

func TestExplorePassOn(t *testing.T) {
	explore.Check(t, explore.Options{}, passOn(newParker))
}

func TestExploreTwoUnparkers(t *testing.T) {
	explore.Check(t, explore.Options{}, twoUnparkers(newParker))
}

func TestExploreMelt(t *testing.T) {
	explore.Check(t, explore.Options{}, melt(newParker))
}

func TestExploreTimedOut(t *testing.T) {
	explore.Check(t, explore.Options{}, timedOut(newParker))
}

// TestExploreLatePark: a park that timed out leaves nothing behind that the next
// one stumbles over, not even a wake-up that comes late.
func TestExploreLatePark(t *testing.T) {
	explore.Check(t, explore.Options{}, func(x *explore.X) {
		var p park.Parker
		var plain atomicx.Plain[int]
		x.Go("sleeper", func() {
			if !p.ParkUntil(someday) {
				p.Park()
			}
			plain.Get()
		})
		x.Go("unparker", func() {
			plain.Set(1)
			p.Unpark()
		})
	})
}

// locker is park.Mutex or a broken variant of it.
type locker interface {
	Lock()
	Unlock()
}

// exclude: threads count in a plain variable under the lock, each so many times.
func exclude(fresh func() locker, rounds ...int) func(*explore.X) {
	return func(x *explore.X) {
		m := fresh()
		var count atomicx.Plain[int]
		total := 0
		for i, n := range rounds {
			total += n
			x.Go(string(rune('a'+i)), func() {
				for range n {
					m.Lock()
					count.Set(count.Get() + 1)
					m.Unlock()
				}
			})
		}
		x.Final(func() { x.Assert(count.Get() == total, "counted %d, want %d", count.Get(), total) })
	}
}

func newMutex() locker { return new(park.Mutex) }

func TestExploreMutex(t *testing.T) {
	explore.Check(t, explore.Options{}, exclude(newMutex, 2, 2))
}

func TestExploreMutexThree(t *testing.T) {
	o := explore.Options{}
	if testing.Short() {
		o.Preemptions = 2
	}
	explore.Check(t, o, exclude(newMutex, 1, 1, 1))
}

func TestExploreTryLock(t *testing.T) {
	explore.Check(t, explore.Options{}, func(x *explore.X) {
		var m park.Mutex
		var count atomicx.Plain[int]
		tried := 0
		x.Go("lock", func() {
			for range 2 {
				m.Lock()
				count.Set(count.Get() + 1)
				m.Unlock()
			}
		})
		x.Go("try", func() {
			for range 2 {
				if m.TryLock() {
					tried++
					count.Set(count.Get() + 1)
					m.Unlock()
				}
			}
		})
		x.Final(func() {
			x.Assert(count.Get() == 2+tried, "counted %d, want %d", count.Get(), 2+tried)
			x.Assert(m.TryLock(), "the lock is still held")
		})
	})
}

// The negative controls: each is Parker or Mutex with one mistake, which the
// explorer must find.

const (
	empty, token, parked        = 0, 1, 2
	unlocked, locked, contended = 0, 1, 2
)

// sound is a Parker, written out once more so that variants can replace one of
// its methods. It uses CompareAndSwap where the original subtracts.
type sound struct{ park.Futex }

func (p *sound) arrive() bool {
	return !p.Word().CompareAndSwap(empty, parked) && p.take()
}

func (p *sound) take() bool { return p.Word().CompareAndSwap(token, empty) }

func (p *sound) Park() {
	if p.arrive() {
		return
	}
	for !p.take() {
		p.Wait(parked)
	}
}

func (p *sound) ParkUntil(deadline int64) bool {
	if p.arrive() {
		return true
	}
	for p.WaitUntil(parked, deadline) {
		if p.take() {
			return true
		}
	}
	return p.Word().Swap(empty) == token
}

func (p *sound) Unpark() {
	if p.Word().Swap(token) == parked {
		p.Signal()
	}
}

// overwrites looks for a token first and announces its sleep second.
type overwrites struct{ sound }

func (p *overwrites) Park() {
	if p.take() {
		return
	}
	p.Word().Store(parked)
	for !p.take() {
		p.Wait(parked)
	}
}

// wakesFirst wakes before it leaves the token.
type wakesFirst struct{ sound }

func (p *wakesFirst) Unpark() {
	if p.Word().Load() == parked {
		p.Signal()
	}
	p.Word().Swap(token)
}

// trusts takes every wake-up for a token.
type trusts struct{ sound }

func (p *trusts) Park() {
	if !p.arrive() {
		p.Wait(parked)
		p.Word().Store(empty)
	}
}

// forgets drops a token that came with the timeout.
type forgets struct{ sound }

func (p *forgets) ParkUntil(deadline int64) bool {
	if p.arrive() {
		return true
	}
	for p.WaitUntil(parked, deadline) {
		if p.take() {
			return true
		}
	}
	p.Word().Store(empty)
	return false
}

// spares leaves a token alone that is already there.
type spares struct{ sound }

func (p *spares) Unpark() {
	if p.Word().Load() != token {
		p.sound.Unpark()
	}
}

func TestSound(t *testing.T) {
	fresh := func() parker { return new(sound) }
	for name, model := range map[string]func(func() parker) func(*explore.X){
		"passOn": passOn, "twoUnparkers": twoUnparkers, "melt": melt, "timedOut": timedOut,
	} {
		t.Run(name, func(t *testing.T) { explore.Check(t, explore.Options{}, model(fresh)) })
	}
}

func TestRefuteOverwritten(t *testing.T) {
	explore.Refute(t, explore.Options{}, passOn(func() parker { return new(overwrites) }))
}

func TestRefuteWakeFirst(t *testing.T) {
	explore.Refute(t, explore.Options{}, passOn(func() parker { return new(wakesFirst) }))
}

func TestRefuteTrustedWake(t *testing.T) {
	explore.Refute(t, explore.Options{}, passOn(func() parker { return new(trusts) }))
}

func TestRefuteForgottenToken(t *testing.T) {
	explore.Refute(t, explore.Options{}, timedOut(func() parker { return new(forgets) }))
}

func TestRefuteSparedToken(t *testing.T) {
	explore.Refute(t, explore.Options{}, melt(func() parker { return new(spares) }))
}

// silent unlocks without waking.
type silent struct{ park.Futex }

func (m *silent) Lock() {
	if !m.Word().CompareAndSwap(unlocked, locked) {
		for m.Word().Swap(contended) != unlocked {
			m.Wait(contended)
		}
	}
}

func (m *silent) Unlock() { m.Word().Store(unlocked) }

// modest takes the lock as its only user after a sleep, although others may
// sleep.
type modest struct{ park.Futex }

func (m *modest) Lock() {
	for !m.Word().CompareAndSwap(unlocked, locked) {
		if m.Word().Load() == contended || m.Word().CompareAndSwap(locked, contended) {
			m.Wait(contended)
		}
	}
}

func (m *modest) Unlock() {
	if m.Word().Swap(unlocked) == contended {
		m.Signal()
	}
}

// hasty looks first and takes the lock second.
type hasty struct{ modest }

func (m *hasty) Lock() {
	for m.Word().Load() != unlocked {
		m.Word().Store(contended)
		m.Wait(contended)
	}
	m.Word().Store(locked)
}

func TestRefuteSilentUnlock(t *testing.T) {
	explore.Refute(t, explore.Options{}, exclude(func() locker { return new(silent) }, 1, 1))
}

func TestRefuteModestLock(t *testing.T) {
	explore.Refute(t, explore.Options{}, exclude(func() locker { return new(modest) }, 1, 1, 1))
}

func TestRefuteHastyLock(t *testing.T) {
	explore.Refute(t, explore.Options{}, exclude(func() locker { return new(hasty) }, 1, 1))
}
