package lock

// What tests see of the inside: who is in line, and what is taken. Each takes the lock of
// its object, so that any goroutine may ask.

// State returns how many permits are taken, whether somebody waits, and whether the word
// and the line agree about that.
func (p *permits) state() (taken int64, waits, sound bool) {
	taken = p.held()
	p.mu.Lock()
	defer p.mu.Unlock()
	waits = !p.queue.Empty()
	return taken, waits, waits == (p.word.Load()&queued != 0)
}

func (m *Mutex) State() (taken int64, waits, sound bool)     { return m.p.state() }
func (m *RWMutex) State() (taken int64, waits, sound bool)   { return m.p.state() }
func (s *Semaphore) State() (taken int64, waits, sound bool) { return s.p.state() }

// Several reports whether more than one is in line.
func (m *Mutex) Several() bool {
	m.p.mu.Lock()
	defer m.p.mu.Unlock()
	return !m.p.queue.Empty() && !m.p.queue.Alone()
}

// Waits reports whether somebody waits, in Wait or in WaitPast.
func (n *Notify) Waits() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.queue.Empty() || !n.set.Empty()
}

// Pending reports whether the next who comes is told.
func (n *Notify) Pending() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pending
}

func (e *Event) Waits() bool { return !e.set.Empty() }

// Here returns how many have come to the barrier, and whether they are in line.
func (b *Barrier) Here() (n int, waits bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.here, !b.queue.Empty()
}

func (c *Cond) Waits() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.queue.Empty()
}

func (o *OnceValue[T]) Waits() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.queue.Empty()
}

func (r *RateLimiter) Waits() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.queue.Empty()
}

// Whole is how many permits there are at most.
const Whole = whole
