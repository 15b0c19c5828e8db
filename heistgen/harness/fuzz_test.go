package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// TestRandom compares random programs. HEISTGEN_FUZZ is how many, HEISTGEN_SEED the first.
func TestRandom(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: it builds programs")
	}
	n, first := 2, 1
	if s := os.Getenv("HEISTGEN_FUZZ"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	if s := os.Getenv("HEISTGEN_SEED"); s != "" {
		first, _ = strconv.Atoi(s)
	}
	programs := map[string][]byte{}
	for i := range n {
		programs[fmt.Sprintf("r%d", first+i)] = Random(uint64(first+i), forms()...)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := os.Getenv("HEISTGEN_FUZZ_WORK")
	if dir == "" {
		dir = t.TempDir()
	}
	r, err := Compare(dir, root, programs, []int{1, 2, 3, 4, 5}, t.Logf, forms()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d programs, %d compared with %d tasks", r.Tried, r.Compared, r.Tasks)
	for why, names := range r.LeftBy {
		t.Errorf("not compared: %s: %v", why, names)
	}
	for _, f := range r.Faults {
		t.Error("does not build:", f)
	}
	for _, u := range r.Unequal {
		t.Error("differs:", u)
	}
}
