package task

import (
	"reflect"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/stack"
)

// keptScratch is how many bytes of scratch a worker keeps when it has nothing to do.
const keptScratch = 64 << 10

// Scratch returns n bytes that are lent to the polled task: they are the worker's, and
// valid until Poll returns, or Scratch is called again. What is in them is
// undefined. With -race or -tags heistdebug they are overwritten when Poll returns, so
// that it shows if they were kept.
//
//heist:lent
func (cx *Cx) Scratch(n int) []byte {
	r := cx.run
	if invariant.Enabled {
		spoil(r.scratch)
		r.scratch = make([]byte, n) // not the one of a poll before
	} else if cap(r.scratch) < n {
		r.scratch = make([]byte, n)
	}
	return r.scratch[:n:n]
}

// Lend returns b, which an operation lends to the polled task: it is valid until Poll
// returns. With -race or -tags heistdebug it is overwritten then, as [Cx.Scratch]'s bytes are.
func (cx *Cx) Lend(b []byte) []byte {
	if invariant.Enabled && len(b) > 0 {
		cx.run.lent = append(cx.run.lent, b)
	}
	return b
}

// MustOwn panics with message if v is, or directly holds, bytes that are lent to the task
// that the calling goroutine polls: an operation that keeps v longer than the poll lasts
// begins with it. v directly holds what is in its fields, and in elements of arrays, slices
// and interfaces; pointers are not followed. It looks with -race or -tags heistdebug only;
// there it takes about a microsecond if v's type can hold bytes.
func MustOwn[T any](v T, message string) {
	if invariant.Enabled && mayHold(reflect.TypeFor[T](), deepest) {
		mustOwn(v, message)
	}
}

// mustOwn is apart because v escapes.
func mustOwn[T any](v T, message string) {
	if r := runnerHere(); r != nil && (len(r.lent) > 0 || len(r.scratch) > 0) && r.holds(reflect.ValueOf(&v).Elem(), deepest) {
		panic(message)
	}
}

// deepest bounds how deep in a value bytes are looked for: a type may be made of itself.
const deepest = 5

// mayHold reports whether a value of type t can directly hold bytes.
func mayHold(t reflect.Type, depth int) bool {
	if depth == 0 {
		return false
	}
	depth--
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Slice:
		return t.Elem().Kind() == reflect.Uint8 || mayHold(t.Elem(), depth)
	case reflect.Array:
		return mayHold(t.Elem(), depth)
	case reflect.Struct:
		for i := range t.NumField() {
			if mayHold(t.Field(i).Type, depth) {
				return true
			}
		}
	}
	return false
}

// holds reports whether v directly holds bytes that are lent.
func (r *Runner) holds(v reflect.Value, depth int) bool {
	if !mayHold(v.Type(), depth) {
		return false
	}
	depth--
	switch v.Kind() {
	case reflect.Interface:
		return !v.IsNil() && r.holds(v.Elem(), depth)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return r.lends(v.Pointer(), uintptr(v.Len()))
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			if r.holds(v.Index(i), depth) {
				return true
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if r.holds(v.Field(i), depth) {
				return true
			}
		}
	}
	return false
}

// lends reports whether some of the n bytes at address from are lent.
func (r *Runner) lends(from, n uintptr) bool {
	overlaps := func(b []byte) bool {
		at := reflect.ValueOf(b).Pointer()
		return n > 0 && from < at+uintptr(len(b)) && at < from+n
	}
	if overlaps(r.scratch) {
		return true
	}
	for _, b := range r.lent {
		if overlaps(b) {
			return true
		}
	}
	return false
}

// isHere says that the calling goroutine is in the runner's loop.
func (r *Runner) isHere() {
	if id := stack.Number(); polls(id) {
		pollers.Store(id, r)
	}
}

// runnerHere returns the runner whose loop the calling goroutine is in, or nil. It is for
// builds that look for mistakes.
func runnerHere() *Runner {
	v, _ := pollers.Load(stack.Number())
	r, _ := v.(*Runner)
	return r
}

// spoil overwrites all that was lent.
func (r *Runner) spoil() {
	spoil(r.scratch)
	r.scratch = nil
	for _, b := range r.lent {
		spoil(b)
	}
	clear(r.lent)
	r.lent = r.lent[:0]
}

// spoil overwrites b.
func spoil(b []byte) {
	if len(b) == 0 {
		return
	}
	b[0] = 0xdb
	for n := 1; n < len(b); n *= 2 { // the race detector takes its time for each write
		copy(b[n:], b[:n])
	}
}
