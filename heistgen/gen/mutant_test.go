package gen

import (
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// seen are the sources in which faults are looked for: what goes with them, and what is traced.
var seen = map[string]struct {
	files  []string
	traces string
}{
	"src.go":    {[]string{"src.go", "frames.go", "traces_src.go"}, "Traces"},
	"lits.go":   {[]string{"src.go", "lits.go", "traces_lits.go"}, "Literals"},
	"climbs.go": {[]string{"climbs.go", "traces_climbs.go"}, "Climbs"},
	"turns.go":  {[]string{"turns.go", "traces_turns.go"}, "Turns"},
}

// TestMutants compiles a source of package sem with a fault in one pass of the compiler at a time: what the
// functions do has to differ from what they do without.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: it builds a program")
	}
	module := newModule(t, "mutants")
	imports, cases := "", ""
	faults := map[string]string{}
	var patterns []string
	add := func(source, fault string) int {
		n := len(patterns)
		pkg := fmt.Sprintf("m%d", n)
		for _, f := range append([]string{"sem.go", "traces.go"}, seen[source].files...) {
			module.write(pkg+"/"+f, read(t, "../sem/"+f))
		}
		imports += fmt.Sprintf("\t%s \"example.org/mutants/%s\"\n", pkg, pkg)
		cases += fmt.Sprintf("\tcase \"%d\":\n\t\ttraces = %s.%s\n", n, pkg, seen[source].traces)
		faults["example.org/mutants/"+pkg] = fault
		patterns = append(patterns, "./"+pkg)
		return n
	}
	sources := slices.Sorted(maps.Keys(mutants))
	for _, source := range sources {
		add(source, "")
		for _, m := range mutants[source] {
			add(source, m)
		}
	}
	module.write("main.go", "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"syscall\"\n"+imports+")\n\nfunc main() {\n\t_ = syscall.Setrlimit(syscall.RLIMIT_CPU, &syscall.Rlimit{Cur: 2, Max: 2}) // seconds of its own: a fault may make it run for ever\n\tvar traces func(uint64) []string\n\tswitch os.Args[1] {\n"+cases+"\t}\n\tfor seed := range uint64(20) {\n\t\tfmt.Println(traces(seed))\n\t}\n}\n")
	// Without inlining and debug information the copies take half of the time to compile, and under the tag
	// nobody runs them.
	bin := module.build(Config{Patterns: patterns, mutants: faults, Flags: []string{"-gcflags=example.org/...=-N -l"}}, "-gcflags=example.org/...=-l -dwarf=false")
	run := func(i int) string {
		out, err := exec.Command(bin, fmt.Sprint(i)).CombinedOutput()
		return fmt.Sprint(string(out), err)
	}
	n := 0
	for _, source := range sources {
		want := run(n)
		n++
		if lines := strings.Split(want, "\n"); len(lines) < 20 || lines[0] != lines[1] {
			t.Fatalf("%s without a fault:\n%.2000s", source, want)
		}
		for _, m := range mutants[source] {
			if run(n) == want {
				t.Errorf("not found: %s", m)
			}
			n++
		}
	}
}

// TestComplete has a pass leave a call as it is that waits: it is refused, and not an ordinary call in silence.
func TestComplete(t *testing.T) {
	module := newModule(t, "complete")
	module.write("complete.go", `package complete

import "github.com/heist-go/heist/task"

func must[T any](v T, err error) T { return v }

func where(cx *task.Cx) (int, error) { return 0, cx.Yield() }
`)
	module.write("source.go", `//go:build heistgen

package complete

import "github.com/heist-go/heist/task"

//heist:task
func last(cx *task.Cx, list []int) (int, error) {
	var at [1]int
	for _, at[must(where(cx))] = range list {
	}
	return at[0], nil
}
`)
	c := Config{Dir: module.dir, Env: module.env, Patterns: []string{"."}}
	if _, err := Compile(c); err != nil {
		t.Fatal(err)
	}
	c.mutants = map[string]string{"example.org/complete": unlowered}
	if _, err := Compile(c); err == nil || !strings.Contains(err.Error(), "source.go:10:17: heistgen does not see how to wait for where here") {
		t.Fatal(err)
	}
}
