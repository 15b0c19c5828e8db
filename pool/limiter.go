package pool

import (
	"time"

	"github.com/heist-go/heist/histogram"
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/fifo"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/pool/fork"
	"github.com/heist-go/heist/task"
)

// Limiter is a bound for a kind of [Job]: how many of them compute, and how many wait, at a time. The
// zero value, and nil, has no bounds of its own. Make one for each kind of work,
// not for each request; it must not be changed after its first use.
type Limiter struct {
	Name  string // for diagnostics
	Limit int    // how many compute at a time; 0 or less: as many as the pool has workers
	Queue int    // how many wait at a time, others are refused; 0 or less: any number
	// Short says that each takes a few milliseconds at most. Such jobs do not wait for
	// threads that compute already, but only for each other: up to Limit (0 or less: one)
	// compute beside those that the pool lets compute at a time.
	Short bool
}

// JobStats are the figures of the jobs of a limiter, or of all.
type JobStats struct {
	Running   int           // that compute
	Waiting   int           // for their turn
	Depth     int           // the most that have waited at a time
	Started   uint64        // all that have begun
	Withdrawn uint64        // canceled before they have begun
	Refused   uint64        // with task.ErrLimit
	Waited    time.Duration // the time from Do to the beginning, of all together
	Longest   time.Duration // of one
}

// jobs are the jobs of a pool's tasks. A worker polls a job as a task of its own, which waits in a queue
// for a thread first: at most as many threads compute as the pool has workers. Its worker is away meanwhile,
// so a spare is active if it was the last one (see active.go).
//
//	put --> lane of its limiter --> granted: it may compute --> end
//	          \--> withdrawn
//
// The next is the job that came first, of those whose limiter lets them begin.
//
// # Invariants
//
//	T1  While Workers threads compute no job begins, but those of Short limiters, and no worker steals a part
//	    of a computation. Those that compute on their own account, goroutines and polls in [Call], cannot
//	    be kept from it, but count; so that they keep no job waiting for ever, one job may compute
//	    whatever they do.
//	T2  A job with its turn is counted as one that computes from then on, not only when it is polled.
//	T3  No job that its limiter lets begin waits while fewer threads compute than Workers.
//
// # Order
//
// A job that waits says so first (threadWanted) and looks at the count then; a thread that ends counts down
// first and looks at threadWanted then (Store-load): T3.
//
// # Price
//
// A lock for the beginning and one for the end of a job, held for some instructions; a look at threadWanted for
// the end of any computation.
type jobs struct {
	team         *fork.Team
	threadWanted atomicx.Bool // a job waits for nothing but a thread

	mu     park.Mutex // guards what follows, the lanes, and the turns but for their stage
	lanes  []*lane    // by limiter, in the order of their first jobs
	bound  int        // jobs that have their turn, without those of Short limiters
	number uint64     // how many jobs have come: the number of the next
	depth  int        // the most that have waited at a time
}

// lane is the jobs of one limiter in a pool.
type lane struct {
	limiter   *Limiter
	stats     JobStats // but for how many wait
	wait, run histogram.Histogram
	queue     fifo.Queue[*turn]
}

// now returns what became of the lane's jobs so far.
func (l *lane) now() JobStats {
	s := l.stats
	s.Waiting = l.queue.Len()
	return s
}

// WaitObject is what [task.Inspect] calls a lane.
func (l *lane) WaitObject() string {
	if l.limiter.Name == "" {
		return "a thread for a pool.Job"
	}
	return "the pool.Limiter " + l.limiter.Name
}

// turn is a job on its way through a lane.
type turn struct {
	fifo.Node[*turn]
	waker  task.Waker // of the computation
	lane   *lane
	next   *turn  // in a chain of those that are to be woken: see begin
	number uint64 // in the order in which jobs came
	since  int64  // when it was queued; or has got its turn
	stage  atomicx.Uint32
}

// The stages of a turn. It goes from the first to one of the others, and stays there.
const (
	waits     = iota
	granted   // it may compute
	canceled  // it was canceled, and says so
	withdrawn // it was canceled by the task that has begun it, which knows
)

// jobsOf returns the jobs of the team that helps a poll, or nil if it has none. Those of a pool are there from
// its beginning; where threads take turns, in a simulation, they are made by the first call.
func jobsOf(cx *task.Cx) *jobs {
	team := fork.TeamOf(cx)
	if team == nil {
		return nil
	}
	q, _ := team.Queue().(*jobs)
	if q == nil && team.Turns() != nil {
		q = &jobs{team: team}
		team.SetQueue(q)
	}
	return q
}

// Freed implements fork.Queue: a job begins in the place of the thread that is free.
func (q *jobs) Freed() {
	// Store-load: the team has counted down before this look.
	// Pairs with: (*jobs).begin.
	if q.threadWanted.Load() {
		q.start()
	}
}

// limit returns how many of the lane may compute at a time.
func (q *jobs) limit(l *lane) int {
	switch c := l.limiter; {
	case c.Limit > 0:
		return c.Limit
	case c.Short:
		return 1
	}
	return q.team.Workers()
}

// unlimited is the limiter of the jobs that name none.
var unlimited = &Limiter{}

// lane returns the lane of the limiter. The lock is held.
func (q *jobs) lane(c *Limiter) *lane {
	if c == nil {
		c = unlimited
	}
	for _, l := range q.lanes {
		if l.limiter == c {
			return l
		}
	}
	l := &lane{limiter: c}
	q.lanes = append(q.lanes, l)
	return l
}

