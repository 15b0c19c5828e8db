package invariant_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
)

func TestCheck(t *testing.T) {
	require.NotPanics(t, func() { invariant.Check(true, "fine") })
	if !invariant.Enabled {
		require.NotPanics(t, func() { invariant.Check(false, "not looked at") })
		return
	}
	require.PanicsWithValue(t, "broken", func() { invariant.Check(false, "broken") })
}
