package stream

import (
	"io"

	"github.com/heist-go/heist/task"
)

// What follows are operations that pull a stream to its end, and return nil then. They keep
// their progress in the stream, and where the caller says: after Pending they are called again
// with the same arguments.

// ForEach calls f with each value. f may suspend: it is called again with the same value. An
// error of f is returned, and the stream stays as it is behind that value.
func (s *Stream[T]) ForEach(cx *task.Cx, f func(*task.Cx, T) error) error {
	for {
		if err := s.wait(cx); err != nil {
			return unlessEnd(err)
		}
		err := f(cx, s.ahead)
		if task.IsPending(err) {
			return err
		}
		s.take()
		if err != nil {
			return err
		}
	}
}

// unlessEnd is the result of what has come to the end.
func unlessEnd(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// Collect appends all values to *dst, as they come: with an error, Pending included, those are
// there that have come so far.
func (s *Stream[T]) Collect(cx *task.Cx, dst *[]T) error {
	return Fold(cx, s, dst, func(all []T, v T) []T { return append(all, v) })
}

// Fold makes *acc f(*acc, v) for each value v, as it comes: with an error, Pending included,
// those are counted in that have come so far.
func Fold[T, A any](cx *task.Cx, s *Stream[T], acc *A, f func(acc A, v T) A) error {
	for {
		v, err := s.Next(cx)
		if err != nil {
			return unlessEnd(err)
		}
		*acc = f(*acc, v)
	}
}

// Sender is what values are sent to: a channel, a mailbox, a broadcast.
type Sender[T any] interface {
	Send(cx *task.Cx, v T) error
}

// Send sends each value to c, and does not close it. If c is closed it returns the error of
// that, and the value stays in the stream.
func (s *Stream[T]) Send(cx *task.Cx, c Sender[T]) error {
	for {
		if err := s.wait(cx); err != nil {
			return unlessEnd(err)
		}
		if err := c.Send(cx, s.ahead); err != nil {
			return err
		}
		s.take()
	}
}
