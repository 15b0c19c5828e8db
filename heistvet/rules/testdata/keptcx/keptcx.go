package keptcx

import (
	"context"
	"time"

	"example.org/mistakes/helper"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

var global *task.Cx

type holder struct {
	task.Frame
	cx    *task.Cx
	all   []*task.Cx
	by    map[string]*task.Cx
	then  func()
	group task.Group
	block task.Blocking[int]
	done  task.Promise[int]
	waker task.Waker

	reader *reader
	others []*task.Cx
	n      int
	in     *chans.Chan[int]
}

// reader is for one poll.
type reader struct{ cx *task.Cx }

func (r reader) Read(b []byte) (int, error) { return 0, r.cx.Err() }

func (h *holder) Poll(cx *task.Cx) error {
	h.cx = cx                 // want `cx is kept in h.cx: it is of this poll only`
	global = cx               // want `cx is kept in global`
	h.all = append(h.all, cx) // want `cx is kept in a slice`
	h.by["a"] = cx            // want `cx is kept in h.by\["a"\]`
	other := &holder{cx: cx}  // want `cx is kept in a task`
	h.reader = &reader{cx}    // want `cx is kept in h.reader`
	h.others = []*task.Cx{cx} // want `cx is kept in h.others`
	ch := make(chan *task.Cx, 1)
	ch <- cx                    // want `cx is sent on a channel`
	go use(cx)                  // want `cx is used by a goroutine`
	go func() { use(cx) }()     // want `cx is used by a goroutine`
	go cx.Wake(h.waker)         // want `cx is used by a goroutine`
	h.then = func() { use(cx) } // want `cx is kept in h.then`
	_ = other
	return nil
}

func use(cx *task.Cx) { cx.Waker().Wake() }

func (h *holder) callbacks(cx *task.Cx, p *pool.Pool) error {
	time.AfterFunc(time.Second, func() { use(cx) })                                     // want `cx is used by a function that runs later, or elsewhere`
	context.AfterFunc(cx.Context(), func() { use(cx) })                                 // want `cx is used by a function`
	p.AfterFunc(time.Second, func() { use(cx) })                                        // want `cx is used by a function`
	h.group.Goroutine(cx, func(context.Context) error { use(cx); return nil })          // want `cx is used by a function`
	h.group.Go(cx, task.Func(func(*task.Cx) error { return cx.Yield() }))               // want `cx is used by a function`
	_, err := h.block.Do(cx, func(context.Context) (int, error) { return 0, cx.Err() }) // want `cx is used by a function`
	return err
}

func captured() task.Task {
	var kept *task.Cx
	return task.Func(func(cx *task.Cx) error {
		kept = cx // want `cx is kept in kept` `kept is used by a function that runs later`
		return kept.Yield()
	})
}

func (h *holder) forks(cx *task.Cx, xs []int) error {
	par.For(cx, len(xs), func(i int) { _ = cx.Err() })                                      // want `cx is used by a function that other workers run: it is of this poll only`
	pool.Do(cx, func(pool.Scope) { h.n = 1 }, func(pool.Scope) { _ = h.in.TrySend(cx, 1) }) // want `cx is used by a function that other workers run`
	pool.Call(cx, func(f pool.Fork[int, int], a int) int { _ = cx.Now(); return a }, 1)     // want `cx is used by a function that other workers run`
	body := func(i int) { par.For(cx, i, func(int) {}) }                                    // want `cx is used`
	par.For(cx, 3, body)
	each(cx, 3, func(int) { _ = cx.Err() }) // want `cx is used by a function that runs later, or elsewhere`
	helper.Later(func() { _ = cx.Err() })   // want `cx is used by a function that runs later, or elsewhere`
	f := func() { _ = cx.Err() }            // want `cx is kept in h.then`
	h.then = f
	return nil
}

func each(cx *task.Cx, n int, f func(int)) { par.For(cx, n, f) }

// ---- what is right -----------------------------------------------------------

func (h *holder) right(cx *task.Cx) error {
	mine := cx
	r := &reader{cx: cx}
	if _, err := r.Read(nil); err != nil {
		return err
	}
	list := []*task.Cx{cx}
	_ = list
	h.waker = cx.Waker()
	time.AfterFunc(time.Second, func() { h.done.Resolve(1, nil) })
	w := cx.Waker()
	go w.Wake()
	ctx := cx.Context()
	go func() { <-ctx.Done() }()
	h.group.Go(cx, task.Func(func(cx *task.Cx) error { return cx.Yield() }))
	try := func() error { return mine.Yield() }
	for _, f := range []func() error{func() error { return cx.Err() }} { // called in this poll
		if err := f(); err != nil {
			return err
		}
	}
	pool.Do(cx, func(s pool.Scope) {})
	return try()
}

func (h *holder) computes(cx *task.Cx, xs []int) error {
	par.ForScope(cx, len(xs), func(s pool.Scope, i int) { par.For(s, i, func(int) {}) })
	now := cx.Now()
	par.For(cx, len(xs), func(i int) { _ = now })
	helper.Now(func() { _ = cx.Err() })
	fs := make([]func(), 2)
	fs[0] = func() { _ = cx.Err() }
	for _, f := range fs {
		f()
	}
	check := func() error { return cx.Err() }
	return check()
}
