package sem

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/heist-go/heist/heistgen/gen"
)

// TestWhy compares what is said about machines with what they are.
func TestWhy(t *testing.T) {
	text, err := gen.Explain(gen.Config{Dir: ".", Patterns: []string{"."}})
	if err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]uintptr{
		"count": unsafe.Sizeof(countCall{}), "walk": unsafe.Sizeof(walkCall{}), "told": unsafe.Sizeof(toldCall{}), "shielded": unsafe.Sizeof(shieldedCall{}),
		"ranged": unsafe.Sizeof(rangedCall{}), "saved": unsafe.Sizeof(savedCall{}), "catching": unsafe.Sizeof(catchingCall{}), "literals": unsafe.Sizeof(literalsCall{}),
	} {
		if !strings.Contains(text, fmt.Sprintf(": sem.%s: %d bytes\n", name, size)) {
			t.Errorf("%s has %d bytes, and this is said:\n%.3000s", name, size, text[strings.Index(text, "sem."+name+":"):])
		}
	}
	for _, want := range []string{
		"p *pauser: a parameter; it lives across the wait of line ", "n *int: a result with memory of its own: a function literal uses it in line ",
		"walk *walkCall: the frame of walk, which line ", "d1recv *pauser: kept for the deferred call of line ",
		"allocates the frame of the function literal of line ", "allocates the function that the literal of line ", "which is over when the statement is", "allocates an iterator over the map of line ", "allocates a list for the deferred calls",
		"its version for goroutines has an agent do p.Wait of line ", ", which has no WaitContext for goroutines",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q", want)
		}
	}
}
