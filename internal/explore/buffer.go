package explore

import "unsafe"

// Store buffers, as x86 has them (Sewell and others, "x86-TSO", CACM 2010): a weak store waits in its
// thread's buffer, and reaches the memory at any moment later, in the order of the buffer. The thread
// itself loads what it has stored last; the others load what is in the memory. Read-modify-writes,
// ordinary stores and waits are fences: they happen when the buffer is empty.
//
// To the search a buffer is a thread that drains one store a step (Zhang, Kusano and Wang, PLDI
// 2015). To store weakly is no step: nobody else sees it, and it may as well happen at once.

// weakStore is a store in a buffer.
type weakStore struct {
	on    unsafe.Pointer
	o     *order
	do    func()
	value any    // that is stored, for loads by the thread itself
	step  int    // in which it was made
	seen  clock  // what the thread had seen
	place string // of a trace: where it was made
}

// putWeak is put for a weak store.
func putWeak[V any](on unsafe.Pointer, o *order, v V, do func()) {
	e := running()
	if e == nil {
		do()
		return
	}
	t := e.cur
	t.seen[t.id]++
	s := weakStore{on: on, o: o, do: do, value: v, step: e.steps - 1, seen: t.seen}
	if e.tracing {
		s.place = caller()
		e.noteAt(s.place, t, "StoreRelease", v)
	}
	b := t.buffer
	b.held = append(b.held, s)
	b.next, b.done = operation{on: b.held[0].on, write: true}, false
}

// own returns what the calling thread has stored weakly in the variable, if that is not in the memory yet.
func own[V any](t *thread, on unsafe.Pointer) (v V, found bool) {
	held := t.buffer.held
	for i := len(held) - 1; i >= 0; i-- {
		if held[i].on == on {
			return held[i].value.(V), true
		}
	}
	return v, false
}

// drain lets the oldest store of a buffer reach the memory.
func (e *engine) drain(b *thread) {
	s := b.held[0]
	if b.held = b.held[1:]; len(b.held) > 0 {
		b.next = operation{on: b.held[0].on, write: true}
	} else {
		b.held, b.next, b.done = nil, operation{}, true
	}
	s.do()
	s.o.of, s.o.seen = e.serial, s.seen
	if e.tracing {
		e.noteAt(s.place, b, "drains", s.value)
	}
}
