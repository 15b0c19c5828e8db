package par

import (
	"fmt"

	"github.com/heist-go/heist/pool"
)

// Map returns f(v) for each element v of s, in the order of s.
func Map[P pool.Place, T, U any](on P, s []T, f func(v T) U) []U {
	if s == nil {
		return nil
	}
	dst := make([]U, len(s))
	MapInto(on, dst, s, f)
	return dst
}

// MapInto sets dst[i] to f(s[i]) for all i. dst must be as long as s, and may be s. If f panics,
// or the computation is canceled, that has been done for some i, and the others are as before.
func MapInto[P pool.Place, T, U any](on P, dst []U, s []T, f func(v T) U) {
	if len(dst) != len(s) {
		panic(fmt.Sprintf("par: MapInto: %d elements into %d", len(s), len(dst)))
	}
	each(on, costOf(f), len(s), func(lo, hi int) {
		d := dst[lo:hi]
		for i, v := range s[lo:hi] {
			d[i] = f(v)
		}
	})
}

// TryMap is [Map] with a function that may fail, with the error as from [TryFor].
func TryMap[P pool.Place, T, U any](on P, s []T, f func(v T) (U, error)) ([]U, error) {
	dst := make([]U, len(s))
	err := tryFor(on, costOf(f), len(s), func(i int) (err error) {
		dst[i], err = f(s[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	return dst, nil
}

// Filter returns the elements of s for which keep answers true, in their order.
func Filter[P pool.Place, T any](on P, s []T, keep func(v T) bool) []T {
	return run(on, costOf(keep), len(s), &fold[[]T]{
		body: func(kept []T, lo, hi int) []T {
			for _, v := range s[lo:hi] {
				if keep(v) {
					kept = append(kept, v)
				}
			}
			return kept
		},
		merge: concat[T],
	})
}

func concat[T any](x, y []T) []T {
	if x == nil {
		return y
	}
	return append(x, y...)
}
