//go:build (!gc || go1.27 || !amd64 || race) && !explore && !heistcount

package atomicx

// StoreReleaseInt64 is Store: arm64 has an instruction for that, the race detector checks it, and nobody has looked
// at what a later compiler does.
func StoreReleaseInt64(p *Int64, v int64) { p.Store(v) }

// StoreReleaseUint32 is Store.
func StoreReleaseUint32(p *Uint32, v uint32) { p.Store(v) }

// StoreReleaseUint64 is Store.
func StoreReleaseUint64(p *Uint64, v uint64) { p.Store(v) }

// StoreReleasePointer is Store.
func StoreReleasePointer[T any](p *Pointer[T], v *T) { p.Store(v) }
