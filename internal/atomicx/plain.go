//go:build !explore

package atomicx

// Plain is an ordinary field.
type Plain[T any] struct{ v T }

// Get reads the field.
func (p *Plain[T]) Get() T { return p.v }

// Set writes the field.
func (p *Plain[T]) Set(v T) { p.v = v }
