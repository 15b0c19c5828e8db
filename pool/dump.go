package pool

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/stack"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// DumpOptions say what a [Dump] has. The zero value is a good choice.
type DumpOptions struct {
	// Samples is how many tasks of each shape are listed one by one. Default: 3. Negative: all, in as
	// much memory as that takes.
	Samples int
	// Shapes is how many shapes are told apart; tasks of others are counted. Default: 1000.
	Shapes int
	// Stacks adds the stacks of workers that have been in one poll for some milliseconds, and of those
	// that compute. The world stops for each of them, as it does for a panic's trace.
	Stacks bool
}

const (
	defaultSamples = 3
	defaultShapes  = 1000
	// dumpSchema is the version of a Dump: it grows when what was there changes its meaning, or goes.
	dumpSchema = 1
	// maxName is how many bytes of a task's name are kept, and maxDescriptors for how many tasks it is known
	// which descriptors they wait for.
	maxName        = 200
	maxDescriptors = 1 << 20
	// maxObjects is how many objects are counted, and listedObjects how many are in a Dump.
	maxObjects    = 1 << 16
	listedObjects = 100
	// listedTimers is how many deadlines are in a Dump.
	listedTimers = 10
	// maxQuiet is how many quiet groups are in a Dump.
	maxQuiet = 32
)

// Dump is what a pool's tasks do, and wait for: what a goroutine profile is for goroutines. Tasks
// that are alike, that is of one kind, in one place, and waiting for the same kind of thing, are
// a shape, so a dump of a million tasks is as long as there are shapes.
//
// Tasks that have never been suspended are numbers in Queues: the first poll of a task that is queued can be
// anywhere.
type Dump struct {
	Schema    int          `json:"schema"`
	At        time.Time    `json:"at"`
	Closing   bool         `json:"closing"`   // the pool is being closed
	Live      int64        `json:"live"`      // tasks that were started, and have not ended
	Suspended int          `json:"suspended"` // of them
	Active    int          `json:"active"`    // have been suspended before, and are queued or polled
	Shapes    []Shape      `json:"shapes"`    // of the suspended and active ones, the most frequent first
	Omitted   int          `json:"omitted"`   // tasks of shapes beyond DumpOptions.Shapes
	Unseen    int          `json:"unseen"`    // tasks that were active at each look: if they own groups, the suspended members of those are missing
	Workers   []WorkerDump `json:"workers"`
	Timers    int          `json:"timers"` // armed
	// Next is when the timers fire that are due next, some of them: see [task.NextDeadlines].
	Next     []time.Duration `json:"next_timers_ns"`
	Blocking int             `json:"blocking"` // goroutines that run blocking functions
	Members  int             `json:"members"`  // goroutines that are members of groups
	Jobs     []LaneDump      `json:"jobs"`     // by limiter
	// Objects are what most tasks wait for in a line, or for something to happen to: locks, channels, promises.
	Objects []ObjectDump `json:"objects"`
	// Deadlocks are circles of tasks each of which waits for the next. See [task.Deadlocks].
	Deadlocks [][]TaskDump `json:"deadlocks"`
	// Quiet are groups in which nothing moves, while the rest of the pool does: the outermost, some at most.
	Quiet []QuietDump `json:"quiet"`
	// Quiescent says that all tasks are suspended, and nothing of the pool can make any go on: no
	// timer, no descriptor, no blocking call, no goroutine of a group, no Waker. If no goroutine
	// outside of the pool does, it is a deadlock.
	Quiescent bool `json:"quiescent"`
}

// Shape is tasks that are alike.
type Shape struct {
	Count    int      `json:"count"`
	Kind     string   `json:"kind"`             // see task.Kind
	Source   string   `json:"source,omitempty"` // where the function is that the task was made of
	Path     []string `json:"path,omitempty"`   // the kinds of the owners of its group, the outermost first
	State    string   `json:"state"`            // suspended, active, ending
	Stage    string   `json:"stage,omitempty"`
	Waits    []string `json:"waits,omitempty"` // for what kinds of things
	Canceled bool     `json:"canceled,omitempty"`
	Draining bool     `json:"draining,omitempty"`
	// For is the longest of TaskDump.For, of all its tasks.
	For   time.Duration `json:"for_ns,omitempty"`
	Tasks []TaskDump    `json:"tasks,omitempty"` // some of them
}

