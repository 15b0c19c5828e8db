package pool

import (
	"iter"
	"sync"

	"github.com/heist-go/heist/internal/pad"
	"github.com/heist-go/heist/task"
)

// Local is a value for each worker of a pool, for counters, caches and partial
// results that many tasks add to without sharing.
type Local[T any] struct {
	pool   *Pool
	init   func() T
	slots  []slot[T] // of the seats
	mu     sync.Mutex
	others map[int]*T // of goroutines that compute alone
}

type slot[T any] struct {
	value T
	made  bool
	_     pad.Line
}

func (s *slot[T]) get(init func() T) *T {
	if !s.made {
		s.made = true
		if init != nil {
			s.value = init()
		}
	}
	return &s.value
}

// NewLocal returns values for the workers of p, each made by init (nil: zero
// values).
func NewLocal[T any](p *Pool, init func() T) *Local[T] {
	l := &Local[T]{pool: p, init: init, slots: make([]slot[T], len(p.seats))}
	for i := range p.workers {
		l.slots[i].get(init)
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

// In returns the value of the thread that computes the scope: a worker, or a goroutine
// that has called a computation. It is the caller's until it computes another part, or
// returns: the pointer must not be kept. The computation must run on the Local's pool.
func (l *Local[T]) In(s Scope) *T {
	x := s.of.seat
	if x.pool == l.pool {
		return l.slots[x.index].get(l.init)
	}
	if x.pool != nil {
		panic("pool: Local.In in a computation of another pool")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.others[x.index]
	if v == nil {
		v = new(T)
		if l.init != nil {
			*v = l.init()
		}
		if l.others == nil {
			l.others = map[int]*T{}
		}
		l.others[x.index] = v
	}
	return v
}

// All yields the values of all workers, and of goroutines that have used one. The caller
// makes sure that nobody uses them meanwhile: it has waited for those that did.
func (l *Local[T]) All() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for i := range l.slots {
			if s := &l.slots[i]; s.made && !yield(&s.value) {
				return
			}
		}
		for _, v := range l.others {
			if !yield(v) {
				return
			}
		}
	}
}
