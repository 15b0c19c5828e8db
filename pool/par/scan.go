package par

import (
	"fmt"

	"github.com/heist-go/heist/pool"
)

// Scan sets dst[i] to s[0] op s[1] op ... op s[i] for all i, and returns the last one, or
// the zero value if there is none. op must be associative; see [Reduce]. dst must be as
// long as s, and may be s. If op panics, or the computation is canceled, what is in dst is not
// specified: if dst is s, the elements are lost.
func Scan[P pool.Place, T any](on P, dst, s []T, op func(x, y T) T) T {
	return scan(on, "Scan", costOf(op), dst, s, op, func(sum T, known bool, lo, hi int) T {
		d := dst[lo:hi]
		for i, v := range s[lo:hi] {
			if known {
				v = op(sum, v)
			}
			sum, known = v, true
			d[i] = v
		}
		return sum
	}, shifted(op))
}

// shifted is what puts a value in front of what was scanned without it.
func shifted[T any](op func(x, y T) T) func(d []T, before T) {
	return func(d []T, before T) {
		for i, v := range d {
			d[i] = op(before, v)
		}
	}
}

// ScanExclusive sets dst[i] to zero op s[0] op ... op s[i-1] for all i, and returns that
// for i = len(s). zero must be the neutral element of op. dst is that of a [Scan].
func ScanExclusive[P pool.Place, T any](on P, dst, s []T, zero T, op func(x, y T) T) T {
	if len(s) == 0 {
		return zero
	}
	return scan(on, "ScanExclusive", costOf(op), dst, s, op, func(sum T, known bool, lo, hi int) T {
		if !known {
			sum = zero
		}
		d := dst[lo:hi]
		for i, v := range s[lo:hi] {
			d[i] = sum
			sum = op(sum, v)
		}
		return sum
	}, shifted(op))
}

// ScanSum is [Scan] with an addition, and faster for it. See [Reduce] about
// floating-point numbers.
func ScanSum[P pool.Place, T Number](on P, dst, s []T) T {
	add := func(x, y T) T { return x + y }
	return scan(on, "ScanSum", &cheap, dst, s, add, func(sum T, _ bool, lo, hi int) T {
		d := dst[lo:hi]
		for i, v := range s[lo:hi] {
			sum += v
			d[i] = sum
		}
		return sum
	}, func(d []T, before T) {
		for i := range d {
			d[i] += before
		}
	})
}

// segment is a part of s that was scanned from its own beginning on.
type segment[T any] struct {
	lo, hi int
	sum    T
}

// scan is both. The first part is final at once. One that somebody else has computed
// begins without what comes before it, which is put in front of its elements in the
// end: so a scan with little help is hardly more than one pass.
//
// pass scans a range, on top of a sum if one is known; shift puts one in front of what was
// scanned without it.
func scan[P pool.Place, T any](on P, name string, c *cost, dst, s []T, op func(x, y T) T, pass func(sum T, known bool, lo, hi int) T, shift func(d []T, before T)) (sum T) {
	if len(dst) != len(s) {
		panic(fmt.Sprintf("par: %s: %d elements into %d", name, len(s), len(dst)))
	}
	segments := run(on, c, len(s), &fold[[]segment[T]]{
		body: func(done []segment[T], lo, hi int) []segment[T] {
			if n := len(done) - 1; n >= 0 && done[n].hi == lo {
				done[n].sum = pass(done[n].sum, true, lo, hi)
				done[n].hi = hi
				return done
			}
			var zero T
			return append(done, segment[T]{lo, hi, pass(zero, false, lo, hi)})
		},
		merge: concat[segment[T]],
	})
	if len(segments) == 0 {
		return sum
	}
	defer raise() // op is called here, too
	sum = segments[0].sum
	for _, seg := range segments[1:] {
		before, d := sum, dst[seg.lo:seg.hi]
		if !each(on, c, len(d), func(lo, hi int) { shift(d[lo:hi], before) }) {
			return sum
		}
		sum = op(sum, seg.sum)
	}
	return sum
}