// TaskDump is a task.
type TaskDump struct {
	ID    string `json:"id"`              // of this life
	Name  string `json:"name"`            // see task.Name
	Stage string `json:"stage,omitempty"` // of a task in Deadlocks; else it is that of its shape
	Group string `json:"group,omitempty"`
	// GroupName is the name of its group: see task.SetName.
	GroupName string     `json:"group_name,omitempty"`
	Waits     []WaitDump `json:"waits,omitempty"`
	Canceled  string     `json:"canceled,omitempty"` // why
	Waker     bool       `json:"waker,omitempty"`    // a Waker was given out: anything may wake it
	Spawned   string     `json:"spawned,omitempty"`  // where, with Config.Debug, and in builds with the tag heistdebug
	// Elsewhere says of a task in Deadlocks that it is one of another pool.
	Elsewhere bool `json:"elsewhere,omitempty"`
	// For is for how long it is suspended: with Config.Debug since its last poll has begun; else since
	// a Dump has seen it, AtLeast. 0: no Dump before has seen it in this wait.
	For     time.Duration `json:"for_ns,omitempty"`
	AtLeast bool          `json:"at_least,omitempty"`
}

// WaitDump is what a task waits for.
type WaitDump struct {
	Kind  string        `json:"kind"`            // end, turn, event, timer, call, operation, descriptor
	What  string        `json:"what"`            // the kind of the object
	Name  string        `json:"name,omitempty"`  // see task.SetName
	ID    string        `json:"id,omitempty"`    // its address, or the ID of a task
	Place int           `json:"place,omitempty"` // in line, from 1 on; 0: far behind, or not in a line
	Line  int           `json:"line,omitempty"`  // how many stand in it
	Asks  int64         `json:"asks,omitempty"`  // for how much
	Holds bool          `json:"holds,omitempty"` // the task has it, and others wait
	In    time.Duration `json:"in_ns,omitempty"` // until a timer fires
	FD    int           `json:"fd,omitempty"`    // a descriptor
	Note  string        `json:"note,omitempty"`  // more
}

// QuietDump is a group of tasks that are suspended, all of them and what is below them, and nothing of which makes any go
// on: no timer, no descriptor, no blocking call, no goroutine, no Waker. Only somebody outside can, who has what they
// wait for in hand: a channel, say. If nobody does, it is a deadlock; a group that has nothing to do waits as quietly.
type QuietDump struct {
	Group   string        `json:"group"`
	Name    string        `json:"name,omitempty"`   // see task.SetName
	Tasks   int           `json:"tasks"`            // and those for whom they wait
	Waits   []WaitDump    `json:"waits"`            // for what others can make happen; Line is how many of the tasks wait for it
	For     time.Duration `json:"for_ns,omitempty"` // as in TaskDump, of the one that has come last
	AtLeast bool          `json:"at_least,omitempty"`
}

// ObjectDump is something that tasks wait for.
type ObjectDump struct {
	What    string   `json:"what"`              // its kind
	Name    string   `json:"name,omitempty"`    // see task.SetName
	ID      string   `json:"id"`                // its address
	Waiting int      `json:"waiting"`           // tasks that wait for it; of the limit of a group, those that wait to start, too
	Holders []string `json:"holders,omitempty"` // the IDs of who holds it, if that is recorded
}

// WorkerDump is what a worker does.
type WorkerDump struct {
	Worker int           `json:"worker"`
	State  string        `json:"state"`            // parked, computing, stuck, running, ended: its pool is closed
	For    time.Duration `json:"for_ns,omitempty"` // it has been in one poll, if it is stuck, in ns
	Queued int           `json:"queued"`           // frames in its deque and its LIFO slot
	Inbox  bool          `json:"inbox"`            // frames have come from other threads
	// Arrived is how many frames are in its inbox, if it is stuck, or computes. Others take them out all the
	// time, so how many there are is not known: see WorkerMetrics.Inboxes for how many there were.
	Arrived int      `json:"arrived,omitempty"`
	Poll    string   `json:"poll,omitempty"`  // what it polls, with Stacks
	Calls   []string `json:"calls,omitempty"` // that the poll is in, the innermost first
}

// LaneDump is the jobs of a limiter.
type LaneDump struct {
	Limiter string `json:"limiter"`
	Running int    `json:"running"`
	Waiting int    `json:"waiting"`
}

