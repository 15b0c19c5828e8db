//go:build explore

package lock

import (
	"errors"
	"testing"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
)

var (
	exhaustive = explore.Options{}
	errStop    = errors.New("stop")
)

// bounded is for what cannot be enumerated: schedules with at most so many
// preemptions, one less with -short.
func bounded(preemptions int) explore.Options {
	if testing.Short() {
		preemptions--
	}
	return explore.Options{Preemptions: max(preemptions, 1)}
}

// unused fails the execution unless nothing is taken and nobody waits.
func (p *permits) unused(x *explore.X) {
	w := p.word.Peek()
	x.Assert(w&^closed == 0, "the word is %b when all is given back", w)
	x.Assert(p.queue.Empty(), "somebody is still in line")
}

// section is what a lock guards. It notices two at a time, also by a data race: being
// outside is not enough, the lock has to order who was there.
type section struct {
	x      *explore.X
	inside explore.Plain[int]
	passed explore.Plain[int]
}

func (s *section) enter() {
	s.x.Assert(s.inside.Get() == 0, "two at a time")
	s.inside.Set(1)
}

func (s *section) leave() {
	s.inside.Set(0)
	s.passed.Set(s.passed.Get() + 1)
}

// visitor is a task that takes a lock, has it across a suspension if that is so, and gives
// it back.
func (s *section) visitor(name string, across bool, lock func(*task.Cx) error, unlock func(*task.Cx)) *rig.Task {
	has := false
	return rig.Named(name, func(cx *task.Cx) error {
		if !has {
			if err := lock(cx); err != nil {
				return err
			}
			has = true
			s.enter()
			if across {
				return cx.Yield()
			}
		}
		s.leave()
		unlock(cx)
		return nil
	})
}

// ways are the parts of a lock that a control may replace.
type ways struct {
	lock   func(*Mutex, *task.Cx) error
	unlock func(*Mutex, *task.Cx)
}

var sound = ways{(*Mutex).Lock, (*Mutex).Unlock}

// handOff: two tasks take a lock in turn, and a third thread that only tries.
func handOff(w ways, across, tries bool) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 2)
		var m Mutex
		s := section{x: x}
		lock := func(cx *task.Cx) error { return w.lock(&m, cx) }
		unlock := func(cx *task.Cx) { w.unlock(&m, cx) }
		r.StartOn(0, s.visitor("a", across, lock, unlock))
		r.StartOn(1, s.visitor("b", across, lock, unlock))
		want := 2
		if tries {
			x.Go("tries", func() {
				if m.TryLock() {
					want++
					s.enter()
					s.leave()
					unlock(nil)
				}
			})
		}
		x.Final(func() {
			r.Settled()
			m.p.unused(x)
			x.Assert(s.passed.Get() == want, "%d have had the lock, not %d", s.passed.Get(), want)
		})
	}
}

func TestExploreMutex(t *testing.T) {
	explore.Check(t, exhaustive, handOff(sound, false, false))
	explore.Check(t, bounded(3), handOff(sound, true, false))
	explore.Check(t, bounded(2), handOff(sound, true, true))
}

// Controls: parts of Unlock and Lock that leave something out.
func TestRefuteMutexes(t *testing.T) {
	t.Run("Unlock without a look whether somebody waits", func(t *testing.T) {
		w := sound
		w.unlock = func(m *Mutex, _ *task.Cx) { m.p.word.Add(^uint64(whole*one - 1)) }
		rig.Refute(t, 2, "deadlock", handOff(w, true, false))
	})
	t.Run("Unlock that looks and writes in two steps", func(t *testing.T) {
		w := sound
		w.unlock = func(m *Mutex, cx *task.Cx) {
			if m.p.word.Load() == whole*one {
				m.p.word.Store(0)
				return
			}
			m.p.release(cx, whole)
		}
		rig.Refute(t, 2, "deadlock", handOff(w, true, false))
	})
	t.Run("Lock that looks and writes in two steps", func(t *testing.T) {
		w := sound
		w.lock = func(m *Mutex, cx *task.Cx) error {
			if m.p.word.Load() == 0 {
				m.p.word.Store(whole * one)
				return nil
			}
			return m.p.acquire(cx, whole)
		}
		rig.Refute(t, 2, "data race", handOff(w, false, false))
	})
	t.Run("Lock that waits whatever was given back meanwhile", func(t *testing.T) {
		w := sound
		w.lock = func(m *Mutex, cx *task.Cx) error { return m.p.queue.Wait(cx, &m.p.mu, hasty{&m.p}, whole) }
		rig.Refute(t, 2, "deadlock", handOff(w, true, false))
	})
}

