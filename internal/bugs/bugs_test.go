package bugs_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/pool/sim"
)

var seeds = flag.Int("seeds", 10_000, "how many seeds the mended programs pass")

// Within so many seeds each bug must be found: it was fixed before the programs were written.
const (
	byRandom = 1000
	byPCT    = 300
	// leastSteps is how long the runs of mended programs are at least.
	leastSteps = 200
)

func all() []bug { return slices.Concat(waits, data, more) }

// TestFound writes the table of docs/simulator.md.
func TestFound(t *testing.T) {
	require.Len(t, slices.Concat(waits, data), 20)
	var table strings.Builder
	for _, b := range all() {
		var row []string
		for _, y := range []sim.Strategy{sim.Random, sim.PCT, sim.RoundRobin, sim.Starve, sim.Mix} {
			n := byRandom
			if y == sim.PCT {
				n = byPCT
			}
			r := sim.Config{Strategy: y, Seeds: n, Repeat: -1, MaxSteps: 20_000}.Run(func(s *sim.Sim) { b.program(s, false) })
			if (y == sim.Random || y == sim.PCT || y == sim.Mix) && r.Failure == nil {
				t.Errorf("%s: %v does not find it: %v", b.name, y, r)
			}
			cell := "none"
			if r.Failure != nil {
				cell = fmt.Sprint(r.Seeds)
				if y == sim.Mix {
					text, _, _ := strings.Cut(r.Failure.Reason, "\n")
					t.Logf("%s: %d switches: %s", b.name, r.Failure.Switches, text)
				}
			}
			row = append(row, cell)
		}
		fmt.Fprintf(&table, "| %s | %s |\n", b.name, strings.Join(row, " | "))
	}
	t.Log("\n" + table.String())
}

func TestMended(t *testing.T) {
	n := *seeds
	if testing.Short() || invariant.Enabled {
		n = min(n, 300)
	}
	for _, b := range all() {
		t.Run(b.name, func(t *testing.T) {
			sim.Config{Seeds: n, Repeat: 500, MaxSteps: 20_000}.Test(t, func(s *sim.Sim) {
				for s.Steps() < leastSteps {
					b.program(s, true)
					s.Wait()
				}
			})
		})
	}
}
