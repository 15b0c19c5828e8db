package pool_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// chaos runs programs that are made up at random: its tasks spawn, wake, cancel
// and wait for each other, yield, compute, fail and exit, in any order.
type chaos struct {
	tally tally
	left  atomic.Int64    // tasks that may still be spawned
	board [64]retireAfter // where tasks can be found
	bells [16]notifier    // what tasks wait for
}

// retireAfter is a place on the board. A task that hangs there may have ended long ago:
// that is what its waker and its Cancel must bear.
type retireAfter struct {
	mu sync.Mutex
	w  task.Waker
	m  *member
}

// notifier is a promise that is replaced when it has been resolved.
type notifier struct {
	p atomic.Pointer[task.Promise[int]]
}

func (b *notifier) ring() {
	b.p.Swap(new(task.Promise[int])).Resolve(1, nil)
}

// member is one task of a chaos.
type member struct {
	probe
	*chaos
	rng   *rand.Rand
	steps int // that it still takes
	group task.Group
	last  func(cx *task.Cx) error // the operation that has suspended
}

var errChaos = fmt.Errorf("chaos: %w", errBoom)

func (c *chaos) member(seed uint64) *member {
	m := &member{chaos: c, rng: rand.New(rand.NewPCG(seed, 0))}
	m.probe.tally = &c.tally
	c.tally.made.Add(1)
	m.steps = m.rng.IntN(20)
	m.probe.poll = m.run
	m.group.Failed = forgive
	if m.rng.IntN(3) == 0 {
		m.group.SetLimit(1 + m.rng.IntN(3))
	}
	return m
}

// forgive is a group's Failed that goes on.
func forgive(task.Task, error) error { return nil }

// run takes steps until one suspends, and then takes that again.
func (m *member) run(cx *task.Cx) error {
	m.hang(cx)
	for {
		if m.last == nil {
			if m.steps == 0 {
				return nil
			}
			m.steps--
			m.last = m.step(cx)
		}
		if err := m.last(cx); err != nil {
			return err
		}
		m.last = nil
	}
}

// hang puts the task on the board.
func (m *member) hang(cx *task.Cx) {
	n := &m.board[m.rng.IntN(len(m.board))]
	w := cx.Waker()
	n.mu.Lock()
	n.w, n.m = w, m
	n.mu.Unlock()
}

// somebody returns what hangs at a place of the board.
func (m *member) somebody() (task.Waker, *member) {
	n := &m.board[m.rng.IntN(len(m.board))]
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.w, n.m
}

func done(*task.Cx) error { return nil }

// step does something, or returns an operation that may take longer.
func (m *member) step(cx *task.Cx) func(cx *task.Cx) error {
	switch m.rng.IntN(16) {
	case 0, 1, 2:
		if n := m.rng.Int64N(4); m.left.Add(-n) >= 0 {
			for range n {
				m.group.Go(cx, m.member(m.rng.Uint64()))
			}
		}
	case 3:
		if m.left.Add(-2) >= 0 {
			cx.Go(m.member(m.rng.Uint64()))
			m.group.GoAll(cx, m.member(m.rng.Uint64()))
		}
	case 4:
		w, _ := m.somebody()
		cx.Wake(w)
	case 5:
		w, _ := m.somebody()
		w.Wake()
	case 6:
		if _, other := m.somebody(); other != nil && m.rng.IntN(4) == 0 {
			other.Cancel(errChaos)
		}
	case 7:
		if m.rng.IntN(8) == 0 {
			m.group.Cancel(errChaos)
		}
	case 8:
		m.bells[m.rng.IntN(len(m.bells))].ring()
	case 9:
		return m.group.Wait
	case 10:
		return (*task.Cx).Yield
	case 11:
		return (*task.Cx).Spend
	case 12: // delays: the others get far in the meantime
		for range m.rng.IntN(5000) {
			_ = m.busy.Load()
		}
	case 13:
		runtime.Gosched()
	case 14:
		switch m.rng.IntN(20) {
		case 0:
			return func(*task.Cx) error { return errChaos }
		case 1:
			runtime.Goexit()
		}
	case 15:
		p := m.bells[m.rng.IntN(len(m.bells))].p.Load()
		return func(cx *task.Cx) error {
			_, err := p.Wait(cx)
			return err
		}
	}
	return done
}

