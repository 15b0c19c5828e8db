package task

// OnCrash replaces what happens to a panic that nobody can join.
func OnCrash(f func(*PanicError)) (restore func()) {
	old := crash
	crash = f
	return func() { crash = old }
}

// Awaited reports whether anybody is on the list of those who wait for p.
func (p *Promise[T]) Awaited() bool { return !p.waiters.Empty() }

// Held returns how many things the polled task owns or waits for.
func (cx *Cx) Held() (n int) {
	for a := cx.frame.attached; a != nil; a = a.next {
		n++
	}
	return n
}

// Feeders returns how many wait for room in the group.
func (g *Group) Feeders() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.feeders.Len()
}
