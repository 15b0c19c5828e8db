package pool_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

func fibSeq(n int) int {
	if n < 2 {
		return n
	}
	return fibSeq(n-1) + fibSeq(n-2)
}

func fib(f pool.Fork[int, int], n int) int {
	if n < 2 {
		return n
	}
	x := fib(f.Put(n-2), n-1)
	if f.Kept() {
		return x + fib(f, n-2)
	}
	return x + f.Take(n-2)
}

func fibJoin(f pool.Fork[int, int], n int) int {
	if n < 2 {
		return n
	}
	x, y := f.Join(n-1, n-2)
	return x + y
}

func fibDo(s pool.Scope, n int) int {
	if n < 2 {
		return n
	}
	var x, y int
	pool.Do(s, func(s pool.Scope) { x = fibDo(s, n-1) }, func(s pool.Scope) { y = fibDo(s, n-2) })
	return x + y
}

func fibBoth(s pool.Scope, n int) int {
	if n < 2 {
		return n
	}
	x, y := pool.Both(s,
		func(s pool.Scope) int { return fibBoth(s, n-1) },
		func(s pool.Scope) int { return fibBoth(s, n-2) })
	return x + y
}

// forkPools are pools of several sizes.
func forkPools(t *testing.T, f func(t *testing.T, p *pool.Pool)) {
	for _, workers := range []int{1, 2, 3, 8} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			p, err := pool.New(pool.Config{Workers: workers})
			require.NoError(t, err)
			defer p.Close()
			f(t, p)
		})
	}
}

// All grades compute what the plain recursion does, from goroutines, tasks, and inside
// of one another.
func TestForkGrades(t *testing.T) {
	const n = 22
	want := fibSeq(n)
	forkPools(t, func(t *testing.T, p *pool.Pool) {
		for range 20 {
			require.Equal(t, want, pool.Call(p, fib, n))
			require.Equal(t, want, pool.Call(p, fibJoin, n))
		}
		pool.Do(p, func(s pool.Scope) { require.Equal(t, want, fibDo(s, n)) })
		require.NoError(t, p.Run(background, task.Func(func(cx *task.Cx) error {
			require.Equal(t, want, pool.Call(cx, fib, n))
			pool.Do(cx, func(s pool.Scope) {
				require.Equal(t, want, pool.Call(s, fib, n))
				require.Equal(t, want, pool.Call(s, fibJoin, n))
				require.Equal(t, want, pool.Call(cx, fib, n)) // instead of s: allowed
			}, func(s pool.Scope) {
				require.Equal(t, want, pool.Call(s, fib, n))
			})
			return nil
		})))
	})
	require.NoError(t, task.Run(background, task.Func(func(cx *task.Cx) error {
		require.Equal(t, want, pool.Call(cx, fib, n), "without a pool")
		return nil
	})))
}

// A part of a computation may itself start others, of other types.
func TestForkNested(t *testing.T) {
	var nested func(f pool.Fork[int, int], n int) int
	nested = func(f pool.Fork[int, int], n int) int {
		if n < 2 {
			return n
		}
		g := f.Put(n - 2)
		s := pool.Call(g.Scope(), func(_ pool.Fork[string, string], s string) string { return s }, "x")
		x := nested(g, n-1) + len(s) - 1
		k := 0
		pool.Do(g.Scope(), func(pool.Scope) {}, func(s pool.Scope) { k = pool.Call(s, fib, 5) })
		x += k - 5
		if f.Kept() {
			return x + nested(f, n-2)
		}
		return x + f.Take(n-2)
	}
	forkPools(t, func(t *testing.T, p *pool.Pool) {
		require.Equal(t, fibSeq(15), pool.Call(p, nested, 15))
	})
}

