package lint_test

import (
	"go/ast"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// atomicImporters may import sync/atomic in code that ships. All others take their atomics from
// internal/atomicx, which the explorer drives.
const atomicImporters = "deque internal/atomicx internal/datagram internal/explore timerwheel " + programs

func checkAtomicImports(m *module) (violations []string) {
	for _, f := range m.files {
		for _, spec := range f.Imports {
			if importPath(spec) == "sync/atomic" && !f.test && !covers(atomicImporters, f.dir) {
				violations = append(violations, m.at(spec.Pos(), "%s may not import sync/atomic: the explorer does not see it", f.dir))
			}
		}
	}
	return violations
}

func TestAtomicImports(t *testing.T) { clean(t, checkAtomicImports(repository(t))) }

func TestAtomicImportsCatches(t *testing.T) {
	m := archive(t, `-- pool/pool.go --
package pool

import "sync/atomic"
-- pool/pool_test.go --
package pool_test

import "sync/atomic"
-- internal/atomicx/atomicx.go --
package atomicx

import "sync/atomic"
`)
	caught(t, checkAtomicImports(m), "pool/pool.go:3: pool may not import sync/atomic: the explorer does not see it")
}

var (
	// writes are the methods of atomics that write, and how many arguments they have.
	writes = map[string]int{
		"Store": 1, "Swap": 1, "CompareAndSwap": 2, "Or": 1, "And": 1,
		"StoreReleaseInt64": 2, "StoreReleaseUint32": 2, "StoreReleaseUint64": 2, "StoreReleasePointer": 2,
	}
	// explained says why a write is atomic, or that nobody else sees it.
	explained = regexp.MustCompile(`\b(Publish\.|Store-load:|Claim\.|Take\.|Hint\.|Count\.|Pairs with:|[Oo]wner|[Ii]nitiali[sz]|[Nn]obody (else )?(sees|knows|looks)|under the lock)`)
)

// near is how many lines above a write its comment may end.
const near = 3

// checkWrites: a reader of a write to an atomic has to learn who is on the other side.
func checkWrites(m *module) (violations []string) {
	for _, f := range m.files {
		if f.test || !imports(f, "internal/atomicx") {
			continue
		}
		said := map[int]bool{} // lines that a comment explains
		for _, group := range f.Comments {
			if !explained.MatchString(proseOf(group).text) {
				continue
			}
			from, to := m.fset.Position(group.Pos()).Line, m.fset.Position(group.End()).Line
			for line := from; line <= to+near; line++ {
				said[line] = true
			}
		}
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			documented := fn.Doc != nil && explained.MatchString(proseOf(fn.Doc).text)
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				sel, ok := call.Fun.(*ast.SelectorExpr)
				if !ok || writes[sel.Sel.Name] != len(call.Args) || writes[sel.Sel.Name] == 0 {
					return true
				}
				if at := m.fset.Position(sel.Sel.Pos()).Line; !documented && !said[at] {
					violations = append(violations, m.at(sel.Sel.Pos(), "a %s of an atomic without a label", sel.Sel.Name))
				}
				return true
			})
		}
	}
	return violations
}

func imports(f *source, suffix string) bool {
	return slices.ContainsFunc(f.Imports, func(s *ast.ImportSpec) bool { return strings.HasSuffix(importPath(s), suffix) })
}

func TestWrites(t *testing.T) { clean(t, checkWrites(repository(t))) }

func TestWritesCatches(t *testing.T) {
	m := archive(t, `-- pool/pool.go --
package pool

import "example.org/m/internal/atomicx"

var x atomicx.Uint32

// wake has a label in its comment. Publish. Pairs with: look.
func wake() { x.Store(1) }

func look() {
	// Claim. Pairs with: wake.
	if x.CompareAndSwap(1, 2) {
		return
	}

	x.Swap(3)
	x.Load()
	store.Swap(1, 2) // another kind
	x.Or(1) // the owner's
	_ = 0
	_ = 0
	_ = 0
	atomicx.StoreReleaseUint32(&x, 1)
}
-- pool/pool_test.go --
package pool_test

import "example.org/m/internal/atomicx"

func test() { x.Store(1) }
-- task/other.go --
package task

func test() { x.Store(1) }
`)
	caught(t, checkWrites(m), "pool/pool.go:16: a Swap of an atomic without a label",
		"pool/pool.go:23: a StoreReleaseUint32 of an atomic without a label")
}

// checkMutual: who pairs with a function is named there, too.
func checkMutual(m *module) (violations []string) {
	all := declared(m)
	type end struct{ dir, name string }
	type edge struct{ from, to end }
	edges := map[edge]token.Pos{}
	shipped := map[edge]bool{}
	for _, f := range m.files {
		for _, group := range f.Comments {
			from := ""
			for _, decl := range f.Decls {
				if fn, ok := decl.(*ast.FuncDecl); ok && (fn.Doc == group || fn.Pos() <= group.Pos() && group.End() <= fn.End()) {
					from = nameOf(fn)
				}
			}
			if from == "" {
				continue // of a type or a field: whoever writes it is named, not where
			}
			p := proseOf(group)
			for _, label := range pairsWith.FindAllStringSubmatchIndex(p.text, -1) {
				for at := label[1]; ; {
					r := ref.FindStringSubmatch(p.text[at:])
					if r == nil {
						break
					}
					at += len(r[0])
					name := r[3] + r[4]
					if r[2] != "" {
						name = r[2] + "." + name
					}
					for dir, names := range all {
						here := r[1] == "" && dir == f.dir || r[1] != "" && (r[1] == dir || strings.HasSuffix(dir, "/"+r[1]))
						if _, ok := names[name]; ok && here {
							e := edge{end{f.dir, from}, end{dir, name}}
							edges[e] = p.pos(label[1] - 1)
							shipped[e] = shipped[e] || !f.test
						}
					}
					if at >= len(p.text) || p.text[at] != ',' {
						break
					}
					at++
				}
			}
		}
	}
	for e := range maps.Keys(edges) {
		if _, back := edges[edge{e.to, e.from}]; !back && shipped[e] && e.from != e.to {
			violations = append(violations, m.at(edges[e], "%s.%s does not pair with %s.%s", e.to.dir, e.to.name, e.from.dir, e.from.name))
		}
	}
	return violations
}

// nameOf is "f" of a function, "T.m" of a method.
func nameOf(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	return receiver(fn.Recv.List[0].Type) + "." + fn.Name.Name
}

func TestMutual(t *testing.T) { clean(t, checkMutual(repository(t))) }

func TestMutualCatches(t *testing.T) {
	m := archive(t, `-- pool/pool.go --
package pool

// wake wakes. Publish. Pairs with: look, task.(*word).start, stir.
func wake() {
	// Pairs with: wake.
}

func look() {
	// Pairs with: wake.
}

func stir() {}
-- task/task.go --
package task

type word struct{}

// start begins. Pairs with: pool.wake.
func (w *word) start() {}
`)
	caught(t, checkMutual(m), "pool/pool.go:3: pool.stir does not pair with pool.wake")
}
