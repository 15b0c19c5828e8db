package park

import "github.com/heist-go/heist/internal/atomicx"

// Parked reports whether a thread sleeps in p, or is about to.
func (p *Parker) Parked() bool { return p.word.Load() == parked }

// Contended reports whether a thread sleeps in m, or is about to.
func (m *Mutex) Contended() bool { return m.word.Load() == contended }

// Futex is the word that the two types are made of, for broken variants of them.
type Futex = futex

func (f *futex) Word() *atomicx.Uint32                     { return &f.word }
func (f *futex) Wait(val uint32)                           { f.wait(val) }
func (f *futex) WaitUntil(val uint32, deadline int64) bool { return f.waitUntil(val, deadline) }
func (f *futex) Signal()                                   { f.signal() }