// Dump looks at all tasks of the pool. Nobody is polled, and no worker waits for it; it takes some hundred
// nanoseconds for each task, and as much memory as the result; and some for each descriptor that is waited
// for. It may be called at any time, also on a pool that is closing, or closed. Tasks are seen one
// after the other: what it says of one was so at some moment of the call.
//
// It asks tasks that are suspended for their names, samples only: TaskName is called by the goroutine that
// has called Dump, while the task is in nobody else's hands.
//
// Goroutines only.
func (p *Pool) Dump(o DumpOptions) *Dump {
	task.MustNotPoll("pool: Dump inside a task would look at the tasks of its own worker: call it from a goroutine")
	if o.Samples == 0 {
		o.Samples = defaultSamples
	}
	if o.Shapes <= 0 {
		o.Shapes = defaultShapes
	}
	d := &Dump{Schema: dumpSchema, At: time.Now(), Closing: p.closing.Load(), Shapes: []Shape{}, Jobs: []LaneDump{}, Deadlocks: [][]TaskDump{}, Quiet: []QuietDump{}}
	before := p.still()
	c := &collector{dump: d, options: o, now: p.runtime.Nanos(), shapes: map[string]int{}, objects: map[uintptr]*object{}, descriptors: p.descriptors()}
	var circles [][]task.Blocked
	var groups []*task.Group
	var quiet []task.Quiet
	p.looks.during(func() {
		d.Unseen, circles = task.InspectDeadlocks(&p.runtime, c.visit, p.mayWake)
		groups, quiet = c.quiet.Find(&p.runtime, maxQuiet, p.mayWake, p.timeWakes)
		d.Workers = p.workerDumps(o.Stacks)
	})
	d.Objects = c.mostWanted()
	d.Blocking, d.Members = task.Helpers(&p.runtime)
	p.jobs.dump(d)
	s := p.Stats()
	d.Live, d.Timers, d.Next = s.Live, s.Timers, []time.Duration{}
	for _, when := range task.NextDeadlines(&p.runtime, listedTimers) {
		d.Next = append(d.Next, max(time.Duration(when-c.now), 0))
	}
	for i := range groups {
		d.Quiet = append(d.Quiet, c.quietGroup(groups[i], &quiet[i]))
	}
	for _, circle := range circles {
		var list []TaskDump
		for _, b := range circle {
			t := TaskDump{Name: printable(b.Kind), Stage: printable(b.Stage), Waits: []WaitDump{c.wait(&b.For)}}
			t.ID, t.Elsewhere = holder(task.Holder{Task: b.Self, Goroutine: b.Goroutine}), b.Elsewhere
			list = append(list, t)
		}
		d.Deadlocks = append(d.Deadlocks, list)
	}
	d.Quiescent = before.is && d.Suspended > 0 && int64(d.Suspended) == d.Live && !c.wakers && !c.calls && !c.bounded && !p.bounded.Load() && len(c.descriptors) == 0 &&
		d.Timers == 0 && d.Blocking == 0 && d.Members == 0 && d.Active == 0
	if d.Quiescent {
		others := false
		p.looks.during(func() { others = task.AwaitsOthers(&p.runtime) })
		d.Quiescent = !others && p.still() == before
	}
	slices.SortStableFunc(d.Shapes, func(a, b Shape) int { return cmp.Compare(b.Count, a.Count) })
	return d
}

// stillness is a look at whether anything moves.
type stillness struct {
	is              bool
	polls, admitted uint64
}

// still looks. If two looks are equal nothing was polled in between: all workers were parked at both, and have
// counted no polls.
func (p *Pool) still() stillness {
	s := stillness{is: p.isIdle(), admitted: uint64(p.admitted.Load())}
	for _, w := range p.everybody() {
		s.polls += w.public[polls].Load()
	}
	return s
}

// mayWake reports whether a descriptor may wake one of the tasks.
func (p *Pool) mayWake(tasks []task.Waker) bool { return p.waitsFor(tasks, false) }

// timeWakes reports whether time wakes one of the tasks, by the deadline of a descriptor, or all of them: the pool is told to
// end by then.
func (p *Pool) timeWakes(tasks []task.Waker) bool {
	return p.bounded.Load() || p.waitsFor(tasks, true)
}

