package lock_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// stater is what shows what is taken and whether somebody waits.
type stater interface {
	State() (taken int64, waits, sound bool)
}

// free fails the test unless nothing is taken and nobody waits.
func free(t testing.TB, s stater) {
	t.Helper()
	taken, waits, sound := s.State()
	require.Zero(t, taken, "permits are lost")
	require.False(t, waits, "somebody waits")
	require.True(t, sound, "the word and the line do not agree")
}

func TestMutex(t *testing.T) {
	l := newLab(t)
	var m lock.Mutex
	require.True(t, m.TryLock())
	require.False(t, m.TryLock())

	a := l.begin(m.Lock)
	l.wait(a)
	m.Unlock(nil)
	require.False(t, m.TryLock(), "a has it, before it is polled")
	l.Work()
	l.well(a)
	require.Equal(t, 2, a.polls)
	require.False(t, m.TryLock(), "what a task has locked is locked when it has ended")
	m.Unlock(nil)
	free(t, &m)

	l.well(l.begin(m.Lock, does(m.Unlock)))
	free(t, &m)
	require.NoError(t, m.LockContext(background))
	m.Unlock(nil)
	free(t, &m)
}

// First come, first served, and nobody overtakes, whoever tries.
func TestMutexIsFair(t *testing.T) {
	l := newLab(t)
	var m lock.Mutex
	m.TryLock()
	var order []int
	var all []*actor
	for i := range 50 {
		all = append(all, l.begin(m.Lock, once(func(cx *task.Cx) {
			order = append(order, i)
			require.False(t, m.TryLock())
			m.Unlock(cx)
		})))
	}
	m.Unlock(nil)
	late := l.begin(m.Lock, once(func(cx *task.Cx) { order = append(order, 50) }), does(m.Unlock))
	l.Work()
	l.well(all...)
	l.well(late)
	require.Len(t, order, 51)
	require.IsIncreasing(t, order)
	free(t, &m)
}

// A task and a goroutine are in one line.
func TestMutexOfBothFaces(t *testing.T) {
	bounded(t)
	l := newLab(t)
	var m lock.Mutex
	m.TryLock()
	var order []string
	a := l.begin(m.Lock, once(func(cx *task.Cx) { order = append(order, "task"); m.Unlock(cx) }))
	b := goes(func() error {
		defer m.Unlock(nil)
		err := m.LockContext(background)
		order = append(order, "goroutine")
		return err
	})
	until(t, "the goroutine in line", m.Several)
	c := l.begin(m.Lock, once(func(cx *task.Cx) { order = append(order, "late"); m.Unlock(cx) }))
	m.Unlock(nil)
	l.Work()
	l.well(a)
	require.NoError(t, b())
	l.Work()
	l.well(c)
	require.Equal(t, []string{"task", "goroutine", "late"}, order)
	free(t, &m)
}

func TestLockContextUntilDone(t *testing.T) {
	bounded(t)
	l := newLab(t)
	var m lock.Mutex
	m.TryLock()
	require.ErrorIs(t, m.LockContext(canceledContext()), errBoom)
	free := func() bool { _, waits, _ := m.State(); return !waits }
	require.True(t, free())

	ctx, cancel := context.WithCancelCause(background)
	got := goes(func() error { return m.LockContext(ctx) })
	until(t, "the goroutine in line", func() bool { return !free() })
	behind := l.begin(m.Lock, does(m.Unlock))
	cancel(errBoom)
	err := got()
	require.ErrorIs(t, err, errBoom)
	require.ErrorContains(t, err, "task: wait: ")
	l.wait(behind)
	m.Unlock(nil)
	l.Work()
	l.well(behind)
}

