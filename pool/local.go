package pool

import (
	"iter"

	"github.com/heist-go/heist/internal/pad"
	"github.com/heist-go/heist/task"
)

// Local is a value for each worker of a pool, for counters, caches and partial
// results that many tasks add to without sharing.
type Local[T any] struct {
	pool  *Pool
	slots []slot[T]
}

type slot[T any] struct {
	value T
	_     pad.Line
}

// NewLocal returns values for the workers of p, each made by init (nil: zero
// values).
func NewLocal[T any](p *Pool, init func() T) *Local[T] {
	l := &Local[T]{p, make([]slot[T], len(p.workers))}
	if init != nil {
		for i := range l.slots {
			l.slots[i].value = init()
		}
	}
	return l
}

// Get returns the polling worker's value. It is the caller's until its poll
// returns: the pointer must not be kept, because the next poll may be another
// worker's. The task must run on the Local's pool.
func (l *Local[T]) Get(cx *task.Cx) *T {
	if !cx.On(&l.pool.home) {
		panic("pool: Local.Get in a task of another pool")
	}
	return &l.slots[cx.Worker()].value
}

// All yields the values of all workers. The caller makes sure that no task uses
// them meanwhile: it has waited for those that did.
func (l *Local[T]) All() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for i := range l.slots {
			if !yield(&l.slots[i].value) {
				return
			}
		}
	}
}
