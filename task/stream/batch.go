package stream

import (
	"fmt"
	"time"

	"github.com/heist-go/heist/task"
)

// Batch returns a stream of slices of the values: of n, or of fewer if d has passed since the
// first of them came; never of none. With d 0 or less only the number counts. The last slice has what
// is left, and what came before an error comes before that.
//
// A slice is the receiver's to keep: each is a new one.
//
// Nothing comes unless it is asked for: the time begins when Next has got the first value.
func Batch[T any](s *Stream[T], n int, d time.Duration) *Stream[[]T] {
	if n < 1 {
		panic(fmt.Sprintf("stream: Batch(%d): a batch has at least one value", n))
	}
	b := &batch[T]{from: from[T]{s}, n: n, d: d, usual: min(n, firstRoom)}
	b.out = made[[]T](b)
	return b.out
}

type batch[T any] struct {
	from[T]
	n     int
	d     time.Duration
	usual int // how many there were last time: so much is made room for
	got   []T
	due   time.Time // if got is not empty, and d is not 0
	timer moment
	out   *Stream[[]T] // whose hook a batch goes to that nobody takes
}

func (b *batch[T]) Next(cx *task.Cx) ([]T, error) {
	defer b.out.keep(cx) //heistvet:ignore deferpoll: each poll notes whether the stream keeps something
	for len(b.got) < b.n && !b.late(cx) {
		v, err := b.src.Next(cx)
		if task.IsPending(err) {
			if len(b.got) > 0 && b.d > 0 {
				err = b.timer.wait(cx, b.due) // late has said that it is still to come
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

// late reports whether the batch is passed on as it is.
func (b *batch[T]) late(cx *task.Cx) bool {
	return len(b.got) > 0 && b.d > 0 && !cx.Now().Before(b.due)
}

func (b *batch[T]) leave() {
	b.timer.leave()
	b.src.leave()
}

func (b *batch[T]) Close(cx *task.Cx) error {
	b.timer.stop(cx)
	b.dropHeld()
	return b.src.Close(cx)
}

func (b *batch[T]) holds() bool    { return len(b.got) > 0 }
func (b *batch[T]) mustDrop() bool { return b.out.drop != nil || dropped(b.src.drop) }
func (b *batch[T]) mustOwn()       { task.MustOwn(b.got, errBorrowed) }

func (b *batch[T]) dropHeld() {
	if drop := b.out.drop; drop != nil && len(b.got) > 0 {
		got := b.got
		b.got = nil
		drop(got)
	}
	for len(b.got) > 0 {
		v := b.got[0]
		b.got = b.got[1:]
		task.Discard(v, b.src.drop)
	}
	b.got = nil
}

// Window returns a stream of slices of n values that lie one after the other; each begins step
// values after the one before. With step n they are side by side, with less they overlap, with
// more there is something left out between them. What is left out, and a rest of less than n values, is
// dropped (see [Stream.OnDrop]): where that matters, and step is n, use [Batch].
//
// A slice may be kept, but must not be written to: those that overlap have their memory in
// common. It costs the memory of about two values for each that comes.
func Window[T any](s *Stream[T], n, step int) *Stream[[]T] {
	if n < 1 || step < 1 {
		panic(fmt.Sprintf("stream: Window(%d, %d): a window has at least one value, and a step is at least one", n, step))
	}
	w := &window[T]{from: from[T]{s}, n: n, step: step}
	w.out = made[[]T](w)
	return w.out
}

// firstRoom is for how many values a window has memory at the beginning.
const firstRoom = 16

// window appends the values to buf, and never writes to what is in a window already.
type window[T any] struct {
	from[T]
	n, step int
	buf     []T // the window that is being filled
	had     int // how many of buf were in a window before
	skip    int // how many values are left out before that
	out     *Stream[[]T]
}

func (w *window[T]) Next(cx *task.Cx) ([]T, error) {
	defer w.out.keep(cx) //heistvet:ignore deferpoll: each poll notes whether the stream keeps something
	for len(w.buf) < w.n {
		v, err := w.src.Next(cx)
		if err != nil {
			return nil, err
		}
		if w.skip > 0 {
			w.skip--
			task.Discard(v, w.src.drop)
			continue
		}
		if len(w.buf) == cap(w.buf) { // as it is needed: n may be larger than what there is
			w.buf = append(make([]T, 0, max(2*len(w.buf), min(w.n, firstRoom))), w.buf...)
		}
		w.buf = append(w.buf, v)
	}
	full := w.buf[:w.n:w.n]
	w.buf = w.buf[min(w.step, w.n):]
	w.had = len(w.buf)
	w.skip = w.step - min(w.step, w.n)
	return full, nil
}

func (w *window[T]) Close(cx *task.Cx) error {
	w.dropHeld()
	return w.src.Close(cx)
}

func (w *window[T]) holds() bool    { return len(w.buf) > w.had }
func (w *window[T]) mustDrop() bool { return dropped(w.src.drop) }
func (w *window[T]) mustOwn()       { task.MustOwn(w.buf, errBorrowed) }

func (w *window[T]) dropHeld() {
	for w.holds() {
		v := w.buf[w.had]
		w.had++
		task.Discard(v, w.src.drop)
	}
	w.buf, w.had = nil, 0
}
