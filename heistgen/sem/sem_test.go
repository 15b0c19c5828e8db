package sem

import (
	"os"
	"os/exec"
	"testing"
)

// wantLiterals is what literals does: combinators do not run without a scheduler.
const wantLiterals = "literals: val1; val2; unwound; caught in a literal; [timeout 4 <nil> select 1 <nil>dropped;  join 7012<nil> twice 0 twice 1 retry 3 <nil> children 6 14 <nil> recovered <nil> caught caught: in a literal] <nil> panic <nil>"

// TestMachines compares the machines with themselves, under many seeds; TestPlain, behind the
// tag, with plain Go.
func TestMachines(t *testing.T) {
	want := Traces(0)
	want[len(want)-1] = wantLiterals
	compare(t, want, Traces, 499)
}

// TestColors compares the versions for goroutines with the machines.
func TestColors(t *testing.T) {
	want := Traces(0)
	want[len(want)-1] = wantLiterals
	compare(t, want, Colored, 50)
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
