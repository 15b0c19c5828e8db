package deque_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/deque"
)

// TestShrinks: what a deque keeps after a burst is bounded, however large that was.
func TestShrinks(t *testing.T) {
	const burst = 1 << 20
	x := new(object)
	fill := func(d *deque.Deque[object], n int) { times(n, func() { d.Push(x) }) }
	t.Run("the owner tidies up", func(t *testing.T) {
		d := tiny[object]()
		fill(d, burst)
		require.GreaterOrEqual(t, d.Cap(), burst)
		times(burst-1000, func() { d.Take() })
		d.Tidy()
		require.LessOrEqual(t, d.Cap(), 4*1000)
		require.Equal(t, 1000, d.Len())
		for range 1000 {
			require.Same(t, x, d.Pop())
		}
		d.Tidy()
		require.LessOrEqual(t, d.Cap(), deque.KeptRing)
		require.Nil(t, d.Pop())
	})
	t.Run("the owner runs dry, again and again", func(t *testing.T) {
		d := tiny[object]()
		fill(d, burst)
		for n := 0; d.Cap() > deque.KeptRing; n++ {
			require.Less(t, n, 30, "the ring has %d slots", d.Cap())
			for d.Pop() != nil {
			}
			fill(d, 100)
			for d.Take() != nil {
			}
			fill(d, 10)
		}
	})
	t.Run("a ring that is used stays", func(t *testing.T) {
		d := tiny[object]()
		fill(d, burst)
		full := d.Cap()
		for range 5 {
			for d.Pop() != nil {
			}
			require.Equal(t, full, d.Cap())
			fill(d, burst/2)
		}
	})
}
