package par

import (
	"cmp"
	"math/bits"
	"reflect"
	"slices"

	"github.com/heist-go/heist/pool"
)

// Sort sorts s in ascending order, as slices.Sort does. It needs no memory.
//
// It is a quicksort that divides without branches that would be mispredicted, and so is
// faster than slices.Sort on one thread, too; short pieces are left to that.
func Sort[P pool.Place, T cmp.Ordered](on P, s []T) {
	if len(s) <= leafSize {
		slices.Sort(s)
		return
	}
	if inOrder(on, &cheap, s, goesOn[T]) {
		return
	}
	if k := reflect.TypeFor[T]().Kind(); k == reflect.Float32 || k == reflect.Float64 {
		s = s[nans(s):]
	}
	sortBy(on, s, &order[T]{
		less:  func(a, b T) bool { return a < b },
		below: below[T],
		upTo:  upTo[T],
		leaf:  slices.Sort[[]T],
	})
}

// SortFunc sorts s by compare, as slices.SortFunc does: equal elements may change places.
// Whatever compare does, s has the elements that it had; see [SortStableFunc].
func SortFunc[P pool.Place, T any](on P, s []T, compare func(a, b T) int) {
	if len(s) < 2 {
		return
	}
	mustCall(compare != nil)
	defer raise()
	if len(s) > leafSize && inOrder(on, costOf(compare), s, func(s []T, down bool) bool { return goesOnFunc(s, down, compare) }) {
		return
	}
	sortBy(on, s, &order[T]{
		less:  func(a, b T) bool { return compare(a, b) < 0 },
		below: func(s []T, k, from int, pivot T) int { return belowFunc(s, k, from, pivot, 0, compare) },
		upTo:  func(s []T, k, from int, pivot T) int { return belowFunc(s, k, from, pivot, 1, compare) },
		leaf:  func(s []T) { slices.SortFunc(s, compare) },
	})
}

// leafSize is how long a piece is that is not cut any more.
const leafSize = 1024

// inOrder reports whether s is sorted; what is in the opposite order is reversed. It looks
// no further than it must. goesOn says whether a part goes down at each step, or at none.
func inOrder[P pool.Place, T any](on P, c *cost, s []T, goesOn func(s []T, down bool) bool) bool {
	down := goesOn(s[:2], true)
	if !goesOn(s[:leafSize], down) { // hardly any is: not worth a loop
		return false
	}
	j := fold[none]{merge: mergeNone}
	j.body = func(_ none, lo, hi int) (_ none) {
		if !goesOn(s[max(lo-1, 0):hi], down) {
			j.lower(0)
		}
		return
	}
	if run(on, c, len(s), &j); !j.isWhole() {
		return false
	}
	if down {
		slices.Reverse(s)
	}
	return true
}

func goesOn[T cmp.Ordered](s []T, down bool) bool {
	for i := 1; i < len(s); i++ {
		if cmp.Less(s[i], s[i-1]) != down {
			return false
		}
	}
	return true
}

func goesOnFunc[T any](s []T, down bool, compare func(a, b T) int) bool {
	for i := 1; i < len(s); i++ {
		if (compare(s[i], s[i-1]) < 0) != down {
			return false
		}
	}
	return true
}

// nans moves the NaNs to the front and returns how many there are.
func nans[T cmp.Ordered](s []T) (k int) {
	for i, v := range s {
		if v != v {
			s[i], s[k] = s[k], v
			k++
		}
	}
	return k
}

// below moves the elements of s[from:] that are less than the pivot to the front, behind
// the k that are there, and returns how many there are then. Every element is moved, so
// that nothing depends on a prediction.
// (Lomuto's partition, as in Orson Peters, "Branchless Lomuto Partitioning", 2024.)
func below[T cmp.Ordered](s []T, k, from int, pivot T) int {
	t := s[from:]
	for i, v := range t {
		t[i] = s[k]
		s[k] = v
		k += one(v < pivot)
	}
	return k
}

// upTo is the same for those that are not greater.
func upTo[T cmp.Ordered](s []T, k, from int, pivot T) int {
	t := s[from:]
	for i, v := range t {
		t[i] = s[k]
		s[k] = v
		k += one(v <= pivot)
	}
	return k
}

// belowFunc is the same for those whose comparison with the pivot is less than bound.
func belowFunc[T any](s []T, k, from int, pivot T, bound int, compare func(a, b T) int) int {
	t := s[from:]
	for i, v := range t {
		t[i] = s[k]
		s[k] = v
		k += one(compare(v, pivot) < bound)
	}
	return k
}

// one returns 1 for true: an instruction, no branch.
func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// order is how to sort a type.
type order[T any] struct {
	less        func(a, b T) bool
	below, upTo func(s []T, k, from int, pivot T) int
	leaf        func(s []T)
}

// piece is what is left to sort, and how many bad pivots it may still have.
type piece[T any] struct {
	*order[T]
	s   []T
	bad int
}

func sortBy[P pool.Place, T any](on P, s []T, o *order[T]) {
	if len(s) <= leafSize {
		o.leaf(s)
		return
	}
	pool.Call(on, quick[T], piece[T]{o, s, bits.Len(uint(len(s)))})
}

func quick[T any](f pool.Fork[piece[T], none], p piece[T]) (_ none) {
	for f.Scope().Err() == nil {
		if len(p.s) <= leafSize || p.bad == 0 {
			p.leaf(p.s)
			return
		}
		n := len(p.s)
		pivot := p.pivot()
		lo := partition(f.Scope(), p.s, pivot, p.below)
		hi := lo
		if lo <= n/8 { // perhaps because many are equal to it
			hi += partition(f.Scope(), p.s[lo:], pivot, p.upTo)
		}
		if max(lo, n-hi) > n-n/8 {
			p.bad--
		}
		left, right := piece[T]{p.order, p.s[:lo], p.bad}, piece[T]{p.order, p.s[hi:], p.bad}
		if len(right.s) == 0 {
			p = left
			continue
		}
		if lo > 0 {
			quick(f.Offer(right), left)
			if !f.Kept() {
				return f.Take(right)
			}
		}
		p = right
	}
	return
}

// stride is how many elements are partitioned until somebody looks whether the computation
// was canceled: with about as many comparisons as a leaf is sorted.
const stride = 8 * leafSize

// partition partitions s by a step, below or upTo, and returns where it is cut. If the
// computation is canceled, it ends anywhere; but no part is sorted any more then.
func partition[T any](at pool.Scope, s []T, pivot T, step func(s []T, k, from int, pivot T) int) (k int) {
	for from := 0; from < len(s) && at.Err() == nil; from += stride {
		k = step(s[:min(from+stride, len(s))], k, from, pivot)
	}
	return k
}

// pivot returns the median of nine medians of three, from all over the piece.
func (p *piece[T]) pivot() T {
	var m [9]T
	step := len(p.s) / 27
	for i := range m {
		at := p.s[(3*i)*step:]
		m[i] = p.median(at[0], at[step], at[2*step])
	}
	return p.median(p.median(m[0], m[1], m[2]), p.median(m[3], m[4], m[5]), p.median(m[6], m[7], m[8]))
}

func (p *piece[T]) median(a, b, c T) T {
	if p.less(b, a) {
		a, b = b, a
	}
	if !p.less(c, b) {
		return b
	}
	if p.less(c, a) {
		return a
	}
	return c
}
