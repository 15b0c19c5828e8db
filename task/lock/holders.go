package lock

import (
	"slices"

	"go.uber.org/atomic"

	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/internal/shrink"
	"github.com/heist-go/heist/task"
)

// Who holds a lock is recorded for tasks that ask to be tracked (see [task.Cx.Tracked]), outside of the locks: those
// are as large as ever. A lock is its acquirer's until it is given back. What a goroutine takes, or TryLock, is not
// recorded; then not all holders are known, and nothing is said.
var held struct {
	any atomic.Bool // something was recorded, ever
	mu  park.Mutex  // guards by
	by  shrink.Map[*permits, []holding]
}

// holding is what a task has of a lock.
type holding struct {
	task task.Waker
	n    int64
}

// recorded records that the polled task has acquired n, if err says so, and returns err. kind is what a lock is called.
func (p *permits) recorded(cx *task.Cx, kind string, n int64, err error) error {
	if err != nil || n == 0 {
		return err
	}
	held.mu.Lock()
	defer held.mu.Unlock()
	if !held.any.Load() {
		held.any.Store(true) // Hint. Who has acquired it gives it back later.
	}
	held.by.Set(p, append(held.by.Get(p), holding{cx.Self(), n}))
	task.Holds(cx.Self(), p, kind, n)
	return nil
}

// givenBack records that n were given back, by the task that polls, or by whoever it was. If it is not clear
// whose they were, nobody's are known any more.
func (p *permits) givenBack(cx *task.Cx, n int64) {
	held.mu.Lock()
	defer held.mu.Unlock()
	list := held.by.Get(p)
	i := -1
	if cx != nil {
		i = slices.IndexFunc(list, func(h holding) bool { return h.task == cx.Self() && h.n >= n })
	}
	if i < 0 && len(list) == 1 && list[0].n >= n {
		i = 0
	}
	switch {
	case len(list) == 0:
		return
	case i < 0:
		for _, h := range list {
			task.Holds(h.task, p, "", -h.n)
		}
		list = nil
	default:
		task.Holds(list[i].task, p, "", -n)
		if list[i].n -= n; list[i].n == 0 {
			list = slices.Delete(list, i, i+1)
		}
	}
	if len(list) == 0 {
		held.by.Delete(p)
	} else {
		held.by.Set(p, list)
	}
}

// Holders is of [task.Holders].
func (p *permits) Holders() (tasks []task.Waker, all bool) {
	held.mu.Lock()
	var n int64
	for _, h := range held.by.Get(p) {
		n += h.n
		if !slices.Contains(tasks, h.task) {
			tasks = append(tasks, h.task)
		}
	}
	held.mu.Unlock()
	return tasks, n > 0 && n == p.held()
}

// Holders is of [task.Holders].
func (p *mutexPolicy) Holders() (tasks []task.Waker, all bool) { return (*permits)(p).Holders() }
