package lock

import (
	"slices"
	"weak"

	"go.uber.org/atomic"

	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/internal/shrink"
	"github.com/heist-go/heist/internal/stack"
	"github.com/heist-go/heist/task"
)

// Who holds a lock is recorded for tasks that ask to be tracked (see [task.Cx.Tracked]), and then for goroutines (see
// [task.MarkHolder]), outside of the locks: those are as large as ever. A lock is its acquirer's until it is given back.
// What TryLock takes is not recorded; then not all holders are known, and nothing is said.
//
// A record keeps neither a lock nor a task that has ended: whoever adds a lock, or gives one back, looks at two, takes
// out those that nobody holds, or can reach any more, and leaves of tasks that have ended their names.
var held struct {
	any  atomic.Bool                // something was recorded, ever
	mu   park.Mutex                 // guards what follows
	by   shrink.Map[key, []holding] // empty, and not nil: of a lock that nobody holds, perhaps for long
	keys []key                      // those of by
	next int                        // of keys: where the next look is
}

// key is a lock that may be gone.
type key = weak.Pointer[permits]

// holding is what a task, or a goroutine, has of a lock.
type holding struct {
	who task.Holder
	n   int64
}

// recorded records that the polled task has acquired n, if err says so, and returns err. kind is what a lock is called.
func (p *permits) recorded(cx *task.Cx, kind string, n int64, err error) error {
	if err != nil || n == 0 {
		return err
	}
	p.note(task.Holder{Task: cx.Self(), Runtime: cx.Runtime()}, n)
	task.Holds(cx.Self(), p, kind, n)
	return nil
}

// recordedHere records that the calling goroutine has acquired n, if err says so, and returns err.
func (p *permits) recordedHere(n int64, err error) error {
	if err == nil && n != 0 {
		if id := task.MarkHolder(); id != 0 && !p.note(task.Holder{Goroutine: id}, n) {
			task.UnmarkHolder(id) // it is marked for this lock
		}
	}
	return err
}

// note records that n are somebody's, and reports whether it had nothing of the lock before: who has acquired several
// times may give all back together.
func (p *permits) note(who task.Holder, n int64) (first bool) {
	held.mu.Lock()
	defer held.mu.Unlock()
	if !held.any.Load() {
		held.any.Store(true) // Hint. Who has acquired it gives it back later.
	}
	k := weak.Make(p)
	list := held.by.Get(k)
	if i := slices.IndexFunc(list, func(h holding) bool { return h.is(who) }); i >= 0 {
		list[i].n += n
		return false
	}
	held.by.Set(k, append(list, holding{who, n}))
	if list == nil {
		held.keys = append(held.keys, k)
		tidy()
	}
	return true
}

// tidy looks at the next two locks. The lock of held is held.
func tidy() {
	for range min(2, len(held.keys)) {
		held.next %= len(held.keys)
		k := held.keys[held.next]
		list := held.by.Get(k)
		there := k.Value() != nil
		for i := range list {
			if there {
				list[i].who = list[i].who.Settled()
			} else {
				list[i].forget()
			}
		}
		if there && len(list) > 0 {
			held.next++
			continue
		}
		held.by.Delete(k)
		last := len(held.keys) - 1
		held.keys[held.next] = held.keys[last]
		if held.keys = held.keys[:last]; last < cap(held.keys)/8 {
			held.keys = slices.Clone(held.keys)
		}
	}
}

// givenBack records that n were given back, by that task, or, if it is none, by whoever it was. If it is not clear
// whose they were, nobody's are known any more.
func (p *permits) givenBack(by task.Waker, n int64) {
	held.mu.Lock()
	defer held.mu.Unlock()
	k := weak.Make(p)
	list := held.by.Get(k)
	if len(list) == 0 {
		return
	}
	who := task.Holder{Task: by}
	if by == (task.Waker{}) && slices.ContainsFunc(list, func(h holding) bool { return h.who.Goroutine != 0 }) {
		who.Goroutine = stack.Number()
	}
	i := slices.IndexFunc(list, func(h holding) bool { return h.is(who) && h.n >= n })
	if i < 0 && len(list) == 1 && list[0].n >= n {
		i = 0
	}
	if i < 0 {
		for _, h := range list {
			h.less(p, h.n)
		}
		clear(list)
		list = list[:0]
	} else {
		list[i].less(p, n)
		if list[i].n == 0 {
			list = slices.Delete(list, i, i+1)
		}
	}
	held.by.Set(k, list)
	if len(list) == 0 {
		tidy()
	}
}

// is reports whether it is what who has.
func (h holding) is(who task.Holder) bool {
	return h.who.Task == who.Task && h.who.Goroutine == who.Goroutine && h.who.Ended == ""
}

// less says that n of a lock were given back.
func (h *holding) less(p *permits, n int64) {
	switch h.n -= n; {
	case h.who.Goroutine == 0 && h.who.Ended == "":
		task.Holds(h.who.Task, p, "", -n)
	case h.n == 0:
		h.forget()
	}
}

// forget ends the record of a goroutine.
func (h *holding) forget() {
	if h.who.Goroutine != 0 {
		task.UnmarkHolder(h.who.Goroutine)
	}
}

// Holders is of [task.Holders].
func (p *permits) Holders() (list []task.Holder, all bool) {
	if !held.any.Load() {
		return nil, false
	}
	held.mu.Lock()
	var n int64
	for _, h := range held.by.Get(weak.Make(p)) {
		n += h.n
		list = append(list, h.who)
	}
	held.mu.Unlock()
	return list, n > 0 && n == p.held()
}

// Holders is of [task.Holders].
func (p *mutexPolicy) Holders() (list []task.Holder, all bool) { return (*permits)(p).Holders() }
