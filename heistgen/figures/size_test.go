package figures

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/heist-go/heist/heistgen/gen"
	"github.com/heist-go/heist/pool"
)

// TestShapes compares the frames of functions of different shape with what lives across one wait of theirs at most. The
// table is in docs/straight-line.md.
func TestShapes(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: it loads the packages")
	}
	explain := func(plain bool) string {
		text, err := gen.Explain(gen.Config{Dir: ".", Patterns: []string{".", "../../examples/straight"}, Plain: plain})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	size := func(text, name string) (size, least int) {
		m := regexp.MustCompile(`: ` + regexp.QuoteMeta(name) + `: (\d+) bytes\n(?:\t *(\d+)  at most.*\n)?(?:\t *(\d+)  are needed)?`).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("%s is not there", name)
		}
		size, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		if m[2] != "" { // what a free list lends it counts
			if size, err = strconv.Atoi(m[2]); err != nil {
				t.Fatal(err)
			}
		}
		if least, err = strconv.Atoi(m[3]); err != nil {
			least = size
		}
		return size, least
	}
	shared, plain := explain(false), explain(true)
	for _, f := range []struct {
		name string
		most float64 // how much of a frame there may be for a byte that is needed
	}{
		{"figures.leaf", 1.25},
		{"figures.other", 1.25},
		{"figures.pointers", 1.25},
		{"figures.bytes", 1.25},
		{"figures.cleanup", 1.25},
		{"main.session", 1.25}, // it awaits three functions, whose variables have types in common
		// Memory has a type: what has no type in common has no place in common.
		{"figures.session", 1.6},
		{"figures.row", 1.7},
		{"figures.branches", 1.7},
		{"figures.phases", 1.75},
		{"figures.five", 2},
	} {
		bytes, least := size(shared, f.name)
		alone, _ := size(plain, f.name)
		ratio := float64(bytes) / float64(least)
		t.Logf("| `%s` | %d | %d | %d | %.2f |", f.name, alone, bytes, least, ratio)
		if ratio > f.most {
			t.Errorf("%s: %d bytes, of which %d are needed at a time: %.2f", f.name, bytes, least, ratio)
		}
	}
	with, _ := size(shared, "main.session")
	if without, _ := size(plain, "main.session"); with >= without {
		t.Errorf("a session has %d bytes, and %d where nothing is shared", with, without)
	}
}

// TestOthers prints how large the same functions are as Rust's futures and as C++'s coroutines: the table in
// docs/straight-line.md has these figures, too.
func TestOthers(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: it builds programs")
	}
	for _, c := range []struct{ tool, flags, source string }{
		{"rustc", "--edition=2021 -O", "shapes.rs"},
		{"g++", "-std=c++20 -O2", "shapes.cpp"},
	} {
		t.Run(c.tool, func(t *testing.T) {
			if _, err := exec.LookPath(c.tool); err != nil {
				t.Skip("skipped:", err)
			}
			program := filepath.Join(t.TempDir(), "shapes")
			args := append(strings.Fields(c.flags), "-o", program, "testdata/"+c.source)
			if out, err := exec.Command(c.tool, args...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			out, err := exec.Command(program).Output()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("\n%s", out)
			for _, name := range []string{"leaf", "other", "pointers", "bytes", "cleanup", "session", "row", "branches", "phases", "five"} {
				var bytes int
				_, rest, _ := strings.Cut("\n"+string(out), "\n"+name+" ")
				if _, err := fmt.Sscan(rest, &bytes); err != nil || bytes < 16 {
					t.Errorf("%s: %d bytes, %v", name, bytes, err)
				}
			}
		})
	}
}

// TestTurns awaits functions by turns whose frames come from the worker's free list: they are the same ones each time.
func TestTurns(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	allocs := func(n int) float64 {
		return testing.AllocsPerRun(5, func() {
			c := newTurns(n)
			if err := p.Run(context.Background(), c); err != nil {
				t.Fatal(err)
			}
			if sum, err := c.Result(); sum != n*(n-1)+n*(15+8) || err != nil {
				t.Fatal(sum, err)
			}
		})
	}
	if c := new(turnsCall); c.numbers != nil || c.texts != nil {
		t.Fatal("the frames are not pointers")
	}
	if once, often := allocs(1), allocs(501); often > once+5 {
		t.Errorf("%v allocations for a turn, %v for 501", once, often)
	}
}
