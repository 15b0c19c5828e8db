//go:build unix

package abandoned_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
)

// object is something that has an operation.
type object struct {
	// ask asks the question q, which waits until let(q). Its answer is q; or what the mode of
	// the entry says.
	ask func(cx *task.Cx, q int) (int, error)
	let func(q int)
	// half lets half of what question 0 waits for be over: of an entry with halves.
	half func()
	// kept fails the test unless what question 0 has got by half is there for the next. It may be
	// nil.
	kept func(t *testing.T)
	// free fails the test unless nobody waits any more, nothing is held, and nothing is lost.
	free func(t *testing.T)
	// stop lets go of what is not the tasks'.
	stop func()
}

// mode is how an answer stands to its question.
type mode uint8

const (
	exact  mode = iota // it is about the question that was asked last, and about no other
	flow               // it is the next of what comes: each comes once, to whoever asks
	sticky             // it is the same for all who ask
)

// entry is an operation's line in the table.
type entry struct {
	op   string // as in the source: folder.Type.Method
	lets string // what it does when it is abandoned, for readers

	make   func(w *world) *object
	inSim  func(w *world) *object // make for a simulation, if that is another, or make is nil
	mode   mode
	stays  bool // what let has made possible stays so for the next, if nobody has had it
	single bool // there is one answer, ever
	alone  bool // one task at a time: another one may be refused
	places bool // what it is an operation of belongs to one scheduler
	pooled bool // it needs a pool
	bound  bool // another task may be refused as long as the one lives that has begun
	halves bool // see object.half
	ended  bool // if its task is canceled while it is asked, that is its end: so says the contract
	goesOn bool // what is left alone goes on, and is the task's
	heavy  bool // thousands of it take long
	greedy bool // an answer is all that has come, perhaps also what let has made possible for another

	// prove is for what has no such runs: it does not wait, or its task is its own.
	prove func(t *testing.T)
}

// lose are the ways in which a living task gives up question 0. first happens before the task
// is polled again.
var lose = map[string]func(a *actor, o *object, first func()){
	"timeout": func(a *actor, o *object, first func()) {
		var limit combine.Timeout
		a.do("question 0", func(cx *task.Cx) error { return limit.Wait(cx, a.w.unit()/8, o.zero) })
		first()
		a.w.pass(a.w.unit() / 8)
		require.ErrorIs(a.w, a.result("a timeout"), task.ErrTimeout)
	},
	"select": func(a *actor, o *object, first func()) {
		sel, e := combine.Select{Ordered: true}, new(lock.Event)
		a.do("question 0", func(cx *task.Cx) error {
			i, err := sel.Wait(cx, e.Wait, o.zero)
			return won(i, err)
		})
		a.lock(func() { first(); e.Set(nil) })
		require.NoError(a.w, a.result("a select"))
	},
	"join in a select": func(a *actor, o *object, first func()) {
		sel, e := combine.Select{Ordered: true}, new(lock.Event)
		var join combine.All
		var never task.Promise[int]
		a.do("question 0", func(cx *task.Cx) error {
			i, err := sel.Wait(cx, e.Wait, func(cx *task.Cx) error {
				return join.Wait(cx, func(cx *task.Cx) error { _, err := never.Wait(cx); return err }, o.zero)
			})
			return won(i, err)
		})
		a.lock(func() { first(); e.Set(nil) })
		require.NoError(a.w, a.result("a select"))
	},
	"left alone": func(a *actor, o *object, first func()) {
		a.do("question 0", o.zero)
		var e lock.Event
		a.tell(first, e.Wait)
		a.w.rest()
		require.False(a.w, a.isOver())
		e.Set(nil)
		require.NoError(a.w, a.result("something else"))
	},
	"left alone in a loop": func(a *actor, o *object, first func()) { // by one poll that waits for nothing else
		a.do("question 0", o.zero)
		polls := 0
		a.tell(first, func(cx *task.Cx) error {
			if polls++; polls == 1 {
				cx.Waker().Wake()
				return cx.Suspend()
			}
			return nil
		})
		require.NoError(a.w, a.result("something else"))
	},
}

// ends are the ways in which a task that waits for question 0 ends.
var ends = map[string]func(a *actor, first func()){
	"finishes": func(a *actor, first func()) { a.quit(first, func() error { return nil }) },
	"fails":    func(a *actor, first func()) { a.quit(first, func() error { return errBoom }) },
	"panics":   func(a *actor, first func()) { a.quit(first, func() error { panic(errBoom) }) },
	"is canceled": func(a *actor, first func()) {
		a.lock(func() { first(); a.Cancel(errBoom) })
	},
}