// A goroutine that was granted the lock and gives up at the same time: either it has the
// lock, or the next in line.
func TestLockContextAtTheLastMoment(t *testing.T) {
	bounded(t)
	lost, got := 0, 0
	for range times(2000) {
		l := newLab(t)
		var m lock.Mutex
		m.TryLock()
		ctx, cancel := context.WithCancelCause(background)
		result := goes(func() error { return m.LockContext(ctx) })
		until(t, "the goroutine in line", func() bool { _, waits, _ := m.State(); return waits })
		behind := l.begin(m.Lock, does(m.Unlock))
		go cancel(errBoom)
		m.Unlock(nil)
		if err := result(); err == nil {
			got++
			m.Unlock(nil)
		} else {
			lost++
			require.ErrorIs(t, err, errBoom)
		}
		l.Work()
		l.well(behind)
		free(t, &m)
		cancel(nil)
	}
	t.Logf("%d had it, %d gave up", got, lost)
}

// The ways in which a task may come to not want what it has been granted. In each the next
// in line gets it.
func TestGrantsArePassedOn(t *testing.T) {
	// quits takes a place in line, and then does something else.
	quits := func(m *lock.Mutex, then step) *actor {
		first := true
		return act(func(cx *task.Cx) error {
			if first {
				first = false
				return m.Lock(cx)
			}
			return then(cx)
		})
	}
	for _, name := range []string{
		"it was canceled", "it was canceled, before",
		"it has ended", "it has failed", "it has panicked", "it has won another",
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			var m lock.Mutex
			var other lock.Event
			m.TryLock()
			var a *actor
			switch name {
			case "it has ended":
				a = quits(&m, func(*task.Cx) error { return nil })
			case "it has failed":
				a = quits(&m, func(*task.Cx) error { return errBoom })
			case "it has panicked":
				a = quits(&m, func(*task.Cx) error { panic(errBoom) })
			case "it has won another":
				var branch task.Branch
				a = act(func(cx *task.Cx) error {
					locked := branch.Poll(cx, m.Lock)
					if other.IsSet() && cx.Err() == nil { // whatever the lock says
						require.NoError(t, locked)
						m.Unlock(cx)
						return never(cx)
					}
					return locked
				})
			default:
				a = act(m.Lock)
			}
			join := act(func(cx *task.Cx) error {
				defer func() { _ = recover() }() // a panic is raised by whoever joins
				return a.Wait(cx)
			})
			l.start(a, join)
			next := l.begin(m.Lock, does(m.Unlock))
			l.wait(next)
			switch name {
			case "it was canceled, before":
				a.Cancel(errBoom)
				l.Work()
				m.Unlock(nil)
			case "it was canceled":
				m.Unlock(nil)
				a.Cancel(errBoom)
			case "it has won another":
				other.Set(nil)
				m.Unlock(nil)
			default:
				m.Unlock(nil)
			}
			l.Work()
			l.well(next)
			if a.ends == 0 {
				l.cancel(a)
			}
			free(t, &m)
		})
	}
}

// A branch that ends gives up its place, or its grant.
func TestBranches(t *testing.T) {
	for name, granted := range map[string]bool{"in line": false, "granted": true} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			var a, b lock.Mutex
			a.TryLock()
			b.TryLock()
			var x, y, z task.Branch
			stop := false
			both := l.begin(func(cx *task.Cx) error {
				if !stop { // two branches in one line, and one in another
					x.Poll(cx, a.Lock)
					y.Poll(cx, b.Lock)
					return z.Poll(cx, a.Lock)
				}
				x.End(cx)
				y.End(cx)
				z.End(cx)
				x.End(cx) // a second time is no harm
				return never(cx)
			})
			behind := l.begin(a.Lock, does(a.Unlock), b.Lock, does(b.Unlock))
			stop = true
			if granted {
				a.Unlock(nil)
				b.Unlock(nil)
				l.Work()
			} else {
				both.Cancel(nil)
				l.Work()
				l.wait(behind)
				a.Unlock(nil)
				b.Unlock(nil)
				l.Work()
			}
			l.well(behind)
			free(t, &a)
			free(t, &b)
			both.Cancel(nil)
			l.Work()
		})
	}
}

