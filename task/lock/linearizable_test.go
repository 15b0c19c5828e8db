package lock_test

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// call is one call in a history: + acquires, ? tries, - releases n permits.
type call struct {
	op byte
	n  int
}

// permits is a semaphore of so many permits that one thread uses. A Mutex is one of one
// permit. Its state is how many are free. strict says that a try fails only if there are
// too few; where some ask for more than others it also fails when somebody waits.
func permits(total int, strict bool) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return total },
		Step: func(state, input, output any) (bool, any) {
			free, in, ok := state.(int), input.(call), output.(bool)
			switch {
			case in.op == '-':
				return free+in.n <= total, free + in.n
			case in.op == '?' && !ok:
				return !strict || free < in.n, free
			}
			return free >= in.n, free - in.n
		},
	}
}

// guarded is a lock as the calls of a history see it.
type guarded struct {
	acquire        func(*task.Cx, int) error
	acquireBlocked func(int) error
	try            func(int) bool
	release        func(*task.Cx, int)
	most           int // permits to ask for at once
}

func mutexGuard() (guarded, stater) {
	m := new(lock.Mutex)
	return guarded{
		acquire:        func(cx *task.Cx, _ int) error { return m.Lock(cx) },
		acquireBlocked: func(int) error { return m.LockContext(background) },
		try:            func(int) bool { return m.TryLock() },
		release:        func(cx *task.Cx, _ int) { m.Unlock(cx) },
		most:           1,
	}, m
}

func semaphoreGuard(total, most int) (guarded, stater) {
	s := lock.NewSemaphore(total)
	return guarded{
		acquire:        s.Acquire,
		acquireBlocked: func(n int) error { return s.AcquireContext(background, n) },
		try:            s.TryAcquire,
		release:        s.Release,
		most:           most,
	}, s
}

// client makes the calls of one task or goroutine, and writes them down.
type client struct {
	guarded
	clock   *atomic.Int64 // counts beginnings and ends, and so orders what does not overlap
	id      int
	rng     *rand.Rand
	left    int // acquisitions
	has     int
	in      call // in progress, if begun
	begun   int64
	pending int // calls that have waited
	history []porcupine.Operation
}

// next picks what to do.
func (c *client) next() call {
	c.begun = c.clock.Add(1)
	switch {
	case c.has > 0:
		return call{'-', c.has}
	case c.rng.IntN(3) == 0:
		return call{'?', 1 + c.rng.IntN(c.most)}
	}
	return call{'+', 1 + c.rng.IntN(c.most)}
}

func (c *client) done(ok bool) {
	c.history = append(c.history, porcupine.Operation{
		ClientId: c.id, Input: c.in, Output: ok, Call: c.begun, Return: c.clock.Add(1),
	})
	switch {
	case c.in.op == '-':
		c.has = 0
	case ok:
		c.has = c.in.n
	}
	if c.in.op != '-' {
		c.left--
	}
	c.begun = 0
}

// poll is the client as a task.
func (c *client) poll(cx *task.Cx) error {
	for c.left > 0 || c.has > 0 {
		if c.begun == 0 {
			c.in = c.next()
		}
		ok := true
		switch c.in.op {
		case '+':
			if err := c.acquire(cx, c.in.n); err != nil {
				c.pending++
				return err
			}
		case '?':
			ok = c.try(c.in.n)
		default:
			c.release(cx, c.in.n)
		}
		c.done(ok)
		if c.has > 0 && c.rng.IntN(2) == 0 {
			if err := cx.Yield(); err != nil { // nil if the last poll has yielded
				return err
			}
		}
	}
	return nil
}

// run is the client as a goroutine.
func (c *client) run() {
	for c.left > 0 || c.has > 0 {
		c.in = c.next()
		ok := true
		switch c.in.op {
		case '+':
			ok = c.acquireBlocked(c.in.n) == nil
		case '?':
			ok = c.try(c.in.n)
		default:
			c.release(nil, c.in.n)
		}
		c.done(ok)
		if c.rng.IntN(2) == 0 {
			runtime.Gosched()
		}
	}
}

// TestLinearizable: whatever tasks and goroutines do at once, they could have done one
// after the other.
func TestLinearizable(t *testing.T) {
	bounded(t)
	const tasks, goroutines, each = 3, 2, 4
	p := open(t, 2)
	for name, c := range map[string]struct {
		model porcupine.Model
		make  func() (guarded, stater)
	}{
		"mutex":              {permits(1, true), mutexGuard},
		"semaphore":          {permits(2, true), func() (guarded, stater) { return semaphoreGuard(2, 1) }},
		"weighted semaphore": {permits(3, false), func() (guarded, stater) { return semaphoreGuard(3, 3) }},
	} {
		t.Run(name, func(t *testing.T) {
			waited, failed := 0, 0
			for seed := range times(1000) {
				guard, state := c.make()
				var clock atomic.Int64
				var clients []*client
				for i := range tasks + goroutines {
					clients = append(clients, &client{
						guarded: guard, clock: &clock, id: i, left: each,
						rng: rand.New(rand.NewPCG(uint64(seed), uint64(i))),
					})
				}
				var g task.Group
				var wg sync.WaitGroup
				for i, c := range clients {
					if i < tasks {
						g.Go(p, task.Func(c.poll))
					} else {
						wg.Go(c.run)
					}
				}
				wg.Wait()
				require.NoError(t, g.WaitContext(background))
				free(t, state)
				var history []porcupine.Operation
				for _, c := range clients {
					history = append(history, c.history...)
					waited += c.pending
				}
				for _, op := range history {
					if op.Output == false {
						failed++
					}
				}
				if v := porcupine.CheckOperationsTimeout(c.model, history, time.Minute); v != porcupine.Ok {
					for _, op := range history {
						t.Logf("client %d from %d to %d: %c %d %v", op.ClientId, op.Call, op.Return, op.Input.(call).op, op.Input.(call).n, op.Output)
					}
					t.Fatal("verdict: ", v)
				}
			}
			t.Logf("%d calls have waited, %d tries have failed", waited, failed)
			if !slow() {
				require.Positive(t, waited, "the race was not reached")
				require.Positive(t, failed, "the race was not reached")
			}
		})
	}
}

// The models themselves: calls one after the other.
func TestModels(t *testing.T) {
	type op struct {
		op byte
		n  int
		ok bool
	}
	for _, c := range []struct {
		total  int
		strict bool
		ops    []op
		right  bool
	}{
		{1, true, []op{{'+', 1, true}, {'?', 1, false}, {'-', 1, true}, {'?', 1, true}}, true},
		{1, true, []op{{'+', 1, true}, {'+', 1, true}}, false},
		{1, true, []op{{'+', 1, true}, {'?', 1, true}}, false},
		{1, true, []op{{'?', 1, false}}, false},
		{2, false, []op{{'?', 1, false}}, true},
		{2, false, []op{{'+', 2, true}, {'-', 1, true}, {'?', 1, true}}, true},
		{2, false, []op{{'-', 1, true}}, false},
	} {
		var history []porcupine.Operation
		for i, o := range c.ops {
			history = append(history, porcupine.Operation{Input: call{o.op, o.n}, Output: o.ok, Call: int64(2 * i), Return: int64(2*i + 1)})
		}
		require.Equal(t, c.right, porcupine.CheckOperations(permits(c.total, c.strict), history), "%v", c)
	}
}
