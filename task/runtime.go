package task

import (
	"cmp"
	"context"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/park"
)

// Runtime is a scheduler as its tasks see it. It is a [Spawner]; a scheduler embeds it, or [Outside].
type Runtime struct {
	scheduler Scheduler
	ctx       context.Context
	runners   []*Runner     // with room for the spares
	spares    int           // how many of them, the last, are not there yet, or take nothing from outside
	active    atomicx.Int64 // how many runners are there
	draining  atomicx.Bool
	cause     atomicx.Pointer[outcome]
	mu        park.Mutex
	groups    map[*Group]uint64 // those with members that no task owns, by the order in which they came
	known     uint64            // how many groups there have been
	most      int               // the most that were in groups since it was made
	clock     *Clock            // nil: the machine's
	ended     atomicx.Bool      // see Close
	panicked  func(*PanicError) // see SetPanicked
	panics    atomicx.Uint64    // of goroutines
	sim       Simulator         // see SetSimulator
	tails     func(Tail) bool   // see SetTails
	tracks    bool              // see SetDebug
	lives     *lives            // with it
	onEnd     func(Task, error) // see SetEnded
	backlog   backlog
	calls     calls
}

// Open makes rt the runtime of s, with a runner for each worker. [Cx.Context] returns ctx for
// detached tasks.
func Open(ctx context.Context, rt *Runtime, s Scheduler, runners ...*Runner) {
	rt.scheduler, rt.ctx = s, ctx
	rt.runners = append(make([]*Runner, 0, len(runners)+rt.spares), runners...)[:len(runners)+rt.spares]
	rt.groups = map[*Group]uint64{}
	for i, r := range runners {
		r.join(rt, i)
	}
	rt.active.Store(int64(len(runners))) // Initialisation: nobody knows rt yet
}

// SetSpares says, before Open, that up to n runners may be added later, which have no worker
// most of the time: nobody arms an alarm in them but the tasks that they poll.
func SetSpares(rt *Runtime, n int) { rt.spares = n }

// SetDebug has objects record, before Open, which tasks hold them, so that [Deadlocks] finds circles of locks.
// Builds with the tag heistdebug do so anyway.
// Of each task it is known then where it was started, and when its last poll has begun, if the scheduler calls [NotePoll].
func SetDebug(rt *Runtime) {
	rt.tracks, rt.lives = true, new(lives)
	debugged.Add(1) // Hint. For goroutines, which are of no runtime
}

// SetEnded gives a scheduler, before [Open], what is called with each task that ends on one of its workers, after
// Finish, and its result. It must neither block nor panic.
func SetEnded(rt *Runtime, ended func(Task, error)) { rt.onEnd = ended }

// AddSpare adds r as the next spare. One thread at a time.
func AddSpare(rt *Runtime, r *Runner) {
	n := rt.active.Load()
	r.join(rt, int(n))
	rt.runners[n] = r
	// Publish. The runner.
	// Store-load: the runner, then a look whether all are canceled, or draining: its tasks would
	// not hear of it.
	// Pairs with: (*Runtime).CancelAll, (*Runtime).Drain, (*Runtime).present.
	rt.active.Store(n + 1)
	if why := rt.cause.Load(); why != nil {
		r.members.why.Store(why) // Publish. As CancelAll does. Pairs with: (*memberList).add.
	}
	if rt.draining.Load() {
		r.members.draining.Store(true) // Publish. As Drain does. Pairs with: (*memberList).add.
	}
}

// join makes r the runner of rt with that index.
func (r *Runner) join(rt *Runtime, index int) {
	r.rt, r.index, r.tracks, r.ended = rt, index, rt.tracks || invariant.Debug, rt.lives.ends(rt.onEnd)
	r.timers.begin(rt.Nanos())
	if r.sim = rt.sim; r.sim != nil {
		r.floor, r.hides = below, exposed
	}
}

// draw returns a number from 0 up to but not including n.
func (rt *Runtime) draw(n int64) int64 {
	if rt.sim != nil {
		return rt.sim.Draw(n)
	}
	return rand.Int64N(n)
}

// present returns the runners that are there.
//
// Pairs with: AddSpare.
func (rt *Runtime) present() []*Runner { return rt.runners[:rt.active.Load()] }

// anyRunner draws one of the runners that are no spares.
func (rt *Runtime) anyRunner() *Runner { return rt.runners[rt.draw(int64(len(rt.runners)-rt.spares))] }

func (rt *Runtime) place() (*Runtime, *Cx) { return rt, nil }

