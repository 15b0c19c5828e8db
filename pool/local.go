package pool

import (
	"iter"
	"sync"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/pad"
	"github.com/heist-go/heist/pool/fork"
	"github.com/heist-go/heist/task"
)

// Local is a value for each worker of a pool, for counters, caches and partial
// results that many tasks add to without sharing.
type Local[T any] struct {
	team   *fork.Team
	on     *task.Runtime // of a *Pool, or nil
	init   func() T
	slots  []slot[T]                  // of the workers and the goroutines
	spares []atomicx.Pointer[slot[T]] // of the spares, which make them
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
// values). p may be the team of a pool of another kind, too, as a simulation's is.
func NewLocal[T any, P interface{ *Pool | *fork.Team }](p P, init func() T) *Local[T] {
	l := &Local[T]{init: init}
	switch p := any(p).(type) {
	case *Pool:
		l.team, l.on = p.team, &p.runtime
	case *fork.Team:
		l.team = p
	}
	n := l.team.Fixed()
	l.slots, l.spares = make([]slot[T], n), make([]atomicx.Pointer[slot[T]], l.team.Size()-n)
	for i := range l.team.Workers() {
		l.slots[i].get(init)
	}
	return l
}

// at returns the value of the participant with a number.
func (l *Local[T]) at(index int) *T {
	if index < len(l.slots) {
		return l.slots[index].get(l.init)
	}
	p := &l.spares[index-len(l.slots)]
	s := p.Load()
	if s == nil {
		s = new(slot[T])
		s.get(l.init)
		// Publish. The value. Pairs with: (*Local).All.
		p.Store(s)
	}
	return &s.value
}

// Get returns the polling worker's value. It is the caller's until its poll
// returns: the pointer must not be kept, because the next poll may be another
// worker's. The task must run on the Local's pool.
func (l *Local[T]) Get(cx *task.Cx) *T {
	if l.on != nil && !cx.On(l.on) || l.on == nil && fork.TeamOf(cx) != l.team {
		panic("pool: Local.Get in a task of another pool")
	}
	if i := cx.Worker(); i < l.team.Workers() {
		return &l.slots[i].value
	}
	return l.at(cx.Scheduler().(fork.Driver).Participant(cx.Worker()).Index())
}

// In returns the value of the thread that computes the scope: a worker, or a goroutine
// that has called a computation. It is the caller's until it computes another part, or
// returns: the pointer must not be kept. The computation must run on the Local's pool.
func (l *Local[T]) In(s Scope) *T {
	x := s.Participant()
	if x.Team() == l.team {
		return l.at(x.Index())
	}
	if x.Team() != nil {
		panic("pool: Local.In in a computation of another pool")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.others[x.Index()]
	if v == nil {
		v = new(T)
		if l.init != nil {
			*v = l.init()
		}
		if l.others == nil {
			l.others = map[int]*T{}
		}
		l.others[x.Index()] = v
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
		for i := range l.spares {
			// Pairs with: (*Local).at.
			if s := l.spares[i].Load(); s != nil && !yield(&s.value) {
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
