// Package atomicx is sync/atomic for code whose interleavings are explored.
//
// In ordinary builds every type is an alias of its namesake in sync/atomic, and
// costs nothing: the compiler sees the same type. With the build tag explore
// the same names are the traced types of [internal/explore]. All state that a
// protocol of this module shares between threads goes through here; that is
// what makes the exploration complete. With the build tag heistcount they count locked
// instructions ([Counted]).
//
// Beside them are the release stores, as [StoreReleaseInt64], which are weaker than sync/atomic's.
//
// [Plain] is for fields that are not atomic and that a protocol hands from one
// thread to another: an ordinary field in ordinary builds, under exploration one
// whose accesses must be ordered by the atomics around them.
package atomicx