// Outside is a [Spawner] that starts tasks on a runtime from outside. A scheduler embeds it, and so
// is a Spawner without the methods of its [Runtime].
type Outside struct{ rt *Runtime }

// OutsideOf returns rt's.
func OutsideOf(rt *Runtime) Outside { return Outside{rt} }

func (o Outside) place() (*Runtime, *Cx) { return o.rt, nil }

// Context returns the context of the scheduler.
func (rt *Runtime) Context() context.Context { return rt.ctx }

func (rt *Runtime) submit(f *Frame) {
	f.next.Set(nil)
	rt.scheduler.Submit(Batch{f, f, 1})
}

// Drain tells all tasks to come to an end by themselves, those to come too. See
// [Cx.Draining]. Any thread.
func (rt *Runtime) Drain() {
	// Claim. The sweep.
	// Store-load: the word, then the runners and groups that are there; who comes later looks at
	// the word.
	// Pairs with: AddSpare, (*Runtime).catchUp.
	if rt.draining.Swap(true) {
		return
	}
	for _, r := range rt.present() {
		// Publish. Before the sweep: a task that is listed later sees it.
		// Pairs with: (*memberList).add.
		r.members.draining.Store(true)
		r.members.sweep()
	}
	for _, g := range rt.foreign() {
		g.Drain()
	}
}

// CancelAll cancels all tasks, those to come too. Any thread.
func (rt *Runtime) CancelAll(cause error) {
	why := canceledBy(cause, 0)
	// Claim. The sweep.
	// Store-load: the cause, then the runners and groups that are there; who comes later looks at
	// the cause.
	// Pairs with: AddSpare, (*Runtime).catchUp.
	if !rt.cause.CompareAndSwap(nil, why) {
		return
	}
	for _, r := range rt.present() {
		// Publish. Before the sweep: a task that is listed later sees it.
		// Pairs with: (*memberList).add.
		r.members.why.Store(why)
		r.members.sweep()
	}
	for _, g := range rt.foreign() {
		g.cancel(why)
	}
}

// foreign returns the groups that no task of the scheduler owns, the oldest first.
func (rt *Runtime) foreign() []*Group {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return slices.SortedFunc(maps.Keys(rt.groups), func(a, b *Group) int { return cmp.Compare(rt.groups[a], rt.groups[b]) })
}

// know adds a group with members that no task of the runtime owns: so they are reached when the
// scheduler shuts down. The group's lock is held, in forget too: the end of one use of a group may
// be late, and overlap the next.
func (rt *Runtime) know(g *Group) {
	rt.mu.Lock()
	if _, ok := rt.groups[g]; !ok {
		rt.known++
		rt.groups[g] = rt.known
	}
	rt.most = max(rt.most, len(rt.groups))
	rt.mu.Unlock()
}

// keptGroups is for how many groups a runtime keeps the memory when there are none.
const keptGroups = 256

// forget removes what know has added. The group's lock is held.
func (rt *Runtime) forget(g *Group) {
	rt.mu.Lock()
	delete(rt.groups, g)
	if rt.most > keptGroups && len(rt.groups) == 0 { // a map does not shrink
		rt.groups, rt.most = map[*Group]uint64{}, 0
	}
	rt.mu.Unlock()
}

// catchUp passes on to a group that has just become known what its members have missed. It looks
// after know: a group that is not found in a sweep finds out here.
//
// Pairs with: (*Runtime).Drain, (*Runtime).CancelAll.
func (rt *Runtime) catchUp(g *Group) {
	if rt.draining.Load() {
		g.Drain()
	}
	if why := rt.cause.Load(); why != nil {
		g.cancel(why)
	}
}

// Close ends what [Open] and [SetClock] began, when the scheduler has polled its last task: the
// notifiers of alarms that are still armed are called, and the clock does not keep the scheduler any
// more. [Alarm.Arm] and [Runtime.Ended] tell whoever outlives it.
func Close(rt *Runtime) {
	for _, r := range rt.present() {
		for n := batch; n == batch; {
			var due [batch]dueAlarm
			n = r.timers.end(&due)
			notifyDue(due[:n], nil, false)
		}
	}
	// Publish. That no alarm is armed there.
	// Pairs with: (*Runtime).Ended.
	rt.ended.Store(true)
	if rt.tracks {
		debugged.Add(-1) // Hint. As in SetDebug
	}
	ReleaseClock(rt)
}

// Ended reports whether the scheduler has ended, and none of its alarms is armed any more.
// Any thread.
//
// Pairs with: Close.
func (rt *Runtime) Ended() bool { return rt.ended.Load() }
