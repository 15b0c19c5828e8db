package pool_test

import (
	"context"
	"fmt"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

type shrub struct {
	left, right *shrub
	value       int
}

func full(depth int) *shrub {
	if depth == 0 {
		return nil
	}
	return &shrub{full(depth - 1), full(depth - 1), 1}
}

// A recursive function becomes parallel by a position that is passed along: the fastest
// grade, for fine recursion. A fork costs a nanosecond as long as nobody wants a part.
func ExampleFork() {
	var sum func(f pool.Fork[*shrub, int], t *shrub) int
	sum = func(f pool.Fork[*shrub, int], t *shrub) int {
		if t == nil {
			return 0
		}
		left := sum(f.Put(t.right), t.left) // somebody may take the right one meanwhile
		if f.Kept() {
			return t.value + left + sum(f, t.right)
		}
		return t.value + left + f.Take(t.right)
	}
	fmt.Println(pool.Call(pool.Default(), sum, full(10)))
	// Output: 1023
}

// The friendly grade, for parts of any size.
func ExampleFork_Join() {
	sum := func(f pool.Fork[*shrub, int], t *shrub) int {
		if t == nil {
			return 0
		}
		left, right := f.Join(t.left, t.right)
		return t.value + left + right
	}
	fmt.Println(pool.Call(pool.Default(), sum, full(10)))
	// Output: 1023
}

// Several parts are joined in the opposite order.
func ExampleFork_Nth() {
	var leaves func(f pool.Fork[int, int], depth int) int
	leaves = func(f pool.Fork[int, int], depth int) int {
		if depth == 0 {
			return 1
		}
		n := leaves(f.Put(depth-1).Put(depth-1), depth-1)
		for i := 1; i >= 0; i-- {
			if at := f.Nth(i); at.Kept() {
				n += leaves(at, depth-1)
			} else {
				n += at.Take(depth - 1)
			}
		}
		return n
	}
	fmt.Println(pool.Call(pool.Default(), leaves, 5))
	// Output: 243
}

// A loop that takes long cuts itself in two when somebody has nothing to do.
func ExampleFork_Wanted() {
	type span struct{ lo, hi int }
	var sum func(f pool.Fork[span, int], s span) int
	sum = func(f pool.Fork[span, int], s span) int {
		total := 0
		for ; s.lo < s.hi; s.lo++ {
			if mid := (s.lo + s.hi) / 2; mid > s.lo && f.Wanted() {
				upper := span{mid, s.hi}
				total += sum(f.Offer(upper), span{s.lo, mid})
				if f.Kept() {
					return total + sum(f, upper)
				}
				return total + f.Take(upper)
			}
			total += s.lo
		}
		return total
	}
	fmt.Println(pool.Call(pool.Default(), sum, span{0, 1000}))
	// Output: 499500
}

// Closures are the easiest grade. Each may go on with the scope that it is given.
func ExampleDo() {
	parts := make([]int, 3)
	pool.Do(pool.Default(),
		func(pool.Scope) { parts[0] = 1 },
		func(pool.Scope) { parts[1] = 2 },
		func(s pool.Scope) {
			pool.Do(s, func(pool.Scope) { parts[2]++ }, func(pool.Scope) {})
		})
	fmt.Println(parts)
	// Output: [1 2 1]
}

func ExampleBoth() {
	var sum func(s pool.Scope, t *shrub) int
	sum = func(s pool.Scope, t *shrub) int {
		if t == nil {
			return 0
		}
		left, right := pool.Both(s,
			func(s pool.Scope) int { return sum(s, t.left) },
			func(s pool.Scope) int { return sum(s, t.right) })
		return t.value + left + right
	}
	pool.Do(pool.Default(), func(s pool.Scope) { fmt.Println(sum(s, full(10))) })
	// Output: 1023
}

// A goroutine bounds how long it computes: all inside asks the scope.
func ExampleDoContext() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	err := pool.DoContext(ctx, pool.Default(), func(s pool.Scope) {
		for s.Err() == nil { // as the functions of package par do
		}
	})
	fmt.Println(err)
	// Output: context deadline exceeded
}

// A computation ends early if it looks whether it should.
func ExampleCallContext() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	search := func(f pool.Fork[int, int], from int) int {
		for i := from; ; i++ {
			if f.Scope().Err() != nil {
				return i
			}
		}
	}
	_, err := pool.CallContext(ctx, pool.Default(), search, 0)
	fmt.Println(err)
	// Output: context deadline exceeded
}

// report awaits a long computation; its worker polls other tasks meanwhile.
type report struct {
	task.Frame
	job pool.Job[int]
}

func (r *report) Poll(cx *task.Cx) error {
	sum, err := r.job.Do(cx, func(s pool.Scope) int { return pool.Call(s, fib, 20) })
	if err != nil {
		return err
	}
	fmt.Println(sum)
	return nil
}

func ExampleJob() {
	if err := pool.Default().Run(context.Background(), &report{}); err != nil {
		fmt.Println(err)
	}
	// Output: 6765
}

// A value for each thread that computes: counters that nobody shares.
func ExampleLocal_In() {
	p := pool.Default()
	seen := pool.NewLocal[int](p, nil)
	var count func(s pool.Scope, t *shrub)
	count = func(s pool.Scope, t *shrub) {
		if t == nil {
			return
		}
		*seen.In(s)++
		pool.Do(s, func(s pool.Scope) { count(s, t.left) }, func(s pool.Scope) { count(s, t.right) })
	}
	pool.Do(p, func(s pool.Scope) { count(s, full(8)) })
	sum := 0
	for n := range seen.All() {
		sum += *n
	}
	fmt.Println(sum)
	// Output: 255
}

// Kinds of jobs: what is short need not wait for what is long, and at most three wait.
var (
	brief = &pool.Limiter{Name: "brief", Short: true}
	batch = &pool.Limiter{Name: "batch", Limit: 1, Queue: 3}
)

func ExampleLimiter() {
	p := pool.Default()
	var g task.Group
	for _, class := range []*pool.Limiter{batch, brief} {
		r := &report{}
		r.job.Limiter = class
		g.Go(p, r)
	}
	if err := g.WaitContext(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(p.JobStats(batch).Started, p.JobStats(brief).Started)
	// Output:
	// 6765
	// 6765
	// 1 1
}
