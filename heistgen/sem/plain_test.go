//go:build heistgen

package sem

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/heist-go/heist/task"
)

// TestPlain compares the machines with the functions that they come from.
func TestPlain(t *testing.T) {
	var cx *task.Cx // nobody waits
	var want []string
	one := func(name string, f func(p *pauser) string) {
		p := new(pauser)
		want = append(want, run(name, p, func() string { return f(p) }))
	}
	for _, how := range []string{"", "panic", "nil map", "goexit", "error"} {
		one("outer "+how, func(p *pauser) string { return fmt.Sprint(outer(cx, p, how)) })
	}
	one("captures", func(p *pauser) string { _ = captures(cx, p); return "" })
	one("ranges", func(p *pauser) string { _ = ranges(cx, p); return "" })
	one("order", func(p *pauser) string { _ = order(cx, p); return "" })
	one("circuit", func(p *pauser) string { _ = circuit(cx, p); return "" })
	one("fib", func(p *pauser) string { return fmt.Sprint(fib(cx, p, 9)) })
	one("mapped", func(p *pauser) string {
		return fmt.Sprint(mapped(cx, p, []int{1, 2, 3}, func(i int) string { return strings.Repeat("x", i) }))
	})
	one("jumps", func(p *pauser) string { return fmt.Sprint(jumps(cx, p)) })
	one("constants", func(p *pauser) string { return fmt.Sprint(constants(cx, p)) })
	one("names", func(p *pauser) string { return fmt.Sprint(names(cx, p, []string{"a", "b"})) })
	one("pairs", func(p *pauser) string { return fmt.Sprint(pairs(cx, p)) })
	one("frames", func(p *pauser) string { return fmt.Sprint(frames(cx, p)) })
	p := new(pauser)
	wantCases := []string{run("cases", p, func() string { return fmt.Sprint(cases(cx, p)) })}
	t.Log(wantCases)
	for _, l := range want {
		t.Log(l)
	}
	compare(t, want, Traces, 499)
	compare(t, want, Colored, 50)
	compare(t, wantCases, casesTraces, 499)
	compare(t, wantCases, casesColored, 50)
}

// TestPlainClimbs compares generators that await themselves.
func TestPlainClimbs(t *testing.T) {
	var cx *task.Cx // nobody waits
	var want []string
	for limit := 1; limit < 13; limit++ {
		for _, stop := range climbStops {
			want = append(want, called("climb", limit, func(p *pauser, yield func(int) bool) error {
				return climb(cx, p, grow(0, 9), stop[0], stop[1], yield)
			}), called("rescued", limit, func(p *pauser, yield func(int) bool) error {
				return rescued(cx, p, grow(0, 9), stop[0], stop[1], yield)
			}))
		}
		want = append(want, called("zig", limit, func(p *pauser, yield func(int) bool) error {
			return zig(cx, p, grow(0, 12), yield)
		}), called("swapped", limit, func(p *pauser, yield func(string) bool) error {
			return swapped(cx, p, 5, 1, "one", yield)
		}))
	}
	compare(t, want, Climbs, 499)
}

// called is what taken is, of a function that is called.
func called[T any](name string, limit int, f func(p *pauser, yield func(T) bool) error) string {
	p := new(pauser)
	return run(name, p, func() string {
		var got []T
		err := f(p, func(v T) bool {
			got = append(got, v)
			return len(got) < limit
		})
		if err == nil && len(got) < limit {
			err = io.EOF
		}
		return fmt.Sprint(got, err)
	})
}
