package par

import (
	"cmp"
	"fmt"

	"github.com/heist-go/heist/pool"
)

// Merge merges a and b, which are sorted as by slices.Sort, into dst, which must be as long
// as both and not overlap them. Of equal elements those of a come first.
func Merge[P pool.Place, T cmp.Ordered](on P, dst, a, b []T) {
	mergeBy(on, &cheap, dst, a, b, cmp.Compare[T], mergeOrdered[T])
}

// MergeFunc is [Merge] for what is sorted by compare.
func MergeFunc[P pool.Place, T any](on P, dst, a, b []T, compare func(a, b T) int) {
	mergeBy(on, costOf(compare), dst, a, b, compare, func(dst, a, b []T) { mergeFunc(dst, a, b, compare) })
}

// mergeBy finds for each block of dst where it begins in a and in b.
func mergeBy[P pool.Place, T any](on P, c *cost, dst, a, b []T, compare func(a, b T) int, merge func(dst, a, b []T)) (whole bool) {
	if len(dst) != len(a)+len(b) {
		panic(fmt.Sprintf("par: Merge: %d and %d elements into %d", len(a), len(b), len(dst)))
	}
	return each(on, c, len(dst), func(lo, hi int) {
		i, k := rank(lo, a, b, compare), rank(hi, a, b, compare)
		merge(dst[lo:hi], a[i:k], b[lo-i:hi-k])
	})
}

// rank returns how many of the first n elements of the merged sequence are a's.
func rank[T any](n int, a, b []T, compare func(a, b T) int) int {
	lo, hi := max(0, n-len(b)), min(n, len(a))
	for lo < hi {
		i := int(uint(lo+hi) / 2)
		if compare(a[i], b[n-i-1]) <= 0 {
			lo = i + 1
		} else {
			hi = i
		}
	}
	return lo
}

func mergeOrdered[T cmp.Ordered](dst, a, b []T) {
	for len(a) > 0 && len(b) > 0 {
		if cmp.Less(b[0], a[0]) {
			dst[0], b = b[0], b[1:]
		} else {
			dst[0], a = a[0], a[1:]
		}
		dst = dst[1:]
	}
	copy(dst[copy(dst, a):], b)
}

func mergeFunc[T any](dst, a, b []T, compare func(a, b T) int) {
	for len(a) > 0 && len(b) > 0 {
		if compare(b[0], a[0]) < 0 {
			dst[0], b = b[0], b[1:]
		} else {
			dst[0], a = a[0], a[1:]
		}
		dst = dst[1:]
	}
	copy(dst[copy(dst, a):], b)
}
