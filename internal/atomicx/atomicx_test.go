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
// functions of testdata/cost contain no call, and the release stores no locked instruction, but for
// each the call that keeps the compiler from moving it.
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
	require.Equal(t, 8, strings.Count(seen, " STEXT "))
	releases := regexp.MustCompile(`\tCALL\t\S*atomicx\.order\(SB\)[\s\S]*?\tMOVQ\t\S+, \(\w+\)\n`)
	require.Len(t, releases.FindAllString(seen, -1), 2, seen)
	require.Len(t, regexp.MustCompile(`\tXCHG.\t\S+, \(`).FindAllString(seen, -1), 1, seen)
	barrier := regexp.MustCompile(`\tCALL\t(\S*atomicx\.order|runtime\.(gcWriteBarrier\d?|morestack\w*))\(SB\)`)
	require.False(t, strings.Contains(barrier.ReplaceAllString(seen, ""), "\tCALL\t"), seen)
	for _, instruction := range []string{"XADDL", "XCHGQ", "CMPXCHG"} {
		require.Contains(t, seen, instruction)
	}
}
