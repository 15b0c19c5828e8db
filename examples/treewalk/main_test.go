package main

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
)

func TestTreewalk(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 4})
	require.NoError(t, err)
	defer p.Close()
	for seed := range uint64(20) {
		tree := grow(rand.New(rand.NewPCG(seed, 0)), 1+int(seed*seed*200))
		require.Equal(t, plain(&tree), pool.Call(p, parallel, &tree), "seed %d", seed)
	}
}

// Nodes with more children than a computation has positions, and paths that are longer.
func TestExtremes(t *testing.T) {
	wide := node{children: make([]node, 5000)}
	for i := range wide.children {
		wide.children[i].value = i
		wide.children[i].children = []node{{value: 1}, {value: 2}}
	}
	require.Equal(t, plain(&wide), pool.Call(pool.Default(), parallel, &wide))
	deep := node{value: 1}
	for range 5000 {
		deep = node{value: 1, children: []node{deep, {value: 1}}}
	}
	require.Equal(t, 10_001, pool.Call(pool.Default(), parallel, &deep))
}
