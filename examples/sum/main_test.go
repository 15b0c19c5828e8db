package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
)

func TestSum(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 4})
	require.NoError(t, err)
	defer p.Close()
	for _, n := range []int{0, 1, 2, 65, 100, 10_001, 500_000} {
		list := numbers(n)
		want := 0
		for i := range list {
			want += list[i]
		}
		for _, way := range ways {
			require.Equal(t, want, way.sum(p, list), "%s of %d", way.name, n)
		}
	}
}