// waitsFor reports whether one of the tasks waits for a descriptor, with expires for one that has a deadline.
func (p *Pool) waitsFor(tasks []task.Waker, expires bool) (one bool) {
	if r := p.batons[0].reactor.Load(); r != nil && len(tasks) > 0 {
		these := make(map[task.Waker]struct{}, len(tasks)) // they may be thousands, and so may descriptors
		for _, w := range tasks {
			these[w] = struct{}{}
		}
		r.Waiting(func(w task.Waker, _ int, _ reactor.Mode, deadline bool) {
			if _, is := these[w]; is && (deadline || !expires) {
				one = true
			}
		})
	}
	return one
}

// descriptors returns which descriptors tasks wait for, of so many tasks.
func (p *Pool) descriptors() map[task.Waker][]WaitDump {
	m := map[task.Waker][]WaitDump{}
	if r := p.batons[0].reactor.Load(); r != nil {
		r.Waiting(func(w task.Waker, fd int, mode reactor.Mode, _ bool) {
			if len(m) < maxDescriptors && !w.Over() {
				what := "read"
				if mode == reactor.Write {
					what = "write"
				}
				m[w] = append(m[w], WaitDump{Kind: "descriptor", What: what, FD: fd})
			}
		})
	}
	return m
}

// collector makes a Dump.
type collector struct {
	dump        *Dump
	options     DumpOptions
	now         int64
	shapes      map[string]int
	objects     map[uintptr]*object
	descriptors map[task.Waker][]WaitDump
	key         []byte
	wakers      bool        // some task is exposed
	calls       bool        // or has called a function that has not ended
	bounded     bool        // or a bound on the time of its group will cancel it
	limited     *task.Group // whose limit was looked at last
	quiet       task.QuietSearch
}

// visit is for task.Inspect.
func (c *collector) visit(s *task.Suspended) {
	d := c.dump
	state := "suspended"
	switch {
	case s.Active:
		d.Active++
		state = "active"
	case s.Ending:
		state = "ending"
		fallthrough
	default:
		d.Suspended++
	}
	c.wakers, c.calls, c.bounded = c.wakers || s.Exposed, c.calls || s.Calls, c.bounded || s.Bounded
	for i := range s.Waits {
		c.count(&s.Waits[i])
	}
	c.countLimit(s.Group)
	kind, stage := task.Kind(s.Task), ""
	fds := c.descriptors[s.Self]
	c.quiet.Add(s, len(fds) > 0)
	if !s.Active {
		stage = task.StageOf(s.Task)
	}
	k := append(c.key[:0], kind...)
	for _, up := range s.Path {
		k = append(append(k, 0), up...)
	}
	k = append(append(append(append(k, 1), state...), 1), stage...)
	k = strconv.AppendBool(strconv.AppendBool(k, s.Canceled != nil), s.Draining)
	for i := range s.Waits {
		k = append(append(append(append(k, 2), s.Waits[i].Kind...), ' '), task.ObjectKind(s.Waits[i].Object)...)
		if s.Waits[i].Kind == task.AwaitsTurn {
			k = append(k, s.Waits[i].Note...)
		}
	}
	for i := range fds {
		k = append(append(k, 3), fds[i].What...)
	}
	c.key = k
	at, ok := c.shapes[string(k)]
	if !ok {
		if len(d.Shapes) >= c.options.Shapes {
			d.Omitted++
			return
		}
		at = len(d.Shapes)
		c.shapes[string(k)] = at
		shape := Shape{Kind: kind, Path: s.Path, State: state, Stage: printable(stage), Canceled: s.Canceled != nil, Draining: s.Draining}
		if file, line := task.Source(s.Task); file != "" {
			shape.Source = fmt.Sprintf("%s:%d", file, line)
		}
		for i := range s.Waits {
			shape.Waits = append(shape.Waits, c.label(&s.Waits[i]))
		}
		for i := range fds {
			shape.Waits = append(shape.Waits, fds[i].Kind+": "+fds[i].What)
		}
		d.Shapes = append(d.Shapes, shape)
	}
	shape := &d.Shapes[at]
	shape.Count++
	lasts, atLeast := c.lasts(s.Since, s.Exact)
	shape.For = max(shape.For, lasts)
	if n := c.options.Samples; n >= 0 && len(shape.Tasks) >= n {
		return
	}
	t := TaskDump{ID: id(s.Self), Name: printable(kind), Spawned: s.Spawned(), Waker: s.Exposed, For: lasts, AtLeast: atLeast}
	if !s.Active {
		t.Name = nameOf(s.Task)
	}
	if s.Group != nil {
		t.Group, t.GroupName = fmt.Sprintf("%p", s.Group), printable(task.ObjectName(s.Group))
	}
	if s.Canceled != nil {
		t.Canceled = printable(s.Canceled.Error())
	}
	for i := range s.Waits {
		t.Waits = append(t.Waits, c.wait(&s.Waits[i]))
	}
	t.Waits = append(t.Waits, fds...)
	shape.Tasks = append(shape.Tasks, t)
}

