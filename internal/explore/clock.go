package explore

// clock is a vector clock: for each thread, the number of its operations that
// happened before.
type clock [maxActors]uint32

// join adds what other has seen.
func (c *clock) join(other *clock) {
	for i, n := range other {
		c[i] = max(c[i], n)
	}
}

// order is the part of a traced atomic that carries happens-before: what a
// thread that observes the variable has seen thereby.
type order struct {
	of   uint64 // the execution that seen belongs to
	seen clock
}

// observe makes the calling thread see what was published on the variable.
func (o *order) observe(e *engine, t *thread) {
	if o.of == e.serial {
		t.seen.join(&o.seen)
	}
}

// publish makes what the thread has seen visible to whoever observes the
// variable. A store replaces what was published before, as in Go's race
// detector; a read-modify-write observes it first.
func (o *order) publish(e *engine, t *thread) {
	t.seen[t.id]++
	o.of, o.seen = e.serial, t.seen
}
