package par

import "github.com/heist-go/heist/pool"

// SortStableFunc sorts s by compare, as slices.SortStableFunc does: equal elements stay in
// their order. It is a merge sort and needs memory for as many elements.
//
// Whatever compare does, s has the elements that it had: if it is no order, or panics, they
// are in whatever order.
func SortStableFunc[P pool.Place, T any](on P, s []T, compare func(a, b T) int) {
	if len(s) < 2 {
		return
	}
	mustCall(compare != nil)
	m := &merger[T]{compare: compare, step: mergeFunc(compare), s: s}
	if len(s) <= insertionSize {
		defer raise()
		m.insertion(s)
		return
	}
	m.spare = make([]T, len(s))
	m.moved = make([]bool, (len(s)+leafSize-1)/leafSize)
	defer m.gather()
	if len(s) <= leafSize {
		defer raise()
		m.leaf(0, false)
		return
	}
	pool.Call(on, mergeSort[T], run2[T]{m, 0, len(m.moved), false})
}

// merger is a merge sort that goes back and forth between s and spare, in blocks of
// leafSize.
//
// A merge only reads where its elements are, and writes where they are not. So each block
// is complete in one of the two at all times, wherever a comparison ends the sort: in spare
// if it has moved, and in s if not. Who merges some blocks owns them, and has them move when
// all their elements are there.
type merger[T any] struct {
	abortFlag
	compare  func(a, b T) int
	step     func(dst []T, p pair[T]) pair[T]
	s, spare []T
	moved    []bool // for each block
}

// run2 is some blocks, and whether they are to be in spare when they are sorted.
type run2[T any] struct {
	*merger[T]
	lo, hi int
	moves  bool
}

const (
	insertionSize = 16
	mergeShared   = 1 << 14 // how long a merge must be to be cut
)

func mergeSort[T any](f pool.Fork[run2[T], none], r run2[T]) (_ none) {
	ended := false
	defer r.unless(&ended)
	ended = r.sort(f)
	return
}

// sort reports whether the blocks are sorted, and where they are to be.
func (r *run2[T]) sort(f pool.Fork[run2[T], none]) bool {
	if r.aborted.Load() || f.Scope().Err() != nil {
		return false
	}
	if r.hi-r.lo == 1 {
		r.leaf(r.lo, r.moves)
		return true
	}
	mid := r.lo + (r.hi-r.lo)/2
	f.Join(run2[T]{r.merger, r.lo, mid, !r.moves}, run2[T]{r.merger, mid, r.hi, !r.moves})
	if r.aborted.Load() {
		return false
	}
	from, dst := r.span(r.lo, r.hi, r.moves)
	k := (mid - r.lo) * leafSize
	p := pair[T]{from[:k], from[k:]}
	switch {
	case f.Scope().Err() != nil:
		return false
	case r.compare(p.b[0], p.a[k-1]) >= 0: // as in what was sorted before
		copy(dst, from)
	case len(from) < mergeShared:
		r.step(dst, p)
	case !mergeBy(f.Scope(), costOf(r.compare), dst, p, r.compare, r.step):
		return false
	}
	for i := r.lo; i < r.hi; i++ {
		r.moved[i] = r.moves
	}
	return true
}

// span returns where some blocks are, and where they go, if they move or move back.
func (m *merger[T]) span(lo, hi int, move bool) (from, dst []T) {
	lo, hi = lo*leafSize, min(hi*leafSize, len(m.s))
	if move {
		return m.s[lo:hi], m.spare[lo:hi]
	}
	return m.spare[lo:hi], m.s[lo:hi]
}

// leaf sorts block i, which has not moved.
func (m *merger[T]) leaf(i int, moves bool) {
	s, spare := m.span(i, i+1, true)
	n := len(s)
	for at := 0; at < n; at += insertionSize {
		m.insertion(s[at:min(at+insertionSize, n)])
	}
	for size := insertionSize; size < n; size *= 2 {
		for at := 0; at < n; at += 2 * size {
			mid, end := min(at+size, n), min(at+2*size, n)
			if mid == end || m.compare(s[mid], s[mid-1]) >= 0 {
				copy(spare[at:end], s[at:end])
			} else {
				m.step(spare[at:end], pair[T]{s[at:mid], s[mid:end]})
			}
		}
		s, spare = spare, s
		m.moved[i] = !m.moved[i]
	}
	if m.moved[i] != moves {
		copy(spare, s)
		m.moved[i] = moves
	}
}

// insertion sorts a few. It compares first and moves then, so that nothing is lost when a
// comparison panics.
func (m *merger[T]) insertion(s []T) {
	for i := 1; i < len(s); i++ {
		v, k := s[i], i
		for k > 0 && m.compare(v, s[k-1]) < 0 {
			k--
		}
		if k < i {
			copy(s[k+1:i+1], s[k:i])
			s[k] = v
		}
	}
}

// gather moves everything back to s, when nothing else runs any more: after a panic or a
// cancellation. After a sort all is there.
func (m *merger[T]) gather() {
	for i, moved := range m.moved {
		if moved {
			from, dst := m.span(i, i+1, false)
			copy(dst, from)
		}
	}
}
