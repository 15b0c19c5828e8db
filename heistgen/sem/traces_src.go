package sem

import (
	"context"
	"fmt"
	"strings"

	"github.com/heist-go/heist/task"
)

// Traces are the traces of the functions as tasks, with a pauser of that seed.
func Traces(seed uint64) (out []string) {
	one := func(name string, make func(p *pauser) (task.Task, func() string)) {
		out = append(out, traced(name, seed, make))
	}
	for _, how := range []string{"", "panic", "nil map", "goexit", "error"} {
		one("outer "+how, func(p *pauser) (task.Task, func() string) {
			t := newOuter(p, how)
			return t, func() string { return fmt.Sprint(t.Result()) }
		})
	}
	none := func(f func(*pauser) task.Task) func(*pauser) (task.Task, func() string) {
		return func(p *pauser) (task.Task, func() string) {
			t := f(p)
			return t, func() string { return "" }
		}
	}
	one("captures", none(func(p *pauser) task.Task { return newCaptures(p) }))
	one("ranges", none(func(p *pauser) task.Task { return newRanges(p) }))
	one("order", none(func(p *pauser) task.Task { return newOrder(p) }))
	one("circuit", none(func(p *pauser) task.Task { return newCircuit(p) }))
	one("fib", func(p *pauser) (task.Task, func() string) {
		t := newFib(p, 9)
		return t, func() string { return fmt.Sprint(t.Result()) }
	})
	one("mapped", func(p *pauser) (task.Task, func() string) {
		t := newMapped(p, []int{1, 2, 3}, func(i int) string { return strings.Repeat("x", i) })
		return t, func() string { return fmt.Sprint(t.Result()) }
	})
	one("jumps", func(p *pauser) (task.Task, func() string) {
		t := newJumps(p)
		return t, func() string { return fmt.Sprint(t.Result()) }
	})
	one("constants", func(p *pauser) (task.Task, func() string) {
		t := newConstants(p)
		return t, func() string { return fmt.Sprint(t.Result()) }
	})
	one("names", func(p *pauser) (task.Task, func() string) {
		t := newNames(p, []string{"a", "b"})
		return t, func() string { return fmt.Sprint(t.Result()) }
	})
	one("pairs", func(p *pauser) (task.Task, func() string) {
		t := newPairs(p)
		return t, func() string { return fmt.Sprint(t.Result()) }
	})
	one("frames", func(p *pauser) (task.Task, func() string) {
		t := newFrames(p)
		return t, func() string { return fmt.Sprint(t.Result()) }
	})
	return out
}

// Colored are the traces of the versions for goroutines.
func Colored(seed uint64) (out []string) {
	one := func(name string, f func(ctx context.Context, p *pauser) string) {
		p := &pauser{seed: seed}
		out = append(out, run(name, p, func() string { return f(context.Background(), p) }))
	}
	for _, how := range []string{"", "panic", "nil map", "goexit", "error"} {
		one("outer "+how, func(ctx context.Context, p *pauser) string { return fmt.Sprint(outerContext(ctx, p, how)) })
	}
	none := func(f func(context.Context, *pauser) error) func(context.Context, *pauser) string {
		return func(ctx context.Context, p *pauser) string { _ = f(ctx, p); return "" }
	}
	one("captures", none(capturesContext))
	one("ranges", none(rangesContext))
	one("order", none(orderContext))
	one("circuit", none(circuitContext))
	one("fib", func(ctx context.Context, p *pauser) string { return fmt.Sprint(fibContext(ctx, p, 9)) })
	one("mapped", func(ctx context.Context, p *pauser) string {
		return fmt.Sprint(mappedContext(ctx, p, []int{1, 2, 3}, func(i int) string { return strings.Repeat("x", i) }))
	})
	one("jumps", func(ctx context.Context, p *pauser) string { return fmt.Sprint(jumpsContext(ctx, p)) })
	one("constants", func(ctx context.Context, p *pauser) string { return fmt.Sprint(constantsContext(ctx, p)) })
	one("names", func(ctx context.Context, p *pauser) string {
		return fmt.Sprint(namesContext(ctx, p, []string{"a", "b"}))
	})
	one("pairs", func(ctx context.Context, p *pauser) string { return fmt.Sprint(pairsContext(ctx, p)) })
	one("frames", func(ctx context.Context, p *pauser) string { return fmt.Sprint(framesContext(ctx, p)) })
	return out
}