// hasty is a policy that counts what is taken and says that the queue rules in two steps.
type hasty struct{ *permits }

func (h hasty) TryGrant(q *task.WaitQueue, n int64) task.GrantState {
	p := h.permits
	w := p.word.Load()
	if w&queued != 0 || taken(w)+n <= p.max() {
		return p.TryGrant(q, n)
	}
	p.out = taken(w)
	p.word.Store(w | queued)
	return task.Waiting
}

type acquire func(*Semaphore, *task.Cx) error

func acquireOne(s *Semaphore, cx *task.Cx) error { return s.Acquire(cx, 1) }

// fickle: the only permit comes back while one waits for it who is canceled at any moment,
// also when it is his already, and behind him one who is not.
func fickle(acquire acquire) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 1)
		s := NewSemaphore(1)
		s.TryAcquire(1)
		sec := section{x: x}
		take := func(cx *task.Cx) error { return acquire(s, cx) }
		give := func(cx *task.Cx) { s.Release(cx, 1) }
		fickle := sec.visitor("fickle", false, take, give)
		loyal := sec.visitor("loyal", true, take, give)
		r.Start(fickle, loyal)
		x.Go("holder", func() { give(nil) })
		x.Go("cancels", func() { fickle.Cancel(errStop) })
		x.Final(func() {
			r.Settled()
			s.p.unused(x)
			x.Assert(loyal.Err() == nil, "who was not canceled has got %v", loyal.Err())
			x.Assert(fickle.Err() == nil || errors.Is(fickle.Err(), errStop), "who was canceled has got %v", fickle.Err())
		})
	}
}

func TestExploreCanceledWaiter(t *testing.T) { explore.Check(t, bounded(2), fickle(acquireOne)) }

// Controls: policies that do not do all of what they are to do with what comes back.
func TestRefuteWithdrawals(t *testing.T) {
	t.Run("forgets the permit", func(t *testing.T) {
		rig.Refute(t, 2, "deadlock", fickle(withdrawing(func(p *permits, q *task.WaitQueue, n int64, _ task.GrantState) {
			p.Revoke(q, n, task.Waiting)
		}, serve)))
	})
	t.Run("does not offer it to the next", func(t *testing.T) {
		rig.Refute(t, 2, "deadlock", fickle(withdrawing((*permits).Revoke, func(*permits, *task.Cx) {})))
	})
	t.Run("takes back what was not granted", func(t *testing.T) {
		rig.Refute(t, 2, "given out fewer", fickle(withdrawing(func(p *permits, q *task.WaitQueue, n int64, _ task.GrantState) {
			p.Revoke(q, n, task.Granted)
		}, serve)))
	})
	t.Run("lets a line of nobody rule", func(t *testing.T) {
		rig.Refute(t, 2, "the word is 101", fickle(withdrawing(func(p *permits, q *task.WaitQueue, n int64, state task.GrantState) {
			if state == task.Granted {
				p.Revoke(q, n, state)
			}
		}, serve)))
	})
}

// serve offers what has come back to the next.
func serve(p *permits, cx *task.Cx) {
	p.mu.Lock()
	p.queue.Grant(cx, &p.mu, p)
}

