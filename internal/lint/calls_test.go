package lint_test

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var forbidden = regexp.MustCompile(`^//(go:linkname|go:norace)\b`)

func checkDirectives(m *module) (violations []string) {
	for _, f := range m.files {
		for _, group := range f.Comments {
			for _, c := range group.List {
				if d := forbidden.FindStringSubmatch(c.Text); d != nil {
					violations = append(violations, m.at(c.Pos(), "%s is forbidden", d[1]))
				}
			}
		}
	}
	return violations
}

func TestDirectives(t *testing.T) { clean(t, checkDirectives(repository(t))) }

func TestDirectivesCatches(t *testing.T) {
	m := archive(t, `-- pool/pool.go --
package pool

//go:linkname procPin runtime.procPin
func procPin() int

// run is fast.
//
//go:norace
func run() {}

// There is no //go:norace here, only a "//go:linkname" in prose.
//
//go:noinline
func prose() {}
`)
	caught(t, checkDirectives(m),
		"pool/pool.go:3: go:linkname is forbidden",
		"pool/pool.go:8: go:norace is forbidden",
	)
}

// checkRaw: a raw system call keeps its P, so one that blocks stops the whole
// program at the next garbage collection. A wake-up never blocks.
func checkRaw(m *module) (violations []string) {
	for _, f := range m.files {
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && strings.HasPrefix(fn.Name.Name, "futexWake") {
				continue
			}
			for n := range ast.Preorder(decl) {
				if id, ok := n.(*ast.Ident); ok && strings.HasPrefix(id.Name, "RawSyscall") {
					violations = append(violations, m.at(id.Pos(), "%s outside of a function named futexWake...", id.Name))
				}
			}
		}
	}
	return violations
}

func TestRaw(t *testing.T) { clean(t, checkRaw(repository(t))) }

func TestRawCatches(t *testing.T) {
	m := archive(t, `-- internal/park/park_linux.go --
package park

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func (p *Parker) futexWake() { unix.RawSyscall6(0, 0, 0, 0, 0, 0, 0) }

func futexWakeAll() { func() { syscall.RawSyscall(0, 0, 0, 0) }() }

func (p *Parker) Park() {
	unix.Syscall6(0, 0, 0, 0, 0, 0, 0)
	unix.RawSyscallNoError(0, 0, 0, 0)
}

var raw = syscall.RawSyscall6
`)
	caught(t, checkRaw(m),
		"internal/park/park_linux.go:15: RawSyscallNoError outside of a function named futexWake...",
		"internal/park/park_linux.go:18: RawSyscall6 outside of a function named futexWake...",
	)
}

// checkSleep: a test that sleeps to give another thread a chance is slow and
// passes by luck. A comment "// sleep: why" on the line admits the exception.
func checkSleep(m *module) (violations []string) {
	for _, f := range m.files {
		if !f.test {
			continue
		}
		admitted := map[int]bool{} // by line
		for _, group := range f.Comments {
			for _, c := range group.List {
				if reason, ok := strings.CutPrefix(c.Text, "// sleep: "); ok && strings.TrimSpace(reason) != "" {
					admitted[m.fset.Position(c.Pos()).Line] = true
				}
			}
		}
		clock := imported(f, "time")
		for n := range ast.Preorder(f.File) {
			if isSelector(n, clock, "Sleep") && !admitted[m.fset.Position(n.Pos()).Line] {
				violations = append(violations, m.at(n.Pos(), "a test may not sleep"))
			}
		}
	}
	return violations
}

// imported returns the name by which f knows an imported package of the
// standard library, or "" if it does not.
func imported(f *source, pkg string) string {
	i := slices.IndexFunc(f.Imports, func(s *ast.ImportSpec) bool { return importPath(s) == pkg })
	switch {
	case i < 0:
		return ""
	case f.Imports[i].Name != nil:
		return f.Imports[i].Name.Name
	}
	return path.Base(pkg)
}

// isSelector reports whether n is pkg.name, or name alone where pkg is ".".
func isSelector(n ast.Node, pkg, name string) bool {
	switch n := n.(type) {
	case *ast.SelectorExpr:
		id, ok := n.X.(*ast.Ident)
		return ok && token.IsIdentifier(pkg) && id.Name == pkg && n.Sel.Name == name
	case *ast.Ident:
		return pkg == "." && n.Name == name
	}
	return false
}

func TestSleep(t *testing.T) { clean(t, checkSleep(repository(t))) }

func TestSleepCatches(t *testing.T) {
	m := archive(t, `-- deque/deque_test.go --
package deque_test

import "time"

func f() {
	time.Sleep(1)
	time.Sleep(2) // sleep: the kernel's clock is the subject
	time.Sleep(3) // sleep:
	go nap(time.Sleep)
}
-- deque/renamed_test.go --
package deque_test

import tm "time"

func g() { tm.Sleep(1); time.Sleep(2) }
-- deque/dot_test.go --
package deque_test

import . "time"

func h() { Sleep(1) }
-- deque/deque.go --
package deque

import "time"

func f() { time.Sleep(1) }
`)
	caught(t, checkSleep(m),
		"deque/deque_test.go:6: a test may not sleep",
		"deque/deque_test.go:8: a test may not sleep",
		"deque/deque_test.go:9: a test may not sleep",
		"deque/renamed_test.go:5: a test may not sleep",
		"deque/dot_test.go:5: a test may not sleep",
	)
}
