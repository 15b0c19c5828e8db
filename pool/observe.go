package pool

import (
	"context"
	"runtime/trace"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// observer is a worker's instrument: what is done around a poll while somebody looks. A worker has none
// otherwise, and one branch is all that it costs, on a flag that samples need in any case (see run).
//
//	Config.Labels              labels of profiles
//	(*Pool).Watch              which kind is polled, for Activity
//	runtime/trace is enabled   a task of the trace for each task, a region for each poll
//
// A worker looks whether it needs one as often as it looks at its timers, and when it has parked. So a
// poll that was long before somebody looked is not seen, until it ends.
type observer struct {
	worker  *worker
	labels  *labels // or nil
	watched bool
	traced  bool
	kinds   map[task.KindKey]*string
	last    task.KindKey
	name    *string // of last
	region  *trace.Region
	open    bool // a poll is in progress, or has panicked
}

// observe gives the worker an observer if it needs one, or takes it away.
func (w *worker) observe() {
	watched, traced := w.pool.watchers.Load() > 0, trace.IsEnabled()
	if o := w.observer; o == nil && !watched && !traced || o != nil && o.watched == watched && o.traced == traced {
		return
	}
	if w.observer == nil {
		w.observer = &observer{worker: w}
	}
	o := w.observer
	if o.traced && !traced {
		w.pool.traces.clear()
	}
	o.watched, o.traced, w.special = watched, traced, true
	if !watched && !traced {
		o.kinds, o.name, o.last = nil, nil, task.KindKey{}
		if o.labels == nil {
			w.observer = nil
		}
	}
}

// step is a poll under observation.
func (o *observer) step(f *task.Frame, inherit bool) {
	w := o.worker
	if o.labels != nil {
		o.labels.poll(f)
	}
	if !o.watched && !o.traced {
		w.stepSampled(f, inherit)
		return
	}
	o.begin(f)
	if !o.traced {
		w.stepSampled(f, inherit)
		o.end()
		return
	}
	life := task.WakerOf(f)
	ctx := w.pool.traces.enter(life, o.name)
	o.region = trace.StartRegion(ctx, *o.name)
	before := w.runner.Count.Finished
	w.stepSampled(f, inherit)
	o.end()
	if w.runner.Count.Finished != before {
		w.pool.traces.leave(life)
	}
}

// begin notes what is polled.
func (o *observer) begin(f *task.Frame) {
	t := task.Of(f)
	if id := task.KeyOf(t); id != o.last || o.name == nil {
		o.last, o.name = id, o.kinds[id]
		if o.name == nil {
			name := printable(task.Kind(t))
			o.name = &name
			if o.kinds == nil || len(o.kinds) >= maxKinds {
				o.kinds = map[task.KindKey]*string{}
			}
			o.kinds[id] = o.name
		}
	}
	o.open = true
	if o.watched {
		// Publish. The name. Pairs with: (*Pool).Activity.
		atomicx.StoreReleasePointer(&o.worker.polled, o.name)
	}
}

// end ends what begin has begun. It is called again when a poll has panicked.
func (o *observer) end() {
	if !o.open {
		return
	}
	o.open = false
	if o.region != nil {
		o.region.End()
		o.region = nil
	}
	// Hint. Pairs with: (*Pool).Activity.
	atomicx.StoreReleasePointer(&o.worker.polled, nil)
}

// traces are the tasks of a trace, by task. They are there while runtime/trace is enabled.
type traces struct {
	mu    park.Mutex // held for an access to the map
	tasks map[task.Waker]*traced
}

// traced is a task of a trace.
type traced struct {
	ctx  context.Context
	task *trace.Task
}

// maxTraced bounds how many tasks are told apart in a trace. Polls of others are regions without a task.
const maxTraced = 1 << 16

// enter returns the context of the task of the trace that stands for the task; it begins with the first poll that
// is traced, below the task of the trace that is in the context of its group, if any.
func (t *traces) enter(life task.Waker, kind *string) context.Context {
	t.mu.Lock()
	x, full := t.tasks[life], len(t.tasks) >= maxTraced
	t.mu.Unlock()
	if x != nil {
		return x.ctx
	}
	f, _ := life.Life()
	parent, _ := valuesOf(f)
	if parent == nil {
		parent = context.Background()
	}
	if full {
		return parent
	}
	x = new(traced)
	x.ctx, x.task = trace.NewTask(parent, *kind)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tasks == nil {
		t.tasks = map[task.Waker]*traced{}
	}
	t.tasks[life] = x // nobody else polls it
	return x.ctx
}

// leave ends the task of the trace.
func (t *traces) leave(life task.Waker) {
	t.mu.Lock()
	x := t.tasks[life]
	delete(t.tasks, life)
	t.mu.Unlock()
	if x != nil {
		x.task.End()
	}
}

// clear forgets all: the trace has ended.
func (t *traces) clear() {
	t.mu.Lock()
	t.tasks = nil
	t.mu.Unlock()
}

// Activity is what a worker does at a moment.
type Activity struct {
	Worker int
	State  WorkerState
	// Kind is what kind of task is polled (see [task.Kind]); "": none, or it is not known, because the poll
	// began before [Pool.Watch].
	Kind   string
	For    time.Duration // it has been in one poll, if it is Stuck
	Queued int           // frames in its deque and its LIFO slot
	Inbox  bool          // frames have come from other threads
	Spare  bool          // it takes part because others compute, or are in long polls

	// What it has done so far, as of its last look: in a long poll that is before it.
	Polls, Parks, Thefts, Stolen, Fired, Injected uint64
}

// WorkerState is what a worker is in the middle of.
type WorkerState uint8

// The states of a worker.
const (
	Parked    WorkerState = iota // it sleeps
	Poller                       // it sleeps in the kernel's poll, for all others
	Running                      // it polls, or looks for work
	Computing                    // it computes: a pool.Job, or a part of a computation
	Stuck                        // it has been in one poll for longer than Config.StallLimit
)

var workerStates = [...]string{"parked", "poller", "running", "computing", "stuck"}

func (s WorkerState) String() string { return workerStates[s] }

// Watch has workers note what kind of task they poll, for [Pool.Activity], until stop is called. A worker begins
// within a millisecond or, if it is in a long poll, when that ends. A poll takes some ten nanoseconds longer
// meanwhile. Any goroutine; it does not block.
func (p *Pool) Watch() (stop func()) {
	p.watchers.Add(1) // Hint.
	ended := new(atomicx.Bool)
	return func() {
		if !ended.Swap(true) { // Claim. The end. Pairs with: (*Pool).Watch.
			p.watchers.Add(-1) // Hint.
		}
	}
}

// Activity appends what each worker does at the moment to into: those that have started, in the order of their
// numbers. It is some loads for each, and disturbs nobody. Any goroutine; it does not block.
func (p *Pool) Activity(into []Activity) []Activity {
	now, limit := clock.Now(), int64(max(p.config.StallLimit, -p.config.StallLimit))
	for i, w := range p.everybody() {
		if !w.started.Load() || w.retired.Load() && p.parking.isParked(i) {
			continue
		}
		parked := p.parking.isParked(i) // before the counts, which it publishes before it parks
		a := Activity{
			Worker: w.id, State: Running, Queued: w.deque.Len(), Inbox: !w.inbox.Empty(), Spare: w.id >= p.config.Workers,
			Polls: w.public[polls].Load(), Parks: w.public[parks].Load(), Thefts: w.public[thefts].Load(),
			Stolen: w.public[stolen].Load(), Fired: w.public[fired].Load(), Injected: w.public[injected].Load(),
		}
		if w.lifo.Load() != nil {
			a.Queued++
		}
		if name := w.polled.Load(); name != nil { // Pairs with: (*observer).begin, (*observer).end.
			a.Kind = *name
		}
		switch {
		case parked:
			a.State, a.Kind = Parked, ""
			for k := range p.batons {
				if p.batons[k].holder.Load() == int64(1+i) {
					a.State = Poller
				}
			}
		case w.departed.Load():
			a.State = Computing
		default:
			if since := w.stuck.Load(); since != 0 && now-since >= limit {
				a.State, a.For = Stuck, time.Duration(now-since)
			}
		}
		into = append(into, a)
	}
	return into
}
