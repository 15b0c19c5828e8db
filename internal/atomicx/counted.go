//go:build heistcount && !explore

package atomicx

import "sync/atomic"

// Locked counts the operations of this package that are locked instructions on amd64: RMW the
// read-modify-writes, Stores the atomic stores (XCHG). Loads and release stores are free.
type Locked struct{ RMW, Stores uint64 }

var rmws, stores atomic.Uint64

// Counted returns how many there have been so far, on all threads. Only builds with the tag
// heistcount have it.
func Counted() Locked { return Locked{RMW: rmws.Load(), Stores: stores.Load()} }

// cell is what all types of sync/atomic have in common.
type cell[V, A any] interface {
	*A
	Load() V
	Store(V)
	Swap(V) V
	CompareAndSwap(old, new V) bool
}

// word counts the operations on a type of sync/atomic, of the same size and alignment.
type word[V, A any, P cell[V, A]] struct{ a A }

func (w *word[V, A, P]) Load() V { return P(&w.a).Load() }

func (w *word[V, A, P]) Store(v V) {
	stores.Add(1)
	P(&w.a).Store(v)
}

func (w *word[V, A, P]) Swap(v V) V {
	rmws.Add(1)
	return P(&w.a).Swap(v)
}

func (w *word[V, A, P]) CompareAndSwap(old, new V) bool {
	rmws.Add(1)
	return P(&w.a).CompareAndSwap(old, new)
}

// integer is what the numbers of sync/atomic have in common.
type integer[V, A any] interface {
	cell[V, A]
	Add(V) V
	And(V) V
	Or(V) V
}

type number[V, A any, P integer[V, A]] struct{ word[V, A, P] }

func (n *number[V, A, P]) Add(v V) V {
	rmws.Add(1)
	return P(&n.a).Add(v)
}

func (n *number[V, A, P]) And(v V) V {
	rmws.Add(1)
	return P(&n.a).And(v)
}

func (n *number[V, A, P]) Or(v V) V {
	rmws.Add(1)
	return P(&n.a).Or(v)
}

type (
	Int32          = number[int32, atomic.Int32, *atomic.Int32]
	Int64          = number[int64, atomic.Int64, *atomic.Int64]
	Uint32         = number[uint32, atomic.Uint32, *atomic.Uint32]
	Uint64         = number[uint64, atomic.Uint64, *atomic.Uint64]
	Bool           = word[bool, atomic.Bool, *atomic.Bool]
	Pointer[T any] = word[*T, atomic.Pointer[T], *atomic.Pointer[T]]
)

// StoreReleaseInt64 is no locked instruction, as the next.
func StoreReleaseInt64(p *Int64, v int64)            { p.a.Store(v) }
func StoreReleaseUint32(p *Uint32, v uint32)         { p.a.Store(v) }
func StoreReleaseUint64(p *Uint64, v uint64)         { p.a.Store(v) }
func StoreReleasePointer[T any](p *Pointer[T], v *T) { p.a.Store(v) }
