//go:build unix

package abandoned_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the module's.
const root = "../.."

// operations finds all exported functions and methods that take a *task.Cx and return an error
// last, whatever the build constraints of their files. A method of a type that is not exported
// is none.
func operations(t *testing.T, fsys fs.FS) []string {
	t.Helper()
	found := map[string]bool{}
	for _, dir := range []string{"task", "pool", "reactor"} {
		require.NoError(t, fs.WalkDir(fsys, dir, func(name string, d fs.DirEntry, err error) error {
			if err == nil && name == "task/machine" {
				return fs.SkipDir // what compiled functions call: they are operations themselves
			}
			if err != nil || d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				return err
			}
			src, err := fs.ReadFile(fsys, name)
			if err != nil {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.IsExported() {
					if op, ok := operation(path.Dir(name), fn); ok {
						found[op] = true
					}
				}
			}
			return nil
		}))
	}
	ops := make([]string, 0, len(found))
	for op := range found {
		ops = append(ops, op)
	}
	slices.Sort(ops)
	return ops
}

// operation returns the name of fn, if it is an operation.
func operation(dir string, fn *ast.FuncDecl) (name string, ok bool) {
	name = dir + "."
	takes := false
	if fn.Recv != nil {
		recv := fn.Recv.List[0].Type
		takes = isCx(dir, recv)
		of := typeName(recv)
		if !ast.IsExported(of) {
			return "", false
		}
		name += of + "."
	}
	for _, p := range fn.Type.Params.List {
		takes = takes || isCx(dir, p.Type)
	}
	if !takes || fn.Type.Results == nil {
		return "", false
	}
	last := fn.Type.Results.List[len(fn.Type.Results.List)-1]
	id, isName := last.Type.(*ast.Ident)
	return name + fn.Name.Name, isName && id.Name == "error"
}

// isCx reports whether e is *task.Cx.
func isCx(dir string, e ast.Expr) bool {
	s, ok := e.(*ast.StarExpr)
	if !ok {
		return false
	}
	switch x := s.X.(type) {
	case *ast.Ident:
		return dir == "task" && x.Name == "Cx"
	case *ast.SelectorExpr:
		return x.Sel.Name == "Cx"
	}
	return false
}

// typeName returns the name of a receiver's type.
func typeName(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.StarExpr:
		return typeName(x.X)
	case *ast.IndexExpr:
		return typeName(x.X)
	case *ast.IndexListExpr:
		return typeName(x.X)
	case *ast.Ident:
		return x.Name
	}
	return ""
}

// table is all entries.
var table = slices.Concat(taskTable, seamTable, lockTable, chansTable, combineTable, streamTable, bridgeTable, poolTable, reactorTable)

// TestTable: each operation has its entry, and each entry its operation.
func TestTable(t *testing.T) {
	var entries []string
	for _, e := range table {
		entries = append(entries, e.op)
		require.NotEmpty(t, e.lets, e.op)
		require.True(t, (e.prove == nil) != (e.make == nil), "%s has either runs or a proof", e.op)
	}
	slices.Sort(entries)
	require.Equal(t, entries, slices.Compact(slices.Clone(entries)), "an operation has two entries")
	ops := operations(t, os.DirFS(root))
	for _, op := range ops {
		_, ok := slices.BinarySearch(entries, op)
		require.True(t, ok, "%s has no entry: what does it do when it is abandoned?", op)
	}
	for _, op := range entries {
		_, ok := slices.BinarySearch(ops, op)
		require.True(t, ok, "the entry %s is about nothing", op)
	}
}

// TestOperations: what counts as an operation.
func TestOperations(t *testing.T) {
	dir := t.TempDir()
	for name, src := range map[string]string{
		"task/a.go": "package task\n\ntype Cx struct{}\ntype T[K any] struct{}\ntype u struct{}\n" +
			"func (cx *Cx) Err() error { return nil }\nfunc (t *T[K]) Wait(cx *Cx) (int, error) { return 0, nil }\n" +
			"func (t *T[K]) Len(cx *Cx) int { return 0 }\nfunc (u) Wait(cx *Cx) error { return nil }\nfunc wait(cx *Cx) error { return nil }\n",
		"task/a_test.go":         "package task\n\nfunc Test(cx *Cx) error { return nil }\n",
		"task/deep/deep.go":      "//go:build plan9\n\npackage deep\n\nfunc Fold[T any](cx *task.Cx, t *T) error { return nil }\nfunc Later(f func(*task.Cx) error) error { return nil }\n",
		"pool/pool.go":           "package pool\n\nfunc None() error { return nil }\n",
		"reactor/reactor.go":     "package reactor\n\nfunc Of(cx *task.Cx) (n int, err error) { return 0, nil }\n",
		"elsewhere/elsewhere.go": "package elsewhere\n\nfunc Of(cx *task.Cx) error { return nil }\n",
	} {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o777))
		require.NoError(t, os.WriteFile(file, []byte(src), 0o666))
	}
	require.Equal(t, []string{"reactor.Of", "task.Cx.Err", "task.T.Wait", "task/deep.Fold"}, operations(t, os.DirFS(dir)))
}

var rewrite = flag.Bool("rewrite", false, "write docs/abandoned.md anew")

// page is the document.
const page = root + "/docs/abandoned.md"

// TestPage: the document says what the table does.
func TestPage(t *testing.T) {
	want := document()
	if *rewrite {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o666))
	}
	got, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Equal(t, want, string(got), "it is stale: go test ./internal/abandoned -run TestPage -rewrite")
}

func document() string {
	var b strings.Builder
	b.WriteString(preface)
	entries := slices.Clone(table)
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.op, b.op) })
	at := ""
	for _, e := range entries {
		dir, name, _ := strings.Cut(e.op, ".")
		if dir != at {
			at = dir
			fmt.Fprintf(&b, "\n## %s\n\n| operation | abandoned |\n|---|---|\n", dir)
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, e.lets)
	}
	return b.String()
}

const preface = `# What is abandoned

An operation that has returned ` + "`Pending`" + ` belongs to its wait: to a life of a task and, inside of
a combinator, to the branch of it that has called it. It is abandoned, once, when

- the branch ends: it has lost a ` + "`Select`" + ` or a ` + "`Timeout`" + `, or what it is a part of has;
- the task ends: it has finished, failed, panicked, or was canceled;
- the task suspends in a poll that has not called it again, unless that poll was cut short (its
  budget is used up, or it has yielded).

Called after that, it begins anew, and is about what it is asked then. Another wait of the task that
calls it before that waits until it is over, or abandoned. Here is what each
operation does when it is abandoned. What says "the wait is over" is a wait and nothing else: what
it waits for goes on.

This page is written by a test, which goes through all of it
([internal/abandoned](../internal/abandoned/doc.go)):

` + "```sh\ngo test ./internal/abandoned -run TestPage -rewrite\n```\n"
