package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

// This file connects a stream with a task or a goroutine beside it: by a channel, in
// which one value after the other is made room for before it is made.

// errLeft is the cause of the cancellation of tasks and goroutines that work for a stream which has ended.
var errLeft = errors.New("the stream that it works for has ended")

// supply is the near end: a stream of the values that another task or goroutine, a member of the group,
// puts into the channel. That closes the channel when it ends, and its error is the group's.
type supply[T any] struct {
	c      *chans.Chan[T]
	group  task.Group
	branch task.Branch // of all waits
	raised raised      // by next
	began  bool        // somebody fills the channel, or has
	closed bool        // Close was called
	out    *Stream[T]  // its hook gets the values that nobody takes
}

func (s *supply[T]) next(cx *task.Cx) (v T, err error) {
	err = s.branch.Poll(cx, func(cx *task.Cx) (err error) {
		v, err = s.c.Recv(cx)
		if isClosed(err) {
			s.raised.note(s.group.Err())
			if err = s.group.Wait(cx); err == nil { // raises its panic
				err = io.EOF
			}
		}
		return err
	})
	return v, err
}

func (s *supply[T]) leave() { s.branch.Leave() }

// end ends the task or goroutine that fills the channel.
func (s *supply[T]) end(cx *task.Cx) error {
	if !s.closed {
		s.closed = true
		s.branch.End(cx)
		s.group.Cancel(errLeft)
	}
	if err := s.branch.Poll(cx, func(cx *task.Cx) error { return s.raised.wait(cx, &s.group) }); task.IsPending(err) {
		return err
	}
	s.branch.End(cx)
	s.dropHeld()
	s.began = false
	return nil
}

func (s *supply[T]) holds() bool    { return s.began }
func (s *supply[T]) mustDrop() bool { return dropped(s.out.drop) }
func (s *supply[T]) dropHeld()      { drain(s.c, s.out.drop) }
func (s *supply[T]) mustOwn()       {} // whoever has sent it has been asked

// raised is the panic of a task or a goroutine beside a stream that Next has raised: Close does not raise it again.
type raised struct{ p *task.PanicError }

// note takes what Next is about to return, or to raise.
func (r *raised) note(err error) {
	if p, ok := err.(*task.PanicError); ok {
		r.p = p
	}
}

// wait is g's Wait.
func (r *raised) wait(cx *task.Cx, g *task.Group) (err error) {
	if r.p != nil {
		defer func() {
			switch p := recover(); p {
			case nil:
			case r.p:
				err = r.p
			default:
				panic(p)
			}
		}()
	}
	return g.Wait(cx)
}

// drain drops what is left in c, which is closed.
func drain[T any](c *chans.Chan[T], drop func(T)) {
	for {
		v, err := c.TryRecv(nil)
		if err != nil {
			return
		}
		task.Discard(v, drop)
	}
}

// pump is the task at the far end: it pulls a stream.
type pump[T any] struct {
	task.Frame
	src  *Stream[T]
	c    *chans.Chan[T]
	room chans.Permit[T]
	has  bool  // room
	runs bool  // it was polled
	err  error // how it has ended
}

func (p *pump[T]) Poll(cx *task.Cx) error {
	p.runs = true
	if p.err == nil {
		err := p.run(cx)
		if task.IsPending(err) {
			return err
		}
		p.err = err
	}
	if err := p.src.Close(cx); task.IsPending(err) { // if it is canceled between two values
		return err
	}
	if p.err == io.EOF {
		return nil
	}
	return p.err
}

func (p *pump[T]) run(cx *task.Cx) (err error) {
	for {
		if !p.has {
			if p.room, err = p.c.Reserve(cx); err != nil {
				return err
			}
			p.has = true
		}
		v, err := p.src.Next(cx)
		if err != nil {
			return err
		}
		p.room.Send(cx, v) // it may panic, and then the room is still to be given back
		p.has = false
	}
}

func (p *pump[T]) Finish(error) {
	if p.has {
		p.room.Release(nil)
	}
	p.c.Close(nil)
}

// abandon closes the stream of a pump that was canceled before its first poll.
func (p *pump[T]) abandon(on task.Spawner) {
	if !p.runs {
		var g task.Group
		g.Go(on, task.Func(p.src.Close))
		_ = g.WaitContext(context.Background())
	}
}

