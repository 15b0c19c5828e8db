//go:build heistgen

package sem

import (
	"fmt"
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
