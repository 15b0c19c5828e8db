// Package pool runs stackless tasks on work-stealing OS threads.
//
// A [Pool] has a number of workers. Each is a goroutine locked to its thread,
// with a LIFO slot for what the running task has just woken, a deque of runnable
// tasks that idle workers steal from, and an inbox for tasks from other threads.
// A worker that finds nothing parks on a futex; there is no spinning while the
// pool is idle.
//
//	p, err := pool.New(pool.Config{})
//	...
//	defer p.Close()
//
//	var g task.Group
//	g.Go(p, &fetch{url: a})
//	g.Go(p, &fetch{url: b})
//	err = g.WaitContext(ctx)
//
// # Fairness
//
// Runnable tasks of a worker are polled in the order in which they became so,
// with two exceptions: a task that was woken by the one polled last may run next,
// but at most maxStreak times in a row, and on what is left of the former's budget
// of operations; and every few polls, at intervals of lookNanos or so, the
// inbox is emptied into the queue. A worker never looks at priorities, and never
// interrupts a poll.
//
// # Threads and GOMAXPROCS
//
// A worker needs a P of the Go runtime while it runs, and what it readies for the
// Go scheduler waits on that P for another thread to steal it. So a pool adds its
// number of workers plus one to GOMAXPROCS when it polls its first task, and takes that back at its end; see [Config].Procs.
// Setting GOMAXPROCS by hand ends the runtime's own tracking of CPU limits until
// the pool is closed.
//
// Threads start when there is work for them, and end with the pool; a spare's ends when it is retired
// and has no timers.
package pool

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/pool/fork"
	"github.com/heist-go/heist/task"
)

// ErrClosed is what a task ends with that was started on a closed pool, and the
// cause of the cancellation of those that Close finds.
var ErrClosed = task.ErrClosed

// Config describes a pool. The zero value is a good choice.
type Config struct {
	// Workers is the number of threads that poll tasks. Default: GOMAXPROCS, as
	// it is without pools.
	Workers int
	// Procs is what the pool adds to GOMAXPROCS, from its first work to its end. Default: Workers
	// + 1. Negative: nothing.
	Procs int
	// Reactors is how many pollers of the kernel the connections are spread over.
	// Default: one, which is best unless most of what many workers do is to read and
	// write.
	Reactors int
	// StallLimit is how long a poll may take before it is reported to Logger: 10
	// ms by default. Time that it waits for a processor does not count, where the system
	// tells. A report is some lines long; there is one a second at most, and Stats counts
	// them all. When all workers are in polls that take long, others take part meanwhile;
	// a negative StallLimit forbids that, and reports, also for computations.
	StallLimit time.Duration
	// MaxThreads is how many threads may poll tasks when workers are in computations, or
	// in polls that take long. The kernel shares the processors among them. Default: 8
	// times Workers, at least 16, and a quarter of what the system allows the process at
	// most. As many as Workers: no others ever take part.
	MaxThreads int
	// Backlog bounds how many tasks that were started from outside wait for their first
	// poll. What is started beyond that by [Pool.Go] or [task.Group.Go] ends at once, with
	// task.ErrLimit; [task.Group.TryGo] returns it; [task.Group.GoContext] and [Pool.Run]
	// wait for room. What tasks start, wake-ups, and what [Pool.AfterFunc] starts do not
	// count, nor what a group with a limit keeps back (see [task.Group.SetBacklog]). Default:
	// no bound.
	Backlog int
	// Hooks are called at the beginnings and ends of threads and tasks. Default: none.
	Hooks Hooks
	// Clock is the time of tasks and timers, for tests. Default: the machine's.
	Clock *task.Clock
	// Labels adds to the samples of a CPU profile which worker, and what kind of task,
	// they were taken in, as the labels "worker" and "task" (see runtime/pprof); and, of tasks in a group, or below one, that
	// was made with task.WithContext, the labels of that context, such as whose request it is. It costs
	// as much as a short poll whenever another kind of task is polled. Default: whether
	// the environment variable HEIST_LABELS is set, whose value is the label "run".
	Labels bool
	// Samples is how often each worker samples what its tasks do, for [Pool.Metrics]: one poll, and how long one task
	// has been runnable, so often at most. Default: 100 µs, which costs a worker some 0.1 % of its time. 1 ns: each poll.
	// Negative: never.
	Samples time.Duration
	// Debug records which tasks, and goroutines, hold which locks, so that a Dump names deadlocks of locks; where each task
	// was started, and when its last poll has begun, so that a Dump has both. A lock that a task takes and gives back costs
	// some 200 ns more, the start of a task some 900, and a poll some 50. Builds with the tag heistdebug record locks anyway.
	Debug bool
	// Logger is told about what an operator should know. Default: silence.
	Logger *slog.Logger
	// Stalled is told about polls that take longer than StallLimit, while they last: one a second at most, on a
	// goroutine, one at a time. It may block. flight.Writer's writes a trace. Default: nobody.
	Stalled func(Stall)
	// Panicked is told about each panic in a child that nobody waits for at that moment, on
	// the thread where it was polled: of a member of a group, a goroutine among them, or of
	// a handle's task. It is kept for who waits later, all the same; if nobody has seen it
	// when the group or handle is dropped, Panicked is told once more. A panic of a
	// detached task ends the process after that. Several threads may call it at a time.
	// Default: the panic is written to the standard error.
	Panicked func(*task.PanicError)
}

