package harness

import (
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// differs lists the programs that see what is not Go's, and is documented.
var differs = map[string]string{
	"typeparam_issue54456": "it looks at the names and scopes of local types, which are declared outside of their functions",
	"fixedbugs_issue26094": "it looks at the names and scopes of local types, which are declared outside of their functions",
	"inline_literal":       "it compares the numbers of its lines, which the harness moves",
}

// deep lists the programs that recurse so far that they do not end in a form whose combinators and literals are polled
// from the outermost one: each wait costs its depth.
var deep = map[string]Form{"fixedbugs_issue16249": Timeouts, "ken_divconst": Recursion}

// goPrograms returns the programs of Go's test folder that are tried, and counts the others.
func goPrograms(t *testing.T, from, to uint32, forms []Form) (map[string][]byte, map[string]int) {
	dir := os.Getenv("HEISTGEN_GOTEST_DIR")
	if dir == "" {
		root, err := exec.Command("go", "env", "GOROOT").Output()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(strings.TrimSpace(string(root)), "test")
	}
	var files []string
	for _, sub := range []string{"", "ken", "chan", "interface", "typeparam", "fixedbugs", "escape", "abi", "dwarf", "stress"} {
		list, err := filepath.Glob(filepath.Join(dir, sub, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, list...)
	}
	if len(files) == 0 {
		t.Skipf("skipped: %s has no programs: a toolchain that the go command has fetched comes without them", dir)
	}
	out := map[string][]byte{}
	why := map[string]int{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		rel, _ := filepath.Rel(dir, f)
		name := strings.TrimSuffix(strings.ReplaceAll(filepath.ToSlash(rel), "/", "_"), ".go")
		w := Unfit(string(text))
		if differs[name] != "" {
			w = differs[name]
		}
		if f, ok := deep[name]; ok && slices.Contains(forms, f) {
			w = "it recurses too far for a wait to cost its depth"
		}
		if w != "" {
			why[w]++
			continue
		}
		h := fnv.New32a()
		h.Write([]byte(name))
		if only := os.Getenv("HEISTGEN_GOTEST_ONLY"); only != "" {
			if !strings.Contains(","+only+",", ","+name+",") {
				continue
			}
		} else if k := h.Sum32() % 100; k < from || k >= to {
			continue
		}
		out[name] = text
	}
	return out, why
}

// forms are those that HEISTGEN_FORMS lists.
func forms() (list []Form) {
	for f := range strings.SplitSeq(os.Getenv("HEISTGEN_FORMS"), ",") {
		if f != "" {
			list = append(list, Form(f))
		}
	}
	return list
}

// TestGoPrograms runs Go's own test programs as tasks. HEISTGEN_GOTEST=100 takes all of them,
// 20-40 the fifth of them that lies there, in the forms that HEISTGEN_FORMS lists.
func TestGoPrograms(t *testing.T) {
	from, to := uint32(0), uint32(1)
	if s := os.Getenv("HEISTGEN_GOTEST"); s != "" {
		if n, _ := fmt.Sscanf(s, "%d-%d", &from, &to); n != 2 {
			from = 0
			if _, err := fmt.Sscan(s, &to); err != nil {
				t.Fatalf("HEISTGEN_GOTEST=%s: it is a share in percent, or a part: 20-40", s)
			}
		}
	}
	compareGoPrograms(t, from, to, forms()...)
}

// TestForms runs a few of them in forms that are written differently.
func TestForms(t *testing.T) {
	if os.Getenv("HEISTGEN_GOTEST") != "" {
		t.Skip("skipped: TestGoPrograms runs what is asked for")
	}
	compareGoPrograms(t, 1, 2, Closures, Bodies, Operands, Conditions)
}

func compareGoPrograms(t *testing.T, from, to uint32, forms ...Form) {
	if testing.Short() {
		t.Skip("skipped: it builds programs")
	}
	programs, left := goPrograms(t, from, to, forms)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := os.Getenv("HEISTGEN_GOTEST_WORK")
	if dir == "" {
		dir = t.TempDir()
	}
	r, err := Compare(dir, root, programs, []int{1, 2, 3}, t.Logf, forms...)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d programs, %d tried, %d compared with %d tasks, %d unequal, %d that do not build", len(programs), r.Tried, r.Compared, r.Tasks, len(r.Unequal), len(r.Faults))
	for _, l := range Sorted(left) {
		t.Log("not tried:", l)
	}
	for _, l := range Sorted(r.Left) {
		t.Log("left:", l)
	}
	if os.Getenv("HEISTGEN_GOTEST_WHO") != "" {
		for why, names := range r.LeftBy {
			t.Log(why, names)
		}
	}
	for _, f := range r.Faults {
		t.Error("does not build:", f)
	}
	for _, u := range r.Unequal {
		t.Error("differs:", u)
	}
}