// lasts returns for how long something has been so since then, which is 0 where that is not known; and whether it may
// have been for longer.
func (c *collector) lasts(since int64, exact bool) (d time.Duration, atLeast bool) {
	if since != 0 {
		d = max(time.Duration(c.now-since), 0)
	}
	return d, d > 0 && !exact
}

// quietGroup describes a group that is quiet.
func (c *collector) quietGroup(g *task.Group, q *task.Quiet) QuietDump {
	d := QuietDump{Group: fmt.Sprintf("%p", g), Name: printable(task.ObjectName(g)), Tasks: q.Tasks, Waits: []WaitDump{}}
	d.For, d.AtLeast = c.lasts(q.Since, q.Exact)
	for i := range q.For {
		d.Waits = append(d.Waits, c.wait(&q.For[i]))
	}
	return d
}

// Quiet reports whether nothing moves in a group of the pool's tasks, and what they wait for then: see [QuietDump]. It
// is exact for the moment at which all of them were looked at, 4096 at most: of larger groups nothing is said. Goroutines only.
func (p *Pool) Quiet(g *task.Group) (QuietDump, bool) {
	c := &collector{now: p.runtime.Nanos()}
	var q task.Quiet
	quiet := false
	p.looks.during(func() { q, quiet = task.QuietGroup(&p.runtime, g, p.mayWake, p.timeWakes) })
	if !quiet {
		return QuietDump{}, false
	}
	return c.quietGroup(g, &q), true
}

// count counts a wait for an object.
func (c *collector) count(a *task.Await) {
	if _, one := a.Object.(*task.Frame); one || a.Kind != task.AwaitsTurn && a.Kind != task.AwaitsEvent || a.Holds {
		return // of those behind one another each waits for another task
	}
	if o := c.object(a); o != nil {
		o.Waiting++
	}
}

// countLimit counts those that wait for a place under the limit of a group, and are no tasks yet.
func (c *collector) countLimit(g *task.Group) {
	if g == nil || g == c.limited {
		return
	}
	c.limited = g
	a, queued := task.LimitOf(g)
	if queued == 0 {
		return
	}
	if o := c.object(&a); o != nil {
		o.queued = queued
	}
}

// object returns what is known of an object; nil: it is not counted.
func (c *collector) object(a *task.Await) *object {
	v := reflect.ValueOf(a.Object)
	if v.Kind() != reflect.Pointer {
		return nil
	}
	o := c.objects[v.Pointer()]
	if o == nil {
		if len(c.objects) >= maxObjects {
			return nil
		}
		o = &object{}
		o.ObjectDump = ObjectDump{What: printable(task.ObjectKind(a.Object)), Name: printable(task.ObjectName(a.Object)), ID: fmt.Sprintf("%#x", v.Pointer())}
		if h, ok := a.Object.(task.Holders); ok {
			list, _ := h.Holders()
			for _, h := range list[:min(len(list), defaultSamples)] {
				o.Holders = append(o.Holders, holder(h))
			}
		}
		c.objects[v.Pointer()] = o
	}
	return o
}

// object is something that is waited for.
type object struct {
	ObjectDump
	queued int // in a group, that wait to start
}

