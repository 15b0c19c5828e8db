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
// of operations; and every few polls (so that it happens about every 200 µs) the
// inbox is emptied into the queue. A worker never looks at priorities, and never
// interrupts a poll.
//
// # Threads and GOMAXPROCS
//
// A worker needs a P of the Go runtime while it runs, and what it readies for the
// Go scheduler waits on that P for another thread to steal it. So a pool adds its
// number of workers plus one to GOMAXPROCS while it lives; see [Config].Procs.
// Setting GOMAXPROCS by hand ends the runtime's own tracking of CPU limits until
// the pool is closed.
//
// Threads start when there is work for them, and end with the pool.
package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
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
	// Procs is what the pool adds to GOMAXPROCS while it lives. Default: Workers
	// + 1. Negative: nothing.
	Procs int
	// Reactors is how many pollers of the kernel the connections are spread over.
	// Default: one, which is best unless most of what many workers do is to read and
	// write.
	Reactors int
	// Unlocked leaves the workers' goroutines unlocked from their threads.
	Unlocked bool
	// StallLimit is how long a poll may take before it is reported to Logger: 10
	// ms by default. When all workers are in polls that take long, others take
	// part meanwhile; a negative StallLimit forbids that, and reports.
	StallLimit time.Duration
	// Clock is the time of tasks and timers, for tests. Default: the machine's.
	Clock *task.Clock
	// Labels adds to the samples of a CPU profile which worker, and what kind of task,
	// they were taken in, as the labels "worker" and "task" (see runtime/pprof). It costs
	// as much as a short poll whenever another kind of task is polled. Default: whether
	// the environment variable HEIST_LABELS is set, whose value is the label "run".
	Labels bool
	// Logger is told about what an operator should know. Default: silence.
	Logger *slog.Logger
}

// maxWorkers is a bound against mistakes in configuration.
const maxWorkers = 1 << 12

// home is embedded under a name of its own, so that the pool is a task.Spawner
// and Home is no field of its public face.
type home = task.Home

