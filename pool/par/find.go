package par

import (
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/pool"
)

// Find returns the lowest index i with match(s[i]), or -1, as slices.IndexFunc does. Of the
// elements behind it some may be asked, too, but no more once it is known.
func Find[P pool.Place, T any](on P, s []T, match func(v T) bool) int {
	j := fold[none]{merge: mergeNone}
	j.body = func(_ none, lo, hi int) (_ none) {
		for i, v := range s[lo:hi] {
			if match(v) {
				j.lower(lo + i)
				break
			}
		}
		return
	}
	run(on, costOf(match), len(s), &j)
	if i := int(j.limit.Load()); i < len(s) {
		return i
	}
	return -1
}

// Any reports whether match answers true for any element of s. When it has, no more are
// asked.
func Any[P pool.Place, T any](on P, s []T, match func(v T) bool) bool {
	return answered(on, s, true, match)
}

// All reports whether match answers true for all elements of s. When it has answered
// false, no more are asked.
func All[P pool.Place, T any](on P, s []T, match func(v T) bool) bool {
	return !answered(on, s, false, match)
}

// answered reports whether match answers so for any element of s.
func answered[P pool.Place, T any](on P, s []T, so bool, match func(v T) bool) bool {
	var found atomicx.Bool
	j := fold[none]{merge: mergeNone}
	j.body = func(_ none, lo, hi int) (_ none) {
		for _, v := range s[lo:hi] {
			if match(v) == so {
				// Publish. Store-load: before the limit, which ends the parts (F1).
				// Pairs with: answered.
				found.Store(true)
				j.lower(0)
				break
			}
		}
		return
	}
	run(on, costOf(match), len(s), &j)
	return found.Load()
}
