//go:build explore

package task

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// rig is a scheduler whose workers are threads of an exploration. What runs on it
// is the package's own code; only the queues are the rig's.
//
// There is one queue for all workers. Each access to it is one step on word, so
// that it costs an exploration as little as possible; it synchronizes what an
// Inbox synchronizes.
type rig struct {
	Runtime
	x       *explore.X
	workers []*worker
	word    explore.Uint32
	ready   []*Frame // changed only within a step on word
	left    int      // lives that have not ended; likewise
	root    *script  // or nil: with it all ends, however many lives there were
	closed  bool     // Admit refuses
}

// worker is a thread that polls until no task of the rig is left.
type worker struct {
	Runner
	rig   *rig
	mine  []*Frame // runnable, and nobody else's
	told  uint64   // of Count.Finished, how much the rig knows
	shy   bool     // puts nothing into mine: all goes through the rig's queue
	steps func(*Runner, *Frame)

	started func(*Frame, *Stamp) // or nil
}

// newRig declares workers that end when lives tasks have.
func newRig(x *explore.X, workers, lives int) *rig {
	r := &rig{x: x, left: lives}
	names := []string{"worker", "second", "third"}
	var runners []*Runner
	for i := range workers {
		w := &worker{rig: r, shy: workers > 1, steps: func(r *Runner, f *Frame) { r.Step(f, false) }}
		w.Init(w)
		r.workers = append(r.workers, w)
		runners = append(runners, &w.Runner)
		x.Go(names[i], w.run)
	}
	Open(context.Background(), &r.Runtime, r, runners...)
	return r
}

// step makes all workers poll with a broken variant of Step.
func (r *rig) step(f func(*Runner, *Frame)) {
	for _, w := range r.workers {
		w.steps = f
	}
}

// suspend makes all workers suspend tasks with a broken variant of suspend, unless
// it is nil.
func (r *rig) suspend(do func(*Runner, *Frame, *Cx, uint32)) {
	if do == nil {
		return
	}
	r.step(func(r *Runner, f *Frame) {
		was := f.state.start() | r.comes(f)
		cx := r.begin(f, was, false)
		if err := f.self.Poll(cx); err == Pending {
			do(r, f, cx, was)
		} else {
			r.complete(f, cx, err)
		}
	})
}

// spare tells the workers that there will be so many lives less than they expect.
func (r *rig) spare(lives int) {
	r.word.Add(1)
	r.left -= lives
}

// on starts t detached on a certain worker.
func (r *rig) on(worker int, t Task) {
	w := r.workers[worker]
	w.mine = append(w.mine, claim(t).enroll(t, &r.Runtime, &w.members))
}

// detach starts tasks detached, before the threads run; Detach would pick a list
// at random. The workers take turns, so that with two tasks each has one to begin
// with.
func (r *rig) detach(ts ...Task) {
	for i, t := range ts {
		r.on(i%len(r.workers), t)
	}
}

func (r *rig) Admit(int) bool { return !r.closed }

// Sooner: no rig has a worker that sleeps with a deadline.
func (r *rig) Sooner(int) {}

func (r *rig) Submit(b Batch) {
	var frames []*Frame
	for f := b.newest; f != nil; {
		next := f.next.Get()
		f.next.Set(nil)
		frames = append(frames, f)
		f = next
	}
	slices.Reverse(frames)
	r.put(frames...)
}

// put queues frames, and checks that they are in no queue yet: S1.
func (r *rig) put(frames ...*Frame) {
	r.word.Add(1)
	for _, f := range frames {
		r.x.Assert(!slices.Contains(r.ready, f), "S1: a frame is queued twice")
		for _, w := range r.workers {
			r.x.Assert(!slices.Contains(w.mine, f), "S1: a frame is queued twice")
		}
		r.ready = append(r.ready, f)
	}
}

func (w *worker) run() {
	for {
		for len(w.mine) > 0 {
			f := w.mine[0]
			w.mine = w.mine[1:]
			w.steps(&w.Runner, f)
		}
		if !w.fetch() {
			return
		}
	}
}

// fetch takes the oldest frame of the rig's queue, and waits until there is one.
// It reports false when no task is left.
func (w *worker) fetch() bool {
	r := w.rig
	ended := int(w.Count.Finished - w.told)
	w.told = w.Count.Finished
	if len(r.workers) == 1 { // nobody else takes, or wants to know
		if r.left -= ended; r.over() {
			return false
		}
		explore.Wait(&r.word, func() bool { return len(r.ready) > 0 || r.over() })
		r.word.Load()
		w.mine, r.ready = r.ready, nil
		return len(w.mine) > 0
	}
	for {
		r.word.Add(1)
		r.left -= ended
		if ended = 0; len(r.ready) > 0 {
			w.mine = append(w.mine, r.ready[0])
			r.ready = r.ready[1:]
			return true
		}
		if r.over() {
			return false
		}
		explore.Wait(&r.word, func() bool { return len(r.ready) > 0 || r.over() })
	}
}

