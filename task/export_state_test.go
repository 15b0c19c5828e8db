package task

// OnCrash replaces what happens to a panic that nobody can join.
func OnCrash(f func(*PanicError)) (restore func()) {
	old := crash
	crash = f
	return func() { crash = old }
}
