package pool_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(withDefault{m}) }

// withDefault closes the shared pool after the tests, which nobody else does.
type withDefault struct{ tests *testing.M }

func (w withDefault) Run() int {
	code := w.tests.Run()
	_ = pool.Default().Close() // cannot fail
	return code
}

var (
	background = context.Background()
	errBoom    = errors.New("boom")
)

// slow reports that this build checks itself, or that the run is to be short.
func slow() bool { return invariant.Enabled || testing.Short() }

// monitor counts with the threads of the workers.
const monitor = 1

// patience is how long a test may take.
const patience = 2 * time.Minute

// bounded ends the process, with all stacks, when the test takes too long: a
// scheduler's mistakes show as a hang.
func bounded(t testing.TB) {
	hangs := time.AfterFunc(patience, func() {
		debug.SetTraceback("all")
		panic(t.Name() + " hangs")
	})
	t.Cleanup(func() { hangs.Stop() })
}

// until waits for something that nobody announces.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(patience / 2)
	for !holds() {
		select {
		case <-deadline:
			debug.SetTraceback("all")
			panic(t.Name() + " waits in vain: " + what)
		case <-time.After(50 * time.Microsecond):
		}
	}
}

// open returns a pool of exactly so many workers that is closed with the test.
// On a machine that takes a worker's thread away for milliseconds in mid-poll, the
// monitor of any other pool would activate spares, and a test that counts what one worker
// does in a row would see two.
func open(t testing.TB, workers int) *pool.Pool {
	t.Helper()
	return openWith(t, fixed(pool.Config{Workers: workers}))
}

func openWith(t testing.TB, c pool.Config) *pool.Pool {
	t.Helper()
	if _, ok := t.(*testing.T); ok {
		bounded(t)
	}
	p, err := pool.New(c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// fixed returns c without spare workers.
func fixed(c pool.Config) pool.Config {
	c.StallLimit = -1
	return c
}

// idle waits until all workers of p are idle, and have published what they did.
func idle(t testing.TB, p *pool.Pool) {
	t.Helper()
	until(t, "idle workers", func() bool {
		s := p.Stats()
		return s.Idle == s.Workers && s.Searching == 0 && s.Live == 0
	})
}

// act returns a task that does f and ends.
func act(f func(cx *task.Cx)) task.Task {
	return task.Func(func(cx *task.Cx) error {
		f(cx)
		return nil
	})
}

// several returns n tasks.
func several(n int, which func(i int) task.Task) []task.Task {
	ts := make([]task.Task, n)
	for i := range ts {
		ts[i] = which(i)
	}
	return ts
}

// meet runs n tasks on p that are inside of Poll at the same time, so each on a
// worker of its own, where it does visit.
func meet(t testing.TB, p *pool.Pool, n int, visit func(cx *task.Cx)) {
	t.Helper()
	var here sync.WaitGroup
	here.Add(n)
	var g task.Group
	g.GoAll(p, several(n, func(int) task.Task {
		return act(func(cx *task.Cx) {
			here.Done()
			here.Wait()
			if visit != nil {
				visit(cx)
			}
		})
	})...)
	require.NoError(t, g.WaitContext(background))
}

// tally accounts for the probes of a test.
type tally struct {
	made   atomic.Int64 // probes that were spawned; for tests that do not know
	polled atomic.Int64 // probes that were polled at least once
	ended  atomic.Int64
	well   atomic.Int64 // of these, with nil
	closed atomic.Int64 // of these, with an error that is ErrClosed
	twice  atomic.Int64 // mistakes: Finish called again
	beside atomic.Int64 // mistakes: two polls at a time, or one after Finish
}

// probe returns a new probe of the tally.
func (a *tally) probe(poll func(cx *task.Cx) error) *probe {
	a.made.Add(1)
	return &probe{tally: a, poll: poll}
}

// check asserts that n probes have ended, once each.
func (a *tally) check(t testing.TB, n int64) {
	t.Helper()
	require.Equal(t, n, a.ended.Load(), "every task is finished")
	require.Zero(t, a.twice.Load(), "tasks that were finished twice")
	require.Zero(t, a.beside.Load(), "polls beside another one of the same task")
}

// probe is a task that is accounted for. Without a poll it waits until it is
// canceled.
type probe struct {
	task.Frame
	tally *tally
	poll  func(cx *task.Cx) error
	begun atomic.Bool // it was polled
	busy  atomic.Bool // it is being polled
	over  atomic.Bool // Finish was called
	err   error       // with this
}

func (p *probe) Poll(cx *task.Cx) error {
	if p.busy.Swap(true) || p.over.Load() {
		p.tally.beside.Add(1)
	}
	defer p.busy.Store(false)
	if !p.begun.Swap(true) {
		p.tally.polled.Add(1)
	}
	if p.poll != nil {
		return p.poll(cx)
	}
	return untilCanceled(cx)
}

func (p *probe) Finish(err error) {
	if p.over.Swap(true) {
		p.tally.twice.Add(1)
	}
	p.err = err
	switch {
	case err == nil:
		p.tally.well.Add(1)
	case errors.Is(err, task.ErrClosed):
		p.tally.closed.Add(1)
	}
	p.tally.ended.Add(1)
}

// untilCanceled is a poll that waits until its task is canceled.
func untilCanceled(cx *task.Cx) error {
	if err := cx.Err(); err != nil {
		return err
	}
	cx.Waker()
	return task.Pending
}

// untilDraining is a poll that waits until its task is told to come to an end.
func untilDraining(cx *task.Cx) error {
	if cx.Draining() {
		return nil
	}
	return untilCanceled(cx)
}

// caught returns what f panics with, or nil.
func caught(f func()) (p any) {
	defer func() { p = recover() }()
	f()
	return nil
}

// panicOf returns the panic that f raises out of a task.
func panicOf(t testing.TB, f func()) *task.PanicError {
	t.Helper()
	p := caught(f)
	require.IsType(t, (*task.PanicError)(nil), p, "%v", p)
	return p.(*task.PanicError)
}

// childEnv is set in a process that runs one test on behalf of another.
const childEnv = "HEIST_POOL_TEST_CHILD"

// isChild reports whether this process was started by child.
func isChild() bool { return os.Getenv(childEnv) != "" }

// child runs the calling test in a process of its own, and returns what that
// prints and how it ends.
func child(t *testing.T) (output string, err error) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	c := exec.Command(program, "-test.run=^"+t.Name()+"$", "-test.timeout="+patience.String())
	c.Env = append(os.Environ(), childEnv+"=1")
	out, err := c.CombinedOutput()
	return string(out), err
}
