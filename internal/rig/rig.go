//go:build explore

package rig

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/task"
)

// Rig is a scheduler whose workers are threads of an exploration.
//
// A rig of one worker has a queue in which nothing is a step. With several, there is one
// queue for all, and each access to it is one step on word: it costs an exploration as
// little as possible, and any worker may poll any task.
type Rig struct {
	task.Runtime
	x       *explore.X
	workers []*worker
	word    explore.Uint32
	ready   []*task.Frame // changed only within a step on word
	left    int           // tasks that have not ended; likewise
}

// worker is a thread that polls until no task of the rig is left.
type worker struct {
	task.Runner
	rig  *Rig
	mine []*task.Frame // runnable, and nobody else's
	told int           // of what its tasks have added to left, how much the rig knows
}

// New declares workers, which end when all tasks have.
func New(x *explore.X, workers int) *Rig {
	r := &Rig{x: x}
	var runners []*task.Runner
	for i := range workers {
		w := &worker{rig: r}
		w.Init(w)
		r.workers, runners = append(r.workers, w), append(runners, &w.Runner)
		x.Go(fmt.Sprint("worker ", i), w.run)
	}
	task.Open(context.Background(), &r.Runtime, r, runners...)
	return r
}

// Start starts tasks detached, before the threads run, with the first worker.
func (r *Rig) Start(ts ...task.Task) { r.StartOn(0, ts...) }

// StartOn is Start with another worker, which polls them first in this order. (With
// several workers, whoever is idle may take what has suspended once.)
func (r *Rig) StartOn(i int, ts ...task.Task) {
	w := r.workers[i]
	// From within a poll: from outside, a task would be a random worker's.
	task.Detach(r, Named("starter", func(cx *task.Cx) error {
		task.DetachAll(cx, ts...)
		return nil
	}))
	starter := r.ready[0]
	r.ready = nil
	w.Step(starter, false)
	w.mine, r.ready = append(w.mine, r.ready...), nil
}

// Settled fails the execution unless all tasks have ended, and none is queued. It is for
// Final.
func (r *Rig) Settled() {
	r.x.Assert(r.left == 0, "%d tasks have not ended", r.left)
	r.x.Assert(len(r.ready) == 0, "a frame is queued that no task lives in")
}

// Admit is true: a rig is open as long as it has tasks.
func (r *Rig) Admit(n int) bool {
	r.word.Add(1)
	r.left += n
	return true
}

// Submit queues frames. The way through an inbox of its own is how to get them out of a
// batch.
func (r *Rig) Submit(b task.Batch) {
	var in task.Inbox
	var frames []*task.Frame
	in.Put(b)
	in.Take(func(f *task.Frame) { frames = append(frames, f) })
	r.put(frames...)
}

// Sooner has nobody to tell: no worker sleeps with a deadline.
func (r *Rig) Sooner(int) {}

// put queues frames for any worker.
func (r *Rig) put(frames ...*task.Frame) {
	r.word.Add(1)
	for _, f := range frames {
		r.x.Assert(!slices.Contains(r.ready, f), "a frame is queued twice")
	}
	r.ready = append(r.ready, frames...)
}

func (w *worker) run() {
	for {
		for len(w.mine) > 0 {
			f := w.mine[0]
			w.mine = w.mine[1:]
			w.Step(f, false)
		}
		if !w.fetch() {
			return
		}
	}
}

// fetch takes what is queued, and waits until something is. It reports false when no task
// is left.
func (w *worker) fetch() bool {
	r := w.rig
	more := func() bool { return len(r.ready) > 0 || r.left <= 0 }
	for {
		r.word.Add(1)
		w.tell()
		switch n := len(r.ready); {
		case n > 0 && len(r.workers) == 1:
			w.mine, r.ready = r.ready, nil
			return true
		case n > 0:
			w.mine = append(w.mine, r.ready[0])
			r.ready = r.ready[1:]
			return true
		case r.left <= 0:
			return false
		}
		explore.Wait(&r.word, more)
	}
}

// tell tells the rig how many tasks have come to be, and ended. It is part of a step on
// the rig's word.
func (w *worker) tell() {
	now := int(w.Count.Spawned) - int(w.Count.Finished)
	w.rig.left += now - w.told
	w.told = now
}

func (w *worker) Push(f *task.Frame) {
	if len(w.rig.workers) == 1 {
		w.mine = append(w.mine, f)
		return
	}
	w.rig.put(f)
	w.tell() // before another worker ends what was spawned
}

func (w *worker) Next(f *task.Frame)  { w.Push(f) }
func (w *worker) Later(f *task.Frame) { w.Push(f) }

// Task is a task whose Poll is a function. It notices when two workers poll it at a time.
type Task struct {
	task.Frame
	name  string
	poll  func(cx *task.Cx) error
	polls explore.Plain[int]
}

// Named returns a task with a name.
func Named(name string, poll func(cx *task.Cx) error) *Task { return &Task{name: name, poll: poll} }

func (t *Task) Poll(cx *task.Cx) error {
	t.polls.Set(t.polls.Get() + 1)
	return t.poll(cx)
}

// TaskName returns the name.
func (t *Task) TaskName() string { return t.name }

// Polls returns how often the task was polled. It is for its polls, and for Final.
func (t *Task) Polls() int { return t.polls.Get() }

// TB is what Refute needs of a test.
type TB interface {
	Helper()
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
	Name() string
}

// Refute is explore.Refute with a look at what was found: a broken variant that fails for
// another reason than its own proves nothing. It needs so many preemptions; the sound
// variant is explored with no fewer.
func Refute(t TB, preemptions int, reason string, model func(*explore.X)) {
	t.Helper()
	f := explore.Refute(t, explore.Options{Preemptions: preemptions}, model)
	if !strings.Contains(f.Reason, reason) {
		t.Fatalf("want a failure that says %q:\n%v", reason, &f)
	}
}