// over reports whether there will be nothing to do any more.
func (r *rig) over() bool {
	if r.root != nil {
		return r.root.ends == 1
	}
	return r.left <= 0
}

func (w *worker) Push(f *Frame) {
	if w.shy {
		w.rig.put(f)
		return
	}
	w.mine = append(w.mine, f)
}

func (w *worker) Next(f *Frame)  { w.Push(f) }
func (w *worker) Later(f *Frame) { w.Push(f) }

// Answered and Started implement Watched.
func (w *worker) Answered(*Frame) {}
func (w *worker) Started(f *Frame, s *Stamp) {
	if w.started != nil {
		w.started(f, s)
	}
}

// settled fails the execution unless the tasks have left nothing behind.
func (r *rig) settled(ts ...*script) {
	x := r.x
	x.Assert(r.left == 0 || r.root != nil, "%d lives too few have ended", r.left)
	x.Assert(len(r.ready) == 0, "a frame is queued that no task lives in")
	for _, w := range r.workers {
		x.Assert(w.members.n == 0 && w.members.head == nil, "a detached task is still listed")
		x.Assert(w.orphan == nil, "a worker keeps a panic to itself")
	}
	x.Assert(len(r.groups) == 0, "the scheduler still knows a group")
	for _, t := range ts {
		x.Assert(t.state.done(), "%s has not ended: %v", t.name, &t.state)
		x.Assert(t.attached == nil, "%s is done and still holds something", t.name)
		x.Assert(t.joiners.Empty(), "somebody still waits for %s, which is done", t.name)
		x.Assert(t.members == nil && t.left == nil && t.right == nil, "%s is done and still in a list of members", t.name)
		x.Assert(t.ends == t.lives, "%s: Finish was called %d times in %d lives", t.name, t.ends, t.lives)
	}
}

// vacant fails the execution unless nobody is in g or waits for it.
func (r *rig) vacant(g *Group) {
	x := r.x
	x.Assert(g.live.Load() == 0, "%d members of the group are left", g.live.Load())
	x.Assert(g.head == nil && g.n == 0, "a member is still listed")
	x.Assert(g.waiters.Empty(), "somebody still waits for the group")
	x.Assert(g.owner == nil && g.attachment.what == nil, "the group still has an owner")
	x.Assert(g.active == 0 && g.backlog.N == 0 && g.backlog.oldest == nil, "the group's limit is out of step: %d active, %d waiting", g.active, g.backlog.N)
	x.Assert(len(g.runtimes) == 0, "the group still knows a scheduler")
}

// script is a task whose Poll is a function. It notices when two workers poll it.
type script struct {
	Frame
	name  string
	poll  func(t *script, cx *Cx) error
	polls explore.Plain[int] // in this life
	lives int                // untraced: they count what comes one after the other
	ends  int
	last  func() // what Finish does, or nil
}

func (t *script) Poll(cx *Cx) error {
	t.polls.Set(t.polls.Get() + 1)
	return t.poll(t, cx)
}

func (t *script) Finish(error) {
	t.ends++
	if t.last != nil {
		t.last()
	}
}

func (t *script) TaskName() string { return t.name }

// newScript returns a task that will have one life.
func newScript(name string, poll func(t *script, cx *Cx) error) *script {
	return &script{name: name, poll: poll, lives: 1}
}

// first reports whether this is the first poll of a life.
func (t *script) first() bool { return t.polls.Get() == 1 }

// waker is the waker of the life that has just been spawned.
func (t *script) waker() Waker { return Waker{&t.Frame, gen(t.state.bits.Peek())} }

// over waits, as no goroutine can, for the very moment at which t is done.
func (t *script) over(life int) {
	explore.Wait(&t.state.bits, func() bool {
		s := t.state.bits.Peek()
		return s&live == 0 && gen(s) == uint32(life)
	})
	t.state.done() // synchronizes, which Wait does not
}

// refute is explore.Refute with a look at what was found: a broken variant that
// fails for another reason than its own proves nothing. It needs so many
// preemptions; the sound variant is explored with no fewer.
func refute(t *testing.T, preemptions int, reason string, model func(*explore.X)) {
	t.Helper()
	f := explore.Refute(t, explore.Options{Preemptions: preemptions}, model)
	if !strings.Contains(f.Reason, reason) {
		t.Fatalf("want a failure that says %q:\n%v", reason, &f)
	}
}

// enter starts members of a group that nobody owns, before the threads run: one a
// worker to begin with.
func (r *rig) enter(g *Group, ts ...Task) {
	for i, t := range ts {
		w := r.workers[i%len(r.workers)]
		w.mine = append(w.mine, claim(t).enroll(t, &r.Runtime, g.enter(&r.Runtime, nil)))
	}
}
