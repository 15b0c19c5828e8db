package timerwheel_test

import (
	"runtime"
	"slices"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/timerwheel"
)

// connection is something that has a timeout. It is large enough that the
// allocator gives it a slot of its own: the garbage collector can then tell each
// from its neighbours.
type connection struct {
	idle timerwheel.Entry[*connection]
	_    [64]byte
}

// dial returns a wheel with the timeouts of n connections, and these. The timeouts
// are far in the future, and next to each other.
func dial(n int) (w *timerwheel.Wheel[*connection], cs []*connection, known []weak.Pointer[connection]) {
	w = new(timerwheel.Wheel[*connection])
	w.Expire(0)
	for i := range n {
		c := new(connection)
		c.idle.Value = c
		w.Add(&c.idle, year+int64(i%7)*day)
		cs, known = append(cs, c), append(known, weak.Make(c))
	}
	return w, cs, known
}

// alive returns how many of the connections the garbage collector spares.
func alive(known []weak.Pointer[connection]) (n int) {
	runtime.GC()
	for _, p := range known {
		if p.Value() != nil {
			n++
		}
	}
	return n
}

// TestRetention: a timer that was cancelled or has fired is not kept alive by the
// wheel, nor by the timers that were beside it, nor does it keep those alive.
func TestRetention(t *testing.T) {
	const n = 500
	t.Run("fired", func(t *testing.T) {
		w, _, known := dial(n)
		require.Equal(t, n, alive(known), "or this test proves nothing")
		for e := w.Expire(2 * year); e != nil; e = w.Expire(2 * year) {
		}
		require.Zero(t, alive(known))
		runtime.KeepAlive(w)
	})
	t.Run("cancelled", func(t *testing.T) {
		for _, order := range []func([]*connection){func([]*connection) {}, slices.Reverse[[]*connection]} {
			w, cs, known := dial(n)
			order(cs)
			for _, c := range cs {
				w.Remove(&c.idle)
			}
			last := cs[n/2]
			cs = nil
			require.Equal(t, 1, alive(known), "one that the test still has")
			runtime.KeepAlive(last)
			runtime.KeepAlive(w)
		}
	})
	t.Run("every other cancelled", func(t *testing.T) {
		w, cs, known := dial(n)
		for i := 0; i < n; i += 2 {
			w.Remove(&cs[i].idle)
		}
		cs = nil
		require.Equal(t, n/2, alive(known))
		require.Equal(t, n/2, w.Len())
	})
	t.Run("moved", func(t *testing.T) {
		w, cs, known := dial(n)
		require.Nil(t, w.Expire(year-1)) // slots have moved down
		for i, c := range cs {
			w.Reset(&c.idle, year+int64(i)*day)
			w.Remove(&c.idle)
		}
		cs = nil
		require.Zero(t, alive(known))
		runtime.KeepAlive(w)
	})
}
