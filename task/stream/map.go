package stream

import (
	"io"

	"github.com/heist-go/heist/task"
)

// Map returns the stream of f's results.
func Map[T, U any](s *Stream[T], f func(T) U) *Stream[U] {
	return made[U](&mapped[T, U]{from[T]{s}, f})
}

type mapped[T, U any] struct {
	from[T]
	f func(T) U
}

func (m *mapped[T, U]) Next(cx *task.Cx) (u U, err error) {
	v, err := m.src.Next(cx)
	if err != nil {
		return u, err
	}
	return m.f(v), nil
}

// Then is [Map] with an f that may suspend, and may fail: after Pending it is called again
// with the same value. Another error ends the stream, io.EOF without saying that it has failed.
//
// It runs in the task that pulls, one value after the other. For several at a time there is
// [MapConcurrent].
func Then[T, U any](s *Stream[T], f func(*task.Cx, T) (U, error)) *Stream[U] {
	return made[U](&then[T, U]{from: from[T]{s}, f: f})
}

type then[T, U any] struct {
	from[T]
	f      func(*task.Cx, T) (U, error)
	branch task.Branch // of f's waits
}

func (t *then[T, U]) Next(cx *task.Cx) (u U, err error) {
	defer t.src.keep(cx) //heistvet:ignore deferpoll: each poll notes whether the stream keeps something
	if err := t.src.wait(cx); err != nil {
		return u, err
	}
	err = t.branch.Poll(cx, func(cx *task.Cx) (err error) {
		u, err = t.f(cx, t.src.ahead)
		return err
	})
	if !task.IsPending(err) {
		t.src.take()
	}
	return u, err
}

func (t *then[T, U]) leave() {
	t.branch.Leave()
	t.src.leave()
}

func (t *then[T, U]) Close(cx *task.Cx) error {
	t.branch.End(cx)
	return t.src.Close(cx)
}

// Filter returns the stream of the values for which keep returns true.
func (s *Stream[T]) Filter(keep func(T) bool) *Stream[T] {
	return passed(s, &filter[T]{from[T]{s}, keep})
}

type filter[T any] struct {
	from[T]
	keep func(T) bool
}

func (f *filter[T]) Next(cx *task.Cx) (T, error) {
	for {
		v, err := f.src.Next(cx)
		if err != nil || f.keep(v) {
			return v, err
		}
	}
}

// Take returns the stream of the first n values. It does not ask for another one after that,
// and closes s.
func (s *Stream[T]) Take(n int) *Stream[T] { return passed(s, &first[T]{from[T]{s}, n}) }

type first[T any] struct {
	from[T]
	left int
}

func (f *first[T]) Next(cx *task.Cx) (v T, err error) {
	if f.left <= 0 {
		return v, io.EOF
	}
	v, err = f.src.Next(cx)
	if err == nil {
		f.left--
	}
	return v, err
}

// TakeWhile returns the stream of the values before the first for which f returns false. That
// one is dropped (see OnDrop), and s is closed.
func (s *Stream[T]) TakeWhile(f func(T) bool) *Stream[T] {
	w := &while[T]{from: from[T]{s}, f: f}
	w.out = passed(s, w)
	return w.out
}

type while[T any] struct {
	from[T]
	f   func(T) bool
	out *Stream[T] // its hook gets the values that nobody takes
}

func (w *while[T]) Next(cx *task.Cx) (v T, err error) {
	v, err = w.src.Next(cx)
	if err == nil && !w.f(v) {
		task.Discard(v, w.out.drop)
		var none T
		return none, io.EOF
	}
	return v, err
}

// Skip returns the stream of the values after the first n, which are dropped: see OnDrop.
func (s *Stream[T]) Skip(n int) *Stream[T] {
	k := &skip[T]{from: from[T]{s}, left: n}
	k.out = passed(s, k)
	return k.out
}

type skip[T any] struct {
	from[T]
	left int
	out  *Stream[T] // its hook gets the values that nobody takes
}

func (s *skip[T]) Next(cx *task.Cx) (v T, err error) {
	for s.left > 0 {
		v, err := s.src.Next(cx)
		if err != nil {
			var none T
			return none, err
		}
		s.left--
		task.Discard(v, s.out.drop)
	}
	return s.src.Next(cx)
}

// Scan returns the stream of what f makes of the values so far: the first result is f(acc, v)
// for the first value, and each result is the acc of the next. For the last one alone there is
// [Fold].
func Scan[T, A any](s *Stream[T], acc A, f func(acc A, v T) A) *Stream[A] {
	return made[A](&scan[T, A]{from[T]{s}, acc, f})
}

type scan[T, A any] struct {
	from[T]
	acc A
	f   func(A, T) A
}

func (s *scan[T, A]) Next(cx *task.Cx) (acc A, err error) {
	v, err := s.src.Next(cx)
	if err != nil {
		return acc, err
	}
	s.acc = s.f(s.acc, v)
	task.MustOwn(s.acc, errBorrowed)
	return s.acc, nil
}

// Pair is two values that belong together.
type Pair[A, B any] struct {
	A A
	B B
}

// Enumerate returns the stream of the values, each with its number: 0, 1, 2 ...
func Enumerate[T any](s *Stream[T]) *Stream[Pair[int, T]] {
	n := -1
	return Map(s, func(v T) Pair[int, T] {
		n++
		return Pair[int, T]{n, v}
	})
}
