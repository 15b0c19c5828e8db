// Package shrink is a map that gives memory back. Go's maps keep for ever what they have needed once.
package shrink

// Map is a map whose memory is in proportion to what is in it, or small. The zero value is empty. It has no lock: its
// user's lock guards it.
type Map[K comparable, V any] struct {
	in   map[K]V
	most int // how many were in it since it was made
}

const (
	// kept is for how many the memory is kept in any case.
	kept = 128
	// part is which part of the most there were has to be left for a map to be replaced: each time it
	// copies no more than a seventh of what was deleted since.
	part = 8
)

// Len returns how many keys are in it.
func (m *Map[K, V]) Len() int { return len(m.in) }

// Get returns the value of a key, or the zero value.
func (m *Map[K, V]) Get(k K) V { return m.in[k] }

// Set sets the value of a key.
func (m *Map[K, V]) Set(k K, v V) {
	if m.in == nil {
		m.in = map[K]V{}
	}
	m.in[k] = v
	m.most = max(m.most, len(m.in))
}

// Delete takes a key out.
func (m *Map[K, V]) Delete(k K) {
	delete(m.in, k)
	if m.most <= kept || len(m.in) > m.most/part {
		return
	}
	left := make(map[K]V, len(m.in))
	for k, v := range m.in {
		left[k] = v
	}
	m.in, m.most = left, len(left)
}
