// Package cost is compiled by a test, which looks at its assembly.
package cost

import "github.com/heist-go/heist/internal/atomicx"

func Load64(x *atomicx.Int64) int64            { return x.Load() }
func Add32(x *atomicx.Uint32) uint32           { return x.Add(1) }
func Swap(x *atomicx.Uint64) uint64            { return x.Swap(1) }
func Claim(x *atomicx.Bool) bool               { return x.CompareAndSwap(false, true) }
func LoadPointer(p *atomicx.Pointer[int]) *int { return p.Load() }
func Field(p *atomicx.Plain[int]) int          { return p.Get() }

func Release(x *atomicx.Int64)                       { atomicx.StoreReleaseInt64(x, 1) }
func ReleasePointer(p *atomicx.Pointer[int], v *int) { atomicx.StoreReleasePointer(p, v) }

// A release store comes behind what the thread has done before it.

func Publish(a *int, x *atomicx.Int64) { *a = 1; atomicx.StoreReleaseInt64(x, 2) }
func Both(x, y *atomicx.Int64)         { atomicx.StoreReleaseInt64(x, 1); atomicx.StoreReleaseInt64(y, 2) }
func Read(a *int, x *atomicx.Int64) int {
	v := *a
	atomicx.StoreReleaseInt64(x, 2)
	return v
}

// And it is made each time.
func Again(x *atomicx.Int64, y *atomicx.Int64) {
	for atomicx.StoreReleaseInt64(x, 1); y.Load() == 0; atomicx.StoreReleaseInt64(x, 2) {
	}
}