// mostWanted returns the objects that most tasks wait for.
func (c *collector) mostWanted() []ObjectDump {
	list := make([]ObjectDump, 0, len(c.objects))
	for _, o := range c.objects {
		o.Waiting += o.queued
		list = append(list, o.ObjectDump)
	}
	slices.SortFunc(list, func(a, b ObjectDump) int {
		return cmp.Or(cmp.Compare(b.Waiting, a.Waiting), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return slices.Clone(list[:min(len(list), listedObjects)])
}

// label is a wait as a part of a shape.
func (c *collector) label(a *task.Await) string {
	if a.Kind == task.AwaitsTimer {
		return "timer"
	}
	l := string(a.Kind) + ": " + printable(task.ObjectKind(a.Object))
	switch {
	case a.Holds:
		l += ", which it holds"
	case a.Kind == task.AwaitsTurn && a.Note != "":
		l += ", " + printable(a.Note)
	}
	return l
}

// wait is a wait of a task.
func (c *collector) wait(a *task.Await) WaitDump {
	w := WaitDump{Kind: string(a.Kind), What: printable(task.ObjectKind(a.Object)), Place: a.Place, Line: a.Line, Asks: a.Asks, Holds: a.Holds, Note: printable(a.Note)}
	switch x := a.Object.(type) {
	case nil:
	case *task.Frame:
		w.ID = id(task.WakerOf(x))
	default:
		if v := reflect.ValueOf(x); v.Kind() == reflect.Pointer {
			w.ID = fmt.Sprintf("%#x", v.Pointer())
			w.Name = printable(task.ObjectName(x))
		}
	}
	if a.Kind == task.AwaitsTimer {
		w.What, w.In = "timer", max(time.Duration(a.Deadline-c.now), 0)
	}
	return w
}

// id names a life of a task.
func id(w task.Waker) string {
	f, life := w.Life()
	return fmt.Sprintf("%p#%d", f, life)
}

// holder names who holds something.
func holder(h task.Holder) string {
	if h.Goroutine != 0 {
		return fmt.Sprintf("goroutine %d", h.Goroutine)
	}
	if h = h.Settled(); h.Ended != "" {
		return h.Ended + ", which has ended"
	}
	return id(h.Task)
}

// nameOf is task.Name of a task in hand, whatever its TaskName does.
func nameOf(t task.Task) (name string) {
	defer func() {
		if p := recover(); p != nil {
			name = printable(fmt.Sprintf("%s, whose TaskName has panicked: %v", task.Kind(t), p))
		}
	}()
	return printable(task.Name(t))
}

// printable returns s, of bounded length and without control characters.
func printable(s string) string {
	if len(s) > maxName {
		s = strings.ToValidUTF8(s[:maxName], "") + "..."
	}
	for _, r := range s {
		if !strconv.IsPrint(r) || r == '\uFFFD' {
			q := strconv.Quote(s)
			return q[1 : len(q)-1]
		}
	}
	return s
}

// workerDumps describes the workers that have started.
func (p *Pool) workerDumps(stacks bool) []WorkerDump {
	now := clock.Now()
	list := []WorkerDump{}
	closed := p.threads.Load() == 0 && p.stopped.Load()
	for i, w := range p.everybody() {
		if !w.started.Load() {
			continue
		}
		d := WorkerDump{Worker: w.id, State: "running", Queued: w.deque.Len(), Inbox: !w.inbox.Empty()}
		if w.lifo.Load() != nil {
			d.Queued++
		}
		since := w.stuck.Load()
		switch {
		case closed:
			d.State = "ended"
		case p.parking.isParked(i):
			d.State = "parked"
		case w.departed.Load():
			d.State = "computing"
		case since != 0:
			d.State, d.For = "stuck", time.Duration(now-since)
		}
		away := d.State == "stuck" || d.State == "computing"
		if d.Inbox && away {
			d.Arrived = p.arrived(i)
		}
		if id := w.goroutine.Load(); stacks && id != "" && away {
			text := stack.Of(id)
			d.Poll, d.Calls = polling(text), stack.Within(text, "/task.(*Runner).Step")
			d.Calls = d.Calls[:min(len(d.Calls), maxCalls)]
		}
		list = append(list, d)
	}
	return list
}

// arrived counts the frames in the inbox of a worker that does not look at it, as a thief that submits them again: those
// of a spare elsewhere, because it may have retired meanwhile. The caller looks.
func (p *Pool) arrived(i int) (n int) {
	var b task.Batch
	switch n = p.workers[i].inbox.Take(b.Add); {
	case n == 0:
	case i >= p.config.Workers:
		(*seam)(p).Submit(b)
	default:
		p.put(i, b)
	}
	return n
}

// dump describes the lanes.
func (q *jobs) dump(d *Dump) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.lanes {
		s := l.now()
		d.Jobs = append(d.Jobs, LaneDump{printable(l.limiter.Name), s.Running, s.Waiting})
	}
}
