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

// formless lists the programs that are left out in forms, and why.
var formless = map[string]struct {
	forms []Form
	why   string
}{
	"fixedbugs_issue16249":  {[]Form{Timeouts, Makers}, farDown},
	"ken_divconst":          {[]Form{Recursion}, farDown},
	"fixedbugs_issue17039":  {[]Form{Combinators}, "Go 1.26.8's compiler appends the longer slice to itself in a literal"},
	"fixedbugs_issue29312":  {[]Form{Values}, "its types take Go's checker for ever as type arguments"},
	"fixedbugs_issue58300":  {[]Form{Generic, Methods, Names}, "it prints the names of its functions"},
	"fixedbugs_issue58300b": {[]Form{Generic, Methods, Names}, "it prints the names of its functions"},
}

// Combinators and literals are polled from the outermost one.
const farDown = "it recurses too far for a wait to cost its depth"

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
		if f := formless[name]; slices.ContainsFunc(forms, func(g Form) bool { return slices.Contains(f.forms, g) }) {
			w = f.why
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
	list := forms()
	programs, left := goPrograms(t, from, to, list)
	comparePrograms(t, programs, left, list)
}

// TestForms runs programs in the manner of services, of testdata, in several forms at once: a few of them, or all in the
// forms that HEISTGEN_FORMS lists if HEISTGEN_GOTEST is set.
func TestForms(t *testing.T) {
	files, err := filepath.Glob("testdata/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	list := forms()
	if os.Getenv("HEISTGEN_GOTEST") == "" {
		files, list = files[:8], []Form{Closures, Bodies, Conditions, Values, Places, Switches}
	}
	programs := map[string][]byte{}
	for _, f := range files {
		if programs[strings.TrimSuffix(filepath.Base(f), ".go")], err = os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
	}
	comparePrograms(t, programs, nil, list)
}

func comparePrograms(t *testing.T, programs map[string][]byte, left map[string]int, forms []Form) {
	if testing.Short() {
		t.Skip("skipped: it builds programs")
	}
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