// lock has f done before the actor is polled again.
func (a *actor) lock(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

func won(i int, err error) error {
	if err == nil && i != 0 {
		return fmt.Errorf("operation %d has won", i)
	}
	return err
}

func (o *object) zero(cx *task.Cx) error { _, err := o.ask(cx, 0); return err }

func nothing() {}

func (o *object) keeps(w *world, when string) {
	if when == ", halfway" && o.kept != nil {
		w.rest()
		o.kept(w.T)
	}
}

// run is a run of an entry.
type run struct {
	name string
	of   func(w *world, e *entry, o *object)
}

func runs(e *entry) (list []run) {
	add := func(name string, of func(w *world, e *entry, o *object)) { list = append(list, run{name, of}) }
	befores := map[string]func(o *object){
		"":          func(*object) {},
		", granted": func(o *object) { o.let(0) },
	}
	if e.halves {
		befores[", halfway"] = func(o *object) { o.half() }
	}
	for when, before := range befores {
		granted := when == ", granted"
		for way, lost := range lose {
			if granted && way == "timeout" { // what is over in time has won
				continue
			}
			add(way+when+"/itself", func(w *world, e *entry, o *object) {
				a := w.actor()
				lost(a, o, func() { before(o) })
				o.keeps(w, when)
				e.answer(w, o, a, granted)
				a.leave()
			})
			add(way+when+"/another", func(w *world, e *entry, o *object) {
				a, b := w.actor(), w.actor()
				lost(a, o, func() { before(o) })
				o.keeps(w, when)
				if e.answer(w, o, b, granted) {
					b.leave()
				}
				a.leave()
			})
			if !e.single && when == "" {
				add(way+when+"/several times", func(w *world, e *entry, o *object) {
					a := w.actor()
					for range 3 {
						lost(a, o, nothing)
					}
					e.answer(w, o, a, false)
					e.answer(w, o, a, false)
					a.leave()
				})
			}
		}
		for way, end := range ends {
			enders := func(w *world, o *object) (left bool) {
				a := w.actor()
				a.do("question 0", o.zero)
				end(a, func() { before(o) })
				w.rest()
				if !a.hasEnded() && e.mode == exact {
					o.let(0) // what runs is waited for
				}
				w.until("an actor's end", a.hasEnded)
				o.keeps(w, when)
				a.mu.Lock()
				defer a.mu.Unlock()
				return granted && (!a.over || a.err != nil) // it has had it, if it was canceled just then
			}
			add(way+when+"/another", func(w *world, e *entry, o *object) {
				left := enders(w, o)
				b := w.actor()
				if e.answer(w, o, b, left) {
					b.leave()
				}
			})
			if !e.places && !e.pooled {
				add(way+when+"/the next run", func(w *world, e *entry, o *object) {
					e.next(w, o, enders(w, o))
				})
			}
		}
	}
	add("budget", goesOn)
	add("two branches", branches)
	add("two tasks", tasks)
	return list
}

// right says what is wrong with an answer to question q.
func (e *entry) right(got, q int) error {
	switch {
	case e.mode == exact && got == q, e.mode == flow && 0 <= got && got <= q, e.mode == sticky:
		return nil
	}
	return fmt.Errorf("asked for %d, got %d", q, got)
}

// answer has an actor ask question 1. If what let(0) has made possible stays, it is there. It
// reports false if the actor was refused, and may be.
func (e *entry) answer(w *world, o *object, a *actor, granted bool) bool {
	w.Helper()
	got := -1
	a.tell(nil, func(cx *task.Cx) (err error) { got, err = o.ask(cx, 1); return err })
	w.rest()
	if !a.isOver() && !(granted && e.stays) {
		o.let(1)
	}
	err := a.result("question 1")
	if e.bound && clear(err) || e.ended && over(err) {
		return false
	}
	require.NoError(w, err)
	require.NoError(w, e.right(got, 1))
	return true
}

// over reports whether err says that a canceled task has been the end of what another asks.
func over(err error) bool { return errors.Is(err, task.ErrCanceled) || errors.Is(err, task.ErrClosed) }

// next has a task in a Run of its own ask question 1.
func (e *entry) next(w *world, o *object, granted bool) {
	w.real = true
	defer func() { w.real = false }()
	var polls atomic.Int32
	got, end := -1, make(chan error, 1)
	ctx, stop := context.WithCancel(background)
	defer stop()
	go func() {
		end <- task.Run(ctx, task.Func(func(cx *task.Cx) (err error) {
			polls.Add(1)
			got, err = o.ask(cx, 1)
			return err
		}))
	}()
	for late := time.Now().Add(patience); polls.Load() == 0 && time.Now().Before(late); {
		runtime.Gosched()
	}
	if !(granted && e.stays) {
		o.let(1)
	}
	select {
	case err := <-end:
		if e.ended && over(err) {
			return
		}
		require.NoError(w, err)
		require.NoError(w, e.right(got, 1))
	case <-time.After(patience):
		w.Fatal("question 1 is not answered in the next run")
	}
}

// goesOn: a poll that was cut short has not given anything up.
func goesOn(w *world, e *entry, o *object) {
	a := w.actor()
	a.do("question 0", o.zero)
	got, cut := -1, false
	a.tell(nil, func(cx *task.Cx) (err error) {
		if !cut {
			cut = true
			for cx.Spend() == nil { //nolint:revive // until nothing is left
			}
			//heistvet:ignore pendingbranch: the budget is to be used up
			return cx.Spend()
		}
		got, err = o.ask(cx, 0)
		return err
	})
	w.rest()
	if !a.isOver() {
		o.let(0)
	}
	require.NoError(w, a.result("question 0"))
	require.NoError(w, e.right(got, 0))
	a.leave()
}

// branches: two branches of a task have the same object, at the same time.
func branches(w *world, e *entry, o *object) {
	var got [2]int
	var errs [2]error
	var all combine.All
	part := func(q int) combine.Op {
		return func(cx *task.Cx) (err error) {
			got[q], err = o.ask(cx, q)
			if !task.IsPending(err) {
				errs[q] = err
				return nil
			}
			return err
		}
	}
	a := w.actor()
	a.tell(nil, func(cx *task.Cx) error { return all.Wait(cx, part(0), part(1)) })
	w.rest()
	o.let(0)
	w.rest()
	if !a.isOver() {
		o.let(1)
	}
	if e.greedy {
		e.feed(w, o, a.isOver)
	}
	err := a.result("both")
	if clear(err) {
		return
	}
	require.NoError(w, err)
	for q := range 2 {
		e.owned(w, got[q], errs[q], q)
	}
	if e.mode == flow && errs == [2]error{} {
		require.NotEqual(w, got[0], got[1], "both have got the same")
	}
	a.leave()
}

// feed lets go on until all have an answer: one is all that has come.
func (e *entry) feed(w *world, o *object, over func() bool) {
	w.Helper()
	w.until("both have an answer", func() bool {
		if over() {
			return true
		}
		o.let(1)
		return false
	})
}

// owned checks what one of two has got.
func (e *entry) owned(w *world, got int, err error, q int) {
	switch {
	case clear(err):
	case err != nil && e.single: // the other has had it
		require.ErrorIs(w, err, task.ErrClosed)
	default:
		require.NoError(w, err, "question %d", q)
		if e.mode == flow {
			q = 1
		}
		require.NoError(w, e.right(got, q))
	}
}

// tasks: two tasks have the same object, at the same time.
func tasks(w *world, e *entry, o *object) {
	var got [2]int
	var as [2]*actor
	for q := range 2 {
		a := w.actor()
		as[q] = a
		a.tell(nil, func(cx *task.Cx) (err error) { got[q], err = o.ask(cx, q); return err })
		w.rest()
		require.False(w, q == 0 && a.isOver(), "question 0 does not wait: %v", a.why())
	}
	if as[1].hasEnded() {
		require.True(w, e.alone, "refused: %v", as[1].why())
		require.True(w, clear(as[1].why()), "refused without saying why: %v", as[1].why())
	}
	o.let(0)
	w.rest()
	if !as[0].isOver() || !as[1].isOver() {
		o.let(1)
	}
	if e.greedy {
		e.feed(w, o, func() bool { return as[0].isOver() && as[1].isOver() })
	}
	for q, a := range as {
		err := a.result(fmt.Sprint("question ", q))
		if a.hasEnded() {
			require.Equal(w, 1, q, "who has come first was refused: %v", a.why())
			continue
		}
		e.owned(w, got[q], err, q)
	}
	if e.mode == flow && !as[1].hasEnded() && as[0].why() == nil && as[1].why() == nil {
		require.NotEqual(w, got[0], got[1], "both have got the same")
	}
	for _, a := range as {
		if !a.hasEnded() {
			a.leave()
		}
	}
}

// TestAbandoned goes through all runs of all entries.
func TestAbandoned(t *testing.T) {
	for i := range table {
		e := &table[i]
		t.Run(strings.ReplaceAll(e.op, "/", "."), func(t *testing.T) {
			if e.prove != nil {
				e.prove(t)
				return
			}
			newWorld := newLab
			if e.pooled {
				p, clock := openPool(t)
				newWorld = func(t *testing.T) *world { return &world{T: t, pool: p, clock: clock} }
			}
			for _, r := range runs(e) {
				t.Run(r.name, func(t *testing.T) {
					w := newWorld(t)
					o := e.make(w)
					if o.stop != nil {
						defer o.stop()
					}
					r.of(w, e, o)
					if o.free != nil {
						w.rest()
						o.free(t)
					}
				})
			}
		})
	}
}
