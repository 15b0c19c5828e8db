package pool_test

import (
	"net"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// procs asserts the value of GOMAXPROCS.
func procs(t *testing.T, want int, why string) {
	t.Helper()
	require.Equal(t, want, runtime.GOMAXPROCS(0), why)
}

// busy opens a pool that has had work.
func busy(t *testing.T, c pool.Config) *pool.Pool {
	p := openWith(t, c)
	require.NoError(t, p.Run(background, act(func(*task.Cx) {})))
	return p
}

// restored restores GOMAXPROCS after a test that changes it by hand.
func restored(t *testing.T) (before int) {
	before = runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	return before
}

func TestProcs(t *testing.T) {
	before := restored(t)
	for _, c := range []struct{ procs, added int }{{0, 4}, {1, 1}, {7, 7}, {-1, 0}} {
		p := openWith(t, pool.Config{Workers: 3, Procs: c.procs})
		procs(t, before, "without work")
		meet(t, p, 3, nil)
		procs(t, before+c.added, "from its first work on")
		require.NoError(t, p.Close())
		procs(t, before, "afterwards")
		require.NoError(t, p.Close())
		procs(t, before, "and once only")
	}
}

func TestProcsOfPoolsThatOverlap(t *testing.T) {
	before := restored(t)
	for _, firstFirst := range []bool{true, false} {
		a := busy(t, fixed(pool.Config{Workers: 2}))
		none := busy(t, pool.Config{Workers: 2, Procs: -1})
		b := busy(t, pool.Config{Workers: 2, Procs: 5})
		procs(t, before+3+5, "both")
		require.NoError(t, none.Close())
		if firstFirst {
			require.NoError(t, a.Close())
			procs(t, before+5, "the second's")
			require.NoError(t, b.Close())
		} else {
			require.NoError(t, b.Close())
			procs(t, before+3, "the first's")
			require.NoError(t, a.Close())
		}
		procs(t, before, "none")
	}
}

// A value that was set by hand stays, and the pools leave it alone.
func TestProcsAfterAChangeByHand(t *testing.T) {
	restored(t)
	a := busy(t, fixed(pool.Config{Workers: 2}))
	runtime.GOMAXPROCS(20)
	require.NoError(t, a.Close())
	procs(t, 20, "by hand")

	b := busy(t, fixed(pool.Config{Workers: 2}))
	procs(t, 23, "on top of that")
	require.NoError(t, b.Close())
	procs(t, 20, "by hand")

	// What the first has added is gone: the second's stays when the first is closed.
	for _, firstFirst := range []bool{true, false} {
		a, b := busy(t, fixed(pool.Config{Workers: 2})), (*pool.Pool)(nil)
		runtime.GOMAXPROCS(20)
		if b = busy(t, fixed(pool.Config{Workers: 4})); firstFirst {
			require.NoError(t, a.Close())
			procs(t, 25, "the second's")
		}
		require.NoError(t, b.Close())
		procs(t, 20, "by hand")
		require.NoError(t, a.Close())
		procs(t, 20, "by hand")
	}
}

// Whoever sets a value for a while and puts the old one back, as tests do, takes
// nothing away from a pool.
func TestProcsThatWereChangedForAWhile(t *testing.T) {
	before := restored(t)
	p := busy(t, fixed(pool.Config{Workers: 2}))
	old := runtime.GOMAXPROCS(1)
	runtime.GOMAXPROCS(old)
	require.NoError(t, p.Close())
	procs(t, before, "given back")
}

// A server whose listeners only goroutines use has threads, but nothing to poll: what Go's scheduler has stays
// as it is, until there is a task, or a computation.
func TestProcsOfAListener(t *testing.T) {
	before := restored(t)
	for name, work := range map[string]func(p *pool.Pool){
		"a task": func(p *pool.Pool) { require.NoError(t, p.Run(background, act(func(*task.Cx) {}))) },
		"a computation": func(p *pool.Pool) {
			var here sync.WaitGroup // a worker has the other part: the caller waits for it
			here.Add(2)
			both := func(pool.Scope) { here.Done(); here.Wait() }
			pool.Do(p, both, both)
		},
	} {
		p := openWith(t, fixed(pool.Config{Workers: 2}))
		l, err := p.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		accepted := make(chan error, 1)
		go func() {
			c, err := l.Std().Accept()
			if err == nil {
				err = c.Close()
			}
			accepted <- err
		}()
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		require.NoError(t, <-accepted)
		require.NoError(t, c.Close())
		require.NotZero(t, p.Stats().Threads)
		procs(t, before, "a listener's thread sleeps")
		work(p)
		procs(t, before+3, name)
		require.NoError(t, p.Close())
		procs(t, before, "afterwards")
	}
}
