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