func withdrawing(withdraw func(*permits, *task.WaitQueue, int64, task.GrantState), attend func(*permits, *task.Cx)) acquire {
	return func(s *Semaphore, cx *task.Cx) error {
		p := &s.p
		if !p.queue.Contains(cx) && p.try(1) {
			return nil
		}
		return p.queue.Wait(cx, &p.mu, &careless{p, withdraw, attend}, 1)
	}
}

// careless is a policy whose way to take back is replaced.
type careless struct {
	*permits
	withdraw func(*permits, *task.WaitQueue, int64, task.GrantState)
	attend   func(*permits, *task.Cx)
}

func (c *careless) Revoke(q *task.WaitQueue, n int64, state task.GrantState) {
	c.withdraw(c.permits, q, n, state)
}
func (c *careless) Dispatch(cx *task.Cx) { c.attend(c.permits, cx) }

// again: a task waits for one of two permits, gives it back, and lives on. Then all
// permits are there: none is kept for it, however many were free when it was polled.
func again(acquire acquire) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 1)
		s := NewSemaphore(2)
		s.TryAcquire(2)
		holders := 2
		var back explore.Uint32
		has := false
		r.Start(rig.Named("user", func(cx *task.Cx) error {
			if !has {
				if err := acquire(s, cx); err != nil {
					return err
				}
				has = true
				s.Release(cx, 1)
			}
			if int(back.Load()) < holders {
				return cx.Yield()
			}
			x.Assert(s.Available() == 2, "%d of 2 permits are available when nobody has one", s.Available())
			return nil
		}))
		for _, name := range []string{"first", "second"} {
			x.Go(name, func() {
				s.Release(nil, 1)
				back.Add(1)
			})
		}
		x.Final(func() {
			r.Settled()
			s.p.unused(x)
		})
	}
}

func TestExploreAcquireAgain(t *testing.T) { explore.Check(t, bounded(2), again(acquireOne)) }

// A control: whoever comes back tries first whether there is a permit, and so has two.
func TestRefuteAcquireThatTriesAgain(t *testing.T) {
	rig.Refute(t, 2, "1 of 2 permits", again(func(s *Semaphore, cx *task.Cx) error {
		if s.p.try(1) {
			return nil
		}
		return s.p.acquire(cx, 1)
	}))
}

// headOfLine: one asks for two permits, and one who comes later for one. While the first
// waits nobody gets the permit that is free.
func headOfLine(acquire func(*Semaphore, *task.Cx, int) error) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 1)
		s := NewSemaphore(2)
		s.TryAcquire(1)
		var order []string
		r.Start(rig.Named("both", func(cx *task.Cx) error {
			if err := acquire(s, cx, 2); err != nil {
				return err
			}
			order = append(order, "both")
			s.Release(cx, 2)
			return nil
		}), rig.Named("one", func(cx *task.Cx) error {
			if err := acquire(s, cx, 1); err != nil {
				return err
			}
			order = append(order, "one")
			s.Release(cx, 1)
			return nil
		}))
		x.Go("holder", func() { s.Release(nil, 1) })
		x.Final(func() {
			r.Settled()
			s.p.unused(x)
			x.Assert(len(order) == 2 && order[0] == "both", "served in the order %v", order)
		})
	}
}

func TestExploreHeadOfLine(t *testing.T) {
	explore.Check(t, bounded(3), headOfLine((*Semaphore).Acquire))
}

// A control: whoever finds enough takes it, whoever waits.
func TestRefuteOvertaking(t *testing.T) {
	rig.Refute(t, 1, "[one both]", headOfLine(func(s *Semaphore, cx *task.Cx, n int) error {
		p := &s.p
		if n == 1 && !p.queue.Contains(cx) {
			p.mu.Lock()
			if p.word.Load()&queued != 0 && p.out+1 <= p.max() {
				p.out++
				p.mu.Unlock()
				return nil
			}
			p.mu.Unlock()
		}
		return s.Acquire(cx, n)
	}))
}

