package stream

import (
	"fmt"
	"time"

	"github.com/heist-go/heist/task"
)

// Batch returns a stream of slices of the values: of n, or of fewer if d has passed since the
// first of them came; never of none. With d 0 only the number counts. The last slice has what
// is left, and what came before an error comes before that.
//
// A slice is the receiver's to keep: each is a new one.
//
// Nothing comes unless it is asked for: the time begins when Next has got the first value.
func Batch[T any](s *Stream[T], n int, d time.Duration) *Stream[[]T] {
	if n < 1 {
		panic(fmt.Sprintf("stream: Batch(%d): a batch has at least one value", n))
	}
	return made[[]T](&batch[T]{from: from[T]{s}, n: n, d: d, usual: min(n, 16)})
}

type batch[T any] struct {
	from[T]
	n     int
	d     time.Duration
	usual int // how many there were last time: so much is made room for
	got   []T
	due   time.Time // if got is not empty, and d is not 0
	timer moment
}

func (b *batch[T]) Next(cx *task.Cx) ([]T, error) {
	for len(b.got) < b.n && !b.late(cx) {
		v, err := b.src.Next(cx)
		if task.IsPending(err) {
			if len(b.got) > 0 && b.d > 0 {
				err = b.timer.wait(cx, b.due) // late has said that it is to come
			}
			return nil, err
		}
		if err != nil {
			if len(b.got) == 0 {
				return nil, err
			}
			break // it will come again
		}
		b.add(cx, v)
	}
	got := b.got
	b.got, b.usual = nil, len(got)
	return got, nil
}

func (b *batch[T]) add(cx *task.Cx, v T) {
	if b.got == nil {
		b.got = make([]T, 0, b.usual)
		if b.d > 0 {
			b.due = cx.Now().Add(b.d)
		}
	}
	b.got = append(b.got, v)
}

// late reports whether what has come is to be passed on as it is.
func (b *batch[T]) late(cx *task.Cx) bool {
	return len(b.got) > 0 && b.d > 0 && !cx.Now().Before(b.due)
}

func (b *batch[T]) Close(cx *task.Cx) error {
	b.timer.stop(cx)
	return b.src.Close(cx)
}

// Window returns a stream of slices of n values that lie one after the other; each begins step
// values after the one before. With step n they are side by side, with less they overlap, with
// more there is something left out between them. A rest of less than n values is dropped: where
// that matters, and step is n, use [Batch].
//
// A slice may be kept, but must not be written to: those that overlap have their memory in
// common. It costs the memory of about two values for each that comes.
func Window[T any](s *Stream[T], n, step int) *Stream[[]T] {
	if n < 1 || step < 1 {
		panic(fmt.Sprintf("stream: Window(%d, %d): a window has at least one value, and a step is at least one", n, step))
	}
	return made[[]T](&window[T]{from: from[T]{s}, n: n, step: step})
}

// window appends the values to buf, and never writes to what is in a window already.
type window[T any] struct {
	from[T]
	n, step int
	buf     []T // the window that is being filled
	skip    int // how many values are to be left out before that
}

func (w *window[T]) Next(cx *task.Cx) ([]T, error) {
	for len(w.buf) < w.n {
		v, err := w.src.Next(cx)
		if err != nil {
			return nil, err
		}
		if w.skip > 0 {
			w.skip--
			continue
		}
		if len(w.buf) == cap(w.buf) {
			w.buf = append(make([]T, 0, 2*w.n), w.buf...)
		}
		w.buf = append(w.buf, v)
	}
	full := w.buf[:w.n:w.n]
	w.buf = w.buf[min(w.step, w.n):]
	w.skip = w.step - min(w.step, w.n)
	return full, nil
}
