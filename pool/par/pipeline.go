package par

import (
	"iter"

	"github.com/heist-go/heist/pool"
)

// Pipeline yields stage(v) for each v of the source, in their order. The stage runs in
// parallel, on the pool's workers; the source runs on a goroutine of its own, and the body of
// the loop on the caller's. At most 2,048 values are on their way: the source waits for who
// ranges over the results.
//
// The source may wait, for a channel or a connection: values that it has yielded are begun at
// once if a worker has nothing to do, and results come out meanwhile. As it is on another
// goroutine, what it shares with the body of the loop needs a lock, and a *task.Cx or a scope
// of the caller is not its own; but a pipeline on the same place may be the source of another:
// so those of several stages are made.
//
// To stop early, break; a pipeline in a computation that is canceled ends in the same way (see
// the package's comment): no further stage begins, and the source is told when it yields next.
// The loop waits for stages that have begun, and for the source. Nothing can end a source that
// waits but itself: give it the context, too. A panic in the source, in a stage, or in the body
// of the loop arrives as a *task.PanicError.
func Pipeline[P pool.Place, In, Out any](on P, source iter.Seq[In], stage func(v In) Out) iter.Seq[Out] {
	mustCall(source != nil && stage != nil)
	at := placeOf(on)
	c := costOf(stage)
	return func(yield func(Out) bool) { newStage(at, c, stage).run(source, yield) }
}

// ForSeq calls body with each value of the source, in parallel, and in no order. The source
// runs on the caller's goroutine, and is bounded as that of a [Pipeline]. It may wait if that
// may: values that it has yielded are begun meanwhile, at once if a worker has nothing to do.
//
// In a computation that is canceled no further value is begun, and the source is told when it
// yields next; ForSeq waits for it, as a loop would, and for the values that were begun.
func ForSeq[P pool.Place, T any](on P, source iter.Seq[T], body func(v T)) {
	mustCall(source != nil && body != nil)
	s := newStage(placeOf(on), costOf(body), func(v T) (_ none) { body(v); return })
	s.forSeq(source)
}
