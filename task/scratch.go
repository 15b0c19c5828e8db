package task

import "github.com/heist-go/heist/internal/invariant"

// Scratch returns n bytes that are lent to the polled task: they are the worker's, and
// valid until Poll returns, or Scratch is called again. What is in them is
// undefined. With -race or -tags heistdebug they are overwritten when Poll returns, so
// that it shows if they were kept.
func (cx *Cx) Scratch(n int) []byte {
	r := cx.run
	if invariant.Enabled {
		r.scratch = make([]byte, n) // not the one of a poll before
	} else if cap(r.scratch) < n {
		r.scratch = make([]byte, n)
	}
	return r.scratch[:n:n]
}

// spoil overwrites what was lent.
func (r *Runner) spoil() {
	if b := r.scratch; len(b) > 0 {
		b[0] = 0xdb
		for n := 1; n < len(b); n *= 2 { // the race detector takes its time for each write
			copy(b[n:], b[:n])
		}
	}
	r.scratch = nil
}
