package stream

import (
	"io"
	"slices"

	"github.com/heist-go/heist/task"
)

// Chain returns the stream of all values of the first stream, then of the second, and so on.
// An error other than io.EOF ends it.
func Chain[T any](ss ...*Stream[T]) *Stream[T] {
	return made[T](&chain[T]{slices.Clone(ss)})
}

type chain[T any] struct{ left []*Stream[T] }

func (c *chain[T]) Next(cx *task.Cx) (v T, err error) {
	for len(c.left) > 0 {
		if v, err = c.left[0].Next(cx); err != io.EOF {
			return v, err
		}
		c.left[0] = nil
		c.left = c.left[1:]
	}
	return v, io.EOF
}

func (c *chain[T]) leave() {
	if len(c.left) > 0 {
		c.left[0].leave()
	}
}

func (c *chain[T]) Close(cx *task.Cx) error { return closeAll(cx, c.left) }

// FlatMap returns the stream of all values of f's first stream, then of its second, and so on.
// f is called when the stream before has ended. An error other than io.EOF ends it.
func FlatMap[T, U any](s *Stream[T], f func(T) *Stream[U]) *Stream[U] {
	return made[U](&flat[T, U]{src: s, f: f})
}

type flat[T, U any] struct {
	src *Stream[T]
	f   func(T) *Stream[U]
	now *Stream[U] // or nil
}

func (f *flat[T, U]) Next(cx *task.Cx) (u U, err error) {
	for {
		if f.now == nil {
			v, err := f.src.Next(cx)
			if err != nil {
				return u, err
			}
			f.now = f.f(v)
		}
		if u, err = f.now.Next(cx); err != io.EOF {
			return u, err
		}
		f.now = nil
	}
}

func (f *flat[T, U]) leave() {
	f.src.leave()
	if f.now != nil {
		f.now.leave()
	}
}

func (f *flat[T, U]) Close(cx *task.Cx) error {
	err := f.src.Close(cx)
	if f.now != nil {
		err = both(f.now.Close(cx), err)
	}
	return err
}

// Merge returns the stream of the values of all streams, as they come. It is fair: the stream
// after the one that has given the last value is asked first, so each that has values gives at
// least every n-th of n. It ends when all have ended, and with the first error other than
// io.EOF: then the others are closed.
//
// All that wait are asked each time something has come: for more than a few dozen streams, let
// tasks send to one channel.
func Merge[T any](ss ...*Stream[T]) *Stream[T] {
	return made[T](&merge[T]{left: slices.Clone(ss)})
}

type merge[T any] struct {
	left  []*Stream[T]
	first int // which is asked first
}

func (m *merge[T]) Next(cx *task.Cx) (v T, err error) {
	var pending error
	for i := 0; i < len(m.left); {
		if pending != nil && cx.Spent() {
			return v, cx.Spend() // none of the others would do anything
		}
		at := (m.first + i) % len(m.left)
		v, err = m.left[at].Next(cx)
		switch {
		case task.IsPending(err):
			pending = err
			i++
		case err == io.EOF:
			m.left = slices.Delete(m.left, at, at+1) // the next is at this place now
			if at < m.first {
				m.first--
			}
		default:
			m.first = at + 1
			if pending != nil {
				m.leave()
			}
			return v, err
		}
	}
	if pending == nil {
		return v, io.EOF
	}
	return v, pending
}

func (m *merge[T]) leave() {
	for _, s := range m.left {
		s.leave()
	}
}

func (m *merge[T]) Close(cx *task.Cx) error { return closeAll(cx, m.left) }

// Zip returns the stream of pairs: of the first values of a and b, of the second, and so on. It
// ends with the shorter, and closes the other; what that has given for a pair that does not
// come about is dropped, as a's or b's [Stream.OnDrop] says.
func Zip[A, B any](a *Stream[A], b *Stream[B]) *Stream[Pair[A, B]] {
	return made[Pair[A, B]](&zip[A, B]{a, b})
}

type zip[A, B any] struct {
	a *Stream[A]
	b *Stream[B]
}

func (z *zip[A, B]) Next(cx *task.Cx) (p Pair[A, B], err error) {
	defer z.b.keep(cx) //heistvet:ignore deferpoll: each poll notes whether the stream keeps something
	defer z.a.keep(cx) //heistvet:ignore deferpoll: each poll notes whether the stream keeps something
	if err := task.All(z.a.wait(cx), z.b.wait(cx)); err != nil {
		return p, err
	}
	return Pair[A, B]{z.a.take(), z.b.take()}, nil
}

func (z *zip[A, B]) leave() {
	z.a.leave()
	z.b.leave()
}

func (z *zip[A, B]) Close(cx *task.Cx) error { return both(z.a.Close(cx), z.b.Close(cx)) }
