//go:build explore

package atomicx

import "github.com/heist-go/heist/internal/explore"

type (
	Int32          = explore.Int32
	Int64          = explore.Int64
	Uint32         = explore.Uint32
	Uint64         = explore.Uint64
	Bool           = explore.Bool
	Pointer[T any] = explore.Pointer[T]
	Plain[T any]   = explore.Plain[T]
)

// StoreReleaseInt64 is a weak store, as are the next.
func StoreReleaseInt64(p *Int64, v int64)            { p.StoreRelease(v) }
func StoreReleaseUint32(p *Uint32, v uint32)         { p.StoreRelease(v) }
func StoreReleaseUint64(p *Uint64, v uint64)         { p.StoreRelease(v) }
func StoreReleasePointer[T any](p *Pointer[T], v *T) { p.StoreRelease(v) }
