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
	if inOrder(s) {
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
func SortFunc[P pool.Place, T any](on P, s []T, compare func(a, b T) int) {
	defer raise()
	if len(s) > leafSize && inOrderFunc(s, compare) {
		return
	}
	sortBy(on, s, &order[T]{
		less:  func(a, b T) bool { return compare(a, b) < 0 },
		below: func(s []T, pivot T) int { return belowFunc(s, pivot, 0, compare) },
		upTo:  func(s []T, pivot T) int { return belowFunc(s, pivot, 1, compare) },
		leaf:  func(s []T) { slices.SortFunc(s, compare) },
	})
}

// leafSize is how long a piece is that is not cut any more.
const leafSize = 1024

// inOrder reports whether s is sorted; what is in the opposite order is reversed. It looks
// no further than it must.
func inOrder[T cmp.Ordered](s []T) bool {
	down := cmp.Less(s[1], s[0])
	for i := 1; i < len(s); i++ {
		if cmp.Less(s[i], s[i-1]) != down {
			return false
		}
	}
	if down {
		slices.Reverse(s)
	}
	return true
}

func inOrderFunc[T any](s []T, compare func(a, b T) int) bool {
	down := compare(s[1], s[0]) < 0
	for i := 1; i < len(s); i++ {
		if (compare(s[i], s[i-1]) < 0) != down {
			return false
		}
	}
	if down {
		slices.Reverse(s)
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

// below moves the elements that are less than the pivot to the front and returns how many
// there are. Every element is moved, so that nothing depends on a prediction.
// (Lomuto's partition, as in Orson Peters, "Branchless Lomuto Partitioning", 2024.)
func below[T cmp.Ordered](s []T, pivot T) (k int) {
	for i, v := range s {
		s[i] = s[k]
		s[k] = v
		k += one(v < pivot)
	}
	return k
}

// upTo is the same for those that are not greater.
func upTo[T cmp.Ordered](s []T, pivot T) (k int) {
	for i, v := range s {
		s[i] = s[k]
		s[k] = v
		k += one(v <= pivot)
	}
	return k
}

// belowFunc moves the elements whose comparison with the pivot is less than bound to the
// front and returns how many there are.
func belowFunc[T any](s []T, pivot T, bound int, compare func(a, b T) int) (k int) {
	for i, v := range s {
		s[i] = s[k]
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
	below, upTo func(s []T, pivot T) int
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
	for len(p.s) > leafSize && p.bad > 0 {
		n := len(p.s)
		pivot := p.pivot()
		lo := p.below(p.s, pivot)
		hi := lo
		if lo <= n/8 { // perhaps because many are equal to it
			hi += p.upTo(p.s[lo:], pivot)
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
	p.leaf(p.s)
	return
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
