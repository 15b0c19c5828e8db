package par

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// through runs a part of n iterations whose blocks take what cost says, and returns how many
// blocks there were, how many of them were measured, and how long the longest was.
func through(first, n int, cost func(lo, hi int) time.Duration) (blocks, measured int, longest time.Duration) {
	g := newGrain(n, first, 0)
	for lo := 0; lo < n; blocks++ {
		size, look := g.next()
		size = min(size, n-lo)
		d := cost(lo, lo+size)
		longest = max(longest, d)
		if look {
			measured++
			g.took(size, d)
		} else {
			g.ran(size)
		}
		lo += size
	}
	return blocks, measured, longest
}

// A call that looks at none of its indices takes as long as it takes: on a fast machine next to nothing, on a
// slow one, or under the race detector, longer than a block should. All of 2^63 are through soon.
func TestGrainOfCallsWithAPrice(t *testing.T) {
	for _, call := range []time.Duration{0, 1, 100, block/2 - 1, block / 2, block, 3 * block, time.Millisecond} {
		for _, first := range []int{1, 7, 4000, math.MaxInt >> 23} {
			blocks, _, _ := through(first, math.MaxInt, func(_, _ int) time.Duration { return call })
			require.Less(t, blocks, 1<<17+1<<16, "%v %d", call, first)
		}
	}
}

// The same where the thread loses its processor now and then.
func TestGrainOfCallsInterrupted(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		blocks, _, _ := through(1, math.MaxInt, func(_, _ int) time.Duration {
			if r.IntN(20) == 0 {
				return 3 * time.Millisecond
			}
			return time.Duration(r.Int64N(int64(4 * block)))
		})
		require.Less(t, blocks, 1<<17+1<<16, seed)
	}
}

// An iteration with a price of its own is not put into long blocks, and the clock is read rarely.
func TestGrainOfIterationsWithAPrice(t *testing.T) {
	for _, price := range []time.Duration{4, 100, block / 3, block, 10 * block} {
		first := max(1, int(block/price))
		blocks, measured, longest := through(first, 1<<16*first, func(lo, hi int) time.Duration { return time.Duration(hi-lo) * price })
		require.Less(t, measured, 64, price)
		require.Greater(t, blocks, 1<<15, price)
		require.LessOrEqual(t, longest, max(block, price), price)
	}
}

// A loop without an end, as a search in all numbers, stays one that can be stopped.
func TestGrainWithoutAnEnd(t *testing.T) {
	const price = 10
	g := newGrain(math.MaxInt, int(block/price), 0)
	var now time.Duration
	for now < time.Minute && g.done < math.MaxInt/2 {
		n, measured := g.next()
		d := time.Duration(n) * price
		require.LessOrEqual(t, d, max(block, now>>mostOfDone))
		now += d
		if measured {
			g.took(n, d)
		} else {
			g.ran(n)
		}
	}
}

// Iterations that are much cheaper than they were get longer blocks, up to what a block should take.
func TestGrainOfCheaperIterations(t *testing.T) {
	_, _, longest := through(1, 1<<28, func(lo, hi int) time.Duration { return time.Duration(hi - lo) })
	require.GreaterOrEqual(t, longest, block/2)
	require.LessOrEqual(t, longest, 2*block)
}

// Blocks become short again when iterations become dear, at once or by and by.
func TestGrainOfDearerIterations(t *testing.T) {
	const n = 1 << 22
	costs := map[string]func(lo, hi int) time.Duration{
		"at once": func(lo, hi int) time.Duration {
			if lo < n/2 {
				return time.Duration(hi - lo)
			}
			return time.Duration(hi-lo) * block
		},
		"by and by": func(lo, hi int) time.Duration { return time.Duration(hi-lo) * time.Duration(lo) / 100 },
	}
	for name, cost := range costs {
		var now, long time.Duration
		through(1, n, func(lo, hi int) time.Duration {
			d := cost(lo, hi)
			now += d
			if d > 4*block && d > cost(lo, lo+n>>leastOfLoop) {
				long += d
			}
			return d
		})
		require.Less(t, long, now/1000, name)
	}
}
