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

// wantMembers is what members does.
var wantMembers = []string{
	"members: counted; [3part3<nil> 4part4<nil> 1part1<nil> 0part0<nil> true 8 <nil> 1 <nil> 2 counted: deep true <nil> unwound raised 2 [1 3 5] <nil> 3 true [1] <nil> 1 true [] deep 0 true 4 true true 1 2 5 10 17 [18 12] 1913 <nil> deep 5 1second<nil> 671h<nil> 7 0 <nil> 11 -1 <nil> 1 deep 21 -1 <nil> 0 <nil> 13 -1 <nil> 1 <nil> 2 <nil> 14 <nil> 4 <nil> 23 <nil> 2 <nil> 0 true false <nil> <nil> 1 true false <nil> <nil> 2 true false <nil> <nil> ] <nil> panic <nil>",
}

// TestMembers runs tasks that start others, as machines and as goroutines.
func TestMembers(t *testing.T) {
	compare(t, wantMembers, func(seed uint64) []string {
		return []string{traced("members", seed, func(p *pauser) (task.Task, func() string) {
			t := newMembers(p)
			return t, func() string { return fmt.Sprint(t.Result()) }
		})}
	}, 499)
	compare(t, wantMembers, func(seed uint64) []string {
		p := &pauser{seed: seed}
		return []string{run("members", p, func() string { return fmt.Sprint(membersContext(context.Background(), p)) })}
	}, 50)
}
