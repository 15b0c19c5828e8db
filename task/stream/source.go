package stream

import (
	"errors"
	"io"

	"github.com/heist-go/heist/task"
)

// Of returns the stream of what g makes. If g is a [Closer], Close is called at the end.
func Of[T any](g Generator[T]) *Stream[T] {
	if s, ok := g.(*Stream[T]); ok {
		return s
	}
	f := &asked[T]{next: g.Next}
	f.closer, _ = g.(Closer)
	return made[T](f)
}

// Func returns the stream of what f returns: f is asked for one value after another, and
// says with io.EOF that there is none any more. It is an operation: after Pending it is asked
// again.
func Func[T any](f func(*task.Cx) (T, error)) *Stream[T] { return made[T](&asked[T]{next: f}) }

// UntilClosed is [Func] for an f that ends with an error that is [task.ErrClosed], as what
// receives from a channel does: that is io.EOF to the stream.
func UntilClosed[T any](f func(*task.Cx) (T, error)) *Stream[T] {
	return made[T](&asked[T]{next: f, closes: true})
}

// Receiver is the receiving side of a channel, a mailbox, or a subscription.
type Receiver[T any] interface {
	Recv(cx *task.Cx) (T, error)
}

// FromChan returns the stream of what is received from r, until r is closed. A value is in
// the channel until it is pulled; other receivers may take part. A subscription that has lost
// values says so with an error, which ends the stream.
func FromChan[T any](r Receiver[T]) *Stream[T] { return UntilClosed(r.Recv) }

// asked is a generator of the program's. It waits in a branch, which may be left while something else
// is waited for, and ended.
type asked[T any] struct {
	next   func(*task.Cx) (T, error)
	closer Closer // or nil
	closes bool   // ErrClosed is the end
	branch task.Branch
	closed bool // Close was called
}

func (a *asked[T]) Next(cx *task.Cx) (v T, err error) {
	spends := !a.closes // nobody knows whether it looks after the budget itself
	if spends {
		if err := cx.Err(); err != nil {
			return v, err
		}
		if cx.Spent() {
			return v, cx.Spend()
		}
	}
	err = a.branch.Poll(cx, func(cx *task.Cx) (err error) {
		v, err = a.next(cx)
		return err
	})
	if err == nil && spends && !cx.Spent() {
		_ = cx.Spend()
	}
	if a.closes && isClosed(err) {
		err = io.EOF
	}
	return v, err
}

func (a *asked[T]) Close(cx *task.Cx) error {
	if !a.closed {
		a.closed = true
		a.branch.End(cx)
	}
	if a.closer == nil {
		return nil
	}
	err := a.branch.Poll(cx, a.closer.Close)
	if !task.IsPending(err) {
		a.branch.End(cx)
	}
	return err
}

func (a *asked[T]) leave() { a.branch.Leave() }

// isClosed reports whether err says that what was received from is closed, and not that the
// task was canceled because something else is.
func isClosed(err error) bool {
	return errors.Is(err, task.ErrClosed) && !errors.Is(err, task.ErrCanceled)
}

// ready is called by sources that have a value at any time, so that a task that pulls all of them does not
// keep the worker, and ends when it is told to.
func ready(cx *task.Cx) error {
	if err := cx.Err(); err != nil {
		return err
	}
	return cx.Spend()
}

// FromSlice returns the stream of the values in s, which must not be changed until its end.
func FromSlice[T any](s []T) *Stream[T] { return made[T](&slice[T]{s}) }

// Once returns the stream of one value.
func Once[T any](v T) *Stream[T] { return FromSlice([]T{v}) }

// Empty returns the stream that ends at once.
func Empty[T any]() *Stream[T] { return Err[T](io.EOF) }

// Err returns the stream that ends at once, with err.
func Err[T any](err error) *Stream[T] { return &Stream[T]{err: err} }

type slice[T any] struct{ left []T }

func (s *slice[T]) Next(cx *task.Cx) (v T, err error) {
	if len(s.left) == 0 {
		return v, io.EOF
	}
	if err := ready(cx); err != nil {
		return v, err
	}
	v = s.left[0]
	s.left = s.left[1:]
	return v, nil
}

// Repeat returns the stream of v, again and again, without end.
func Repeat[T any](v T) *Stream[T] { return made[T](&repeat[T]{v}) }

type repeat[T any] struct{ v T }

func (r *repeat[T]) Next(cx *task.Cx) (v T, err error) {
	if err := ready(cx); err != nil {
		return v, err
	}
	return r.v, nil
}
