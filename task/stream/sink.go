package stream

import (
	"io"

	"github.com/heist-go/heist/task"
)

// The operations of this file pull a stream to its end, and return nil then. They keep
// their progress in the stream, and where the caller says: after Pending they are called again
// with the same arguments.

// ForEach calls f with each value. f may suspend: it is called again with the same value. An
// error of f is returned, and the stream stays as it is behind that value.
//
//heist:sticky
func (s *Stream[T]) ForEach(cx *task.Cx, f func(*task.Cx, T) error) error {
	return s.each(cx, f, false)
}

// each calls f with each value, which stays in the stream until f has done with it: if that has failed
// as well, but for stays. If f suspends, the stream is its caller's until f has: two callers would be
// given the same value.
func (s *Stream[T]) each(cx *task.Cx, f func(*task.Cx, T) error, stays bool) error {
	if s.op.Enter(cx) == task.Occupied {
		return cx.Suspend()
	}
	defer s.keep(cx) //heistvet:ignore deferpoll: each poll notes whether the stream keeps something
	for {
		err := s.wait(cx)
		if err != nil {
			err = unlessEnd(err)
		} else if err = f(cx, s.ahead); err == nil {
			s.take()
			continue
		} else if !stays && !task.IsPending(err) {
			s.take()
		}
		if task.IsPending(err) {
			s.op.Join(cx, loose{})
		} else {
			s.op.Done(cx)
		}
		return err
	}
}

// loose is an Abandoner that drops nothing: the value stays.
type loose struct{}

func (loose) Abandon(*task.Cx) {}

// unlessEnd returns the result of an operation that pulls to the end.
func unlessEnd(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// Collect appends all values to *dst, as they come: with an error, Pending included, those are
// there that have come so far.
//
//heist:sticky
func (s *Stream[T]) Collect(cx *task.Cx, dst *[]T) error {
	return fold(cx, s, dst, func(all []T, v T) []T {
		task.MustOwn(v, errBorrowed)
		return append(all, v)
	})
}

// Fold makes *acc f(*acc, v) for each value v, as it comes: with an error, Pending included,
// those are counted in that have come so far.
//
//heist:sticky
func Fold[T, A any](cx *task.Cx, s *Stream[T], acc *A, f func(acc A, v T) A) error {
	err := fold(cx, s, acc, f)
	if task.IsPending(err) {
		task.MustOwn(*acc, errBorrowed)
	}
	return err
}

// fold is Fold for an f that checks by itself what it keeps.
func fold[T, A any](cx *task.Cx, s *Stream[T], acc *A, f func(acc A, v T) A) error {
	for {
		v, err := s.Next(cx)
		if err != nil {
			return unlessEnd(err)
		}
		*acc = f(*acc, v)
	}
}

// Sender is the sending side of a channel, a mailbox, or a broadcast.
type Sender[T any] interface {
	//heist:keeps
	Send(cx *task.Cx, v T) error
}

// Send sends each value to c, and does not close it. If c is closed it returns the error of
// that, and the value stays in the stream.
//
//heist:sticky
func (s *Stream[T]) Send(cx *task.Cx, c Sender[T]) error { return s.each(cx, c.Send, true) }
