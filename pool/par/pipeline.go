package par

import (
	"iter"
	"time"

	"github.com/heist-go/heist/pool"
)

// Pipeline yields stage(v) for each v of the source, in their order. The stage runs in
// parallel, while the caller's goroutine goes on with the source and with what it does with
// the results. At most 2,048 values are on their way: the source waits for who ranges over
// the results.
//
// Pipelines of several stages are made of several: the result of one is the source of the
// next, which is why they run on a pool and nowhere else, and cannot be canceled. To stop
// early, break; stages that have begun are waited for. A panic in the source, in a stage, or
// in the body of the loop arrives as a *task.PanicError.
func Pipeline[In, Out any](on *pool.Pool, source iter.Seq[In], stage func(v In) Out) iter.Seq[Out] {
	return func(yield func(Out) bool) {
		line := &line[In, Out]{source: source, stage: stage, yield: yield}
		pool.Call(on, handle[In, Out], &batch[In, Out]{line: line})
	}
}

// ForSeq calls body with each value of the source. The source runs on the caller's
// goroutine; it is bounded as that of a [Pipeline].
func ForSeq[T any](on *pool.Pool, source iter.Seq[T], body func(v T)) {
	for range Pipeline(on, source, func(v T) (_ none) { body(v); return }) {
		continue
	}
}

const (
	maxBatch = 1024
	// patience is how long the first value of a batch waits for the last, about.
	patience = 100 * time.Microsecond
)

type line[In, Out any] struct {
	source iter.Seq[In]
	stage  func(In) Out
	yield  func(Out) bool
}

// batch is some values that go through the stage together.
type batch[In, Out any] struct {
	line *line[In, Out] // of the first batch only, which is the whole line
	in   []In
	out  []Out
	of   func(In) Out
}

type station[In, Out any] = pool.Fork[*batch[In, Out], none]

// handle is the function of the computation: the whole line, or one batch.
func handle[In, Out any](f station[In, Out], b *batch[In, Out]) (_ none) {
	if b.line != nil {
		b.line.run(f)
		return
	}
	b.out = append(b.out[:0], make([]Out, len(b.in))...)
	MapInto(f.Scope(), b.out, b.in, b.of)
	return
}

// run fills one batch while the other one is in the stage.
func (l *line[In, Out]) run(f station[In, Out]) {
	filling, staged := &batch[In, Out]{of: l.stage}, &batch[In, Out]{of: l.stage}
	size := 1
	begin := time.Now()
	offered, more := false, true
	arrive := func() bool {
		if !offered {
			return true
		}
		offered = false
		if f.Kept() {
			handle(f, staged)
		} else {
			f.Take(staged)
		}
		for _, v := range staged.out {
			if !l.yield(v) {
				more = false
				return false
			}
		}
		return true
	}
	l.source(func(v In) bool {
		if filling.in = append(filling.in, v); len(filling.in) < size {
			return true
		}
		if d := time.Since(begin); d < patience {
			size = min(2*size, maxBatch)
		} else if d > 4*patience {
			size = max(size/2, 1)
		}
		if !arrive() {
			return false
		}
		staged, filling = filling, staged
		clear(filling.in)
		filling.in = filling.in[:0]
		f.Offer(staged)
		offered = true
		begin = time.Now()
		return true
	})
	if more && arrive() && len(filling.in) > 0 {
		staged = filling
		f.Offer(staged)
		offered = true
		arrive()
	}
}
