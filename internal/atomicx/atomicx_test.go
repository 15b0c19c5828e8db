//go:build !explore && !heistcount

package atomicx_test

import (
	"go/build"
	"os/exec"
	"reflect"
	"regexp"
	"runtime"
	"slices"
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

// A release store is a store: of all bits, seen by its own thread at once and by others in order.
func TestStoreRelease(t *testing.T) {
	var i atomicx.Int64
	var u atomicx.Uint32
	var w atomicx.Uint64
	var p atomicx.Pointer[int]
	x := new(int)
	atomicx.StoreReleaseInt64(&i, -5<<40)
	atomicx.StoreReleaseUint32(&u, 1<<31)
	atomicx.StoreReleaseUint64(&w, 1<<63)
	atomicx.StoreReleasePointer(&p, x)
	require.Equal(t, int64(-5<<40), i.Load())
	require.Equal(t, uint32(1<<31), u.Load())
	require.Equal(t, uint64(1<<63), w.Load())
	require.Same(t, x, p.Load())

	const n = 200_000
	ended := make(chan bool)
	var first, second atomicx.Int64
	go func() {
		for k := range int64(n) {
			atomicx.StoreReleaseInt64(&first, k)
			atomicx.StoreReleaseInt64(&second, k)
		}
		close(ended)
	}()
	for over := false; !over; {
		select {
		case <-ended:
			over = true
		default:
		}
		late := second.Load()
		require.LessOrEqual(t, late, first.Load())
	}
	require.EqualValues(t, n-1, second.Load())
}

// What only a release store has published stays alive: the collector sees the store.
func TestStoreReleasePointerKeeps(t *testing.T) {
	var p atomicx.Pointer[[64]int]
	for k := range 2000 {
		v := new([64]int)
		v[63] = k
		atomicx.StoreReleasePointer(&p, v)
		if k%100 == 0 {
			runtime.GC()
		}
		require.Equal(t, k, p.Load()[63])
	}
}

func TestPlainIsAField(t *testing.T) {
	var p atomicx.Plain[string]
	require.Equal(t, reflect.TypeFor[string]().Size(), reflect.TypeFor[atomicx.Plain[string]]().Size())
	p.Set("x")
	require.Equal(t, "x", p.Get())
}

// The compiler turns each method into the instruction it stands for: the
// functions of testdata/cost contain no call, and the release stores no locked instruction, where the
// compiler is one of those that keep them in their place.
func TestCostsNothing(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("reads amd64 assembly")
	}
	out, err := exec.Command("go", "build", "-gcflags=-S", "./testdata/cost").CombinedOutput()
	require.NoError(t, err, string(out))
	// The output also holds the bodies of methods that were not inlined: look at
	// our functions only, each up to the next symbol.
	seen := map[string]string{}
	barrier := regexp.MustCompile(`\tCALL\truntime\.(gcWriteBarrier\d?|morestack\w*)\(SB\)`)
	for _, symbol := range regexp.MustCompile(`(?m)^\S`).Split(string(out), -1) {
		if name := regexp.MustCompile(`^\S*/cost\.(\w+) STEXT`).FindStringSubmatch(symbol); name != nil {
			seen[name[1]] = barrier.ReplaceAllString(symbol, "")
			require.NotContains(t, seen[name[1]], "\tCALL\t")
		}
	}
	require.Len(t, seen, 12)
	for name, instruction := range map[string]string{"Add32": "XADDL", "Swap": "XCHGQ", "Claim": "CMPXCHG"} {
		require.Contains(t, seen[name], instruction)
	}
	if slices.Contains(build.Default.ReleaseTags, "go1.27") {
		t.Skip("release stores are stores with this compiler: see decision 0024")
	}
	// In this order, and each in the place of the function's text where it is asked for.
	for name, order := range map[string][]string{
		"Release":        {`MOVQ\t\$1, \(AX\)`},
		"ReleasePointer": {`MOVQ\t\w+, \(AX\)`},
		"Publish":        {`MOVQ\t\$1, \(AX\)`, `MOVQ\t\$2, \(BX\)`},
		"Both":           {`MOVQ\t\$1, \(AX\)`, `MOVQ\t\$2, \(BX\)`},
		"Read":           {`MOVQ\t\(AX\), \w+`, `MOVQ\t\$2, \(BX\)`},
		"Again":          {`MOVQ\t\$1, \(AX\)`, `MOVQ\t\$2, \(AX\)`, `J\w+\t`},
	} {
		require.NotRegexp(t, `\t(XCHG.\t\S+, \(|LOCK)`, seen[name])
		require.Regexp(t, `(?s)\t`+strings.Join(order, `\n.*\t`), seen[name])
	}
}
