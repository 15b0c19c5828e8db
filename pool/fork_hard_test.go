package pool_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// spin computes for a while.
func spin(d time.Duration) {
	for begin := time.Now(); time.Since(begin) < d; {
	}
}

// nothingLeft asserts that no computation has left anything behind.
func nothingLeft(t *testing.T, p *pool.Pool) {
	require.Eventually(t, func() bool { threads, _, _ := p.Computing(); return threads == 0 }, 10*time.Second, time.Millisecond)
	threads, guests, scopes := p.Computing()
	require.Zero(t, threads)
	require.Zero(t, guests)
	require.Zero(t, scopes)
}

// An old record is offered even if all that follows are joins at one position behind it.
func TestForkLoopBehind(t *testing.T) {
	p := open(t, 2)
	var taken atomic.Bool
	var fn func(f pool.Fork[int, int], n int) int
	fn = func(f pool.Fork[int, int], n int) int {
		switch n {
		case 3:
			g := f.Put(2)
			fn(g, 1)
			if f.Kept() {
				return 0
			}
			return f.Take(2)
		case 2:
			taken.Store(true)
			return 2
		case 1:
			for begin := time.Now(); !taken.Load() && time.Since(begin) < 10*time.Second; {
				fn(f.Put(0), 0)
				if !f.Kept() {
					f.Take(0)
				}
			}
		}
		return n
	}
	require.Equal(t, 2, pool.Call(p, fn, 3))
}

// A loop of joins of long parts keeps a second thread busy.
func TestForkJoinLoop(t *testing.T) {
	p := open(t, 2)
	var running, both atomic.Int64
	leaf := func(f pool.Fork[int, int], n int) int {
		if n == 0 {
			for range 100 {
				f.Join(1, 1)
			}
			return 0
		}
		if running.Add(1) > 1 {
			both.Add(1)
		}
		spin(time.Millisecond)
		running.Add(-1)
		return n
	}
	for range 200 { // the machine may be busy, and the helper without a processor
		both.Store(0)
		pool.Call(p, leaf, 0)
		if both.Load() > 50 {
			return
		}
	}
	require.Fail(t, "the parts do not run side by side")
}

// However many parts call Goexit: when the call is over no part runs, and no participant is lost.
func TestForkGoexitMany(t *testing.T) {
	p := open(t, 4)
	var running atomic.Int64
	for i := range 500 {
		var left atomic.Int64
		left.Store(int64(i%97 + 1))
		exits := func(f pool.Fork[int, int], n int) int {
			running.Add(1)
			defer running.Add(-1)
			if n < 2 {
				if left.Add(-1) <= 0 {
					runtime.Goexit()
				}
				for k := range 300 {
					runtime.KeepAlive(k)
				}
				return n
			}
			x, y := f.Join(n-1, n-2)
			return x + y
		}
		var wg sync.WaitGroup
		wg.Go(func() { pool.Call(p, exits, 12) })
		wg.Wait()
		require.Zero(t, running.Load())
	}
	nothingLeft(t, p)
}

// The same with panics.
func TestForkPanicMany(t *testing.T) {
	p := open(t, 4)
	var running atomic.Int64
	for i := range 500 {
		var left atomic.Int64
		left.Store(int64(i%97 + 1))
		panics := func(f pool.Fork[int, int], n int) int {
			running.Add(1)
			defer running.Add(-1)
			if n < 2 {
				if left.Add(-1) <= 0 {
					panic(errBoom)
				}
				return n
			}
			x, y := f.Join(n-1, n-2)
			return x + y
		}
		require.Panics(t, func() { pool.Call(p, panics, 12) })
		require.Zero(t, running.Load())
	}
	nothingLeft(t, p)
}

// A thread that helps with a part that calls Goexit still waits for what it waited for.
func TestForkGoexitHelped(t *testing.T) {
	p := open(t, 4)
	for range 20 {
		var began1, began3, inside atomic.Bool
		until := func(b *atomic.Bool) {
			for begin := time.Now(); !b.Load() && time.Since(begin) < 50*time.Millisecond; {
				runtime.Gosched()
			}
		}
		fn := func(f pool.Fork[int, int], n int) int {
			switch n {
			case 4:
				f.Join(0, 1)
			case 0:
				until(&began1)
			case 1:
				began1.Store(true)
				f.Join(2, 3)
			case 2:
				inside.Store(true)
				until(&began3)
				spin(time.Millisecond)
				inside.Store(false)
			case 3:
				began3.Store(true)
				runtime.Goexit()
			}
			return 0
		}
		var wg sync.WaitGroup
		wg.Go(func() { pool.Call(p, fn, 4) })
		wg.Wait()
		require.False(t, inside.Load(), "a part runs when the call is over")
	}
	nothingLeft(t, p)
}

