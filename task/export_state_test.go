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
	for h := cx.frame.held; h != nil; h = h.next {
		n++
	}
	return n
}
