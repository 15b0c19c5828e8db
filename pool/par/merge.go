package par

import (
	"cmp"
	"fmt"

	"github.com/heist-go/heist/pool"
)

// Merge merges a and b, which are sorted as by slices.Sort, into dst, which must be as long
// as both and not overlap them. Of equal elements those of a come first. If a or b is not
// sorted, the order of dst is not specified; but it has the elements of both in any case, also
// after a panic or a cancellation.
func Merge[P pool.Place, T cmp.Ordered](on P, dst, a, b []T) {
	mergeInto(on, &cheap, dst, a, b, cmp.Compare[T], mergeOrdered[T])
}

// MergeFunc is [Merge] for what is sorted by compare.
func MergeFunc[P pool.Place, T any](on P, dst, a, b []T, compare func(a, b T) int) {
	mergeInto(on, costOf(compare), dst, a, b, compare, mergeFunc(compare))
}

func mergeInto[P pool.Place, T any](on P, c *cost, dst, a, b []T, compare func(a, b T) int, step func(dst []T, p pair[T]) pair[T]) {
	if len(dst) != len(a)+len(b) {
		panic(fmt.Sprintf("par: Merge: %d and %d elements into %d", len(a), len(b), len(dst)))
	}
	whole := false
	defer func() {
		if !whole {
			copy(dst[copy(dst, a):], b)
		}
	}()
	whole = mergeBy(on, c, dst, pair[T]{a, b}, compare, step)
}

// pair is two sorted pieces that are to be merged.
type pair[T any] struct{ a, b []T }

// mergeBy merges p into dst by a step, which fills what it is given and returns what is left
// of the pair. It reports whether it was through.
//
// Where a part of it is cut is decided once, and in what that part has: so all elements
// arrive, whatever the order says.
func mergeBy[P pool.Place, T any](on P, c *cost, dst []T, p pair[T], compare func(a, b T) int, step func(dst []T, p pair[T]) pair[T]) (whole bool) {
	j := &fold[pair[T]]{
		start: func() pair[T] { return p },
		body:  func(p pair[T], lo, hi int) pair[T] { return step(dst[lo:hi], p) },
		cut: func(p pair[T], k int) (lower, upper pair[T]) {
			i := rank(k, p.a, p.b, compare)
			return pair[T]{p.a[:i], p.b[:k-i]}, pair[T]{p.a[i:], p.b[k-i:]}
		},
		merge: func(_, upper pair[T]) pair[T] { return upper },
	}
	run(on, c, len(dst), j)
	return j.isWhole()
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

func mergeOrdered[T cmp.Ordered](dst []T, p pair[T]) pair[T] {
	a, b := p.a, p.b
	for len(a) > 0 && len(b) > 0 && len(dst) > 0 {
		if cmp.Less(b[0], a[0]) {
			dst[0], b = b[0], b[1:]
		} else {
			dst[0], a = a[0], a[1:]
		}
		dst = dst[1:]
	}
	return fill(dst, a, b)
}

// mergeFunc returns the step of a merge by compare.
func mergeFunc[T any](compare func(a, b T) int) func(dst []T, p pair[T]) pair[T] {
	return func(dst []T, p pair[T]) pair[T] {
		a, b := p.a, p.b
		for len(a) > 0 && len(b) > 0 && len(dst) > 0 {
			if compare(b[0], a[0]) < 0 {
				dst[0], b = b[0], b[1:]
			} else {
				dst[0], a = a[0], a[1:]
			}
			dst = dst[1:]
		}
		return fill(dst, a, b)
	}
}

// fill ends a step: dst is full, or one of the pieces is empty.
func fill[T any](dst, a, b []T) pair[T] {
	i := copy(dst, a)
	return pair[T]{a[i:], b[copy(dst[i:], b):]}
}