// A canceled task that shields itself waits on, and has what it is granted.
func TestShieldedWait(t *testing.T) {
	l := newLab(t)
	var m lock.Mutex
	m.TryLock()
	a := l.begin(func(cx *task.Cx) error {
		cx.Shield()
		return m.Lock(cx)
	}, does(m.Unlock))
	a.Cancel(errBoom)
	l.Work()
	l.wait(a)
	m.Unlock(nil)
	a.Cancel(errBoom)
	l.Work()
	l.well(a)
	free(t, &m)
}

// A task whose budget is used up when it is granted the lock has it in the next poll.
func TestBudget(t *testing.T) {
	l := newLab(t)
	var m lock.Mutex
	m.TryLock()
	polls := 0
	a := l.begin(func(cx *task.Cx) error {
		if polls++; polls == 2 {
			for cx.Spend() == nil {
			}
		}
		return m.Lock(cx)
	}, does(m.Unlock))
	m.Unlock(nil)
	l.Work()
	l.well(a)
	require.Equal(t, 3, polls)
	free(t, &m)
}

// A loop of operations that are always ready lets others run.
func TestOperationsSpend(t *testing.T) {
	var m lock.Mutex
	var rw lock.RWMutex
	s := lock.NewSemaphore(1)
	var n lock.Notify
	var e lock.Event
	e.Set(nil)
	n.All(nil)
	b := lock.NewBarrier(1)
	r := lock.NewRateLimiter(1, 1, 1<<30)
	var o lock.Once
	c := lock.Cond{L: new(lock.Mutex)}
	operations := map[string]step{
		"Mutex":     func(cx *task.Cx) error { return locked(cx, m.Lock, m.Unlock) },
		"RLock":     func(cx *task.Cx) error { return locked(cx, rw.RLock, rw.RUnlock) },
		"Lock":      func(cx *task.Cx) error { return locked(cx, rw.Lock, rw.Unlock) },
		"Semaphore": func(cx *task.Cx) error { return locked(cx, one(s.Acquire), func(cx *task.Cx) { s.Release(cx, 1) }) },
		"Notify":    func(cx *task.Cx) error { n.One(cx); return n.Wait(cx) },
		"WaitPast":  func(cx *task.Cx) error { return n.WaitPast(cx, 0) },
		"Event":     e.Wait,
		"Barrier":   func(cx *task.Cx) error { _, err := b.Wait(cx); return err },
		"Rate":      r.Wait,
		"Once":      func(cx *task.Cx) error { return o.Do(cx, func(*task.Cx) error { return nil }) },
		"Cond": func(cx *task.Cx) error {
			return locked(cx, func(cx *task.Cx) error { return c.LockWhen(cx, func() bool { return true }) }, c.L.Unlock)
		},
	}
	for name, op := range operations {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			stop := false
			a := act(func(cx *task.Cx) error {
				for !stop {
					if err := op(cx); err != nil {
						return err
					}
				}
				return nil
			})
			task.Detach(l, a)
			l.start(act(once(func(*task.Cx) { stop = true })))
			l.well(a)
		})
	}
}

// locked locks and unlocks.
func locked(cx *task.Cx, lock step, unlock func(*task.Cx)) error {
	err := lock(cx)
	if err == nil {
		unlock(cx)
	}
	return err
}

// one is an operation on one permit.
func one(op func(*task.Cx, int) error) step {
	return func(cx *task.Cx) error { return op(cx, 1) }
}

func TestRWMutex(t *testing.T) {
	l := newLab(t)
	var m lock.RWMutex
	r := l.begin(m.RLock)
	l.well(r)
	require.True(t, m.TryRLock())
	require.NoError(t, m.RLockContext(background))
	require.False(t, m.TryLock())

	w := l.begin(m.Lock)
	l.wait(w)
	late := l.begin(m.RLock)
	l.wait(late)
	require.False(t, m.TryRLock(), "a writer waits")
	for range 3 {
		l.wait(w)
		m.RUnlock(nil)
		l.Work()
	}
	l.well(w)
	l.wait(late)
	m.Unlock(nil)
	l.Work()
	l.well(late)
	m.RUnlock(nil)
	free(t, &m)

	require.NoError(t, m.LockContext(background))
	require.False(t, m.TryRLock())
	m.Unlock(nil)
	free(t, &m)
}

