package histogram_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/histogram"
)

// Example has the durations of two workers, and what came between two readings.
func Example() {
	var a, b histogram.Recorder // one for each worker
	for range 98 {
		a.Record(100*time.Nanosecond, 1)
	}
	b.Record(2*time.Millisecond, 2)

	var before histogram.Histogram
	a.AddTo(&before)
	b.AddTo(&before)
	fmt.Println(before.Count(), "polls, half of them below", before.Quantile(0.5).Round(10*time.Nanosecond),
		"and the longest below", before.Max())

	a.Record(time.Microsecond, 5)
	var since histogram.Histogram
	a.AddTo(&since)
	b.AddTo(&since)
	since.Sub(&before)
	fmt.Println(since.Count(), "more, of", since.Mean())
	// Output:
	// 100 polls, half of them below 100ns and the longest below 2.097152ms
	// 5 more, of 1µs
}

// Each duration is within the bounds of its bucket, and those follow each other without a gap.
func TestBounds(t *testing.T) {
	_, end := histogram.Bounds(0)
	for i := 1; i < histogram.Buckets; i++ {
		low, high := histogram.Bounds(i)
		require.Equal(t, end, low, "bucket %d", i)
		require.Greater(t, high, low)
		if i < histogram.Buckets-1 {
			require.LessOrEqual(t, high-low, low/4, "bucket %d is too wide", i)
		}
		end = high
		for _, d := range []time.Duration{low, high - 1} {
			var h histogram.Histogram
			h.Record(d, 3)
			require.EqualValues(t, 3, h.Counts[i], "%v in bucket %d", d, i)
		}
	}
	require.Equal(t, time.Duration(math.MaxInt64), end)
	var h histogram.Histogram
	h.Record(-5, 1)
	require.EqualValues(t, 1, h.Counts[0])
	require.Zero(t, h.Sum)
	require.Panics(t, func() { histogram.Bounds(histogram.Buckets) })
	require.Panics(t, func() { histogram.Bounds(-1) })
}

// Quantiles are those of the sorted durations, as exact as a bucket.
func TestQuantiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var h histogram.Histogram
	var all []time.Duration
	var sum time.Duration
	for range 20_000 {
		d := time.Duration(math.Exp(rng.Float64()*20)) + 8
		all, sum = append(all, d), sum+d
		h.Record(d, 1)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[min(int(q*float64(len(all))), len(all)-1)]
		require.InEpsilon(t, float64(want), float64(h.Quantile(q)), 0.26, "quantile %v", q)
	}
	require.Equal(t, sum, h.Sum)
	require.EqualValues(t, len(all), h.Count())
	require.InEpsilon(t, float64(sum)/float64(len(all)), float64(h.Mean()), 1e-6)
	require.Greater(t, h.Max(), all[len(all)-1])
	require.Equal(t, h.Quantile(0), h.Quantile(-1))
	require.Equal(t, h.Quantile(1), h.Quantile(7))
	require.Equal(t, h.Quantile(0), h.Quantile(math.NaN()))

	var none, last histogram.Histogram
	require.Zero(t, none.Quantile(0.5))
	require.Zero(t, none.Mean())
	require.Zero(t, none.Max())
	last.Record(math.MaxInt64, 1)
	low, _ := histogram.Bounds(histogram.Buckets - 1)
	require.Equal(t, low, last.Quantile(0.5))
}

// To merge is to have recorded in one, and to subtract is to undo that.
func TestMerge(t *testing.T) {
	var a, b, both histogram.Histogram
	for i := range 1000 {
		d, n := time.Duration(i*i*i), uint64(i%3)
		both.Record(d, n)
		if i%2 == 0 {
			a.Record(d, n)
		} else {
			b.Record(d, n)
		}
	}
	sum := a
	sum.Merge(&b)
	require.Equal(t, both, sum)
	sum.Sub(&b)
	require.Equal(t, a, sum)
}

// A reader beside a writer sees what only grows (H1), and in the sum what it has counted (H2).
func TestReadWhileWritten(t *testing.T) {
	const each, n = 1000, 50_000
	var r histogram.Recorder
	var wg sync.WaitGroup
	wg.Go(func() {
		for range n {
			r.Record(each, 1)
		}
	})
	var last histogram.Histogram
	for last.Count() < n {
		var now histogram.Histogram
		r.AddTo(&now)
		require.GreaterOrEqual(t, now.Sum, time.Duration(now.Count()*each))
		since := now
		since.Sub(&last)
		require.LessOrEqual(t, since.Count(), uint64(n))
		last = now
	}
	wg.Wait()
	require.EqualValues(t, n*each, last.Sum)
}

func BenchmarkRecord(b *testing.B) {
	var r histogram.Recorder
	d := time.Duration(1)
	for b.Loop() {
		r.Record(d&(1<<20-1), 1)
		d = d*5 + 1
	}
}

// Each bound of Coarse is one of a bucket, and what is counted below it is what is shorter.
func TestCoarse(t *testing.T) {
	var h histogram.Histogram
	for i := range histogram.Buckets {
		h.Counts[i] = uint64(1 + i)
	}
	count, bounds, counts := h.Coarse()
	require.Len(t, bounds, 14)
	require.Len(t, counts, 15)
	require.Equal(t, 1024*time.Nanosecond, bounds[0])
	require.EqualValues(t, histogram.Buckets*(histogram.Buckets+1)/2, count)
	below, sum := uint64(0), uint64(0)
	for i, bound := range bounds {
		below += counts[i]
		shorter := uint64(0)
		for k := range histogram.Buckets {
			if low, high := histogram.Bounds(k); low < bound {
				require.LessOrEqual(t, high, bound)
				shorter += uint64(1 + k)
			}
		}
		require.Equal(t, shorter, below, bound)
		sum += counts[i]
	}
	require.Equal(t, count, sum+counts[14])
}
