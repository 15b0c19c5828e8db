package par_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(closing{m}) }

// closing ends the default pool, which the examples use.
type closing struct{ *testing.M }

func (c closing) Run() int {
	defer func() { _ = pool.Default().Close() }()
	return c.M.Run()
}

// sizes are around all edges: of blocks, of leaves, of what is shared.
func sizes() []int {
	s := []int{0, 1, 2, 3, 15, 16, 17, 63, 64, 65, 1023, 1024, 1025, 4097}
	if brief() {
		return s
	}
	return append(s, 4095, 4096, 20_000, 70_001)
}

// brief reports whether tests are to look at fewer and smaller cases of each kind.
func brief() bool { return raced || testing.Short() }

func open(t testing.TB, workers int) *pool.Pool {
	p, err := pool.New(pool.Config{Workers: workers})
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// everywhere runs f on pools of several sizes.
func everywhere(t *testing.T, f func(t *testing.T, p *pool.Pool)) {
	for _, workers := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) { f(t, open(t, workers)) })
	}
}

// inputs are slices of a size: random, with few values, in order, reversed, and in order
// but for some.
func inputs(n int) map[string][]int {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	random, few, some := make([]int, n), make([]int, n), make([]int, n)
	for i := range n {
		random[i], few[i], some[i] = r.IntN(1<<30), r.IntN(3), i
	}
	for range n / 50 {
		some[r.IntN(n)] = r.IntN(n)
	}
	up := slices.Sorted(slices.Values(random))
	down := slices.Clone(up)
	slices.Reverse(down)
	return map[string][]int{"random": random, "few": few, "some": some, "up": up, "down": down, "same": make([]int, n)}
}

// floats has NaNs, infinities and both zeros.
func floats(n int) []float64 {
	r := rand.New(rand.NewPCG(2, uint64(n)))
	s := make([]float64, n)
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0}
	for i := range s {
		if s[i] = r.NormFloat64(); r.IntN(20) == 0 {
			s[i] = odd[r.IntN(len(odd))]
		}
	}
	return s
}

// item is an element with a key, and where it was.
type item struct{ key, at int }

func items(keys []int) []item {
	s := make([]item, len(keys))
	for i, k := range keys {
		s[i] = item{k, i}
	}
	return s
}

func byKey(a, b item) int { return cmp.Compare(a.key, b.key) }

// slow is a function that takes about as long as a block.
func slow(v int) int {
	x := uint64(v)
	for range 2000 {
		x = x*6364136223846793005 + 1442695040888963407
	}
	if x == 1 {
		return 0
	}
	return v
}

// in runs f as a poll of p.
func in(t *testing.T, p *pool.Pool, f func(cx *task.Cx)) {
	require.NoError(t, p.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		f(cx)
		return nil
	})))
}