// A writer that leaves the line lets the readers behind it go on.
func TestRWMutexWithoutItsWriter(t *testing.T) {
	l := newLab(t)
	var m lock.RWMutex
	require.True(t, m.TryRLock())
	w := l.begin(m.Lock)
	readers := []*actor{l.begin(m.RLock), l.begin(m.RLock)}
	l.wait(append(readers, w)...)
	l.cancel(w)
	l.well(readers...)
	for range 3 {
		m.RUnlock(nil)
	}
	free(t, &m)
}

func TestDowngrade(t *testing.T) {
	l := newLab(t)
	var m lock.RWMutex
	m.TryLock()
	reader := l.begin(m.RLock)
	writer := l.begin(m.Lock)
	behind := l.begin(m.RLock)
	m.Downgrade(nil)
	l.Work()
	l.well(reader)
	l.wait(writer, behind)
	m.RUnlock(nil)
	m.RUnlock(nil)
	l.Work()
	l.well(writer)
	l.wait(behind)
	m.Unlock(nil)
	l.Work()
	m.RUnlock(nil)
	l.well(behind)
	free(t, &m)

	m.TryLock() // without anybody in line
	m.Downgrade(nil)
	require.True(t, m.TryRLock())
	m.RUnlock(nil)
	m.RUnlock(nil)
	free(t, &m)
}

// A reader that is granted the lock has it once, however often it is polled.
func TestRLockIsTakenOnce(t *testing.T) {
	l := newLab(t)
	var m lock.RWMutex
	m.TryLock()
	r := l.begin(m.RLock, does(m.RUnlock), never) // it lives on
	m.Unlock(nil)
	l.Work()
	require.True(t, m.TryLock(), "nobody has it")
	m.Unlock(nil)
	l.cancel(r)
	free(t, &m)
}

// A stream of readers does not keep a writer out: whoever comes later waits.
func TestWriterIsNotStarved(t *testing.T) {
	bounded(t)
	const readers = 8
	p := open(t, 2)
	var m lock.RWMutex
	var g task.Group
	var over atomic.Bool
	var reads, bound atomic.Int64
	for range readers {
		has := false
		g.Go(p, task.Func(func(cx *task.Cx) error {
			for !over.Load() || has {
				if !has {
					if err := m.RLock(cx); err != nil {
						return err
					}
					has = true
					reads.Add(1)
				}
				if err := cx.Yield(); err != nil {
					return err
				}
				has = false
				m.RUnlock(cx)
			}
			return nil
		}))
	}
	written, waited := 0, 0
	before := int64(-1) // reads when the writer was in line already
	g.Go(p, task.Func(func(cx *task.Cx) error {
		for written < times(2000) {
			if err := m.Lock(cx); err != nil {
				if !cx.Spent() && before < 0 {
					before = reads.Load()
				}
				return err
			}
			if before >= 0 {
				bound.Store(max(bound.Load(), reads.Load()-before))
				waited++
			}
			before = -1
			written++
			m.Unlock(cx)
		}
		over.Store(true)
		return nil
	}))
	require.NoError(t, g.WaitContext(background))
	free(t, &m)
	t.Logf("%d reads, %d writes, of which %d waited, for %d reads at most", reads.Load(), written, waited, bound.Load())
	require.LessOrEqual(t, bound.Load(), int64(readers), "each reader that was there before, once")
	require.Positive(t, waited, "the race was not reached")
}

