package explore

import (
	"fmt"
	"sync/atomic"
	"unsafe"
)

// The traced integers. Each has the methods of its namesake in sync/atomic, and
// Peek.
type (
	Int32  = Number[int32]
	Int64  = Number[int64]
	Uint32 = Number[uint32]
	Uint64 = Number[uint64]
)

// Number is a traced atomic integer. The word comes first, so that its address
// is the variable's (a futex needs that; little-endian machines only).
type Number[T int32 | int64 | uint32 | uint64] struct {
	v atomic.Uint64
	o order
}

// Peek loads without being a step: for the conditions of Wait, and for checks.
func (n *Number[T]) Peek() T { return T(n.v.Load()) }

// Load is traced atomic Load.
func (n *Number[T]) Load() T {
	return access(unsafe.Pointer(n), &n.o, "Load", func() (T, bool) { return T(n.v.Load()), false })
}

// Store is traced atomic Store.
func (n *Number[T]) Store(v T) {
	put(unsafe.Pointer(n), &n.o, v, func() { n.v.Store(uint64(v)) })
}

// StoreRelease is a traced weak store.
func (n *Number[T]) StoreRelease(v T) {
	putWeak(unsafe.Pointer(n), &n.o, v, func() { n.v.Store(uint64(v)) })
}

// Swap is traced atomic Swap.
func (n *Number[T]) Swap(v T) T {
	return n.update("Swap", func(T) T { return v })
}

// Add is traced atomic Add.
func (n *Number[T]) Add(d T) T {
	return n.update("Add", func(old T) T { return old + d }) + d
}

// And is traced atomic And.
func (n *Number[T]) And(mask T) T {
	return n.update("And", func(old T) T { return old & mask })
}

// Or is traced atomic Or.
func (n *Number[T]) Or(mask T) T {
	return n.update("Or", func(old T) T { return old | mask })
}

// CompareAndSwap is traced atomic CompareAndSwap.
func (n *Number[T]) CompareAndSwap(old, new T) bool {
	return swapped(unsafe.Pointer(n), &n.o, old, new, func() bool {
		return n.v.CompareAndSwap(uint64(old), uint64(new))
	})
}

// update is every read-modify-write; it returns the old value.
func (n *Number[T]) update(name string, f func(T) T) T {
	return access(unsafe.Pointer(n), &n.o, name, func() (T, bool) {
		for {
			old := n.v.Load()
			if n.v.CompareAndSwap(old, uint64(f(T(old)))) {
				return T(old), true
			}
		}
	})
}

// Bool is a traced atomic boolean.
type Bool struct {
	v atomic.Bool
	o order
}

// Peek loads without being a step.
func (b *Bool) Peek() bool { return b.v.Load() }

// Load is traced atomic Load.
func (b *Bool) Load() bool {
	return access(unsafe.Pointer(b), &b.o, "Load", func() (bool, bool) { return b.v.Load(), false })
}

// Store is traced atomic Store.
func (b *Bool) Store(v bool) { put(unsafe.Pointer(b), &b.o, v, func() { b.v.Store(v) }) }

// Swap is traced atomic Swap.
func (b *Bool) Swap(v bool) bool {
	return access(unsafe.Pointer(b), &b.o, "Swap", func() (bool, bool) { return b.v.Swap(v), true })
}

// CompareAndSwap is traced atomic CompareAndSwap.
func (b *Bool) CompareAndSwap(old, new bool) bool {
	return swapped(unsafe.Pointer(b), &b.o, old, new, func() bool { return b.v.CompareAndSwap(old, new) })
}

// Pointer is a traced atomic pointer.
type Pointer[T any] struct {
	v atomic.Pointer[T]
	o order
}

// Peek loads without being a step.
func (p *Pointer[T]) Peek() *T { return p.v.Load() }

// Load is traced atomic Load.
func (p *Pointer[T]) Load() *T {
	return access(unsafe.Pointer(p), &p.o, "Load", func() (*T, bool) { return p.v.Load(), false })
}

