package machine

import (
	"context"
	"io"
	"iter"

	"github.com/heist-go/heist/task"
)

// Yielded is what Step returns when a generator has made a value. It does not leave this
// package and its machines.
var Yielded error = &yielded{}

// yielded is a type of its own: to look at an error's type is cheaper than to compare it.
type yielded struct{ _ byte }

func (*yielded) Error() string { return "machine: yielded" }

// Values is a generator: where its functions, one awaiting the other, put their values.
// It is a stream.Generator together with the outermost function.
type Values[T any] struct {
	Driver
	next  T
	first Func
	phase phase
	made  bool // next is a value that nobody has taken
}

type phase uint8

const (
	idle    phase = iota // not begun, or waiting for the next call
	stopped              // nobody wants more: yield returns false
	ended                // the function has returned
)

// Begin readies g for the values of first.
func (g *Values[T]) Begin(first Func) { g.first = first }

// Yield hands v to whoever asks for values. m is the function that calls it.
func (g *Values[T]) Yield(d *Driver, m Func, v T) error {
	if g.phase == stopped {
		panic("machine: a generator has called yield after it has returned false")
	}
	g.next, g.made = v, true
	d.top = m
	return Yielded
}

// Wanted is what yield returns, once the function is resumed.
func (g *Values[T]) Wanted() bool { return g.phase != stopped }

// Next is stream.Generator's: it returns the next value, or io.EOF. A generator that has
// returned an error returns it once, and io.EOF from then on.
func (g *Values[T]) Next(cx *task.Cx) (v T, err error) {
	if g.phase == ended {
		return v, io.EOF
	}
	// As Drive does; and what it looks at when a function has suspended is not looked at for values.
	switch {
	case g.shields != 0 || g.guarded:
		err = g.Drive(cx, g.first)
	case !g.nested:
		err = g.first.Step(&g.Driver, cx, nil)
	default:
		if err = g.top.Step(&g.Driver, cx, nil); !g.made {
			err = g.ascend(cx, err)
		}
	}
	if g.made {
		g.made = false
		v, g.next = g.next, v
		return v, nil
	}
	if err == task.Pending {
		return v, err
	}
	return g.Over(err)
}

// IsOver reports whether the function has ended: there are no more values.
func (g *Values[T]) IsOver() bool { return g.phase == ended }

// Over records that the function has returned err, and returns what Next does then.
func (g *Values[T]) Over(err error) (none T, _ error) {
	g.phase, g.top = ended, nil
	if err == nil {
		err = io.EOF
	}
	return none, err
}

// Close tells the function that nobody wants more: its yield returns false, and it runs to
// its end, which may wait. It returns the function's error. A function that has not begun
// does not.
func (g *Values[T]) Close(cx *task.Cx) error {
	if g.phase == ended {
		return nil
	}
	if g.first.call().At == 0 { // it has not begun
		g.phase = ended
		return nil
	}
	g.phase = stopped
	err := g.Drive(cx, g.first)
	if !Waits(err) {
		g.phase = ended
	}
	return err
}

// All ranges over the values. In a straight-line function it waits as Next does, and a loop that
// is left before the end closes the generator. In a task that is written by hand the generator
// must not wait: an operation of it that has to ends the sequence with Pending. For goroutines
// see Seq2.
func (g *Values[T]) All(cx *task.Cx) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			v, err := g.Next(cx)
			if err == io.EOF {
				return
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// Seq2 returns the values for a goroutine, which runs the generator itself while it waits for the
// next value: no thread and no other goroutine takes part. If the generator ends with an error,
// that is the last that comes, with the zero value; if ctx is done, its operations say so. When
// the loop is left the generator is closed. The values may be ranged over once. To have them made
// on a pool, see stream.From and [stream.Stream.Values].
//
// Goroutines only: the loop blocks.
//
// [stream.Stream.Values]: https://pkg.go.dev/github.com/heist-go/heist/task/stream#Stream.Values
func (g *Values[T]) Seq2(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		s := &sequence[T]{values: g, yield: yield}
		defer s.left()
		_ = task.RunAround(ctx, s)
	}
}

// sequence is a loop over the values of a generator as a task of the loop's goroutine.
type sequence[T any] struct {
	task.Frame
	values *Values[T]
	yield  func(T, error) bool
	body   bool // the loop's body runs
	over   bool // the loop wants no more
}

// Poll implements task.Task.
func (s *sequence[T]) Poll(cx *task.Cx) error {
	for !s.over {
		v, err := s.values.Next(cx)
		switch {
		case err == io.EOF:
			return nil
		case task.IsPending(err):
			return err
		}
		s.body = true
		s.over = !s.yield(v, err) || err != nil
		s.body = false
		if s.over {
			break
		}
		if err := cx.Spend(); err != nil {
			return err
		}
	}
	return s.values.Close(cx)
}

// left ends the loop. A panic of the body goes on as what it was, when the generator's deferred
// calls have run; one of the generator as the scheduler has found it.
func (s *sequence[T]) left() {
	p := recover()
	if s.body {
		unwind(s.values.top)
		s.values.Reset()
		s.values.phase = ended
		if e, ok := p.(*task.PanicError); ok {
			p = e.Value
		}
	}
	if p != nil {
		panic(p)
	}
}