// Pool runs tasks. It is a [task.Spawner]: tasks are started on it with
// [task.Group.Go], [task.Go] or [Pool.Go]. All methods may be called from any
// goroutine; those that block must not be called from within a task.
type Pool struct {
	home
	config  Config
	workers []*worker     // with the spares
	size    atomicx.Int64 // how many are in use; see crew
	parking parking
	guard   guard
	seats   []*seat    // of the workers, and of goroutines that compute
	batons  []baton    // of the reactors
	opening sync.Mutex // for the reactors
	procs   procs
	cancel  context.CancelCauseFunc
	start   func(*worker) // starts its thread; explored tests have threads of their own

	computing atomicx.Int64  // threads in computations
	taken     atomicx.Uint64 // seats that goroutines have, a bit for each

	admitted atomicx.Int64 // tasks spawned from outside
	threads  atomicx.Int64 // started and not ended
	started  atomicx.Int64
	acks     atomicx.Int64 // workers that publish every count, for closing
	closing  atomicx.Bool  // nothing comes from outside any more
	stopped  atomicx.Bool  // all tasks are finished
	done     chan struct{} // closed when the last thread has ended
	ending   atomicx.Bool  // somebody closes done
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
	spares := c.Workers
	switch {
	case c.StallLimit < 0:
		spares = 0
	case c.StallLimit == 0:
		c.StallLimit = stallLimit
	}
	p := &Pool{config: c, done: make(chan struct{})}
	p.parking.begin(c.Workers, spares)
	p.size.Store(int64(c.Workers))
	p.batons = make([]baton, c.Reactors)
	p.parking.batons = p.batons
	p.guard.pool, p.guard.over, p.guard.stalls.log = p, make(chan struct{}), c.Logger
	p.start = func(w *worker) {
		if p.guard.started.CompareAndSwap(false, true) {
			p.threads.Add(1)
			p.guard.start()
		}
		go w.main()
	}
	runners := make([]*task.Runner, c.Workers+spares)
	for i := range runners {
		w := &worker{pool: p, id: i, due: 1, friend: i + 1}
		w.rng.Seed(rand.Uint64(), uint64(i))
		w.runner.Init(w)
		w.seat = p.seat()
		p.workers = append(p.workers, w)
		runners[i] = &w.runner
	}
	for range maxGuests {
		p.seat()
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	p.cancel = cancel
	if c.Clock != nil {
		task.SetClock(&p.home, c.Clock)
	}
	task.SetSpares(&p.home, spares)
	task.SetDriver(&p.home, p)
	task.Open(ctx, &p.home, (*intake)(p), runners...)
	p.procs.take(c)
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
	g := task.WithContext(ctx)
	g.Go(p, t)
	return g.WaitContext(ctx)
}

// Workers returns the number of workers, spares not included.
func (p *Pool) Workers() int { return p.config.Workers }

// intake is the pool's task.Scheduler: not for users.
type intake Pool

// Admit implements task.Scheduler.
func (in *intake) Admit(n int) bool {
	p := (*Pool)(in)
	// Store-load: count first, look second. Whoever closes the pool does it the
	// other way round: either it sees the count, or we see that it closes.
	// Pairs with: (*Pool).settle.
	p.admitted.Add(int64(n))
	if !p.closing.Load() {
		return true
	}
	p.admitted.Add(int64(-n))
	p.settle() // the count may have held up the end
	return false
}

// Submit implements task.Scheduler: frames from outside go to the worker that
// will be woken for them, or to any.
func (in *intake) Submit(b task.Batch) {
	p := (*Pool)(in)
	i := p.parking.lowest()
	if i < 0 {
		i = rand.IntN(p.config.Workers)
	}
	p.workers[i].inbox.Put(b)
	p.notify()
}

// notify wakes a worker if one has to be woken for work that was just queued.
func (p *Pool) notify() {
	if i := p.parking.pick(); i >= 0 {
		p.wake(p.workers[i])
	}
}

// wake unparks a worker that was claimed, or starts its thread.
func (p *Pool) wake(w *worker) {
	if w.started.Load() || !w.started.CompareAndSwap(false, true) {
		p.unpark(w)
		return
	}
	// Store-load: count first, look second. The pool stops first, and then looks
	// at the count: so either it waits for this thread, or the thread is not
	// started. (What w was claimed for may have ended long ago: its submitter can
	// be this late.)
	// Pairs with: (*Pool).settle.
	p.threads.Add(1)
	if p.stopped.Load() {
		p.ended()
		return
	}
	p.started.Add(1)
	w.searching = true
	p.start(w)
}

// anyWork looks at all queues, for a worker that is about to park.
func (p *Pool) anyWork() bool {
	for _, w := range p.crew() {
		if w.deque.Len() > 0 || !w.inbox.Empty() {
			return true
		}
	}
	return p.anyBranch()
}

// allIdle reports whether no worker is awake.
func (p *Pool) allIdle() bool {
	for i := range p.crew() {
		if !p.parking.isIdle(i) {
			return false
		}
	}
	return true
}

// Close cancels all tasks, waits until they have ended, and ends the threads. It
// is idempotent. It returns when nothing of the pool is left.
func (p *Pool) Close() error {
	task.MustNotPoll("pool: Close inside a task would wait for that task: close the pool from a goroutine")
	p.closing.Store(true)
	p.abort(ErrClosed)
	p.finish()
	p.wait()
	return nil
}

// wait blocks until nothing of the pool is left.
func (p *Pool) wait() {
	<-p.done
	p.guard.stalls.writes.Wait()
}

// Shutdown ends the pool softly: it takes no more tasks from outside, tells those
// that it has to come to an end ([task.Cx.Draining]), and waits for them. When ctx
// is done it cancels what is left, waits for that, and returns an error that
// wraps ctx's cause. When it returns nothing of the pool is left.
func (p *Pool) Shutdown(ctx context.Context) error {
	task.MustNotPoll("pool: Shutdown inside a task would wait for that task: shut the pool down from a goroutine")
	p.closing.Store(true)
	p.Drain()
	p.finish()
	defer p.wait()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		select {
		case <-p.done: // both: nothing is left to cancel
			return nil
		default:
		}
		err := fmt.Errorf("pool: shutdown: %w", context.Cause(ctx))
		p.abort(err)
		return err
	}
}

var errPoolDone = errors.New("pool: the pool has ended")

// gomaxprocs is runtime.GOMAXPROCS(0).
func gomaxprocs() int { return runtime.GOMAXPROCS(0) }
