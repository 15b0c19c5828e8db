package machine

import (
	"reflect"
	"unicode/utf8"
)

// MapIter ranges over a map across waits, with the runtime's own iterator: what is removed
// meanwhile does not come.
type MapIter[K comparable, V any] struct {
	it   *reflect.MapIter
	k, v reflect.Value
	at   *entry[K, V]
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

// Range returns an iterator over m, before the first entry.
func Range[K comparable, V any, M ~map[K]V](m M) MapIter[K, V] {
	e := new(entry[K, V])
	return MapIter[K, V]{
		it: reflect.ValueOf(map[K]V(m)).MapRange(),
		k:  reflect.ValueOf(&e.key).Elem(), v: reflect.ValueOf(&e.value).Elem(), at: e,
	}
}

// Next goes to the next entry, if there is one.
func (m *MapIter[K, V]) Next() bool {
	if !m.it.Next() {
		*m = MapIter[K, V]{}
		return false
	}
	m.k.SetIterKey(m.it)
	m.v.SetIterValue(m.it)
	return true
}

// Key returns the entry's key.
func (m *MapIter[K, V]) Key() K { return m.at.key }

// Value returns the entry's value.
func (m *MapIter[K, V]) Value() V { return m.at.value }

// Rune returns the rune of s at i, and where the next one is.
func Rune[S ~string](s S, i int) (next int, r rune) {
	if c := s[i]; c < utf8.RuneSelf {
		return i + 1, rune(c)
	}
	r, n := utf8.DecodeRuneInString(string(s[i:]))
	return i + n, r
}
