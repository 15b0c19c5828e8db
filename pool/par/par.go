// Package par has parallel algorithms on slices, ranges, trees, graphs and iterators, in
// the idiom of package slices.
//
// Every function is told first where to compute: on a pool, in a poll in progress, or
// inside of another computation (see [pool.Place]). The caller's thread computes, too.
//
// What the caller's functions do in parallel themselves they do on the pool, or better on
// a scope that they are given: see [ForScope]. They run on other threads than the
// caller's: a *task.Cx of the caller is not theirs.
//
// # No grain size
//
// There is none to choose. A loop runs on the caller's thread, in blocks of a few
// microseconds, until somebody has nothing to do and asks: then the rest of it is cut in
// two, and one half is offered. So the parts are as many as there were takers.
//
// Waking a sleeping thread takes longer than many loops. So each function of the caller's
// is remembered, with what one call of it has cost lately: a loop of less than 20 µs in all
// runs as a plain loop, and an expensive one is shared at once. What is not known is
// tried first, for up to 20 µs.
//
// # The same result
//
// Results are those of the sequential loop, and do not depend on the number of workers,
// as long as the functions have no effect on each other. Where an operation must be
// associative, [Reduce] and [Scan] combine the values in their order, but where they put
// the parentheses depends on who had time: sums of floating-point numbers then differ
// in the last bits. [Sum] and [ReduceFixed] put them where the length says, and nothing
// else.
//
// # Cancellation
//
// In a computation that is canceled (see [pool.Scope.Err]) loops end early, and what they
// return is of no use. So does whoever has begun it look at the error first.
//
// # Panics
//
// A panic in any of the caller's functions stops the loop early, and is raised again, as
// a *task.PanicError with the original stack, when no part of it runs any more. To stop
// early otherwise, use the functions that return an error; of several errors the one of the
// lowest index is returned, as a plain loop would.
package par
