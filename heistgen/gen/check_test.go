package gen

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStates goes through what may become of an output.
func TestStates(t *testing.T) {
	m := newModule(t, "states")
	dir, write := m.dir, m.write
	write("doc.go", "package states\n")
	source := func(tag, body string) string {
		return "//go:build " + tag + "\n\npackage states\n\nimport \"github.com/heist-go/heist/task\"\n\n//heist:task\nfunc f(cx *task.Cx) error {\n" + body + "\n}\n"
	}
	cfg := Config{Dir: dir, Patterns: []string{"."}, Env: m.env}
	compile := func() (File, error) {
		t.Helper()
		files, err := Compile(cfg)
		if len(files) == 1 {
			return files[0], err
		}
		return File{}, err
	}
	expect := func(what string, want State) File {
		t.Helper()
		f, err := compile()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if s := f.State(); s != want {
			t.Fatalf("%s: %q, want %q", what, s, want)
		}
		return f
	}
	refused := func(what, want string) {
		t.Helper()
		_, err := compile()
		var ps Problems
		if !errors.As(err, &ps) || !strings.Contains(err.Error(), want) {
			t.Fatalf("%s: %v, want %q", what, err, want)
		}
		if ps[0].Pos.Filename == "" || ps[0].Pos.Line == 0 {
			t.Errorf("%s: no place: %v", what, err)
		}
	}
	write("x.go", source("heistgen", "return cx.Yield()"))
	f := expect("new", Missing)
	write("x_heist.go", string(f.Text))
	expect("written", Fresh)
	write("x_heist.go", strings.Replace(string(f.Text), "Suspended", "suspended", 1))
	expect("edited", Edited)
	write("x_heist.go", strings.Replace(string(f.Text), "from x.go", "from y.go", 1))
	refused("of another source", "y.go is gone, or has no straight-line functions any more: delete this file")
	write("x_heist.go", string(f.Text))
	write("x.go", source("heistgen", "_ = 1\nreturn cx.Yield()"))
	expect("source changed", Stale)

	// Sources that do not type-check.
	write("x.go", source("heistgen", "return cx.Yeld()"))
	refused("a wrong name", "cx.Yeld undefined")
	write("x.go", source("heistgen", "return"))
	refused("no result", "not enough return values")
	write("x.go", source("heistgen", "return (")+")")
	refused("no Go", "expected")
	write("x.go", source("linux && heistgen", "return cx.Yield()"))
	write("only.go", "//go:build heistgen\n\npackage states\n\nfunc f2() {}\n")
	expect("other constraints", Stale)
	if err := os.Remove(filepath.Join(dir, "only.go")); err != nil {
		t.Fatal(err)
	}
	write("x.go", "package states\n")
	refused("not a source any more", "x.go is gone, or has no straight-line functions any more: delete this file")
}
