package load

import "math/bits"

// fine is the number of buckets in which each power of two is cut: a quantile is exact to one
// part in so many.
const fine = 64

// Histogram is a log-linear histogram of durations in nanoseconds (the layout of
// HdrHistogram): buckets of one below fine, then fine of them for each power of two. Its
// zero value is empty. It belongs to one goroutine.
type Histogram struct {
	counts [fine * (1 + 63 - 6)]uint64
	count  uint64
	most   int64
}

// bucket returns the index of a value's bucket.
func bucket(v int64) int {
	if v < fine {
		return int(max(v, 0))
	}
	shift := bits.Len64(uint64(v)) - 7 // v>>shift is in [fine, 2*fine)
	return shift*fine + int(v>>shift)
}

// upper returns the largest value of a bucket.
func upper(i int) int64 {
	if i < 2*fine {
		return int64(i)
	}
	shift := i/fine - 1
	return (int64(i%fine)+fine+1)<<shift - 1
}

// Add counts a value; a negative one counts as 0.
func (h *Histogram) Add(v int64) {
	h.counts[bucket(v)]++
	h.count++
	h.most = max(h.most, v)
}

// Merge adds what another histogram has counted.
func (h *Histogram) Merge(o *Histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.count += o.count
	h.most = max(h.most, o.most)
}

// Count returns how many values were added.
func (h *Histogram) Count() uint64 { return h.count }

// Max returns the largest value, and 0 of none.
func (h *Histogram) Max() int64 { return h.most }

// Quantile returns a value that at least the part q of the values do not exceed (q from 0 to
// 1), too large by one part in 64 at most; and 0 of no values.
func (h *Histogram) Quantile(q float64) int64 {
	rank := max(uint64(q*float64(h.count)+0.5), 1)
	for i, n := range h.counts {
		if n >= rank {
			return min(upper(i), h.most)
		}
		rank -= n
	}
	return h.most
}
