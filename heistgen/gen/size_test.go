package gen

import (
	"fmt"
	"go/parser"
	"go/scanner"
	"go/token"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestManyWaits compiles a function with many waits: its temporaries are a few variables, and what
// suspends it stands there once.
func TestManyWaits(t *testing.T) {
	const waits = 40
	var src, list strings.Builder
	for k := range waits {
		fmt.Fprintf(&src, "\tcx.Yield()\n\tn += must(twice(cx, len(names[%d])))\n", k)
		fmt.Fprintf(&list, "%q, ", strings.Repeat("x", k))
	}
	m := newModule(t, "waits")
	m.write("src.go", `//go:build heistgen

package main

import "github.com/heist-go/heist/task"

//heist:task
func twice(cx *task.Cx, n int) (int, error) {
	if err := cx.Yield(); err != nil {
		return 0, err
	}
	return 2 * n, nil
}

//heist:task
func busy(cx *task.Cx, names []string) (n int, err error) {
`+src.String()+`	return n, nil
}
`)
	m.write("main.go", `package main

import (
	"context"
	"fmt"

	"github.com/heist-go/heist/task"
)

func must(n int, err error) int { return n }

func main() {
	t := newBusy([]string{`+list.String()+`})
	fmt.Println(task.Run(context.Background(), t))
	fmt.Println(t.Result())
}
`)
	program := m.build(Config{Patterns: []string{"."}})
	out, err := exec.Command(program).CombinedOutput()
	if want := fmt.Sprintf("<nil>\n%d <nil>\n", waits*(waits-1)); err != nil || string(out) != want {
		t.Errorf("%s, %v, want %s", out, err, want)
	}
	text := read(t, filepath.Join(m.dir, "src_heist.go"))
	_, text, _ = strings.Cut(text, "func (m *busyCall) Step(")
	text, _, _ = strings.Cut(text, "\n}\n")
	for part, most := range map[string]int{"\tvar ": 3, "d.Suspended(": 2, "d.Awaited(": 2} {
		if n := strings.Count(text, part); n > most {
			t.Errorf("%q is there %d times, at most %d would do", part, n, most)
		}
	}
	before := ""
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, "\t\tm.At = ") && !strings.HasPrefix(before, "//line src_heist.go:") {
			t.Errorf("behind %s stands %s: a breakpoint in a line of the source meets what suspends", before, l)
		}
		before = l
	}
	if n := strings.Count(text, ".Begin("); n != waits {
		t.Fatalf("%d calls in\n%s", n, text)
	}
}

// TestDirectives leaves out directives of outputs that have one before each line: what remains says the same.
func TestDirectives(t *testing.T) {
	outputs, err := filepath.Glob("../*/*_heist.go")
	if err != nil || len(outputs) < 5 {
		t.Fatal(outputs, err)
	}
	for _, name := range outputs {
		text := read(t, name)
		_, rest, _ := strings.Cut(text, "\n") // the line that seal writes
		lines := strings.Split(rest, "\n")
		want, at := tokens(t, name, text)
		var full []string
		for i, l := range lines {
			if strings.HasPrefix(l, "//line ") {
				continue
			}
			p, ok := at[i+2]
			switch {
			case ok && p.Filename == filepath.Base(name):
				full = append(full, selfMark)
			case ok:
				full = append(full, fmt.Sprintf("//line %s:%d:%d", p.Filename, p.Line, 1+len(l)-len(strings.TrimLeft(l, "\t"))))
			}
			full = append(full, l)
		}
		less := directives(full, filepath.Base(name))
		got, _ := tokens(t, name, string(seal("x.go", []byte(strings.Join(less, "\n")))))
		if len(got) != len(want) {
			t.Fatalf("%s: %d tokens, want %d", name, len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s: token %d is %s, want %s", name, i, got[i], want[i])
				break
			}
		}
		if len(less) > len(full)-len(full)/5 {
			t.Errorf("%s: %d of %d lines remain", name, len(less), len(full))
		}
	}
}

// tokens returns the tokens of a text with the source lines that they are of, and where each line of it
// is. For lines of the output itself that is the file alone.
func tokens(t *testing.T, name, text string) (list []string, at map[int]token.Position) {
	t.Helper()
	fset := token.NewFileSet()
	if _, err := parser.ParseFile(fset, name, text, parser.ParseComments); err != nil {
		t.Fatal(err)
	}
	fset = token.NewFileSet()
	f := fset.AddFile(name, -1, len(text))
	var s scanner.Scanner
	s.Init(f, []byte(text), func(p token.Position, msg string) { t.Error(p, msg) }, 0)
	at = map[int]token.Position{}
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return list, at
		}
		p, real := f.Position(pos), f.PositionFor(pos, false)
		p.Filename = filepath.Base(p.Filename)
		if _, ok := at[real.Line]; !ok {
			at[real.Line] = p
		}
		where := p.Filename
		if where != filepath.Base(name) {
			where += fmt.Sprint(":", p.Line)
		} else if p.Line != real.Line {
			t.Errorf("%s:%d says that it is line %d", name, real.Line, p.Line)
		}
		list = append(list, fmt.Sprintf("%s %s at %s", tok, lit, where))
	}
}
