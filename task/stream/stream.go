// Package stream has streams for tasks: values that come one after another, each when it is
// asked for. It is what a chain of goroutines and channels is among goroutines, in one task.
//
//	t.words = stream.Map(stream.FromChan(lines).Filter(isLong), strings.ToUpper)
//
// and in Poll:
//
//	for {
//		w, err := t.words.Next(cx)
//		if err == io.EOF {
//			break
//		}
//		if err != nil {
//			return err // Pending, too
//		}
//		...
//	}
//
// What pulls the last pulls the first: nothing is made before it is asked for, and so a slow
// consumer slows its source down. [Stream.Buffer], [MapConcurrent] and [MapUnordered] work
// ahead, in tasks of their own, up to as many values as they are told; [FromSeq] and
// [Stream.Values] connect with goroutines.
//
// Operators that keep the type of the values are methods; others are functions, because Go
// has no methods with type parameters.
//
// # Rules
//
// A stream is a field of the task: one that is made in Poll is another one in each poll. It
// belongs to the task that pulls it first, and so do its timers and the tasks that it starts:
// when that task ends, so do they. An operator takes over the streams that it is given; use
// what it returns.
//
// With Pending nothing has happened: what has come already is kept where it is, and a
// function that was called and may suspend is called again with the same value. With another
// error the stream has ended, and returns that error from then on: io.EOF if all went well. An
// operator first passes on the values that came before an error, and then the error. That the
// task is canceled is an error, too.
//
// When a stream ends, whatever worked for it is let go of before the end is reported: tasks
// have ended, timers are stopped. [Stream.Close] ends a stream early. What is dropped without
// it ends with its task. Values that are in it then go where [Stream.OnDrop] says.
//
// A panic of a function that was given to an operator is raised in the caller of Next. After
// that the stream must not be used.
//
// Once it is warm a stream allocates nothing for a value, but for the slices of [Batch] and
// [Window]. A value costs one operation of the poll's budget, at its source (two if [Func] or
// [Of] ask an operation that spends, too); so a stream that has values at any time does not
// keep its worker.
package stream

import (
	"fmt"
	"io"

	"github.com/heist-go/heist/task"
)

// errClosed is the end of a stream that was closed.
var errClosed = fmt.Errorf("stream: %w", task.ErrClosed)

// Stream is a stream of values: a [Generator] that has ended for good once it has
// ended, and that can be looked at before it is taken from. It is made by a source or by an
// operator, and is used as a pointer.
type Stream[T any] struct {
	gen   Generator[T]   // nil: the end, and all is let go of
	err   error          // how it has ended, or nil
	fault error          // of the generator's Close
	ahead T              // what Peek has seen
	seen  bool           // ahead is there
	op    task.Operation // of a call that does something with ahead: see each
	drop  func(T)        // see OnDrop
	rest  task.Remains   // of ahead, and of what a holder has
}

// Closer is a [Generator] that has something to give back. Close is called when its
// stream has ended, however, or was closed, and is an operation like Next: it is called until
// it does not return Pending. After io.EOF its error is the stream's. The task may be canceled
// by then: see [task.Cx.Shield].
//
// It is not called when the task ends without having seen the end of the stream, because it may
// wait: what must not be lost then belongs into the task's Finish. (Values are dropped: see
// [Stream.OnDrop].)
type Closer interface {
	Close(cx *task.Cx) error
}

// OnDrop sets a hook for values that were made and nobody takes: what Peek has seen, one half of
// a pair whose other half does not come, what was made ahead, what is left out. Without it, what is an
// [io.Closer] is closed. It returns s, and is called before the first Next.
//
// That happens when the stream ends or is closed, or when its task ends without either: after that the
// stream is closed, too. (Values that f is not there for, and that are no [io.Closer], stay: a task that
// goes on with the stream has them.) What a function was called with that has returned, or says no to,
// is the function's.
//
// Methods of s that return streams of the same values, as Filter and Buffer do, pass f on. Where a slice
// is not complete (see [Batch], [Window]), f has those that are in it.
func (s *Stream[T]) OnDrop(f func(T)) *Stream[T] {
	s.drop = f
	return s
}

