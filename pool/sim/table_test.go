package sim_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool/sim"
	"github.com/heist-go/heist/task"
)

// What is known of tasks is a set like any other, whatever is taken out of it between.
func TestTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	frames := make([]task.Frame, 500)
	want := map[*task.Frame]bool{}
	var table sim.Table
	for round := range 20_000 {
		limit := len(frames) // small at first, so that it is often empty
		if round < 1000 {
			limit = 3
		}
		switch f := &frames[rng.IntN(limit)]; {
		case want[f]:
			table.Remove(f)
			delete(want, f)
		case !table.Has(f):
			table.Add(f)
			want[f] = true
		default:
			t.Fatal("it has what was taken out")
		}
		require.Equal(t, len(want), table.Len())
		if round%100 == 0 {
			for i := range frames {
				require.Equal(t, want[&frames[i]], table.Has(&frames[i]))
			}
		}
	}
}
