package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
)

func TestMergesort(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 4})
	require.NoError(t, err)
	defer p.Close()
	for _, n := range []int{0, 1, small, small + 1, 1000, 20_000} {
		for _, kinds := range []int{3, 1 << 30} {
			random := rand.New(rand.NewPCG(1, uint64(n)))
			numbers := make([]int, n)
			words := make([]string, n/10)
			for i := range numbers {
				numbers[i] = random.IntN(kinds)
			}
			for i := range words {
				words[i] = fmt.Sprint(numbers[i])
			}
			for range 3 {
				check(t, p, numbers)
				check(t, p, words)
			}
		}
	}
}

func check[T int | string](t *testing.T, p *pool.Pool, s []T) {
	t.Helper()
	want := slices.Clone(s)
	slices.Sort(want)
	for _, how := range []func(pool.Fork[job[T], none], job[T]) none{byJoin[T], byFork[T]} {
		got := slices.Clone(s)
		mergesort(p, got, how)
		require.True(t, slices.Equal(want, got))
	}
}
