package par

import (
	"cmp"

	"github.com/heist-go/heist/pool"
)

// Reduce combines zero and the elements of s with op, which must be associative, and of
// which zero must be the neutral element: op(op(a, b), c) == op(a, op(b, c)), and
// op(zero, a) == a. The order of the elements is kept, the parentheses are not: see
// [ReduceFixed] if that matters.
func Reduce[P pool.Place, T any](on P, s []T, zero T, op func(x, y T) T) T {
	return run(on, costOf(op), len(s), &fold[T]{
		start: func() T { return zero },
		body: func(acc T, lo, hi int) T {
			for _, v := range s[lo:hi] {
				acc = op(acc, v)
			}
			return acc
		},
		merge: op,
	})
}

// ReduceRange is [Reduce] over the indices from 0 to n-1, for loops that the compiler does
// better than calls: body returns acc combined with what is in [lo, hi), and merge combines
// the result of one range with that of the next. acc is the zero value, or what body has
// returned.
//
//	sum := par.ReduceRange(p, len(s), func(acc, lo, hi int) int {
//		for _, v := range s[lo:hi] {
//			acc += v
//		}
//		return acc
//	}, func(x, y int) int { return x + y })
func ReduceRange[P pool.Place, R any](on P, n int, body func(acc R, lo, hi int) R, merge func(x, y R) R) R {
	if n <= 0 {
		return *new(R)
	}
	return run(on, costOf(body), n, &fold[R]{body: body, merge: merge})
}

// Fold is [Reduce] with a result of another type. start makes one, add adds an element,
// and may change what it is given, and merge combines what was made of one part of s with
// what was made of the next.
func Fold[P pool.Place, T, R any](on P, s []T, start func() R, add func(acc R, v T) R, merge func(x, y R) R) R {
	return run(on, costOf(add), len(s), &fold[R]{
		start: start,
		body: func(acc R, lo, hi int) R {
			for _, v := range s[lo:hi] {
				acc = add(acc, v)
			}
			return acc
		},
		merge: merge,
	})
}

// ReduceFixed is [Reduce] with the parentheses in the same places for all slices of the
// same length, whoever helps: a tree over blocks of len(s)/64 elements, and no less than 16
// nor more than 4,096. zero is the result for an empty s.
func ReduceFixed[P pool.Place, T any](on P, s []T, zero T, op func(x, y T) T) T {
	if len(s) == 0 {
		return zero
	}
	return fixed(on, costOf(op), len(s), &tree[T]{
		size: min(max(len(s)/64, 16), 4096),
		leaf: func(lo, hi int) T {
			acc := s[lo]
			for _, v := range s[lo+1 : hi] {
				acc = op(acc, v)
			}
			return acc
		},
		merge: op,
	})
}

// Number is what can be added.
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr |
		~float32 | ~float64 | ~complex64 | ~complex128
}

// Sum returns the sum of s. That of floating-point numbers depends on nothing but s: it is
// a tree of sums of 4,096 elements each, which is also more exact than a plain loop.
func Sum[P pool.Place, T Number](on P, s []T) T {
	const size = 4096
	if len(s) <= size {
		return sum(s)
	}
	return fixed(on, &cheap, len(s), &tree[T]{
		size:  size,
		leaf:  func(lo, hi int) T { return sum(s[lo:hi]) },
		merge: func(x, y T) T { return x + y },
	})
}

// sum adds four at a time, because an addition waits for the one before.
func sum[T Number](s []T) T {
	var a, b, c, d T
	for len(s) >= 4 {
		a += s[0]
		b += s[1]
		c += s[2]
		d += s[3]
		s = s[4:]
	}
	for _, v := range s {
		a += v
	}
	return (a + b) + (c + d)
}

// cheap is the cost of an iteration that is hardly any.
var cheap cost

func init() { cheap.price.Store(400) } // initialisation

// MinMax returns the least and the greatest element of s, as slices.Min and slices.Max do:
// NaNs if there is one. It panics if s is empty.
func MinMax[P pool.Place, T cmp.Ordered](on P, s []T) (least, greatest T) {
	if len(s) == 0 {
		panic("par: MinMax: empty list")
	}
	type pair struct{ least, greatest T }
	r := fixed(on, &cheap, len(s), &tree[pair]{
		size: 4096,
		leaf: func(lo, hi int) pair {
			p := pair{s[lo], s[lo]}
			for _, v := range s[lo:hi] {
				p.least, p.greatest = min(p.least, v), max(p.greatest, v)
			}
			return p
		},
		merge: func(x, y pair) pair {
			return pair{min(x.least, y.least), max(x.greatest, y.greatest)}
		},
	})
	return r.least, r.greatest
}

// MinMaxFunc returns the first minimal and the first maximal element of s by compare, as
// slices.MinFunc and slices.MaxFunc do. It panics if s is empty.
func MinMaxFunc[P pool.Place, T any](on P, s []T, compare func(a, b T) int) (least, greatest T) {
	if len(s) == 0 {
		panic("par: MinMaxFunc: empty list")
	}
	type pair struct{ least, greatest int }
	better := func(p pair, least, greatest int) pair {
		if compare(s[least], s[p.least]) < 0 {
			p.least = least
		}
		if compare(s[greatest], s[p.greatest]) > 0 {
			p.greatest = greatest
		}
		return p
	}
	r := fixed(on, costOf(compare), len(s), &tree[pair]{
		size: min(max(len(s)/64, 1), 4096),
		leaf: func(lo, hi int) pair {
			p := pair{lo, lo}
			for i := lo + 1; i < hi; i++ {
				p = better(p, i, i)
			}
			return p
		},
		merge: func(x, y pair) pair { return better(x, y.least, y.greatest) },
	})
	return s[r.least], s[r.greatest]
}
