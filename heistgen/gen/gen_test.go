package gen

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var wantComment = regexp.MustCompile("// want(-1)?((?: `[^`]*`)+)")

// TestRefused compares what is refused with the want comments in the sources.
func TestRefused(t *testing.T) {
	for _, dir := range []string{"refused", "refused2", "refused3", "refused4", "refused5", "refused6", "refused7", "refused8"} {
		_, err := Compile(Config{Dir: "testdata/" + dir, Patterns: []string{"."}})
		var ps Problems
		if !errors.As(err, &ps) {
			t.Fatalf("%s: %v", dir, err)
		}
		want := map[string][]string{}
		for _, name := range []string{"doc.go", "src.go"} {
			text, err := os.ReadFile(filepath.Join("testdata", dir, name))
			if err != nil {
				t.Fatal(err)
			}
			for i, l := range strings.Split(string(text), "\n") {
				m := wantComment.FindStringSubmatch(l)
				if m == nil {
					continue
				}
				n := i + 1
				if m[1] != "" {
					n--
				}
				for _, w := range regexp.MustCompile("`[^`]*`").FindAllString(m[2], -1) {
					k := fmt.Sprint(name, ":", n)
					want[k] = append(want[k], strings.Trim(w, "`"))
				}
			}
		}
		for _, p := range ps {
			k := fmt.Sprint(filepath.Base(p.Pos.Filename), ":", p.Pos.Line)
			found := false
			for i, w := range want[k] {
				if regexp.MustCompile(w).MatchString(p.Msg) {
					want[k] = append(want[k][:i:i], want[k][i+1:]...)
					found = true
					break
				}
			}
			if !found {
				t.Errorf("not wanted: %v", p)
			}
		}
		for line, ws := range want {
			for _, w := range ws {
				t.Errorf("%s: %s: no problem %q", dir, line, w)
			}
		}
	}
}

func TestOutputName(t *testing.T) {
	for in, want := range map[string]string{
		"a/x.go": "a/x_heist.go", "x_test.go": "x_heist_test.go", "x_linux.go": "x_heist_linux.go",
		"x_linux_amd64_test.go": "x_heist_linux_amd64_test.go", "x_y.go": "x_y_heist.go",
	} {
		if got := outputName(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// TestUpToDate compiles what the repository has, twice: the outputs are what is there, and
// the same again.
func TestUpToDate(t *testing.T) {
	cfg := Config{Dir: "..", Patterns: []string{"./sem"}}
	files, err := Compile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 3 {
		t.Fatalf("%d files", len(files))
	}
	again, err := Compile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		if string(f.Text) != string(again[i].Text) {
			t.Errorf("%s: two runs differ", f.Name)
		}
		if s := f.State(); s != Fresh {
			t.Errorf("%s: %s: go generate ./...", f.Name, s)
		}
	}
}

// TestExamples compiles those of the other modules: the outputs are what is there.
func TestExamples(t *testing.T) {
	files, err := Compile(Config{Dir: "../..", Patterns: []string{"./examples/straight", "./examples/echo", "./examples/chat", "./examples/crawler", "./examples/jobs", "./examples/kv"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 6 {
		t.Errorf("%d files", len(files))
	}
	for _, f := range files {
		if s := f.State(); s != Fresh {
			t.Errorf("%s: %s: go generate ./...", f.Name, s)
		}
	}
}

// TestPlain compiles with a field for each variable: the machines are larger, and the same else.
func TestPlain(t *testing.T) {
	files, err := Compile(Config{Dir: "..", Patterns: []string{"./sem"}, Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if shared := regexp.MustCompile(`(?m)^\t\w+ +\S+ +// and `); shared.Match(f.Text) || strings.HasSuffix(f.Name, "src_heist.go") && f.State() != Stale {
			t.Errorf("%s: fields are shared", f.Name)
		}
	}
}