// Next returns the next value, and waits until there is one. At the end it returns io.EOF; any
// error but Pending is the end, and is returned again by each call after that.
func (s *Stream[T]) Next(cx *task.Cx) (v T, err error) {
	if s.seen {
		return s.takeNext(cx)
	}
	if s.err == nil {
		if v, err = s.gen.Next(cx); err == nil { // one call deep a layer: it shows
			return v, nil
		}
	}
	var none T // whatever a generator returns with its error
	return none, s.end(cx, err)
}

// end returns what Next does instead of a value: err, or how the stream has ended.
func (s *Stream[T]) end(cx *task.Cx, err error) error {
	if s.err == nil {
		if task.IsPending(err) {
			return err
		}
		s.err = err
	}
	if err := s.closeSource(cx); task.IsPending(err) {
		return err
	} else if err != nil && s.err == io.EOF {
		s.err = err
	}
	return s.err
}

// Peek is Next that leaves the value where it is. So it is a wait, sticky and not a verb, and may stand
// in [task.All] and [task.First].
//
//heist:sticky
func (s *Stream[T]) Peek(cx *task.Cx) (v T, err error) {
	if err := s.wait(cx); err != nil {
		return v, err
	}
	s.keep(cx)
	return s.ahead, nil
}

// takeNext is Next if there is something to take already, unless another branch is in the middle of
// doing something with it: see each.
func (s *Stream[T]) takeNext(cx *task.Cx) (v T, err error) {
	if s.op.InProgress() {
		if s.op.Enter(cx) == task.Occupied {
			return v, cx.Suspend()
		}
		s.op.Done(cx)
	}
	v = s.take()
	s.keep(cx)
	return v, nil
}

// wait waits until there is something to take. Whoever calls it calls keep.
func (s *Stream[T]) wait(cx *task.Cx) error {
	if s.seen {
		return nil
	}
	v, err := s.Next(cx)
	if err == nil {
		s.ahead, s.seen = v, true
	}
	return err
}

// take removes and returns the value that wait or Peek has seen.
func (s *Stream[T]) take() T {
	var none T
	v := s.ahead
	s.ahead, s.seen = none, false
	return v
}

// closeSource lets go of whatever worked for the stream, which has ended.
func (s *Stream[T]) closeSource(cx *task.Cx) error {
	if c, ok := s.gen.(Closer); ok {
		err := c.Close(cx)
		if task.IsPending(err) {
			return err
		}
		s.fault = err
	}
	s.gen = nil
	s.keep(cx)
	return s.fault
}

// Close ends the stream: timers are stopped, places in wait queues given up, and tasks that work for
// it are canceled. It returns Pending until those have ended. Values that were made
// already are dropped: see OnDrop. From then on Next returns an error that is [task.ErrClosed], unless it has
// returned another end before. Closing it again does nothing, and returns the same.
//
//heist:sticky
func (s *Stream[T]) Close(cx *task.Cx) error {
	if s.err == nil {
		s.err = errClosed
	}
	if s.seen {
		task.Discard(s.take(), s.drop)
	}
	return s.closeSource(cx)
}

// from is the source of an operator that has one.
type from[T any] struct{ src *Stream[T] }

func (f from[T]) Close(cx *task.Cx) error { return f.src.Close(cx) }
func (f from[T]) leave()                  { f.src.leave() }

// leaver is a generator that may wait for something, by itself or by way of its sources.
type leaver interface {
	// leave says that nobody waits for the value that it was asked for in this poll, unless it is
	// asked again: see [task.Branch.Leave].
	leave()
}

// leave is called by an operator that has asked several sources and has got one value.
func (s *Stream[T]) leave() {
	if l, ok := s.gen.(leaver); ok {
		l.leave()
	}
}

// closeAll closes several streams at once.
func closeAll[T any](cx *task.Cx, ss []*Stream[T]) (err error) {
	for _, s := range ss {
		err = both(err, s.Close(cx))
	}
	return err
}

// both is the result of two that close: Pending if one is, else the first error.
func both(a, b error) error {
	if task.IsPending(b) || a == nil {
		return b
	}
	return a
}

// made returns the stream of a generator of this package.
func made[T any](g Generator[T]) *Stream[T] { return &Stream[T]{gen: g} }

// passed is made for a generator that passes on values of s as they are.
func passed[T any](s *Stream[T], g Generator[T]) *Stream[T] {
	return &Stream[T]{gen: g, drop: s.drop}
}
