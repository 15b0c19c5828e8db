// Package histogram counts durations in buckets, as runtime/metrics does: four to each power of two.
//
//	Recorder   one writer, a worker say, which shares no cache line with others; any thread reads
//	Histogram  what was read: a plain value, to be merged, subtracted and asked for quantiles
//
// # Buckets
//
//	index         0        1 2 3 4    5 6 7 8     ...    last
//	duration   < 8 ns      8 to 16    16 to 32    ...    2^40 ns (18 minutes) and more
//
// Each of the four is as wide, so a bucket is at most a quarter of its lower bound wide, and so
// exact are the quantiles.
//
// # Invariants
//
//	H1  Counts and Sum of a Recorder only grow: the one writer adds to what it has written itself. So what
//	    is read later minus what was read before is what has come meanwhile.
//	H2  A duration that a reader has counted is in the Sum that it has read.
//
// # Order
//
// The writer adds to the sum first, and to a count then; a reader looks at the counts first, and at the sum
// then: H2.
//
// # Price
//
// A duration costs two stores without a locked instruction; a reader a load for each bucket. A Histogram takes
// 1.2 KB. The design is that of HdrHistogram (Gil Tene), with fixed bounds.
package histogram

import (
	"math"
	"math/bits"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
)

const (
	subBits = 2  // of the mantissa: four buckets to a power of two
	minBits = 3  // the lower bound of the second bucket is 8 ns
	maxBits = 40 // and that of the last one 2^40 ns
)

// Buckets is how many there are.
const Buckets = 1 + (maxBits-minBits)<<subBits + 1

// Histogram is durations, by bucket. It is a value: to copy it is to keep it. The zero value is empty.
type Histogram struct {
	Counts [Buckets]uint64
	Sum    time.Duration // of all that are counted
}

// index returns the bucket of a duration.
func index(d time.Duration) int {
	if d < 1<<minBits {
		return 0
	}
	if d >= 1<<maxBits {
		return Buckets - 1
	}
	e := bits.Len64(uint64(d)) - 1
	return 1 + (e-minBits)<<subBits + int(d>>(e-subBits))&(1<<subBits-1)
}

// Bounds returns the durations that are counted in bucket i: from low on, and less than high. The first
// has what is negative, too, and the last has no end: its high is the longest duration.
func Bounds(i int) (low, high time.Duration) {
	switch {
	case i < 0 || i >= Buckets:
		panic("histogram: Bounds of a bucket that does not exist: they are numbered from 0 to Buckets - 1")
	case i == 0:
		return 0, 1 << minBits
	case i == Buckets-1:
		return 1 << maxBits, math.MaxInt64
	}
	bound := func(i int) time.Duration {
		return time.Duration(1<<subBits+i&(1<<subBits-1)) << (i>>subBits + minBits - subBits)
	}
	return bound(i - 1), bound(i)
}

// Coarse returns the histogram in few buckets, for systems that keep one series for each: counts[i] is what is less than
// bounds[i] and in no bucket before, the last count the rest, and count all. The bounds are powers of four, from a microsecond to
// a minute, or so.
func (h *Histogram) Coarse() (count uint64, bounds []time.Duration, counts []uint64) {
	const first, last, step = 1 << 10, 1 << 36, 4
	for bound := time.Duration(first); bound <= last; bound *= step {
		bounds = append(bounds, bound)
	}
	counts = make([]uint64, len(bounds)+1)
	at := 0
	for i, n := range h.Counts {
		low, _ := Bounds(i)
		for at < len(bounds) && low >= bounds[at] {
			at++
		}
		counts[at] += n
		count += n
	}
	return count, bounds, counts
}

// Record counts d, n times. It is for histograms that one goroutine has, or that a lock guards.
func (h *Histogram) Record(d time.Duration, n uint64) {
	h.Counts[index(d)] += n
	h.Sum += time.Duration(n) * max(d, 0)
}

// Merge adds what o has counted.
func (h *Histogram) Merge(o *Histogram) {
	for i, n := range o.Counts {
		h.Counts[i] += n
	}
	h.Sum += o.Sum
}

// Sub subtracts what o has counted, an earlier reading of the same: what is left has come since.
func (h *Histogram) Sub(o *Histogram) {
	for i, n := range o.Counts {
		h.Counts[i] -= n
	}
	h.Sum -= o.Sum
}

// Count returns how many durations are counted.
func (h *Histogram) Count() (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Mean returns the mean, or 0 of none.
func (h *Histogram) Mean() time.Duration {
	n := h.Count()
	if n == 0 {
		return 0
	}
	return time.Duration(float64(h.Sum) / float64(n))
}

// Quantile returns the duration that a part q of all, from 0 to 1, does not exceed: 0.5 is the
// median. It is interpolated inside of its bucket; in the last it is the lower bound. It returns 0 of none.
func (h *Histogram) Quantile(q float64) time.Duration {
	n := h.Count()
	if n == 0 {
		return 0
	}
	if !(q > 0) { // NaN, too
		q = 0
	}
	rank := min(q, 1) * float64(n)
	before := 0.0
	for i, c := range h.Counts {
		if c == 0 || before+float64(c) < rank {
			before += float64(c)
			continue
		}
		low, high := Bounds(i)
		if i == Buckets-1 {
			return low
		}
		return low + time.Duration(float64(high-low)*(rank-before)/float64(c))
	}
	return h.Max() // rounding
}

// Max returns the upper bound of the longest durations: they are shorter. It returns 0 of none.
func (h *Histogram) Max() time.Duration {
	for i := Buckets - 1; i >= 0; i-- {
		if h.Counts[i] != 0 {
			_, high := Bounds(i)
			return high
		}
	}
	return 0
}

// Recorder counts durations for one writer. The zero value is ready. It must not be copied.
type Recorder struct {
	counts [Buckets]atomicx.Uint64
	sum    atomicx.Uint64
}

// Record counts d, n times. The writer only; it does not block.
func (r *Recorder) Record(d time.Duration, n uint64) {
	// Publish. The sum before the count (H2); both are the writer's own (H1).
	// Pairs with: (*Recorder).AddTo.
	atomicx.StoreReleaseUint64(&r.sum, r.sum.Load()+n*uint64(max(d, 0)))
	c := &r.counts[index(d)]
	// Publish. Pairs with: (*Recorder).AddTo.
	atomicx.StoreReleaseUint64(c, c.Load()+n)
}

// AddTo adds what is counted so far to h. Any thread; it does not block, nor disturb the writer.
//
// Pairs with: (*Recorder).Record.
func (r *Recorder) AddTo(h *Histogram) {
	for i := range r.counts {
		h.Counts[i] += r.counts[i].Load()
	}
	h.Sum += time.Duration(r.sum.Load())
}
