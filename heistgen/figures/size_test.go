package figures

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/heist-go/heist/heistgen/gen"
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
		m := regexp.MustCompile(`: ` + regexp.QuoteMeta(name) + `: (\d+) bytes\n(?:\t *(\d+)  are needed)?`).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("%s is not there", name)
		}
		size, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		if least, err = strconv.Atoi(m[2]); err != nil {
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
		{"figures.five", 3.75},
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
