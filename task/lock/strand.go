package lock

import (
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// Strand does things one after the other if they have the same key, in the order in which
// they were queued, and beside each other if not: messages of one account, changes of one
// file. The zero value is ready. A key costs nothing when nothing of it is queued.
type Strand[K comparable] struct {
	mu   park.Mutex // guards last, and the links of turns
	last map[K]*Turn[K]
	most int // how many keys were in last since it was made
}

// keptKeys is for how many keys a strand keeps the memory when nothing is queued.
const keptKeys = 256

// Turn is something to do in a [Strand]: a task, which is started like any other.
type Turn[K comparable] struct {
	task.Frame
	strand *Strand[K]
	key    K
	f      func(*task.Cx) error
	began  bool // f was polled
	over   bool // it has ended, and has no place any more

	// Guarded by the strand's lock.
	prev, next *Turn[K] // of the same key
	waker      task.Waker
	runtime    *task.Runtime // that polls it; nil: it has not been polled
}

// Turn queues f behind all that is queued with that key, and returns it as a task: f is
// polled, until it does not return Pending, when all before it have ended. It has to be
// started, in whatever group, or what comes after it waits for ever. If it is canceled
// before its turn, f is not polled. Any thread; it never blocks.
//
//	g.Go(cx, accounts.Turn(m.Account, func(cx *task.Cx) error { return apply(cx, m) }))
func (s *Strand[K]) Turn(key K, f func(*task.Cx) error) *Turn[K] {
	t := &Turn[K]{strand: s, key: key, f: f}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last = map[K]*Turn[K]{}
	}
	if t.prev = s.last[key]; t.prev != nil {
		t.prev.next = t
	}
	s.last[key] = t
	s.most = max(s.most, len(s.last))
	return t
}

// Len returns how many keys have something queued or in progress. Any thread.
func (s *Strand[K]) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.last)
}

// Poll is for the scheduler.
func (t *Turn[K]) Poll(cx *task.Cx) error {
	s := t.strand
	s.mu.Lock()
	first := t.prev == nil
	if t.runtime = cx.Runtime(); !first {
		t.waker = cx.Self() // not Waker, which is an operation: others run there in a simulation
	}
	s.mu.Unlock()
	if t.over {
		panic("lock: a Turn of a Strand was started again: it has its place once; take another by Strand.Turn")
	}
	if !t.began {
		if err := cx.Err(); err != nil {
			return err
		}
		if !first {
			return cx.Suspend()
		}
		t.began = true
	}
	return t.f(cx)
}

// countedPlaces is how many places of a line Awaits counts.
const countedPlaces = 64

// Awaits is for [task.Inspect].
func (t *Turn[K]) Awaits() (a task.Await) {
	s := t.strand
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.began || t.prev == nil {
		return a
	}
	a.Kind, a.Object, a.Note, a.Place = task.AwaitsTurn, task.FrameOf(t.prev), "the turn before it in a lock.Strand", 1
	a.Runtime = t.prev.runtime
	for p := t.prev; p != nil; p = p.prev {
		if a.Place++; a.Place > countedPlaces {
			a.Place = 0
			break
		}
	}
	return a
}

// Finish is for the scheduler: it is the turn of the next, and not earlier, because what
// this one has started has ended, too.
func (t *Turn[K]) Finish(error) {
	s := t.strand
	if t.over {
		return
	}
	s.mu.Lock()
	t.over = true
	var next task.Waker
	switch {
	case t.next != nil:
		if t.next.prev = t.prev; t.prev == nil {
			next = t.next.waker
		}
	case t.prev != nil:
		s.last[t.key] = t.prev
	default:
		delete(s.last, t.key)
		if s.most > keptKeys && len(s.last) == 0 { // a map does not shrink
			s.last, s.most = nil, 0
		}
	}
	if t.prev != nil {
		t.prev.next = t.next
	}
	t.prev, t.next = nil, nil
	s.mu.Unlock()
	if next != (task.Waker{}) { // else it has not come yet
		next.Wake()
	}
}
