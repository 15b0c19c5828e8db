//go:build !explore

package atomicx

import "sync/atomic"

type (
	Int32          = atomic.Int32
	Int64          = atomic.Int64
	Uint32         = atomic.Uint32
	Uint64         = atomic.Uint64
	Bool           = atomic.Bool
	Pointer[T any] = atomic.Pointer[T]
)

// Plain is an ordinary field.
type Plain[T any] struct{ v T }

// Get reads the field.
func (p *Plain[T]) Get() T { return p.v }

// Set writes the field.
func (p *Plain[T]) Set(v T) { p.v = v }
