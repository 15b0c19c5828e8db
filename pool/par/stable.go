package par

import "github.com/heist-go/heist/pool"

// SortStableFunc sorts s by compare, as slices.SortStableFunc does: equal elements stay in
// their order. It is a merge sort and needs memory for as many elements.
func SortStableFunc[P pool.Place, T any](on P, s []T, compare func(a, b T) int) {
	if len(s) < 2 {
		return
	}
	m := &merger[T]{compare, func(dst, a, b []T) { mergeFunc(dst, a, b, compare) }}
	spare := make([]T, len(s))
	if len(s) <= leafSize {
		defer raise()
		m.alone(s, spare, s)
		return
	}
	pool.Call(on, mergeSort[T], run2[T]{m, s, spare, s})
}

type merger[T any] struct {
	compare func(a, b T) int
	merge   func(dst, a, b []T)
}

// run2 is a piece: s and spare are as long, and what is in s ends up, sorted, in dst,
// which is one of them. The other one is overwritten.
type run2[T any] struct {
	*merger[T]
	s, spare, dst []T
}

const (
	insertionSize = 16
	mergeShared   = 1 << 14 // how long a merge must be to be cut
)

// mergeSort sorts a piece. In a computation that was canceled it only sees to it that all
// elements end up in dst.
func mergeSort[T any](f pool.Fork[run2[T], none], r run2[T]) (_ none) {
	if f.Scope().Err() != nil {
		copy(r.dst, r.s)
		return
	}
	if len(r.s) <= leafSize {
		r.alone(r.s, r.spare, r.dst)
		return
	}
	lower, upper, from := r.halves()
	f.Join(lower, upper)
	k := len(lower.s)
	switch a, b := from[:k], from[k:]; {
	case f.Scope().Err() != nil, r.compare(b[0], a[k-1]) >= 0: // as in what was sorted before
		copy(r.dst, from)
	case len(from) < mergeShared:
		r.merge(r.dst, a, b)
	case !mergeBy(f.Scope(), costOf(r.compare), r.dst, a, b, r.compare, r.merge):
		copy(r.dst, from)
	}
	return
}

// halves returns the halves, and where both end up.
func (r *run2[T]) halves() (lower, upper run2[T], from []T) {
	k := len(r.s) / 2
	from = r.s
	if &r.dst[0] == &r.s[0] {
		from = r.spare
	}
	return run2[T]{r.merger, r.s[:k], r.spare[:k], from[:k]}, run2[T]{r.merger, r.s[k:], r.spare[k:], from[k:]}, from
}

func (m *merger[T]) alone(s, spare, dst []T) {
	if len(s) <= insertionSize {
		m.insertion(s)
		if &dst[0] != &s[0] {
			copy(dst, s)
		}
		return
	}
	r := run2[T]{m, s, spare, dst}
	lower, upper, from := r.halves()
	m.alone(lower.s, lower.spare, lower.dst)
	m.alone(upper.s, upper.spare, upper.dst)
	k := len(lower.s)
	if m.compare(from[k], from[k-1]) >= 0 {
		copy(dst, from)
		return
	}
	m.merge(dst, from[:k], from[k:])
}

func (m *merger[T]) insertion(s []T) {
	for i := 1; i < len(s); i++ {
		v, k := s[i], i
		for ; k > 0 && m.compare(v, s[k-1]) < 0; k-- {
			s[k] = s[k-1]
		}
		s[k] = v
	}
}
