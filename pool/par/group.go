package par

import "github.com/heist-go/heist/pool"

// Histogram counts how many elements of s fall into each of n bins. bin must answer 0 to
// n-1.
func Histogram[P pool.Place, T any](on P, s []T, n int, bin func(v T) int) []int {
	return run(on, costOf(bin), len(s), &fold[[]int]{
		start: func() []int { return make([]int, n) },
		body: func(counts []int, lo, hi int) []int {
			for _, v := range s[lo:hi] {
				counts[bin(v)]++
			}
			return counts
		},
		merge: func(x, y []int) []int {
			for i, k := range y {
				x[i] += k
			}
			return x
		},
	})
}

// GroupBy returns the elements of s by their key, each group in the order of s.
func GroupBy[P pool.Place, T any, K comparable](on P, s []T, key func(v T) K) map[K][]T {
	return run(on, costOf(key), len(s), &fold[map[K][]T]{
		start: func() map[K][]T { return map[K][]T{} },
		body: func(groups map[K][]T, lo, hi int) map[K][]T {
			for _, v := range s[lo:hi] {
				k := key(v)
				groups[k] = append(groups[k], v)
			}
			return groups
		},
		merge: func(x, y map[K][]T) map[K][]T {
			for k, vs := range y {
				x[k] = append(x[k], vs...)
			}
			return x
		},
	})
}

// Unique returns the elements of s without those that are equal to an earlier one. A NaN is
// equal to none.
func Unique[P pool.Place, T comparable](on P, s []T) []T {
	type set struct {
		has  map[T]none
		list []T
	}
	add := func(u set, v T) set {
		n := len(u.has)
		if u.has[v] = (none{}); len(u.has) > n {
			u.list = append(u.list, v)
		}
		return u
	}
	return run(on, &hashing, len(s), &fold[set]{
		start: func() set { return set{has: map[T]none{}} },
		body: func(u set, lo, hi int) set {
			for _, v := range s[lo:hi] {
				u = add(u, v)
			}
			return u
		},
		merge: func(x, y set) set {
			for _, v := range y.list {
				x = add(x, v)
			}
			return x
		},
	}).list
}

// hashing is the cost of an iteration with a map.
var hashing cost

func init() { hashing.price.Store(40_000) } // initialisation