// put queues t, or refuses it with task.ErrLimit: if too many wait, or, with try, if it
// would have to wait. Its turn may have come when put returns.
func (q *jobs) put(t *turn, c *Limiter, try bool) error {
	q.mu.Lock()
	l := q.lane(c)
	if l.full() {
		q.mu.Unlock()
		return q.refuse(l)
	}
	t.lane, t.since, t.number = l, clock.Now(), q.number
	q.number++
	l.queue.Push(t)
	ready := q.begin(t)
	if t.Queued() && try {
		l.queue.Remove(t)
		q.begin(nil) // it may have been the one for which threadWanted was set
		q.mu.Unlock()
		return q.refuse(l)
	}
	l.stats.Depth = max(l.stats.Depth, l.queue.Len())
	q.depth = max(q.depth, q.waiting())
	q.mu.Unlock()
	ready.resume(nil)
	return nil
}

// refuse counts a job that is refused.
func (q *jobs) refuse(l *lane) error {
	q.mu.Lock()
	l.stats.Refused++
	q.mu.Unlock()
	return task.ErrLimit
}

// withdraw takes t back, if its turn has not come.
func (q *jobs) withdraw(t *turn, stage uint32) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !t.Queued() {
		return false
	}
	t.lane.queue.Remove(t)
	t.stage.Store(stage) // under the lock; the computation itself asks
	t.lane.stats.Withdrawn++
	q.begin(nil)
	return true
}

// begin gives all jobs their turn that may begin, and returns them, but for who, as a chain: the
// caller wakes them when it has given up the lock.
func (q *jobs) begin(who *turn) (ready *turn) {
	for {
		t := q.first(true)
		if t != nil {
			q.team.Enter()
		} else if t = q.first(false); t != nil {
			// Store-load: threadWanted first, the count second.
			// Pairs with: (*jobs).Freed.
			q.threadWanted.Store(true)
			switch {
			case q.team.TryEnter():
			case q.bound == 0:
				q.team.Enter()
			default:
				return ready
			}
		} else {
			q.threadWanted.Store(false) // under the lock: none waits
			return ready
		}
		if q.enter(t); t != who {
			t.next, ready = ready, t
		}
	}
}

// first returns the next turn, of a Short limiter or of another, or nil.
func (q *jobs) first(short bool) (t *turn) {
	for _, l := range q.lanes {
		if o := l.queue.Oldest(); o != nil && l.limiter.Short == short && l.stats.Running < q.limit(l) && (t == nil || o.number < t.number) {
			t = o
		}
	}
	return t
}

// enter gives t its turn: it has been counted.
func (q *jobs) enter(t *turn) {
	l := t.lane
	l.queue.Remove(t)
	l.stats.Running++
	l.stats.Started++
	now := clock.Now()
	waited := time.Duration(now - t.since)
	t.since = now
	l.stats.Waited += waited
	l.stats.Longest = max(l.stats.Longest, waited)
	l.wait.Record(waited, 1)
	if !l.limiter.Short {
		q.bound++
	}
	// Publish. The turn. Pairs with: (*computation).Poll.
	t.stage.Store(granted)
}

// end ends t's turn. Somebody else has its thread now, if anybody waits for it.
func (q *jobs) end(t *turn, cx *task.Cx) {
	now := clock.Now()
	q.mu.Lock()
	l := t.lane
	l.stats.Running--
	l.run.Record(time.Duration(now-t.since), 1)
	if !l.limiter.Short {
		q.bound--
	}
	n := q.first(l.limiter.Short)
	if n == nil {
		q.mu.Unlock()
		q.team.Exit(false)
		return
	}
	q.enter(n)
	n.next = q.begin(nil) // what was t's place in its lane may be that of one for whom there is no thread
	q.mu.Unlock()
	n.resume(cx)
}

// start begins what may begin, when a thread has become free.
func (q *jobs) start() {
	q.mu.Lock()
	ready := q.begin(nil)
	q.mu.Unlock()
	ready.resume(nil)
}

// resume wakes the computations of a chain. The first of them is polled next by the caller's worker.
func (t *turn) resume(cx *task.Cx) {
	for t != nil {
		next := t.next // as long as t has not been woken it is ours
		w := t.waker
		t.next = nil
		if cx != nil {
			cx.Wake(w)
		} else {
			w.Wake()
		}
		t, cx = next, nil
	}
}

// full reports whether no more may wait.
func (l *lane) full() bool { return l.limiter.Queue > 0 && l.queue.Len() >= l.limiter.Queue }

// waiting returns how many wait in all lanes. The lock is held.
func (q *jobs) waiting() (n int) {
	for _, l := range q.lanes {
		n += l.queue.Len()
	}
	return n
}

// JobStats returns what became of the jobs of a limiter on this pool; nil stands for the limiter of
// jobs that name none. Any goroutine.
func (p *Pool) JobStats(c *Limiter) JobStats {
	p.jobs.mu.Lock()
	defer p.jobs.mu.Unlock()
	return p.jobs.lane(c).now()
}

// all returns what became of all jobs.
func (q *jobs) all() (sum JobStats) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.lanes {
		s := l.now()
		sum.Running += s.Running
		sum.Waiting += s.Waiting
		sum.Started += s.Started
		sum.Withdrawn += s.Withdrawn
		sum.Refused += s.Refused
		sum.Waited += s.Waited
		sum.Longest = max(sum.Longest, s.Longest)
	}
	sum.Depth = q.depth
	return sum
}
