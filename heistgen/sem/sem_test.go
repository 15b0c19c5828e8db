package sem

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/heist-go/heist/task"
)

// wantLiterals is what literals and within do: combinators do not run without a scheduler.
var wantLiterals = []string{
	"literals: val1; val2; unwound; caught in a literal; [timeout 4 <nil> select 1 <nil>dropped;  join 7012<nil> twice 0 twice 1 retry 3 <nil> children 6 14 <nil> recovered <nil> caught caught: in a literal] <nil> panic <nil>",
	"within: torn 11; caught torn; torn 111; caught torn; [loop 0 0 <nil> loop 1 11 <nil> loop 2 22 <nil> race 1 7 <nil> 6012lost lent abcd<nil> retry 33 3 <nil> torn 11caught: torn 0 1 <nil> torn 111caught: torn 1 2 <nil> descend 6 <nil>] <nil> panic <nil>",
}

// TestMachines compares the machines with themselves, under many seeds; TestPlain, behind the
// tag, with plain Go.
func TestMachines(t *testing.T) {
	compare(t, Traces(0), Traces, 499)
	compare(t, wantLiterals, Literals, 499)
	compare(t, casesTraces(0), casesTraces, 499)
	compare(t, Climbs(0), Climbs, 499)
}

// TestColors compares the versions for goroutines with the machines.
func TestColors(t *testing.T) {
	compare(t, Traces(0), Colored, 50)
	compare(t, wantLiterals, literalsColored, 50)
	compare(t, casesTraces(0), casesColored, 50)
}

func literalsColored(seed uint64) []string {
	p, q := &pauser{seed: seed}, &pauser{seed: seed}
	return []string{
		run("literals", p, func() string { return fmt.Sprint(literalsContext(context.Background(), p)) }),
		run("within", q, func() string { return fmt.Sprint(withinContext(context.Background(), q)) }),
	}
}

func casesTraces(seed uint64) []string {
	return []string{traced("cases", seed, func(p *pauser) (task.Task, func() string) {
		t := newCases(p)
		return t, func() string { return fmt.Sprint(t.Result()) }
	})}
}

func casesColored(seed uint64) []string {
	p := &pauser{seed: seed}
	return []string{run("cases", p, func() string { return fmt.Sprint(casesContext(context.Background(), p)) })}
}

func compare(t *testing.T, want []string, traces func(uint64) []string, seeds uint64) {
	for seed := range seeds {
		for i, got := range traces(seed) {
			if got != want[i] {
				t.Fatalf("seed %d:\n%s\nwant\n%s", seed, got, want[i])
			}
		}
	}
}

// TestUnderTheTag runs TestPlain, where the sources can be called.
func TestUnderTheTag(t *testing.T) {
	if testing.Short() || os.Getenv("HEISTGEN_INNER") != "" {
		t.Skip("skipped: it builds the package again")
	}
	cmd := exec.Command("go", "test", "-count=1", "-tags", "heistgen", "-run", "TestPlain", ".")
	cmd.Env = append(os.Environ(), "HEISTGEN_INNER=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