func TestMutexMistakes(t *testing.T) {
	var m lock.Mutex
	var rw lock.RWMutex
	require.PanicsWithValue(t, "lock: Unlock of a Mutex that is not locked", func() { m.Unlock(nil) })
	const unlock = "lock: Unlock of a RWMutex that is not locked for writing"
	const runlock = "lock: RUnlock of a RWMutex that is not locked for reading"
	const downgrade = "lock: Downgrade of a RWMutex that is not locked for writing"
	require.PanicsWithValue(t, unlock, func() { rw.Unlock(nil) })
	require.PanicsWithValue(t, runlock, func() { rw.RUnlock(nil) })
	require.PanicsWithValue(t, downgrade, func() { rw.Downgrade(nil) })
	rw.TryRLock()
	l := newLab(t)
	for _, waits := range []bool{false, true} { // with and without a line
		var w *actor
		if waits {
			w = l.begin(rw.Lock)
		}
		require.PanicsWithValue(t, unlock, func() { rw.Unlock(nil) })
		require.PanicsWithValue(t, downgrade, func() { rw.Downgrade(nil) })
		if w != nil {
			l.cancel(w)
		}
	}
	rw.RUnlock(nil)
	rw.TryLock()
	for _, waits := range []bool{false, true} {
		var w *actor
		if waits {
			w = l.begin(rw.Lock)
		}
		require.PanicsWithValue(t, runlock, func() { rw.RUnlock(nil) })
		if w != nil {
			l.cancel(w)
		}
	}
	rw.Unlock(nil)
	free(t, &rw)
	m.TryLock()
	require.Contains(t, mistake(t, func(*task.Cx) { _ = m.LockContext(background) }), "WaitContext inside a task would stop its worker")
	m.Unlock(nil)
	free(t, &m)
}

// Nothing allocates: neither what is free, nor to wait, to be granted, and to give up.
func TestNoAllocations(t *testing.T) {
	if invariant.Enabled {
		t.Skip("builds that check allocate")
	}
	var m lock.Mutex
	var rw lock.RWMutex
	s := lock.NewSemaphore(2)
	var n lock.Notify
	var e, set lock.Event
	set.Set(nil)
	bar := lock.NewBarrier(2)
	var held lock.Mutex
	held.TryLock()
	full := lock.NewSemaphore(1)
	full.TryAcquire(1)
	var b task.Branch
	waits := func(op step) step { // and gives up
		return func(cx *task.Cx) error {
			if err := b.Poll(cx, op); !task.IsPending(err) {
				return fmt.Errorf("does not wait: %w", err)
			}
			b.End(cx)
			return nil
		}
	}
	granted := func(op step, grant, undo func(*task.Cx)) step { // takes what it was granted
		return func(cx *task.Cx) error {
			if err := b.Poll(cx, op); !task.IsPending(err) {
				return fmt.Errorf("does not wait: %w", err)
			}
			grant(cx)
			if err := b.Poll(cx, op); err != nil {
				return err
			}
			undo(cx)
			b.End(cx)
			return nil
		}
	}
	nothing := func(*task.Cx) {}
	for name, op := range map[string]step{
		"Mutex":             func(cx *task.Cx) error { return locked(cx, m.Lock, m.Unlock) },
		"RWMutex":           func(cx *task.Cx) error { return locked(cx, rw.RLock, rw.RUnlock) },
		"Semaphore":         func(cx *task.Cx) error { return locked(cx, one(s.Acquire), func(cx *task.Cx) { s.Release(cx, 1) }) },
		"Event":             set.Wait,
		"Mutex waits":       waits(held.Lock),
		"Semaphore waits":   waits(one(full.Acquire)),
		"Notify waits":      waits(n.Wait),
		"WaitPast waits":    waits(func(cx *task.Cx) error { return n.WaitPast(cx, n.Generation()) }),
		"Event waits":       waits(e.Wait),
		"Barrier waits":     waits(func(cx *task.Cx) error { _, err := bar.Wait(cx); return err }),
		"Mutex granted":     granted(held.Lock, held.Unlock, nothing),
		"Semaphore granted": granted(one(full.Acquire), func(cx *task.Cx) { full.Release(cx, 1) }, nothing),
		"Notify told":       granted(n.Wait, n.One, nothing),
		"Notify told all":   granted(n.Wait, n.All, nothing),
		"Event set":         granted(e.Wait, e.Set, func(*task.Cx) { e.Clear() }),
	} {
		t.Run(name, func(t *testing.T) {
			inTask(t, func(cx *task.Cx) {
				require.Zero(t, testing.AllocsPerRun(20, func() { require.NoError(t, op(cx)) }))
			})
		})
	}
}