// Parts that wait for each other come to an end only if they run at the same time: the
// friendly grades offer a part before they begin the other.
func TestForkCoarse(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 4})
	require.NoError(t, err)
	defer p.Close()
	meet := func(n int) func() {
		var arrived sync.WaitGroup
		arrived.Add(n)
		return func() { arrived.Done(); arrived.Wait() }
	}
	for range 50 {
		m := meet(2)
		pool.Call(p, func(f pool.Fork[int, int], n int) int {
			if n == 0 {
				m()
				return 0
			}
			f.Join(0, 0)
			return 0
		}, 1)
		m = meet(2)
		pool.Do(p, func(pool.Scope) { m() }, func(pool.Scope) { m() })
		m = meet(4)
		do := func(pool.Scope) { m() }
		pool.Do(p, do, do, do, do)
		m = meet(4)
		pool.Do(p,
			func(s pool.Scope) { pool.Do(s, do, do) },
			func(s pool.Scope) { pool.Do(s, do, do) })
	}
}

// Several parts at a time.
func TestForkNth(t *testing.T) {
	var ternary func(f pool.Fork[int, int], n int) int
	ternary = func(f pool.Fork[int, int], n int) int {
		if n == 0 {
			return 1
		}
		x := ternary(f.Put(n-1).Put(n-1), n-1)
		for i := 1; i >= 0; i-- {
			if at := f.Nth(i); at.Kept() {
				x += ternary(at, n-1)
			} else {
				x += at.Take(n - 1)
			}
		}
		return x
	}
	forkPools(t, func(t *testing.T, p *pool.Pool) {
		for range 10 {
			require.Equal(t, 59049, pool.Call(p, ternary, 10))
		}
	})
}

// Recursion that is deeper than the records stays right.
func TestForkDeep(t *testing.T) {
	var count func(f pool.Fork[int, int], n int) int
	count = func(f pool.Fork[int, int], n int) int {
		if n == 0 {
			return 1
		}
		x := count(f.Put(0), n-1)
		if f.Kept() {
			return x + count(f, 0)
		}
		return x + f.Take(0)
	}
	forkPools(t, func(t *testing.T, p *pool.Pool) {
		for range 5 {
			require.Equal(t, 100_001, pool.Call(p, count, 100_000))
		}
	})
}

// boom is fib with a panic in the leaf that is counted down to.
func boom(countdown *atomic.Int64, running *atomic.Int64) func(f pool.Fork[int, int], n int) int {
	var b func(f pool.Fork[int, int], n int) int
	b = func(f pool.Fork[int, int], n int) int {
		if n < 2 {
			running.Add(1)
			defer running.Add(-1)
			if countdown.Add(-1) == 0 {
				panic(errBoom)
			}
			return n
		}
		x := b(f.Put(n-2), n-1)
		if f.Kept() {
			return x + b(f, n-2)
		}
		return x + f.Take(n-2)
	}
	return b
}

// A panic anywhere surfaces once, from the call, when no part runs any more.
func TestForkPanic(t *testing.T) {
	forkPools(t, func(t *testing.T, p *pool.Pool) {
		for i := int64(1); i < 10_000; i += 1 + i/7 {
			var countdown, running atomic.Int64
			countdown.Store(i)
			func() {
				defer func() {
					v, ok := recover().(*task.PanicError)
					require.True(t, ok)
					require.Equal(t, errBoom, v.Value)
					require.Contains(t, string(v.Stack), ".boom.")
					require.Zero(t, running.Load())
				}()
				pool.Call(p, boom(&countdown, &running), 20)
			}()
		}
		require.Equal(t, fibSeq(20), pool.Call(p, fib, 20))
	})
}

// A function that recovers from the panic of a part, and goes on at its position, gets
// the right results: those of the parts that were jumped over are nobody's.
func TestForkRecover(t *testing.T) {
	var calls atomic.Int64
	var r func(f pool.Fork[int, int], n int) int
	guarded := func(f pool.Fork[int, int], n int) (x int) {
		defer func() {
			if v := recover(); v != nil {
				x = fib(f, n) // on the position where others may still be at work
			}
		}()
		return r(f, n)
	}
	r = func(f pool.Fork[int, int], n int) int {
		if n < 2 {
			return n
		}
		if calls.Add(1)%101 == 0 {
			panic(errBoom)
		}
		x := guarded(f.Put(n-2), n-1)
		if f.Kept() {
			return x + guarded(f, n-2)
		}
		return x + f.Take(n-2)
	}
	forkPools(t, func(t *testing.T, p *pool.Pool) {
		for range 50 {
			calls.Store(0) // none in the very first call, which nobody guards
			func() {
				defer func() {
					if v := recover(); v != nil { // a part that a thief has run, unguarded
						require.IsType(t, &task.PanicError{}, v)
					}
				}()
				require.Equal(t, fibSeq(18), pool.Call(p, guarded, 18))
			}()
		}
	})
}

