package reactor

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Who waits for the outlet is listed once, however often it is polled meanwhile, until it
// is told or gives up.
func TestOutletLists(t *testing.T) {
	var o outlet
	require.True(t, o.hold())
	one, two := &waiter{}, &waiter{}
	two.bell = make(chan struct{}, 1)
	for range 100 {
		require.True(t, o.wait(one))
		require.True(t, o.wait(two))
	}
	require.Equal(t, []*waiter{one, two}, o.box.Load().waiting)
	for range 2 {
		o.quit(one)
		require.Equal(t, []*waiter{two}, o.box.Load().waiting)
	}
	require.True(t, o.leave())
	require.Empty(t, o.box.Load().waiting)
	require.Len(t, two.bell, 1)
}
