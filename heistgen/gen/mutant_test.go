package gen

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// TestMutants compiles package sem with a fault in one pass of the compiler at a time: what the
// functions do has to differ from what they do without.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: it builds a program")
	}
	module := newModule(t, "mutants")
	imports, cases := "", ""
	all := append([]string{""}, mutants...)
	for i := range all {
		pkg := fmt.Sprintf("m%d", i)
		for _, f := range []string{"sem.go", "traces.go", "src.go", "frames.go", "lits.go", "climbs.go"} {
			module.write(pkg+"/"+f, read(t, "../sem/"+f))
		}
		imports += fmt.Sprintf("\t%s \"example.org/mutants/%s\"\n", pkg, pkg)
		cases += fmt.Sprintf("\tcase \"%d\":\n\t\ttraces = func(seed uint64) []string { return slices.Concat(%[2]s.Traces(seed), %[2]s.Literals(seed), %[2]s.Climbs(seed)) }\n", i, pkg)
	}
	module.write("main.go", "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"slices\"\n\t\"syscall\"\n"+imports+")\n\nfunc main() {\n\t_ = syscall.Setrlimit(syscall.RLIMIT_CPU, &syscall.Rlimit{Cur: 2, Max: 2}) // seconds of its own: a fault may make it run for ever\n\tvar traces func(uint64) []string\n\tswitch os.Args[1] {\n"+cases+"\t}\n\tfor seed := range uint64(20) {\n\t\tfmt.Println(traces(seed))\n\t}\n}\n")
	faults := map[string]string{}
	var patterns []string
	for i, m := range all {
		faults[fmt.Sprintf("example.org/mutants/m%d", i)] = m
		patterns = append(patterns, fmt.Sprintf("./m%d", i))
	}
	// Without inlining and debug information the copies take half of the time to compile, and under the tag
	// nobody runs them.
	bin := module.build(Config{Patterns: patterns, mutants: faults, Flags: []string{"-gcflags=example.org/...=-N -l"}}, "-gcflags=example.org/...=-l -dwarf=false")
	run := func(i int) string {
		out, err := exec.Command(bin, fmt.Sprint(i)).CombinedOutput()
		return fmt.Sprint(string(out), err)
	}
	want := run(0)
	if lines := strings.Split(want, "\n"); len(lines) < 20 || lines[0] != lines[1] {
		t.Fatalf("without a fault:\n%.2000s", want)
	}
	for i, m := range mutants {
		if run(i+1) == want {
			t.Errorf("not found: %s", m)
		}
	}
}