const (
	// maxWorkers is a bound against mistakes in configuration.
	maxWorkers = 1 << 12
	// threadsPerWorker and minThreads are the default of Config.MaxThreads.
	threadsPerWorker = 8
	minThreads       = 16
	// runtimeThreads is how many Go's runtime allows, unless it is told otherwise.
	runtimeThreads = 10_000
)

// spawner is embedded under a name of its own, so that the pool is a task.Spawner without a field
// of its public face.
type spawner = task.Outside

// Pool runs tasks. It is a [task.Spawner]: tasks are started on it with
// [task.Group.Go], [task.Go] or [Pool.Go]. All methods may be called from any
// goroutine; those that block must not be called from within a task.
type Pool struct {
	spawner
	runtime    task.Runtime
	config     Config
	workers    []*worker     // with room for the spares
	made       atomicx.Int64 // how many there have been; see everybody
	size       atomicx.Int64 // how many others have to look at; see active
	activated  atomicx.Int64 // active spares; changed under activating
	away       atomicx.Int64 // workers that compute
	mostAway   atomicx.Int64 // of them at a time, since the monitor's last look; a hint
	activating park.Mutex    // held to activate, and to retire
	parking    parking
	monitor    monitor
	team       *fork.Team
	batons     []baton // of the reactors
	jobs       jobs
	watchers   atomicx.Int64 // calls of Watch that have not ended
	traces     traces
	looks      looks
	opening    sync.Mutex // for the reactors
	procs      procs
	cancel     context.CancelCauseFunc
	start      func(*worker) // starts its thread; explored tests have threads of their own

	admitted  atomicx.Int64 // tasks spawned from outside
	threads   atomicx.Int64 // started and not ended
	started   atomicx.Int64
	acks      atomicx.Int64 // workers that publish every count, for closing
	closing   atomicx.Bool  // nothing comes from outside any more
	bounded   atomicx.Bool  // a Shutdown has a deadline: for dumps
	stopped   atomicx.Bool  // all tasks are finished
	done      chan struct{} // closed when the last thread has ended
	finishing atomicx.Bool  // a thread closes done
}

