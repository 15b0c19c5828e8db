//go:build heistdebug

package deque_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSecondOwner: while one thread is in an owner operation, every owner
// operation of another one panics, and what a thief does is fine.
func TestSecondOwner(t *testing.T) {
	d, x := tiny[int](), 1
	d.Push(&x)

	var second sync.WaitGroup
	leave := d.Enter("Push")
	second.Go(func() {
		for op, f := range map[string]func(){
			"Push": func() { d.Push(&x) },
			"Pop":  func() { d.Pop() },
			"Tidy": d.Tidy,
		} {
			require.PanicsWithValue(t, "deque: "+op+" while another thread is in Push: only the owner may push and pop; thieves call Steal", f)
		}
		d.Steal()
	})
	second.Wait()
	leave()

	// The deque changes hands: one owner at a time is fine.
	require.Zero(t, d.Len())
	second.Go(func() { d.Push(&x) })
	second.Wait()
	require.Equal(t, &x, d.Pop())
}

// TestGuardAfterPanic: an operation that panicked is over.
func TestGuardAfterPanic(t *testing.T) {
	d, x := tiny[int](), 1
	require.Panics(t, func() { d.Push(nil) })
	d.Push(&x)
	require.Equal(t, &x, d.Pop())
}
