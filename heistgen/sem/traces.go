package sem

import (
	"context"
	"fmt"
	"strings"

	"github.com/heist-go/heist/task"
)

// run calls f on a goroutine of its own, which Goexit may end, and returns what p has seen,
// what f has returned, and its panic.
func run(name string, p *pauser, f func() string) string {
	out := make(chan string, 1)
	go func() {
		result := "no result"
		defer func() {
			v := recover()
			if e, ok := v.(*task.PanicError); ok {
				v = e.Value
			}
			out <- fmt.Sprintf("%s: %s%s panic %v", name, p.log.String(), result, v)
		}()
		result = f()
	}()
	return <-out
}

// traced is the trace of a task, with a pauser of that seed.
func traced(name string, seed uint64, make func(p *pauser) (task.Task, func() string)) string {
	p := &pauser{seed: seed}
	return run(name, p, func() string {
		t, result := make(p)
		_ = task.Run(context.Background(), t)
		return result()
	})
}

// Traces are the traces of the functions as tasks, with a pauser of that seed. Literals and cases
// are traced by the tests: their machines are large, and not to be compiled for each mutant.
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

// Literals are the traces of the functions with combinators, which do not run as plain Go.
func Literals(seed uint64) []string {
	return []string{traced("literals", seed, func(p *pauser) (task.Task, func() string) {
		t := newLiterals(p)
		return t, func() string { return fmt.Sprint(t.Result()) }
	}), traced("within", seed, func(p *pauser) (task.Task, func() string) {
		t := newWithin(p)
		return t, func() string { return fmt.Sprint(t.Result()) }
	})}
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

// climbStops are where climb panics, and where it fails: -2 is nowhere.
var climbStops = [][2]int{{-2, -2}, {0, -2}, {3, -2}, {4, -2}, {8, -2}, {-2, 0}, {-2, 5}, {-2, 8}}

// Climbs are the traces of generators that await themselves, of which the first values are taken.
func Climbs(seed uint64) (out []string) {
	for limit := 1; limit < 13; limit++ {
		for _, stop := range climbStops {
			out = append(out, taken("climb", seed, limit, func(p *pauser) generator[int] { return newClimb(p, grow(0, 9), stop[0], stop[1]) }),
				taken("rescued", seed, limit, func(p *pauser) generator[int] { return newRescued(p, grow(0, 9), stop[0], stop[1]) }))
		}
		out = append(out, taken("zig", seed, limit, func(p *pauser) generator[int] { return newZig(p, grow(0, 12)) }),
			taken("swapped", seed, limit, func(p *pauser) generator[string] { return newSwapped(p, 5, 1, "one") }))
	}
	return out
}

type generator[T any] interface {
	Next(*task.Cx) (T, error)
	Close(*task.Cx) error
}

// taken is the trace of a generator, of which up to limit values are taken.
func taken[T any](name string, seed uint64, limit int, make func(p *pauser) generator[T]) string {
	return traced(name, seed, func(p *pauser) (task.Task, func() string) {
		var got []T
		var err error
		g := make(p)
		return task.Func(func(cx *task.Cx) error {
			for len(got) < limit {
				v, e := g.Next(cx)
				if task.IsPending(e) {
					return e
				}
				if e != nil {
					err = e
					return nil
				}
				got = append(got, v)
			}
			if err = g.Close(cx); task.IsPending(err) {
				return err
			}
			return nil
		}), func() string { return fmt.Sprint(got, err) }
	})
}
