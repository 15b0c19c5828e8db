package task_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/task"
)

// Scratch is the worker's: the next poll gets the same bytes again, and where mistakes
// are looked for, who has kept it sees it overwritten.
func TestScratch(t *testing.T) {
	var kept []byte
	turn := 0
	require.NoError(t, runs(task.Func(func(cx *task.Cx) error {
		if turn++; turn == 1 {
			kept = cx.Scratch(1000)
			require.Len(t, kept, 1000)
			require.Equal(t, 1000, cap(kept), "appending must not reach what is behind")
			for i := range kept {
				kept[i] = 'x'
			}
			return cx.Yield()
		}
		if invariant.Enabled {
			require.Equal(t, byte(0xdb), kept[0])
			require.Equal(t, byte(0xdb), kept[999])
		} else {
			require.Same(t, &kept[0], &cx.Scratch(500)[0])
		}
		require.Len(t, cx.Scratch(100_000), 100_000)
		return nil
	})))
}
