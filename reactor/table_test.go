package reactor

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// pagesOf returns how many pages a table has, and for how many it has room in its list.
func pagesOf(t *table) (n, room int) {
	for _, p := range t.pages {
		if p != nil {
			n++
		}
	}
	return n, cap(t.pages)
}

// TestTable: whoever is in it is found by his key, and by no key that was another's.
func TestTable(t *testing.T) {
	var tab table
	rng := rand.New(rand.NewPCG(1, 2))
	in := map[uint64]*source{}
	var keys, old []uint64
	seen := map[uint64]bool{}
	for round := range 60_000 {
		grow := 500 + 400*(1-2*(round/5000%2)) // by turns
		if rng.IntN(1000) < grow {
			s := new(source)
			key := tab.add(s)
			require.False(t, seen[key], "the key was another's")
			seen[key], in[key] = true, s
			keys = append(keys, key)
		} else if n := len(keys); n > 0 {
			i := rng.IntN(n)
			key := keys[i]
			keys[i], keys = keys[n-1], keys[:n-1]
			delete(in, key)
			tab.remove(key)
			old = append(old, key)
		}
		if n := len(keys); n > 0 {
			key := keys[rng.IntN(n)]
			require.Same(t, in[key], tab.find(key))
		}
		if n := len(old); n > 0 {
			require.Nil(t, tab.find(old[rng.IntN(n)]))
		}
		require.Equal(t, len(in), tab.used)
	}
	require.Len(t, tab.all(), len(in))
	require.Nil(t, tab.find(1<<40-1))
}

// TestTableAfterABurst: what is kept is bounded by who is left.
func TestTableAfterABurst(t *testing.T) {
	const burst, left = 1_000_000, 40
	var tab table
	keys := make([]uint64, burst)
	for i := range keys {
		keys[i] = tab.add(new(source))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	rng.Shuffle(burst, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	for _, key := range keys[left:] {
		tab.remove(key)
	}
	pages, _ := pagesOf(&tab)
	require.LessOrEqual(t, pages, left+1)
	for range left { // who comes is low, and who goes may be high
		tab.add(new(source))
	}
	for _, key := range keys[:left] {
		tab.remove(key)
	}
	pages, room := pagesOf(&tab)
	require.Equal(t, 1, pages)
	require.LessOrEqual(t, room, 4)
	require.Equal(t, left, tab.used)
}