// Buffer returns a stream of the same values that are pulled ahead, up to n of them, by a task
// of its own. That begins with the first Next, and belongs to the task that calls it. The end
// of s, and an error, come after the values before it. What is in the buffer when the stream
// is closed is dropped: see [Stream.OnDrop].
func (s *Stream[T]) Buffer(n int) *Stream[T] {
	if n < 1 {
		panic(fmt.Sprintf("stream: Buffer(%d): a buffer has room for at least one value", n))
	}
	b := &buffer[T]{src: s, supply: supply[T]{c: chans.New[T](n)}}
	b.out = passed(s, b)
	return b.out
}

type buffer[T any] struct {
	supply[T]
	src  *Stream[T] // the pump's, as soon as that is there
	pump *pump[T]
}

func (b *buffer[T]) Next(cx *task.Cx) (T, error) {
	if b.pump == nil {
		b.pump = &pump[T]{src: b.src, c: b.c}
		b.began = true
		b.out.keep(cx)
		b.group.Go(cx, b.pump)
	}
	return b.next(cx)
}

func (b *buffer[T]) Close(cx *task.Cx) error {
	if b.pump == nil {
		return b.src.Close(cx)
	}
	if err := b.end(cx); task.IsPending(err) {
		return err
	}
	return b.src.Close(cx) // the pump has, unless it was canceled before its first poll
}

// FromSeq returns the stream of seq's values. A goroutine runs seq, because that may block,
// from the first Next on; it is one value ahead. When the stream or its task ends, seq's yield
// returns false, and the end waits until seq has returned: it must not block for ever.
func FromSeq[T any](seq iter.Seq[T]) *Stream[T] {
	return FromSeq2(func(yield func(T, error) bool) {
		for v := range seq {
			if !yield(v, nil) {
				return
			}
		}
	})
}

// FromSeq2 is [FromSeq] for values with errors: the first error ends the stream, and the value
// that came with it is dropped.
func FromSeq2[T any](seq iter.Seq2[T, error]) *Stream[T] {
	s := &sequence[T]{seq: seq, supply: supply[T]{c: chans.New[T](1)}}
	s.out = made[T](s)
	return s.out
}

type sequence[T any] struct {
	supply[T]
	seq    iter.Seq2[T, error]
	called bool
}

func (s *sequence[T]) Next(cx *task.Cx) (T, error) {
	if !s.called {
		s.called, s.began = true, true
		s.out.keep(cx)
		s.group.Goroutine(cx, s.run)
	}
	return s.next(cx)
}

// run is the goroutine.
func (s *sequence[T]) run(ctx context.Context) error {
	room, err := s.c.ReserveContext(ctx)
	defer func() {
		if err == nil {
			room.Release(nil)
		}
		s.c.Close(nil)
	}()
	if err != nil {
		return err
	}
	for v, fault := range s.seq {
		if fault != nil {
			return fault
		}
		room.Send(nil, v)
		if room, err = s.c.ReserveContext(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *sequence[T]) Close(cx *task.Cx) error { return s.end(cx) }

// ahead is how many values Values makes ahead.
const ahead = 16

// Values returns the values for a goroutine: they are made by a task that is started with the
// loop, on a pool or another scheduler, up to 16 ahead of the loop. If the stream ends with an
// error other than io.EOF, the error is the last that comes, with the zero value. If ctx is
// done the task is canceled, and that is the error.
//
// When the loop is left the task is canceled, and has ended before the loop is over: values
// that it has made ahead are dropped (see [Stream.OnDrop]). A panic of the task is raised in the loop. The values may
// be ranged over once.
//
// Goroutines only: the loop blocks.
func (s *Stream[T]) Values(ctx context.Context, on task.Spawner) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		p := &pump[T]{src: s, c: chans.New[T](ahead)}
		g := task.WithContext(ctx)
		defer p.abandon(on)
		defer func() { drain(p.c, s.drop) }()
		defer func() { _ = g.WaitContext(context.Background()) }() // it may have something to raise
		defer g.Cancel(errLeft)
		g.Go(on, p)
		for {
			v, err := p.c.RecvContext(context.Background())
			if err != nil {
				break // closed
			}
			if !yield(v, nil) {
				return
			}
		}
		if err := g.WaitContext(context.Background()); err != nil {
			var none T
			yield(none, err)
		}
	}
}
