package gen

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// TestOutside refuses a source beside files that look into its output, of which the source's type check knows nothing: a
// refusal names what is wrong with those on which the source may depend.
func TestOutside(t *testing.T) {
	m := newModule(t, "outside")
	source := func(body string) string {
		return "//go:build heistgen\n\npackage outside\n\nimport \"github.com/heist-go/heist/task\"\n\n//heist:task\nfunc f(cx *task.Cx) error {\n\tx := 1\n" + body + "\n\treturn nil\n}\n"
	}
	const fine, wrong = "\tif err := cx.Yield(); err != nil {\n\t\treturn err\n\t}\n\t_ = x", "\tgo func() { x++ }()"
	const other = "package outside\n\nfunc look%s(c *fCall) int { return c.x + wrong%s }\n"
	cfg := Config{Dir: m.dir, Patterns: []string{"."}, Env: m.env}
	problems := func() string {
		t.Helper()
		_, err := Compile(cfg)
		var ps Problems
		if err != nil && !errors.As(err, &ps) {
			t.Fatal(err)
		}
		var files []string
		for _, p := range ps {
			files = append(files, filepath.Base(p.Pos.Filename))
		}
		return strings.Join(slices.Compact(files), " ")
	}
	m.write("doc.go", "package outside\n")
	m.write("src.go", source(fine))
	m.write("look_test.go", fmt.Sprintf(other, "1", "1"))
	m.write("look.go", fmt.Sprintf(other, "2", "2"))
	for _, c := range []struct{ what, name, text, want string }{
		{"the source is fine", "doc.go", "package outside\n", ""},
		{"it is refused", "src.go", source(wrong), "look.go src.go"},
		{"the other file is fine", "look.go", "package outside\n", "src.go"},
		{"a test has a source, too", "src_test.go", strings.ReplaceAll(source(fine), "func f(", "func g("), "look_test.go src.go"},
	} {
		m.write(c.name, c.text)
		if got := problems(); got != c.want {
			t.Errorf("%s: problems in %q, want %q", c.what, got, c.want)
		}
	}
}

// TestImports builds outputs that import what their sources name without its package, or do not name at all, beside a local type
// that has the name of such a package, in another source.
func TestImports(t *testing.T) {
	m := newModule(t, "imports")
	m.write("all.go", `//go:build heistgen

package main

import (
	. "strings"

	"github.com/heist-go/heist/task"
)

//heist:task context
func all[Builder, Replacer any](cx *task.Cx, x Builder, y Replacer, z *Reader) (n string, err error) {
	b, r := build(), NewReplacer("a", "b")
	strings := must(pause(cx, 7))
	to := struct {
		*Reader
		of Builder
	}{z, x}
	if _, err := pause(cx, 0); err != nil {
		return "", err
	}
	b.WriteString(r.Replace("aab"))
	line := func(n int) string {
		strings := must(to.ReadByte())
		return ToUpper(string(rune(int(strings) + n)))
	}
	return b.String() + Repeat("-", strings) + line(1), err
}
`)
	m.write("local.go", `//go:build heistgen

package main

import "github.com/heist-go/heist/task"

//heist:task context
func local(cx *task.Cx, n int) (int, error) {
	type machine struct{ n int }
	type strings = machine
	type context []strings
	c := context{{n}, {2}}
	for i, s := range c {
		n += must(pause(cx, i*s.n))
	}
	return n, nil
}
`)
	m.write("main.go", `package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/heist-go/heist/task"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func build() *strings.Builder { return new(strings.Builder) }

func pause(cx *task.Cx, n int) (int, error) { return n, cx.Yield() }

func pauseContext(_ context.Context, n int) (int, error) { return n, nil }

func main() {
	ctx := context.Background()
	a, l := newAll(1, 'x', strings.NewReader("cd")), newLocal(40)
	fmt.Println(task.Run(ctx, a), task.Run(ctx, l))
	fmt.Println(a.Result())
	fmt.Println(l.Result())
	fmt.Println(allContext(ctx, 1, 'x', strings.NewReader("cd")))
	fmt.Println(localContext(ctx, 40))
}
`)
	out, err := exec.Command(m.build(Config{Patterns: []string{"."}})).CombinedOutput()
	const want = "<nil> <nil>\nbbb-------D <nil>\n42 <nil>\nbbb-------D <nil>\n42 <nil>\n"
	if err != nil || string(out) != want {
		t.Errorf("%v: %s, want %s", err, out, want)
	}
}
