package lint_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// module is the source that the rules read. A rule is a function of a module
// that returns one line per violation, as "file:line: what".
type module struct {
	path  string // as go.mod has it
	gomod []byte
	fset  *token.FileSet
	files []*source
}

// source is one parsed Go file.
type source struct {
	*ast.File
	name string // slash-separated, from the module root
	dir  string // the package, "." for the module root
	test bool   // a _test.go file
}

// load parses every Go file of the module at the root of fsys, whatever its
// build constraints, without nested modules and what the go command ignores.
func load(fsys fs.FS) (*module, error) {
	m := &module{fset: token.NewFileSet()}
	var err error
	if m.gomod, err = fs.ReadFile(fsys, "go.mod"); err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(m.gomod)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "module" {
			m.path = f[1]
		}
	}
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if name != "." && foreign(fsys, name) {
				return fs.SkipDir
			}
			return nil
		case path.Ext(name) != ".go" || strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_"):
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(m.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		m.files = append(m.files, &source{
			File: file,
			name: name,
			dir:  path.Dir(name),
			test: strings.HasSuffix(name, "_test.go"),
		})
		return nil
	})
	return m, err
}

// foreign reports whether dir does not belong to the module around it.
func foreign(fsys fs.FS, dir string) bool {
	base := path.Base(dir)
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := fs.Stat(fsys, path.Join(dir, "go.mod"))
	return err == nil
}

// at is a violation at pos.
func (m *module) at(pos token.Pos, format string, args ...any) string {
	p := m.fset.Position(pos)
	return fmt.Sprintf("%s:%d: ", p.Filename, p.Line) + fmt.Sprintf(format, args...)
}

// local returns the package of this module that spec imports, from the module
// root.
func (m *module) local(spec *ast.ImportSpec) (dir string, ok bool) {
	p := importPath(spec)
	if p == m.path {
		return ".", true
	}
	return strings.CutPrefix(p, m.path+"/")
}

func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		panic(err) // the parser has accepted it
	}
	return p
}

// rootDir is the folder of the module that this test belongs to.
func rootDir(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}

// repository is the module that this test belongs to.
func repository(t *testing.T) *module {
	t.Helper()
	m, err := load(os.DirFS(rootDir(t)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// archive is a module in memory. The text is a list of files, each of which
// begins with a line "-- name --"; without a go.mod it gets an ordinary one.
func archive(t *testing.T, text string) *module {
	t.Helper()
	fsys := fstest.MapFS{"go.mod": {Data: []byte("module example.org/m\n")}}
	var file *fstest.MapFile
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "-- "); ok {
			file = new(fstest.MapFile)
			fsys[strings.TrimSuffix(name, " --\n")] = file
			continue
		}
		file.Data = append(file.Data, line...)
	}
	m, err := load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// clean fails the test for every violation.
func clean(t *testing.T, violations []string) {
	t.Helper()
	for _, v := range violations {
		t.Error(v)
	}
}

// caught fails the test unless the violations are those wanted, in any order.
func caught(t *testing.T, violations []string, want ...string) {
	t.Helper()
	got := slices.Sorted(slices.Values(violations))
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("violations:\n\t%s\nwant:\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// A rule that reads the wrong files finds nothing and stays green.
func TestLoad(t *testing.T) {
	m := archive(t, `-- a.go --
package m
-- deque/deque_windows.go --
//go:build ignore

package deque
-- deque/deque_test.go --
package deque_test
-- deque/testdata/x.go --
not even Go
-- bench/go.mod --
module example.org/m/bench
-- bench/main.go --
package main
-- .ci/x.go --
package x
`)
	var got []string
	for _, f := range m.files {
		got = append(got, fmt.Sprint(f.name, " ", f.dir, " ", f.test))
	}
	caught(t, got, "a.go . false", "deque/deque_windows.go deque false", "deque/deque_test.go deque true")
	if m.path != "example.org/m" {
		t.Errorf("module path %q", m.path)
	}

	m = repository(t)
	if !slices.ContainsFunc(m.files, func(f *source) bool { return f.name == "internal/lint/doc.go" }) {
		t.Error("the repository's module does not contain this package")
	}
}
