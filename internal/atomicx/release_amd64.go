//go:build gc && !go1.27 && !race && !explore && !heistcount

package atomicx

import "unsafe"

// A release store stores v, and publishes what the thread has done before to whoever loads v. On amd64
// that is no locked instruction, and it has no place in the total order of the other atomics: the
// thread may load other variables before the store is seen. The release stores of a thread are
// seen in their order, and before what it does by a read-modify-write or by Store.
//
// It is for the one thread that writes the variable at the time, and where no "Store-load" is
// needed. Under exploration it waits in a store buffer; the race detector, and other machines, take it for a
// Store. What it relies on, in the compilers that the build constraint admits, is in
// docs/decisions/0024-release-stores.md.

// StoreReleaseInt64 is a release store.
func StoreReleaseInt64(p *Int64, v int64) {
	*(*int64)(unsafe.Pointer(p)) = v
}

// StoreReleaseUint32 is a release store.
func StoreReleaseUint32(p *Uint32, v uint32) {
	*(*uint32)(unsafe.Pointer(p)) = v
}

// StoreReleaseUint64 is a release store.
func StoreReleaseUint64(p *Uint64, v uint64) {
	*(*uint64)(unsafe.Pointer(p)) = v
}

// StoreReleasePointer is a release store.
func StoreReleasePointer[T any](p *Pointer[T], v *T) {
	*(**T)(unsafe.Pointer(p)) = v // with the garbage collector's write barrier
}

// The types of sync/atomic hold a value, and nothing else.
var (
	_ [unsafe.Sizeof(int64(0))]struct{}   = [unsafe.Sizeof(Int64{})]struct{}{}
	_ [unsafe.Sizeof(uint32(0))]struct{}  = [unsafe.Sizeof(Uint32{})]struct{}{}
	_ [unsafe.Sizeof(uint64(0))]struct{}  = [unsafe.Sizeof(Uint64{})]struct{}{}
	_ [unsafe.Sizeof(uintptr(0))]struct{} = [unsafe.Sizeof(Pointer[int]{})]struct{}{}
)