// Goexit in a part ends the goroutine that has called, and no thread of the pool.
func TestForkGoexit(t *testing.T) {
	forkPools(t, func(t *testing.T, p *pool.Pool) {
		for i := 1; i < 1000; i += 1 + i/2 {
			var left atomic.Int64
			left.Store(int64(i))
			g := func(f pool.Fork[int, int], n int) int {
				if n < 2 {
					if left.Add(-1) == 0 {
						runtime.Goexit()
					}
					return n
				}
				x, y := f.Join(n-1, n-2)
				return x + y
			}
			returned, done := false, make(chan struct{})
			go func() {
				defer close(done)
				pool.Call(p, g, 16)
				returned = true
			}()
			<-done
			require.False(t, returned)
		}
		require.Equal(t, fibSeq(20), pool.Call(p, fib, 20))
	})
}

// Many goroutines compute at a time: more than there are seats.
func TestForkGuests(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 2})
	require.NoError(t, err)
	defer p.Close()
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range 64 {
		all.Go(func() {
			<-start
			for k := range 10 {
				n := 10 + (i+k)%10
				require.Equal(t, fibSeq(n), pool.Call(p, fib, n))
				require.Equal(t, fibSeq(n), pool.Call(p, fibJoin, n))
			}
		})
	}
	close(start)
	all.Wait()
}

// A lock that is held across joins is no danger: while a joiner waits, it computes
// nothing but parts of what it waits for.
func TestForkLockAcrossJoin(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 4})
	require.NoError(t, err)
	defer p.Close()
	var mu sync.Mutex
	do := make([]func(pool.Scope), 200)
	for i := range do {
		do[i] = func(s pool.Scope) {
			mu.Lock()
			defer mu.Unlock()
			require.Equal(t, fibSeq(12), pool.Call(s, fibJoin, 12))
		}
	}
	pool.Do(p, do...)
}

// Others help a fine recursion that takes long.
func TestForkHelp(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 2})
	require.NoError(t, err)
	defer p.Close()
	before := p.Stats()
	for range 100 {
		pool.Call(p, fib, 27)
		if p.Stats().Parts > before.Parts {
			return
		}
	}
	require.Fail(t, "nobody has taken a part")
}

// A computation of microseconds wakes nobody.
func TestForkTiny(t *testing.T) {
	for range 100 { // until the machine does not interrupt it
		p := open(t, 2)
		require.Equal(t, 5, pool.Call(p, fib, 5))
		if p.Stats().Threads == 0 {
			return
		}
	}
	require.Fail(t, "somebody was woken")
}

// A call allocates nothing, but for the first of a kind.
func TestForkAllocates(t *testing.T) {
	if invariant.Enabled {
		t.Skip("the checks allocate")
	}
	p, err := pool.New(pool.Config{Workers: 1, Procs: -1})
	require.NoError(t, err)
	defer p.Close()
	require.Zero(t, testing.AllocsPerRun(100, func() { pool.Call(p, fib, 10) }))
}

// A part on another thread must not use the Cx of the poll. Debug builds tell.
func TestForkForeignCx(t *testing.T) {
	if !invariant.Enabled || runtime.GOOS != "linux" {
		t.Skip("not a debug build")
	}
	p := open(t, 2)
	var arrived sync.WaitGroup
	arrived.Add(2)
	require.NoError(t, p.Run(background, task.Func(func(cx *task.Cx) error {
		require.Panics(t, func() {
			pool.Do(cx, func(pool.Scope) {
				arrived.Done()
				arrived.Wait()
			}, func(pool.Scope) {
				arrived.Done()
				arrived.Wait()
				pool.Call(cx, fib, 3)
			})
		})
		return nil
	})))
}