// Store is traced atomic Store.
func (p *Pointer[T]) Store(v *T) { put(unsafe.Pointer(p), &p.o, v, func() { p.v.Store(v) }) }

// StoreRelease is a traced weak store.
func (p *Pointer[T]) StoreRelease(v *T) {
	putWeak(unsafe.Pointer(p), &p.o, v, func() { p.v.Store(v) })
}

// Swap is traced atomic Swap.
func (p *Pointer[T]) Swap(v *T) *T {
	return access(unsafe.Pointer(p), &p.o, "Swap", func() (*T, bool) { return p.v.Swap(v), true })
}

// CompareAndSwap is traced atomic CompareAndSwap.
func (p *Pointer[T]) CompareAndSwap(old, new *T) bool {
	return swapped(unsafe.Pointer(p), &p.o, old, new, func() bool { return p.v.CompareAndSwap(old, new) })
}

// access executes a load or a read-modify-write as one step; do returns the
// value that was read and whether it also wrote.
func access[V any](on unsafe.Pointer, o *order, name string, do func() (V, bool)) V {
	e := running()
	if e == nil {
		v, _ := do()
		return v
	}
	load := name == "Load"
	t := e.step(operation{on: on, write: !load, fence: !load})
	v, held := own[V](t, on)
	if !held {
		var wrote bool
		v, wrote = do()
		o.observe(e, t)
		if wrote {
			o.publish(e, t)
		}
	}
	if e.tracing {
		e.note(t, name, v)
	}
	return v
}

func put[V any](on unsafe.Pointer, o *order, v V, do func()) {
	e := running()
	if e == nil {
		do()
		return
	}
	t := e.step(operation{on: on, write: true, fence: true})
	do()
	o.publish(e, t)
	if e.tracing {
		e.note(t, "Store", v)
	}
}

func swapped[V any](on unsafe.Pointer, o *order, old, new V, do func() bool) bool {
	e := running()
	if e == nil {
		return do()
	}
	t := e.step(operation{on: on, write: true, fence: true})
	ok := do()
	o.observe(e, t)
	if ok {
		o.publish(e, t)
	}
	if e.tracing {
		e.note(t, "CompareAndSwap", old, new, ok)
	}
	return ok
}

// Plain is a field that is not atomic: a protocol hands it from thread to
// thread. Get and Set are no steps; an access that is not ordered after the
// last conflicting one is a data race and fails the execution.
type Plain[T any] struct {
	v      T
	of     uint64 // the execution that the rest belongs to
	writer int
	wrote  uint32 // 0: not by a thread
	reads  clock
}

// Get reads the field.
func (p *Plain[T]) Get() T {
	if e := running(); e != nil {
		t := p.enter(e)
		p.afterWrite(e, t, "reads")
		p.reads[t.id] = t.seen[t.id] + 1
	}
	return p.v
}

// Set writes the field.
func (p *Plain[T]) Set(v T) {
	if e := running(); e != nil {
		t := p.enter(e)
		p.afterWrite(e, t, "writes")
		for id, at := range p.reads {
			if id != t.id && at > t.seen[id] {
				e.race(t, "writes", e.threads[id], "read")
			}
		}
		p.writer, p.wrote = t.id, t.seen[t.id]+1
		p.reads = clock{}
	}
	p.v = v
}

func (p *Plain[T]) enter(e *engine) *thread {
	if p.of != e.serial {
		p.of, p.wrote, p.reads = e.serial, 0, clock{}
	}
	return e.cur
}

// afterWrite fails unless the last write is among what t has seen.
func (p *Plain[T]) afterWrite(e *engine, t *thread, doing string) {
	if p.wrote > 0 && p.writer != t.id && p.wrote > t.seen[p.writer] {
		e.race(t, doing, e.threads[p.writer], "written")
	}
}

func (e *engine) race(t *thread, doing string, other *thread, done string) {
	e.note(t, "data race")
	panic(broken(fmt.Sprintf("data race: %s %s a plain field that %s has %s, and nothing orders the two",
		t.name, doing, other.name, done)))
}
