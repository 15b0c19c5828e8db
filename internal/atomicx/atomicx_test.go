//go:build !explore && !heistcount

package atomicx_test

import (
	"os/exec"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/atomicx"
)

// In ordinary builds the names are sync/atomic's types, not types like them.
var (
	_ *atomic.Int32        = (*atomicx.Int32)(nil)
	_ *atomic.Int64        = (*atomicx.Int64)(nil)
	_ *atomic.Uint32       = (*atomicx.Uint32)(nil)
	_ *atomic.Uint64       = (*atomicx.Uint64)(nil)
	_ *atomic.Bool         = (*atomicx.Bool)(nil)
	_ *atomic.Pointer[int] = (*atomicx.Pointer[int])(nil)
)

func TestPlainIsAField(t *testing.T) {
	var p atomicx.Plain[string]
	require.Equal(t, reflect.TypeFor[string]().Size(), reflect.TypeFor[atomicx.Plain[string]]().Size())
	p.Set("x")
	require.Equal(t, "x", p.Get())
}

// The compiler turns each method into the instruction it stands for: the
// functions of testdata/cost contain no call.
func TestCostsNothing(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("reads amd64 assembly")
	}
	out, err := exec.Command("go", "build", "-gcflags=-S", "./testdata/cost").CombinedOutput()
	require.NoError(t, err, string(out))
	// The output also holds the bodies of methods that were not inlined: look at
	// our functions only, each up to the next symbol.
	seen := ""
	for _, symbol := range regexp.MustCompile(`(?m)^\S`).Split(string(out), -1) {
		if regexp.MustCompile(`^\S*/cost\.\w+ STEXT`).MatchString(symbol) {
			seen += symbol
		}
	}
	require.Equal(t, 6, strings.Count(seen, " STEXT "))
	require.False(t, strings.Contains(seen, "CALL"), seen)
	for _, instruction := range []string{"XADDL", "XCHGQ", "CMPXCHG"} {
		require.Contains(t, seen, instruction)
	}
}