// New returns a pool. Its threads start when there is work for them.
func New(c Config) (*Pool, error) {
	if c.Workers < 0 || c.Workers > maxWorkers {
		return nil, fmt.Errorf("pool: new: %d workers: the number must be from 1 to %d, or 0 for the default", c.Workers, maxWorkers)
	}
	if c.Workers == 0 {
		c.Workers = min(procsBase(), maxWorkers)
	}
	c.Labels = c.Labels || os.Getenv(labelsVariable) != ""
	if c.Reactors < 0 || c.Reactors > c.Workers {
		return nil, fmt.Errorf("pool: new: %d reactors: the number must be from 1 to that of the workers, %d, or 0 for one", c.Reactors, c.Workers)
	}
	c.Reactors = max(c.Reactors, 1)
	if c.Backlog < 0 {
		return nil, fmt.Errorf("pool: new: a backlog of %d: the number must be positive, or 0 for no bound", c.Backlog)
	}
	if c.MaxThreads != 0 && (c.MaxThreads < c.Workers || c.MaxThreads > maxWorkers) {
		return nil, fmt.Errorf("pool: new: %d threads at most: the number must be from that of the workers, %d, to %d, or 0 for the default", c.MaxThreads, c.Workers, maxWorkers)
	}
	if c.MaxThreads == 0 {
		c.MaxThreads = min(max(threadsPerWorker*c.Workers, minThreads), maxWorkers)
	}
	c.MaxThreads = max(min(c.MaxThreads, threadLimit()/4), c.Workers)
	switch {
	case c.StallLimit < 0:
		c.MaxThreads = c.Workers
	case c.StallLimit == 0:
		c.StallLimit = stallLimit
	}
	if c.Samples == 0 {
		c.Samples = sampleEvery
	}
	spares := c.MaxThreads - c.Workers
	p := &Pool{config: c, done: make(chan struct{})}
	p.spawner = task.OutsideOf(&p.runtime)
	p.parking.begin(c.Workers, spares)
	p.size.Store(int64(c.Workers)) // initialisation
	p.batons = make([]baton, c.Reactors)
	p.parking.batons = p.batons
	p.monitor.pool, p.monitor.done, p.monitor.stalls.log = p, make(chan struct{}), c.Logger
	p.monitor.stalls.hook = c.Stalled
	p.start = func(w *worker) {
		// Claim. The start of the monitor. Pairs with: (*Pool).tryFinish.
		if p.monitor.started.CompareAndSwap(false, true) {
			p.threads.Add(1) // the worker's thread is counted already
			p.monitor.start()
		}
		go w.main()
	}
	p.workers = make([]*worker, c.MaxThreads)
	p.team = fork.NewTeam((*seam)(p), c.Workers, c.MaxThreads)
	p.jobs.team = p.team
	p.team.SetQueue(&p.jobs)
	runners := make([]*task.Runner, c.Workers)
	for i := range runners {
		p.add()
		runners[i] = &p.workers[i].runner
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	p.cancel = cancel
	if c.Clock != nil {
		task.SetClock(&p.runtime, c.Clock)
	}
	task.SetPanicked(&p.runtime, c.Panicked)
	task.SetBacklog(&p.runtime, c.Backlog)
	task.SetSpares(&p.runtime, spares)
	if c.Hooks.TaskEnded != nil {
		task.SetEnded(&p.runtime, c.Hooks.TaskEnded)
	}
	if c.Debug {
		task.SetDebug(&p.runtime)
	}
	task.SetTails(&p.runtime, p.afterPoll)
	task.Open(ctx, &p.runtime, (*seam)(p), runners...)
	return p, nil
}

// Default returns the pool that the process shares. It is made by the first call
// and never closed.
var Default = sync.OnceValue(func() *Pool {
	p, err := New(Config{})
	if err != nil {
		panic(err) // the zero Config is valid
	}
	return p
})

// Go starts t detached: its error is in its frame only, and a panic that nobody
// waits for crashes the process. Prefer a [task.Group]. On a closed pool t is
// finished at once, with ErrClosed. Go does not block.
func (p *Pool) Go(t task.Task) { task.Detach(p, t) }

// GoAll is Go for several tasks, with one notification of the workers.
func (p *Pool) GoAll(ts ...task.Task) { task.DetachAll(p, ts...) }

// Run runs t on the pool and blocks until nothing is left of it. When ctx is done
// t is canceled, with ctx's cause, and Run still waits for its end. It returns
// t's result and raises its panic.
func (p *Pool) Run(ctx context.Context, t task.Task) error {
	task.MustNotPoll("pool: Run inside a task would stop its worker: start the other task in a Group and Wait(cx) for it")
	return task.RunOn(ctx, &p.runtime, t)
}

// Workers returns the number of workers, spares not included.
func (p *Pool) Workers() int { return p.config.Workers }
