package stream

import (
	"fmt"
	"io"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/task"
)

// This file is about values that have come and that nobody has taken yet: in a stream that was looked
// at, and in generators that are holders. If the task ends first, they are dropped.

// errOrphaned is the end of a stream whose values were dropped at the end of its task.
var errOrphaned = fmt.Errorf("stream: its task has ended, and what was in it was dropped: %w", task.ErrClosed)

// errBorrowed is the text of the panic when a stream keeps lent bytes.
const errBorrowed = "stream: a value that is kept is bytes that are lent (Next, ReadUntil, Scratch): they are valid until Poll returns: make a stream of copies (Map, bytes.Clone)"

// holder is a generator that has values which nobody has taken yet. It calls keep of its stream
// when that changes.
type holder interface {
	holds() bool    // it has some
	mustDrop() bool // a hook, or a Close, is called for them
	dropHeld()      // lets go of them
	mustOwn()       // panics if they are lent, in checked builds
}

// keep brings up to date whether something is left at the end of the task. It is called at the end of a
// call that may have changed that, also if it panics.
func (s *Stream[T]) keep(cx *task.Cx) {
	if !s.seen && !s.rest.Kept() {
		if k, ok := s.gen.(holder); !ok || !k.holds() {
			return
		}
	}
	s.attachOrNot(cx)
}

// attachOrNot is the slow part of keep. Values that no hook is called for are not attached to the task,
// which would keep the stream as long as it lives. (Checked builds look at all that is left.)
func (s *Stream[T]) attachOrNot(cx *task.Cx) {
	k, ok := s.gen.(holder)
	if s.seen && (invariant.Enabled || discards(s.ahead, s.drop)) || ok && k.holds() && (invariant.Enabled || k.mustDrop()) {
		s.rest.Keep(cx, (*remains[T])(s))
	} else {
		s.rest.Done(cx)
	}
}

// remains is a Stream as the Abandoner of its [task.Remains].
type remains[T any] Stream[T]

func (r *remains[T]) Abandon(*task.Cx) {
	s := (*Stream[T])(r)
	if s.seen && discards(s.ahead, s.drop) {
		s.orphan()
		task.Discard(s.take(), s.drop)
	}
	if k, ok := s.gen.(holder); ok && k.holds() && k.mustDrop() {
		s.orphan()
		k.dropHeld()
	}
}

// orphan ends the stream, which has lost values: the next one would not be the next.
func (s *Stream[T]) orphan() {
	if s.err == nil {
		s.err = errOrphaned
	}
}

// MustOwn is called at the end of each poll, in checked builds.
func (r *remains[T]) MustOwn() {
	if r.seen {
		task.MustOwn(r.ahead, errBorrowed)
	}
	if k, ok := r.gen.(holder); ok {
		k.mustOwn()
	}
}

// discards reports whether [task.Discard] does something with v.
func discards[T any](v T, drop func(T)) bool {
	if drop != nil {
		return true
	}
	_, closes := any(v).(io.Closer)
	return closes
}

// dropped reports whether [task.Discard] may do something with values of that type.
func dropped[T any](drop func(T)) bool {
	var none T
	return discards(none, drop) || any(none) == nil // of an interface: each may be anything
}
