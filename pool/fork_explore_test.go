//go:build explore

package pool

import (
	"testing"

	"github.com/heist-go/heist/deque"
	"github.com/heist-go/heist/internal/explore"
)

// craft is how a branch is computed, awaited and offered: as in the pool, or with a mistake.
type craft struct {
	compute func(x *seat, b *branch)
	await   func(x *seat, b *branch)
	rest    func(w *worker)
	poke    func(x *seat)
}

var soundCraft = craft{
	compute: (*seat).compute,
	await:   (*seat).await,
	rest:    (*worker).rest,
	poke:    (*seat).poke,
}

func (y craft) with(change func(*craft)) craft {
	change(&y)
	return y
}

// workshop is a pool whose workers have no threads, with all of them taken for busy, unless
// idle: then nothing but a poke is a reason to offer something, whatever the clock says.
func workshop(x *explore.X, workers int, busy bool) *Pool {
	patient = 1
	p, err := New(Config{Workers: workers, Procs: -1, StallLimit: -1})
	x.Assert(err == nil, "%v", err)
	p.start = func(*worker) {}
	if busy {
		p.computing.Store(100)
	}
	return p
}

// count is a computation of 2^n leaves.
type count struct{}

func (c *count) run(f Fork[int, int], n int) int {
	f.s.young = false // so that nothing depends on the clock
	if n == 0 {
		return 1
	}
	x := c.run(f.Put(n-1), n-1)
	if f.Kept() {
		return x + c.run(f, n-1)
	}
	return x + f.Take(n-1)
}

// joins is an owner whose only record is offered when a thief has poked it, and perhaps
// stolen; the branch has a fork itself, that the owner may help with.
func joins(y craft, n int) func(*explore.X) {
	return func(x *explore.X) {
		p := workshop(x, 2, true)
		owner, thief := p.seats[0], p.seats[1]
		c := &count{}
		x.Go("owner", func() {
			s := open(owner, c.run)
			s.young = false
			f := Fork[int, int]{s, 0}
			if f.Put(n); !s.within(1) {
				s.trip(1, 0)
			}
			got := 0
			if f.Kept() {
				got = c.run(f, n)
			} else if b := s.reclaim(0); b != nil {
				y.await(owner, &b.branch)
				got = b.r
			} else {
				got = c.run(f, n)
			}
			x.Assert(got == 1<<n, "%d leaves instead of %d", got, 1<<n)
			s.close()
			x.Assert(owner.deque.Len() == 0 && owner.current.Load() == nil, "something is left")
		})
		x.Go("thief", func() {
			y.poke(owner)
			for range 2 {
				if b, _ := owner.deque.Steal(); b != nil {
					y.compute(thief, b)
					return
				}
			}
		})
	}
}

// computeBy is compute without panics, with another end.
func computeBy(end func(*branch)) func(x *seat, b *branch) {
	return func(x *seat, b *branch) {
		x.running = b
		b.thief.Store(x)
		b.body.run(x)
		x.running = nil
		end(b)
	}
}

// awaitBy is await in parts.
func awaitBy(lull func(*branch) bool, again func(x, thief *seat) bool, help func(x *seat, b *branch, thief *seat) bool) func(x *seat, b *branch) {
	return func(x *seat, b *branch) {
		for !b.isOver() {
			y := b.thief.Load()
			if y != nil {
				if help(x, b, y) {
					continue
				}
				y.poke()
			}
			if !lull(b) {
				return
			}
			if y == nil || !again(x, y) {
				x.parker.Park()
			}
			b.state.CompareAndSwap(awaited, pending)
		}
	}
}

func busyAgain(_, thief *seat) bool { return thief.deque.Len() > 0 }

func TestExploreJoin(t *testing.T) {
	explore.Check(t, explore.Options{Preemptions: 3}, joins(soundCraft, 0))
	explore.Check(t, explore.Options{Preemptions: 2}, joins(soundCraft, 1))
	explore.Check(t, explore.Options{Random: 20_000, Seed: 1}, joins(soundCraft, 2))
	copied := soundCraft.with(func(y *craft) {
		y.compute = computeBy((*branch).end)
		y.await = awaitBy((*branch).lull, busyAgain, (*seat).help)
	})
	explore.Check(t, explore.Options{Preemptions: 2}, joins(copied, 1))
}

