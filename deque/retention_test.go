package deque_test

import (
	"runtime"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/deque"
)

// object is large enough that the allocator gives it a slot of its own: the
// garbage collector can then tell each from its neighbours.
type object [64]byte

// litter pushes n objects that only the deque knows.
func litter(d *deque.Deque[object], n int) []weak.Pointer[object] {
	known := make([]weak.Pointer[object], n)
	for i := range known {
		x := new(object)
		known[i] = weak.Make(x)
		d.Push(x)
	}
	return known
}

// alive returns how many of the objects the garbage collector spares, although
// nobody but d has them.
func alive(d *deque.Deque[object], known []weak.Pointer[object]) (n int) {
	runtime.GC()
	for _, p := range known {
		if p.Value() != nil {
			n++
		}
	}
	runtime.KeepAlive(d)
	return n
}

// times runs f n times.
func times(n int, f func()) {
	for range n {
		f()
	}
}

// TestRetention: nothing keeps an element alive that was taken, once the owner
// has run dry or tidied up.
func TestRetention(t *testing.T) {
	t.Run("the owner ran dry", func(t *testing.T) {
		d := tiny[object]()
		known := litter(d, 100)
		times(50, func() { d.Pop() })
		elsewhere(func() { times(50, func() { d.Steal() }) })
		require.Positive(t, alive(d, known), "or this test proves nothing")
		require.Nil(t, d.Pop())
		require.Zero(t, alive(d, known))
	})
	t.Run("the owner tidied up", func(t *testing.T) {
		d := tiny[object]()
		known := litter(d, 100)
		times(30, func() { d.Pop() })
		times(30, func() { d.Steal() })
		d.Tidy()
		require.Equal(t, 40, alive(d, known))
		require.Equal(t, 40, alive(d, known[30:70]), "those that are there")
	})
	t.Run("a busy owner", func(t *testing.T) {
		d := tiny[object]()
		known := litter(d, 10) // the ring keeps this size
		for range 20 {
			times(2, func() { d.Pop() })
			times(3, func() { d.Steal() })
			known = append(known, litter(d, 5)...)
			require.LessOrEqual(t, alive(d, known), d.Cap())
		}
		require.Equal(t, 10, d.Len())
		d.Tidy()
		require.Equal(t, 10, alive(d, known))
	})
	t.Run("growth", func(t *testing.T) {
		d := tiny[object]()
		before := d.Cap()
		known := litter(d, 100)
		require.Greater(t, d.Cap(), before)
		times(100, func() { d.Steal() })
		d.Tidy()
		require.Zero(t, alive(d, known), "the rings that were replaced")
	})
}