// closes: a semaphore is closed while two wait, and perhaps a permit comes back.
func closes(closing func(*Semaphore), release bool) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 1)
		s := NewSemaphore(1)
		s.TryAcquire(1)
		sec := section{x: x}
		take := func(cx *task.Cx) error { return acquireOne(s, cx) }
		give := func(cx *task.Cx) { s.Release(cx, 1) }
		a, b := sec.visitor("a", false, take, give), sec.visitor("b", true, take, give)
		r.Start(a, b)
		if release {
			x.Go("holder", func() { give(nil) })
		}
		x.Go("closes", func() { closing(s) })
		x.Final(func() {
			r.Settled()
			if !release {
				give(nil)
			}
			s.p.unused(x)
			x.Assert(!s.TryAcquire(1), "a permit of what is closed")
			for _, t := range []*rig.Task{a, b} {
				x.Assert(t.Err() == nil || errors.Is(t.Err(), task.ErrClosed), "%s has got %v", task.Name(t), t.Err())
			}
			x.Assert(a.Err() == nil || b.Err() != nil, "who came later has got a permit, who came first has not")
		})
	}
}

func TestExploreClose(t *testing.T) {
	explore.Check(t, bounded(3), closes(func(s *Semaphore) { s.Close(nil) }, false))
	explore.Check(t, bounded(2), closes(func(s *Semaphore) { s.Close(nil) }, true))
}

func TestRefuteCloses(t *testing.T) {
	t.Run("tells nobody", func(t *testing.T) {
		rig.Refute(t, 2, "deadlock", closes(func(s *Semaphore) {
			s.p.mu.Lock()
			s.p.word.Or(closed)
			s.p.mu.Unlock()
		}, false))
	})
	t.Run("in two steps", func(t *testing.T) {
		rig.Refute(t, 2, "when all is given back", closes(func(s *Semaphore) {
			s.p.mu.Lock()
			w := s.p.word.Load()
			s.p.word.Store(w | closed)
			s.p.queue.Grant(nil, &s.p.mu, &s.p)
		}, true))
	})
}

// readers: two readers and a writer. Readers are there together, the writer alone, and
// whoever was granted the lock for reading has it once.
func readers(rlock func(*RWMutex, *task.Cx) error, downgrades bool) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 2)
		var m RWMutex
		var data explore.Plain[int]
		has := false
		r.StartOn(0, rig.Named("writer", func(cx *task.Cx) error {
			if !has {
				if err := m.Lock(cx); err != nil {
					return err
				}
				has = true
				data.Set(data.Get() + 1)
				return cx.Yield()
			}
			data.Set(data.Get() + 1)
			if downgrades {
				m.Downgrade(cx)
				x.Assert(data.Get() == 2, "another writer came between")
				m.RUnlock(cx)
				return nil
			}
			m.Unlock(cx)
			return nil
		}))
		for i := range 2 {
			r.StartOn(1-i, rig.Named([]string{"a", "b"}[i], func(cx *task.Cx) error {
				if err := rlock(&m, cx); err != nil {
					return err
				}
				x.Assert(data.Get()&1 == 0, "a reader in the middle of a change")
				m.RUnlock(cx)
				return nil
			}))
		}
		x.Final(func() {
			r.Settled()
			m.p.unused(x)
			x.Assert(data.Get() == 2, "the writer has written %d times", data.Get())
		})
	}
}

func TestExploreRWMutex(t *testing.T) {
	explore.Check(t, bounded(2), readers((*RWMutex).RLock, false))
	explore.Check(t, bounded(2), readers((*RWMutex).RLock, true))
}

// A control: a reader that looks for writers only in the word.
func TestRefuteReaderThatOverlooksTheLine(t *testing.T) {
	rig.Refute(t, 2, "data race", readers(func(m *RWMutex, cx *task.Cx) error {
		w := m.p.word.Load()
		if taken(w)+1 <= whole && m.p.word.CompareAndSwap(w, w+one) {
			return nil
		}
		return m.p.acquire(cx, 1)
	}, false))
}
