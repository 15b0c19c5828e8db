package machine

import (
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/task"
)

// Spares are free frames of functions in progress of one type, of each worker. A function that awaits several others
// has room for none of them then: each comes from here for its call.
type Spares[T any] struct{ kind int }

var kinds atomicx.Int64

// NewSpares returns the free frames of type T, of which there are none yet. It is a variable of a package: it lives for ever.
func NewSpares[T any]() *Spares[T] { return &Spares[T]{int(kinds.Add(1) - 1)} }

// Take returns a frame that nobody uses.
func (s *Spares[T]) Take(cx *task.Cx) *T {
	if v := cx.Spare(s.kind); v != nil {
		return v.(*T)
	}
	return new(T)
}

// Keep gives a frame back, which has let go of what it has used, and returns nil.
func (s *Spares[T]) Keep(cx *task.Cx, m *T) *T {
	cx.Keep(s.kind, m)
	return nil
}
