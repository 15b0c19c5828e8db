package task

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/heist-go/heist/histogram"
	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/fifo"
	"github.com/heist-go/heist/internal/park"
)

// Limiter bounds how many blocking functions of a kind run at a time, each on a
// goroutine of its own. The others wait for their turn, first come, first served. Make
// a limiter for each thing that is scarce: a database, a disk.
type Limiter struct {
	Name  string // for diagnostics
	Limit int    // how many at a time; 0 or less: as many as the default limiter
	Queue int    // how many wait at a time, others are refused; 0 or less: any number

	mu      park.Mutex // guards what follows; held for a few instructions
	running int
	waiting fifo.Queue[*job]
	history LimiterHistory
}

// DefaultLimiter is the limiter of those that name none. Its limit suits functions that
// wait most of the time; 0 or less is that, too.
var DefaultLimiter = &Limiter{Name: "default", Limit: defaultLimit}

var defaultLimit = 16 * runtime.NumCPU()

// LimiterStats are a limiter's present figures.
type LimiterStats struct {
	Name    string
	Limit   int
	Running int // functions on a goroutine
	Waiting int // functions that wait for their turn
}

// LimiterHistory are a limiter's totals so far.
type LimiterHistory struct {
	Depth     int           // the most that have waited at a time
	Started   uint64        // all that have begun
	Withdrawn uint64        // taken back before they have begun
	Refused   uint64        // with ErrLimit
	Waited    time.Duration // the time from the call to the beginning, of all together
	Longest   time.Duration // of one
}

// Stats returns what the limiter does at the moment. Any thread.
func (c *Limiter) Stats() LimiterStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return LimiterStats{c.Name, c.limit(), c.running, c.waiting.Len()}
}

// History returns what the limiter has done so far. Any thread.
func (c *Limiter) History() LimiterHistory {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.history
}

func (c *Limiter) limit() int {
	switch {
	case c.Limit > 0:
		return c.Limit
	case DefaultLimiter.Limit > 0:
		return DefaultLimiter.Limit
	}
	return defaultLimit
}

// CallTimes are how long blocking functions have waited for their turn, and have run.
type CallTimes struct {
	Limiter   *Limiter // nil: of others
	Wait, Run histogram.Histogram
}

// calls are the times of a runtime's blocking functions.
type calls struct {
	mu  park.Mutex // held for a few instructions
	all []*CallTimes
}

// maxLimiters is of how many limiters a runtime knows the times.
const maxLimiters = 64

// record adds a function that has ended.
func (c *calls) record(l *Limiter, wait, run int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.of(l)
	t.Wait.Record(time.Duration(wait), 1)
	t.Run.Record(time.Duration(run), 1)
}

// of returns the times of a limiter. The lock is held.
func (c *calls) of(l *Limiter) *CallTimes {
	for _, t := range c.all {
		if t.Limiter == l {
			return t
		}
	}
	if l != nil && len(c.all) >= maxLimiters {
		return c.of(nil)
	}
	c.all = append(c.all, &CallTimes{Limiter: l})
	return c.all[len(c.all)-1]
}

// Calls returns the times of the blocking functions of rt's tasks that have ended, by limiter, those of many limiters
// together. Any goroutine.
func Calls(rt *Runtime) (all []CallTimes) {
	rt.calls.mu.Lock()
	defer rt.calls.mu.Unlock()
	for _, t := range rt.calls.all {
		all = append(all, *t)
	}
	return all
}

// job is a function on its way through a limiter.
type job struct {
	fifo.Node[*job]
	runner runner
	rt     *Runtime // of the task that waits for it
	since  int64    // when it was queued
	waited int64    // in the queue, in ns
}

// runner is what a job does.
type runner interface {
	run()
	put() // puts the result where it is waited for, when the job's place is the next one's
}

// submit starts j, or puts it in the queue; or refuses it with ErrLimit, if that is full, or if
// it would have to wait, with try.
func (c *Limiter) submit(j *job, try bool) error {
	c.mu.Lock()
	if c.running < c.limit() {
		c.running++
		c.history.Started++
		c.mu.Unlock()
		c.start(j)
		return nil
	}
	if try || c.Queue > 0 && c.waiting.Len() >= c.Queue {
		c.history.Refused++
		c.mu.Unlock()
		return ErrLimit
	}
	j.since = clock.Now()
	c.waiting.Push(j)
	c.history.Depth = max(c.history.Depth, c.waiting.Len())
	c.mu.Unlock()
	return nil
}

// start begins a goroutine with j.
func (c *Limiter) start(j *job) { j.rt.start("a blocking function", func() { c.work(j) }) }

// work runs j, and what waits behind it.
func (c *Limiter) work(j *job) {
	defer func() {
		if j != nil { // runtime.Goexit: the next one needs another goroutine
			c.pass()
			j.runner.put()
		}
	}()
	for j != nil {
		begin := clock.Now()
		j.runner.run()
		j.rt.calls.record(c, j.waited, clock.Now()-begin)
		c.mu.Lock()
		next := c.next()
		c.mu.Unlock()
		j.runner.put()
		j = next
	}
}