// There are as many values as threads that have computed at the same time.
func TestLocalAlone(t *testing.T) {
	p := open(t, 1)
	l := pool.NewLocal(p, func() int { return 0 })
	const guests, rounds = 40, 20
	for range rounds {
		var in, out sync.WaitGroup
		in.Add(guests)
		for range guests {
			out.Go(func() {
				pool.Do(p, func(s pool.Scope) {
					*l.In(s)++
					in.Done()
					in.Wait()
				})
			})
		}
		out.Wait()
		runtime.GC()
		runtime.GC()
	}
	values, sum := 0, 0
	for v := range l.All() {
		values++
		sum += *v
	}
	require.Equal(t, guests*rounds, sum)
	require.LessOrEqual(t, values, 100)
}

// What a debug build finds.
func TestForkMisuse(t *testing.T) {
	p := open(t, 1)
	type fork = pool.Fork[int, int]
	if invariant.Enabled {
		for name, f := range map[string]func(f fork, n int) int{
			"nothing was put":    func(f fork, n int) int { f.Kept(); return n },
			"put and not joined": func(f fork, n int) int { f.Put(n); return n },
		} {
			func() {
				defer func() { require.Contains(t, fmt.Sprint(recover()), name) }()
				pool.Call(p, f, 1)
			}()
		}
	}
	// What every build does.
	var kept pool.Scope
	require.PanicsWithError(t, "", func() { // not the text: it has a stack
		defer func() {
			require.Contains(t, fmt.Sprint(recover()), "outside of the function")
			panic(errors.New(""))
		}()
		pool.Do(p, func(outer pool.Scope) {
			kept = outer
			pool.Call(outer, func(fork, int) int {
				pool.Do(kept, func(pool.Scope) {}, func(pool.Scope) {})
				return 0
			}, 0)
		})
	})
	nothingLeft(t, p)
}

// On a pool that was closed a computation runs, on its goroutine alone.
func TestForkClosed(t *testing.T) {
	p := open(t, 2)
	require.Equal(t, fibSeq(25), pool.Call(p, fib, 25)) // its workers may have begun
	require.NoError(t, p.Close())
	require.Equal(t, fibSeq(25), pool.Call(p, fib, 25))
	done := 0
	pool.Do(p, func(pool.Scope) { done++ }, func(pool.Scope) { done++ }, func(pool.Scope) { done++ })
	require.Equal(t, 3, done)
	require.Zero(t, p.Stats().Threads)
	nothingLeft(t, p)
}

// A panic of one is raised as a *task.PanicError: also by a Do inside of a Do.
func TestNestedDoPanics(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 2})
	require.NoError(t, err)
	defer p.Close()
	var inner any
	pool.Do(p, func(s pool.Scope) {
		inner = caught(func() { pool.Do(s, func(pool.Scope) { panic(errBoom) }, func(pool.Scope) {}) })
	})
	require.IsType(t, (*task.PanicError)(nil), inner)
}

// It is raised when none of them runs any more.
func TestNestedDoPanicsWhenAllHaveEnded(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 2})
	require.NoError(t, err)
	defer p.Close()
	started, recovered := make(chan struct{}), make(chan struct{})
	var running atomic.Bool
	was := false
	pool.Do(p, func(s pool.Scope) {
		p := caught(func() {
			pool.Do(s,
				func(pool.Scope) {
					<-started // the other one is on another thread
					panic(errBoom)
				},
				func(pool.Scope) {
					running.Store(true)
					close(started)
					select {
					case <-recovered: // wrong
					case <-time.After(100 * time.Millisecond): // right: Do waits for us
					}
					running.Store(false)
				})
		})
		was = running.Load()
		close(recovered)
		require.NotNil(t, p)
	})
	require.False(t, was, "Do has raised a panic while another of its functions runs")
}