func TestExploreJoinControls(t *testing.T) {
	for name, y := range map[string]craft{
		"the end looks for a waiter before it says that it is over": soundCraft.with(func(y *craft) {
			y.compute = computeBy(func(b *branch) {
				waits := b.state.Load() == awaited
				b.state.Store(over)
				if waits {
					b.owner.parker.Unpark()
				}
			})
		}),
		"the end does not look for a waiter": soundCraft.with(func(y *craft) {
			y.compute = computeBy(func(b *branch) { b.state.Store(over) })
		}),
		"the joiner parks without saying so": soundCraft.with(func(y *craft) {
			y.await = awaitBy(func(b *branch) bool { return !b.isOver() }, busyAgain, (*seat).help)
		}),
		"the joiner says with a Store that it parks": soundCraft.with(func(y *craft) {
			y.await = awaitBy(func(b *branch) bool {
				if b.isOver() {
					return false
				}
				b.state.Store(awaited)
				return true
			}, busyAgain, (*seat).help)
		}),
		"the result is published before it is there": soundCraft.with(func(y *craft) {
			y.compute = func(x *seat, b *branch) {
				b.thief.Store(x)
				b.end()
				b.body.run(x)
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			explore.Refute(t, explore.Options{Random: 50_000, Seed: 1}, joins(y, 1))
		})
	}
}

// sleepers is an owner in a long computation, which it leaves only when a worker has taken
// a part, and a worker that goes to sleep meanwhile. Who sleeps on beside it is found as a
// deadlock.
func sleepers(y craft) func(*explore.X) {
	return func(x *explore.X) {
		p := workshop(x, 1, false)
		w, owner := p.workers[0], p.seats[1]
		p.config.Workers = 2 // the owner counts, too
		w.started.Store(true)
		p.parking.leave(0)
		c := &count{}
		var taken explore.Bool
		x.Go("owner", func() {
			p.begun()
			s := open(owner, c.run)
			f := Fork[int, int]{s, 0}
			f.Put(0)
			s.began = 1 // long ago
			outside := func() bool {
				w := s.window.Peek()
				return 1-uint32(w) >= uint32(w>>32)
			}
			for !taken.Load() { // joins, one after the other
				if !s.within(1) {
					s.trip(1, 0)
				}
				// If it is on offer there is nothing to do at a join.
				explore.Wait(&s.window, func() bool { return outside() && s.oldest == 0 || taken.Peek() })
			}
			x.Assert(f.Take(0) == 1, "wrong result")
			s.close()
			p.ceased()
		})
		x.Go("worker", func() {
			w.tick = 1
			for {
				if b := w.loot(); b != nil {
					taken.Store(true)
					p.begun()
					w.seat.compute(b)
					return
				}
				w.beg() // as in assist
				y.rest(w)
			}
		})
	}
}

// restBy is rest, as far as computations are concerned.
func restBy(idle func(w *worker) bool, look func(w *worker) bool) func(w *worker) {
	return func(w *worker) {
		p := w.pool
		if idle(w) && look(w) {
			p.parking.rouse(w.id)
			w.searching = true
			return
		}
		w.park()
		w.searching = p.parking.leave(w.id)
	}
}

func begAfter(w *worker) bool {
	look := w.pool.parking.idle(w.id, w.searching)
	w.beg()
	return look
}

func anyBranch(w *worker) bool { return w.pool.anyBranch() }

func TestExploreSleepers(t *testing.T) {
	explore.Check(t, explore.Options{Random: 20_000, Seed: 1}, sleepers(soundCraft))
	copied := soundCraft.with(func(y *craft) { y.rest = restBy(begAfter, anyBranch) })
	explore.Check(t, explore.Options{Random: 20_000, Seed: 1}, sleepers(copied))
}

func TestExploreSleepersControls(t *testing.T) {
	for name, y := range map[string]craft{
		"the worker does not ask": soundCraft.with(func(y *craft) {
			y.rest = restBy(func(w *worker) bool { return w.pool.parking.idle(w.id, w.searching) }, anyBranch)
		}),
		"the worker asks before it is idle": soundCraft.with(func(y *craft) {
			y.rest = restBy(func(w *worker) bool {
				w.beg()
				return w.pool.parking.idle(w.id, w.searching)
			}, anyBranch)
		}),
		"the worker does not look again": soundCraft.with(func(y *craft) {
			y.rest = restBy(begAfter, func(*worker) bool { return false })
		}),
	} {
		t.Run(name, func(t *testing.T) {
			explore.Refute(t, explore.Options{Random: 50_000, Seed: 1}, sleepers(y))
		})
	}
}

// locked is an owner that holds a lock across a join, while elsewhere there is a part that
// wants the lock. Who waits for itself is found as a deadlock.
func locked(y craft) func(*explore.X) {
	return func(x *explore.X) {
		p := workshop(x, 3, true)
		owner, thief, other := p.seats[0], p.seats[1], p.seats[2]
		var lock explore.Bool
		acquire := func() {
			for !lock.CompareAndSwap(false, true) {
				explore.Wait(&lock, func() bool { return !lock.Peek() })
			}
		}
		wants := func(Fork[int, int], int) int {
			acquire()
			lock.Store(false)
			return 1
		}
		c := &count{}
		stranger := &offer[int, int]{fn: wants}
		stranger.owner, stranger.body = other, stranger
		other.deque.Push(&stranger.branch)
		b := &offer[int, int]{fn: c.run, a: 1}
		b.owner, b.body = owner, b
		x.Go("owner", func() {
			acquire()
			y.await(owner, &b.branch)
			lock.Store(false)
		})
		x.Go("thief", func() {
			thief.compute(&b.branch)
			if b, r := other.deque.Steal(); r == deque.Stolen {
				thief.compute(b)
			}
		})
	}
}

func TestExploreLocked(t *testing.T) {
	explore.Check(t, explore.Options{Preemptions: 2}, locked(soundCraft))
}

// Who helps with anything while it waits deadlocks.
func TestExploreLockedControl(t *testing.T) {
	anything := soundCraft.with(func(y *craft) {
		y.await = awaitBy((*branch).lull, busyAgain, func(x *seat, b *branch, thief *seat) bool {
			for _, z := range x.pool.seats[:3] {
				if c, r := z.deque.Steal(); r == deque.Stolen {
					x.compute(c)
					return true
				}
			}
			return false
		})
	})
	explore.Refute(t, explore.Options{Random: 50_000, Seed: 1}, locked(anything))
}