// pass gives the place of a goroutine that ends to the next in the queue.
func (c *Limiter) pass() {
	c.mu.Lock()
	j := c.next()
	c.mu.Unlock()
	if j != nil {
		c.start(j)
	}
}

// next takes the one out of the queue that has the place of one that has ended. The lock is
// held.
func (c *Limiter) next() *job {
	j := c.waiting.Oldest()
	if j == nil {
		c.running--
		return nil
	}
	c.waiting.Remove(j)
	j.waited = clock.Now() - j.since
	waited := time.Duration(j.waited)
	c.history.Started++
	c.history.Waited += waited
	c.history.Longest = max(c.history.Longest, waited)
	return j
}

// withdraw takes j back, if it has not begun.
func (c *Limiter) withdraw(j *job) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !j.Queued() {
		return false
	}
	c.waiting.Remove(j)
	c.history.Withdrawn++
	return true
}

// Blocking lets a task wait for a function that blocks. It is a field of the task;
// the zero value is ready.
type Blocking[T any] struct {
	Limiter *Limiter // nil: DefaultLimiter
	// Drop is called with a result that nobody is there for any more: the call was abandoned,
	// or the task has ended. nil: if it is an io.Closer, it is closed.
	Drop func(T)
	// Detached says that the functions touch nothing that is the task's. Then one that was
	// abandoned does not hold up the next, and Drop is called where it ends, on its goroutine.
	Detached bool

	offload Offload[T]
}

// Do runs f on a goroutine and returns its result. Called again after Pending, it
// does not look at f. f's context has the values of [Cx.Context], and is done when the
// task is canceled: a function that has not begun is then taken back, and one that
// runs is waited for, because it may use what is the task's. If it has failed then, its
// error is ErrCanceled, too; a result is a result. In a stage that is shielded it is not done then
// ([Cx.Shield]). f's panic is raised in the task.
//
// A call that is abandoned (see [Operation]) is taken back if it has not begun; else its
// context is done, with a cause that is ErrCanceled, and its result goes to Drop. The next call
// begins when it has ended, unless Detached says that it need not wait. The task's end waits
// for all. If too many of its limiter wait, it returns ErrLimit.
func (b *Blocking[T]) Do(cx *Cx, f func(context.Context) (T, error)) (v T, err error) {
	return b.do(cx, f, false)
}

// Try is [Blocking.Do], but returns ErrLimit instead of waiting for a turn. A call that follows
// Pending goes on with what was begun, whichever of the two it is.
func (b *Blocking[T]) Try(cx *Cx, f func(context.Context) (T, error)) (v T, err error) {
	return b.do(cx, f, true)
}

func (b *Blocking[T]) do(cx *Cx, f func(context.Context) (T, error), try bool) (v T, err error) {
	b.offload.Drop, b.offload.Detached = b.Drop, b.Detached
	return b.offload.Do(cx, func(cx *Cx, slot *Slot[T]) Remote {
		limiter := b.Limiter
		if limiter == nil {
			limiter = DefaultLimiter
		}
		ctx := cx.Context()
		if cx.shielded { // whatever becomes of the group
			ctx = context.WithoutCancel(ctx)
		}
		ctx, cancel := context.WithCancelCause(ctx)
		c := &blockingCall[T]{limiter: limiter, ctx: ctx, cancel: cancel, f: f, slot: slot}
		c.runner, c.rt = c, cx.run.rt
		if err := limiter.submit(&c.job, try); err != nil {
			cancel(nil)
			slot.Put(v, err)
		}
		return c
	})
}

// blockingCall is a function on its way through a limiter.
type blockingCall[T any] struct {
	job
	limiter *Limiter
	ctx     context.Context
	cancel  context.CancelCauseFunc
	f       func(context.Context) (T, error)
	slot    *Slot[T]
	helper  uint64 // the goroutine's number
	v       T
	err     error
}

func (c *blockingCall[T]) run() {
	c.helper = help(helper{rt: c.rt, call: c})
	pprof.SetGoroutineLabels(c.ctx) // not those of the function before
	c.err = fmt.Errorf("task: blocking: %w", ErrGoexit)
	defer func() {
		if p := recover(); p != nil {
			c.err = newPanic("blocking function", p)
		} else if c.err != nil {
			c.err = because(c.ctx, c.err)
		}
		c.cancel(nil)
	}()
	c.v, c.err = c.f(c.ctx)
}

func (c *blockingCall[T]) put() {
	defer unhelp(c.helper) // behind a drop hook
	c.slot.Put(c.v, c.err)
}

// Cancel is of [Remote].
func (c *blockingCall[T]) Cancel(cause error) bool {
	c.cancel(cause)
	return c.limiter.withdraw(&c.job)
}

// because makes of the error of a function whose context is done one that is ErrCanceled and
// wraps why, too. It does not ask the task: the context may know before the task does.
func because(ctx context.Context, err error) error {
	why := context.Cause(ctx)
	if why == nil || errors.Is(err, ErrCanceled) {
		return err
	}
	if !errors.Is(why, ErrCanceled) {
		why = &canceled{why}
	}
	if errors.Is(why, err) { // it is the context's
		return fmt.Errorf("task: blocking: %w", why)
	}
	return fmt.Errorf("task: blocking: %w: %w", why, err)
}
