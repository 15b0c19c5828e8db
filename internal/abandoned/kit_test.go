//go:build unix

package abandoned_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/sim"
	"github.com/heist-go/heist/task"
)

func TestMain(m *testing.M) {
	if code := m.Run(); code != 0 {
		os.Exit(code)
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var (
	background = context.Background()
	errBoom    = errors.New("boom")
)

// patience is how long something may take that is sure to happen.
const patience = 30 * time.Second

// world is where the tasks of a run live: a lab, in which nothing moves unless the test says
// so; or a pool, for what needs one. Its time stands still.
type world struct {
	*testing.T
	lab   *rig.Lab
	pool  *pool.Pool
	sim   *sim.Sim // or a simulation, whose time passes by itself
	clock *task.Clock
	class task.Limiter // of its blocking functions
	real  bool         // the time is the machine's: in a task.Run
	busy  bool         // something computes until it is let
}

func newLab(t *testing.T) *world {
	l := rig.NewLab()
	return &world{T: t, lab: l, clock: l.Clock, class: task.Limiter{Limit: 8}}
}

// openPool opens a pool for several worlds.
func openPool(t *testing.T) (*pool.Pool, *task.Clock) {
	c := task.NewClock(time.Unix(1000, 0))
	p, err := pool.New(pool.Config{Workers: 2, Clock: c})
	require.NoError(t, err)
	_, err = p.Reactor()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p, c
}

func (w *world) on() task.Spawner {
	if w.sim != nil {
		return w.sim
	}
	if w.lab != nil {
		return &w.lab.Runtime
	}
	return w.pool
}

// rest has the tasks go on until all wait.
func (w *world) rest() {
	if w.sim != nil {
		return // the simulation goes on by itself
	}
	if w.lab != nil {
		w.lab.Work()
		return
	}
	if w.busy {
		for end := time.Now().Add(2 * time.Millisecond); time.Now().Before(end); {
			runtime.Gosched()
		}
		return
	}
	ctx, stop := context.WithTimeout(background, patience)
	defer stop()
	require.NoError(w, w.pool.WaitIdle(ctx))
}

// until has the tasks go on until it is so.
func (w *world) until(what string, so func() bool) {
	w.Helper()
	for end := time.Now().Add(patience); ; runtime.Gosched() {
		w.rest()
		if so() {
			return
		}
		if time.Now().After(end) {
			w.Fatalf("it has not come to pass: %s", what)
		}
	}
}

// unit is how long an operation takes that takes time.
func (w *world) unit() time.Duration {
	if w.real {
		return 2 * time.Millisecond
	}
	return time.Hour
}

// pass lets so much time pass.
func (w *world) pass(d time.Duration) {
	if !w.real && w.sim == nil {
		w.clock.Advance(d)
	}
}

// actor is a task that does what it is told, one act after the other.
type actor struct {
	task.Frame
	w     *world
	group task.Group

	mu    sync.Mutex // guards what follows
	waker task.Waker
	act   func(*task.Cx) error
	polls int   // of the act
	over  bool  // the act
	err   error // its result
	exit  func() error
	ended bool
	final error
}

func (w *world) actor() *actor {
	a := &actor{w: w, over: true}
	a.group.Failed = func(task.Task, error) error { return nil }
	a.group.Go(w.on(), a)
	w.until("the actor waits to be told", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return a.waker != task.Waker{} })
	return a
}

func (a *actor) Poll(cx *task.Cx) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waker = cx.Waker()
	if a.exit != nil {
		return a.exit()
	}
	if a.over {
		if err := cx.Err(); err != nil {
			return err
		}
		return cx.Suspend()
	}
	a.polls++
	err := a.act(cx)
	if task.IsPending(err) {
		return err
	}
	a.over, a.err = true, err
	if err := cx.Err(); err != nil {
		return err
	}
	return cx.Suspend()
}

func (a *actor) Finish(err error) { // after a panic the lock is free: see Poll
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended, a.final = true, err
}

// tell tells it what to do next, in place of what it does now. first happens before it is
// polled again.
func (a *actor) tell(first func(), act func(*task.Cx) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if first != nil {
		first()
	}
	a.act, a.polls, a.over, a.err = act, 0, false, nil
	a.waker.Wake()
}

// do is tell for an act that has to wait, and waits until it does.
func (a *actor) do(what string, act func(*task.Cx) error) {
	a.w.Helper()
	a.tell(nil, act)
	a.w.until(what+" is asked for", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return a.polls > 0 || a.ended })
	a.w.rest()
	if a.isOver() {
		a.w.Fatalf("%s does not wait: %v", what, a.why())
	}
}

func (a *actor) isOver() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.over || a.ended
}

// why returns the act's result, or the actor's, as far as there is one.
func (a *actor) why() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended && !a.over {
		return a.final
	}
	return a.err
}

func (a *actor) hasEnded() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ended
}

// result waits for the act's end.
func (a *actor) result(what string) error {
	a.w.Helper()
	a.w.until(what+" is over", a.isOver)
	return a.why()
}

// leave ends it, if it has not ended.
func (a *actor) leave() {
	a.w.Helper()
	a.quit(nil, func() error { return nil })
	a.w.until("an actor's end", a.hasEnded)
}

func (a *actor) quit(first func(), exit func() error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if first != nil {
		first()
	}
	a.exit = exit
	a.waker.Wake()
}

// clear reports whether err is a refusal that says what is wrong.
func clear(err error) bool {
	if err == nil {
		return false
	}
	s := err.Error()
	for _, words := range []string{"at a time", "belongs to", "another task", "another branch", "two branches"} {
		if strings.Contains(s, words) {
			return true
		}
	}
	return false
}