// run runs a chaos of about n tasks on p, with meanwhile (which may be nil) when
// some have ended, and checks that it adds up.
func (c *chaos) run(t *testing.T, p *pool.Pool, n int, seed uint64, meanwhile func()) {
	c.left.Store(int64(n))
	for i := range c.bells {
		c.bells[i].p.Store(new(task.Promise[int]))
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	g := task.Group{Failed: forgive}
	for range n / 20 { // the others come from within
		g.Go(p, c.member(rng.Uint64()))
	}
	var all sync.WaitGroup
	ended := make(chan struct{})
	all.Go(func() {
		_ = g.WaitContext(background)
		close(ended)
	})
	for waiting := true; waiting; { // whoever waits when nobody rings any more
		select {
		case <-ended:
			waiting = false
		default:
			for i := range c.bells {
				c.bells[i].ring()
			}
			if meanwhile != nil && c.tally.ended.Load() > int64(n/40) {
				all.Go(meanwhile)
				meanwhile = nil
			}
			runtime.Gosched()
		}
	}
	all.Wait()
	c.tally.check(t, c.tally.made.Load())
}

func TestStress(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	for _, procs := range []int{1, 2, 8} {
		t.Run(fmt.Sprint("procs-", procs), func(t *testing.T) { stress(t, procs) })
	}
}

// stress runs chaos on all sorts of pools.
func stress(t *testing.T, procs int) {
	restored(t)
	tasks := 3000
	if slow() {
		tasks = 500
	}
	var thefts, parks, panics uint64
	for _, c := range []pool.Config{
		{Workers: 1}, {Workers: 2}, {Workers: 4}, {Workers: 4, Procs: -1},
	} {
		runtime.GOMAXPROCS(procs)
		p := openWith(t, c)
		seed := rand.Uint64()
		t.Logf("%d workers, procs: %d, seed: %d", c.Workers, c.Procs, seed)
		c := new(chaos)
		c.run(t, p, tasks, seed, nil)
		idle(t, p)
		s := p.Stats()
		require.EqualValues(t, c.tally.made.Load(), s.Spawned)
		require.Equal(t, s.Spawned, s.Finished)
		require.Greater(t, s.Spawned, uint64(tasks/2), "most come from within")
		thefts, parks, panics = thefts+s.Thefts, parks+s.Parks, panics+s.Panics
		require.NoError(t, p.Close())
	}
	t.Logf("%d thefts, %d parks, %d panics", thefts, parks, panics)
	require.NotZero(t, thefts)
	require.NotZero(t, parks)
	require.NotZero(t, panics)
}

// The end of the pool in the middle of it all.
func TestStressAndClose(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	expired, cancel := context.WithCancel(background)
	cancel()
	rounds := 30
	if slow() {
		rounds = 10
	}
	for name, end := range map[string]func(p *pool.Pool){
		"Close":                func(p *pool.Pool) { _ = p.Close() },
		"Shutdown":             func(p *pool.Pool) { _ = p.Shutdown(background) },
		"Shutdown out of time": func(p *pool.Pool) { _ = p.Shutdown(expired) },
		"Shutdown and Close":   func(p *pool.Pool) { await(func() { _ = p.Shutdown(background) }, func() { _ = p.Close() }) },
	} {
		t.Run(name, func(t *testing.T) {
			for i := range rounds {
				p := open(t, 1+i%4)
				seed := rand.Uint64()
				t.Logf("%d workers, seed: %d", p.Workers(), seed)
				new(chaos).run(t, p, 1000, seed, func() { end(p) })
				require.NoError(t, p.Close())
				require.Zero(t, p.Stats().Live)
			}
		})
	}
}
