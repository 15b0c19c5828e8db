package task

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"

	"github.com/heist-go/heist/internal/fifo"
)

// Looking into a running scheduler (decision 0025): [Inspect] goes through the tasks that are suspended, and says what
// each of them waits for.
//
//	            seize              read, on the caller's thread         pend
//	suspended --------> in hand ----------------------------------> suspended
//	                       '- woken meanwhile ----------------------> queued
//
// A task that is suspended is in nobody's hands; what is attached to it belongs to whoever has it in hand, in a
// poll its worker. So the reader takes it in hand for a moment: by the state word, as a waker would, and lets go
// as a worker does at the end of a poll. No word, no lock and no order is there that polls and wake-ups have not already.
//
// # Invariants
//
//	R1  What belongs to a task is read while it is in hand. Who wakes it then leaves that to the reader,
//	    which submits the frame when it lets go.
//	R2  A reader's place in a list of members is a mark in the ring, which nobody counts, and sweeps pass
//	    over. So it finds each member once that was there all the time, whatever joins and ends meanwhile.
//	R3  No more than inHand tasks are in hand at a time, but for a check of deadlocks; nothing is waited
//	    for then but locks that are held for a few instructions.
//
// # Order
//
// pend publishes what a poll has written, and seize claims it; the reader's pend is ordered before the next
// poll as any other.
//
// # Price
//
// Nothing while nobody looks. A task that is looked at: two compare-and-swaps, and the lock of each wait queue
// that it is in; the list's lock once for each batch, and twice for the list. If it is woken just then it starts
// later by some microseconds, by way of an inbox.

// Suspended is a task as [Inspect] finds it. It is valid until visit returns.
type Suspended struct {
	// Self names the life.
	Self Waker
	// Task is the task. If it is not Active it is in the caller's hand: nobody polls it meanwhile, and
	// what its Poll has written may be read, also by its TaskName.
	Task Task
	// Active says that it is not suspended at the moment, but queued or in a poll: then nothing else is
	// known of it, and its kind alone may be asked.
	Active bool
	// Path is the kinds of the tasks that own its group, the outermost first; or that of the task that has
	// its handle.
	Path []string
	// Group is the group that it is a member of; nil: it is detached.
	Group *Group
	// Waits is what it waits for; any of it wakes it.
	Waits []Await
	// Canceled is why it is canceled, or nil.
	Canceled error
	// Draining says that it was told to come to an end, and Ending that its Poll has returned, and that what
	// it owns has not ended.
	Draining, Ending bool
	// Bounded says that a bound on the time of its group, or of one that this is below, will cancel it.
	Bounded bool
	// Exposed says that a [Waker] of it was given out, so that anything may wake it.
	Exposed bool
	// Calls says that something that it has called elsewhere, as a blocking function, has not ended: it may have
	// abandoned that.
	Calls bool
	// Since is since when it is suspended, as [Runtime.Nanos] counts: with Exact, its last poll has begun then; else
	// an Inspect has seen it then, so it may be longer. 0: it is not known.
	Since int64
	Exact bool
	// Parts says that some of its waits are those of a branch, or of an operation, which may wait in parts.
	Parts bool
}

// Spawned returns where the task was started, if it is debugged (see [SetDebug]) or in builds with the tag heistdebug,
// and "" in others, or if it is Active.
func (s *Suspended) Spawned() string {
	if s.Active {
		return ""
	}
	if l := s.Self.frame.rt.lives.of(s.Self.frame); l != nil {
		return outsider(l.pcs[:])
	}
	return strings.TrimSuffix(strings.TrimPrefix(s.Self.frame.site.String(), " (spawned at "), ")")
}

// Await is what a task waits for.
type Await struct {
	Kind AwaitKind
	// Object is a pointer to what it waits for: a *[Frame], a *[Group], a lock; nil if it is not known.
	// See [ObjectKind].
	Object any
	// Place is its place in line from 1 on, or 0 if it is behind the first that are counted, or in none; and
	// Line is how many wait there.
	Place, Line int
	// Asks is how much it asks for, as of a semaphore; 0 of what is not counted, as a lock.
	Asks int64
	// Holds says that it has what it has asked for, and keeps others waiting: it makes the value of
	// a lock.OnceValue.
	Holds bool
	// Deadline is when a timer fires, as [Runtime.Nanos] counts.
	Deadline int64
	// Runtime is that of the task that it waits for, if it is known: then a search of another scheduler's finds the task.
	Runtime *Runtime
	behind  wakeup // who is first in line, if it waits for nothing else: what it asks for is there
	// Note says more, for people.
	Note string
}

// AwaitKind is the kind of an [Await].
type AwaitKind string

// The kinds.
const (
	AwaitsEnd       AwaitKind = "end"       // of a task, or of all members of a group
	AwaitsTurn      AwaitKind = "turn"      // in a queue, or behind another task
	AwaitsEvent     AwaitKind = "event"     // that happens, and wakes all
	AwaitsTimer     AwaitKind = "timer"     // that fires at the Deadline
	AwaitsCall      AwaitKind = "call"      // of a function elsewhere: a blocking one, or a computation
	AwaitsOperation AwaitKind = "operation" // of an object, which waits for something by other means
)

// inHand is how many tasks a reader has in hand at a time, at most.
const inHand = 16

// inspecting lets in one reader at a time: another would take what the first has in hand for active.
var inspecting sync.Mutex

// Inspect calls visit for each task of rt that is suspended, and for those that have been and are queued
// or polled at the moment. Those that are in their first poll, or wait for it, are not found; nor is,
// below a task that is active whenever it is looked at, what that owns: unseen is the number of
// tasks that were. Each task is seen at another moment.
//
// Goroutines only: it takes some 100 ns for each task. Nobody is polled, and no worker waits; visit must
// not block, nor wait for what tasks do.
func Inspect(rt *Runtime, visit func(*Suspended)) (unseen int) {
	MustNotPoll("task: Inspect inside a task would look at tasks of its own worker: call it from a goroutine")
	inspecting.Lock()
	defer inspecting.Unlock()
	in := &inspection{rt: rt, visit: visit, foreign: map[*Group]bool{}, sighting: newSighting()}
	defer func() { in.sighting.at = max(rt.Nanos(), 1) }()
	groups := rt.foreign()
	for _, g := range groups {
		in.foreign[g] = true
	}
	for _, g := range groups {
		in.walk(&g.memberList, above{})
	}
	for _, r := range rt.present() {
		in.walk(&r.members, above{})
	}
	for i := 0; i < len(in.busy); i++ { // perhaps they are suspended by now
		in.again(in.busy[i])
	}
	return in.unseen
}

// AwaitsOthers reports whether a suspended task of rt waits for what goes on elsewhere: for the end of a task or a group
// of another scheduler, or for what one holds; or for an object that may move by itself, as by time, or of which this is not
// known: see [QuietGroup].
//
// Goroutines only: it takes two walks as Inspect's.
func AwaitsOthers(rt *Runtime) (others bool) {
	ends := map[Waker]struct{}{}
	Inspect(rt, func(s *Suspended) {
		for i := range s.Waits {
			a := &s.Waits[i]
			if a.Holds || a.Kind == AwaitsOperation {
				continue
			}
			switch x := a.Object.(type) {
			case *Frame:
				ends[WakerOf(x)] = struct{}{}
			case *Group:
				others = others || x.elsewhere(rt)
			case *limitPolicy:
				others = others || (*Group)(x).elsewhere(rt)
			case Holders:
				list, _ := x.Holders()
				for _, h := range list {
					if h.Task.frame != nil {
						ends[h.Task] = struct{}{}
					}
				}
			default:
				others = others || (a.Kind == AwaitsTurn || a.Kind == AwaitsEvent) && !passive(x)
			}
		}
	})
	Inspect(rt, func(s *Suspended) { delete(ends, s.Self) })
	for w := range ends {
		others = others || !w.Over()
	}
	return others
}

// elsewhere reports whether g has members of another scheduler than rt.
func (g *Group) elsewhere(rt *Runtime) bool {
	other := false
	g.eachRuntime(func(of *Runtime) { other = other || of != rt })
	return other && g.live.Load() != 0
}

// eachRuntime calls visit with the schedulers whose tasks are members of g.
func (g *Group) eachRuntime(visit func(*Runtime)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if of := g.ownerRuntime.Load(); of != nil {
		visit(of)
	}
	for _, of := range g.runtimes {
		visit(of)
	}
}

// inspection is an Inspect in progress.
type inspection struct {
	rt       *Runtime
	visit    func(*Suspended)
	foreign  map[*Group]bool // visited by themselves
	sighting *sighting
	s        Suspended
	owned    []*Group // by the task that is looked at
	busy     []busy
	unseen   int
}

// busy is a task that was active.
type busy struct {
	waker Waker
	kind  string
	above above
}

// above is what is above the members of a list.
type above struct {
	path    []string // see Suspended
	bounded bool
}

// below is what is above the groups that a task owns.
func (a above) below(kind string) above {
	return above{append(a.path[:len(a.path):len(a.path)], kind), a.bounded}
}

// keptBusy is how many tasks that are active are looked at for a second time.
const keptBusy = 4096

// subtree is a group that a task owns.
type subtree struct {
	group *Group
	above above
}

// walk visits the members of a list, and what they own.
func (in *inspection) walk(l *memberList, up above) {
	var end, at Frame
	l.mu.Lock()
	if l.n == 0 {
		l.mu.Unlock()
		return
	}
	l.head = end.push(l.head)
	at.push(l.head)
	left := 2*l.n + inHand // at 0 more have come meanwhile than there were
	up.bounded = up.bounded || l.group != nil && l.group.timed()
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.head = at.cut(l.head)
		l.head = end.cut(l.head)
		l.mu.Unlock()
	}()
	for more := true; more; {
		var batch [inHand]found
		n := 0
		l.mu.Lock()
		f := at.right
		for ; f != &end && n < inHand && left > 0; f = f.right {
			if f.isMark() {
				continue
			}
			left--
			if f.rt == in.rt {
				batch[n] = found{frame: f, waker: Waker{f, gen(f.state.bits.Load())}, task: f.self, held: f.state.seize()}
				n++
			}
		}
		more = f != &end && left > 0
		if more && f != &at {
			l.head = at.cut(l.head)
			at.push(f)
		}
		l.mu.Unlock()
		for _, below := range in.look(batch[:n], up) {
			in.walk(&below.group.memberList, below.above)
		}
	}
}

// found is a member of a list.
type found struct {
	frame *Frame
	waker Waker
	task  Task
	held  bool
}

// look visits a batch, and returns what it owns.
func (in *inspection) look(batch []found, up above) (below []subtree) {
	defer func() { // a visit has panicked
		for _, m := range batch {
			if m.held {
				m.frame.letGo()
			}
		}
	}()
	for len(batch) > 0 {
		m := batch[0]
		in.one(m, up)
		if m.held {
			batch = batch[1:] // first: it is let go of once
			m.frame.letGo()
			for _, g := range in.owned {
				below = append(below, subtree{g, up.below(Kind(m.task))})
			}
			continue
		}
		batch = batch[1:]
		if len(in.busy) < keptBusy {
			in.busy = append(in.busy, busy{m.waker, Kind(m.task), up})
		} else {
			in.unseen++
		}
	}
	return below
}

// again looks for what a task owns that was active.
func (in *inspection) again(b busy) {
	f := b.waker.frame
	if !f.state.seize() {
		if !b.waker.Over() {
			in.unseen++
		}
		return
	}
	in.owned = in.owned[:0]
	if gen(f.state.bits.Load()) == b.waker.gen && f.rt == in.rt {
		in.groups(f.attached)
	}
	f.letGo()
	below := append([]*Group(nil), in.owned...)
	for _, g := range below {
		in.walk(&g.memberList, b.above.below(b.kind))
	}
}

// letGo ends what seize has begun: see (*word).pend.
func (f *Frame) letGo() {
	if f.state.pend(0) {
		f.rt.submit(f)
	}
}

// one visits a task.
func (in *inspection) one(m found, up above) {
	in.owned = in.owned[:0]
	in.s = Suspended{Self: m.waker, Task: m.task, Active: !m.held, Path: up.path, Bounded: up.bounded, Waits: in.s.Waits[:0]}
	if m.held {
		in.s.read(m.frame)
		in.s.sight(m.frame, in.sighting)
		in.groups(m.frame.attached)
	}
	in.visit(&in.s)
}

// groups collects the groups in a list of attachments.
func (in *inspection) groups(a *attachment) {
	for ; a != nil; a = a.next {
		if g, ok := a.what.(*Group); ok && !in.foreign[g] {
			in.owned = append(in.owned, g)
		}
	}
}

// read describes f, which is in hand.
func (s *Suspended) read(f *Frame) {
	bits := f.state.bits.Load()
	s.Group = f.members.group
	s.Draining, s.Ending, s.Exposed = bits&draining != 0, bits&completing != 0, bits&exposed != 0
	if why := f.canceled(); why != nil {
		s.Canceled = why.err
	}
	if h, ok := f.self.(interface{ starter() *Frame }); ok {
		if owner := h.starter(); owner != nil {
			s.Path = append(s.Path[:len(s.Path):len(s.Path)], Kind(owner.self))
		}
	}
	s.list(f.attached, bits&completing != 0)
	if t, ok := f.self.(Awaiter); ok && bits&completing == 0 {
		if w := t.Awaits(); w.Kind != "" {
			s.Exposed = false // by its own code, which Awaits knows of
			s.Waits = append(s.Waits, w)
		}
	}
}

// Awaiter is a task that waits by a [Waker] of its own, and says for what.
type Awaiter interface {
	// Awaits returns what the task waits for; the zero Await: nothing that it knows of. It is called as
	// TaskName is, and must not block.
	Awaits() Await
}

// list describes what is in a list of attachments.
func (s *Suspended) list(a *attachment, ending bool) {
	for ; a != nil; a = a.next {
		switch x := a.what.(type) {
		case *waiter:
			s.Waits = append(s.Waits, x.describe())
		case *armedList:
			s.timers(&x.armed)
		case *Branch:
			s.Parts = true
			s.timers(&x.armed)
			s.list(x.attached, ending)
		case *Operation:
			if o, ok := x.owner.(interface{ doing() Remote }); ok {
				s.Waits = append(s.Waits, onCall(o.doing()))
			} else {
				s.Parts = true
				s.Waits = append(s.Waits, Await{Kind: AwaitsOperation, Object: x.owner})
			}
		case slotted: // the end waits for it
			s.Calls = s.Calls || x.calls()
			if ending {
				s.Waits = append(s.Waits, onCall(x.doing()))
			}
		}
	}
}

// slotted is a [Slot].
type slotted interface {
	doing() Remote
	calls() bool
}

// timers describes armed timers.
func (s *Suspended) timers(l *armed) {
	for _, t := range [...]*Timer{l.sleeping, l.others} {
		for ; t != nil; t = t.next {
			if v := &t.alarm.entry.Value; v.set {
				s.Waits = append(s.Waits, Await{Kind: AwaitsTimer, Deadline: t.alarm.when()})
			}
		}
	}
}

// describe describes the wait that w is of, a task's in hand.
func (w *waiter) describe() Await {
	a := Await{Kind: AwaitsEvent, Object: w.what}
	if w.queue == nil {
		switch x := w.what.(type) {
		case *Frame: // it was spawned before, and is not again while somebody waits for it
			a.Kind, a.Note, a.Runtime = AwaitsEnd, Kind(x.self), x.rt
		case *Group:
			a.Kind, a.Note = AwaitsEnd, fmt.Sprintf("of %d members", x.live.Load())
		}
		return a
	}
	a.Kind, a.Asks = AwaitsTurn, w.asks
	if u, ok := w.what.(interface{ WaitUncounted() bool }); ok && u.WaitUncounted() {
		a.Asks = 0
	}
	w.mu.Lock()
	a.Line = w.queue.n
	if n, ok := w.what.(interface {
		WaitNote(q *WaitQueue, asks int64) string
	}); ok { // what for, of an object with which tasks do several things; the lock is held
		a.Note = n.WaitNote(w.queue, w.asks)
	}
	if w.next == nil {
		a.Holds = w.finalGrant() == Granted
	} else if v := w.queue.oldest; v != nil {
		if l, ok := w.what.(interface{ WaitFits(asks int64) bool }); ok && v != w && l.WaitFits(w.asks) { // the lock is held
			if a.behind = v.wake; v.wake.frame != nil {
				a.Runtime = v.wake.frame.rt // in line it is not in another life
			}
		}
		for i := 1; i <= fifo.Counted; i++ {
			if v == w {
				a.Place = i
				break
			}
			v = v.next
		}
	}
	w.mu.Unlock()
	return a
}

// onCall describes the wait for what is done elsewhere.
func onCall(r Remote) Await {
	a := Await{Kind: AwaitsCall, Object: r}
	switch r := r.(type) {
	case nil:
		a.Object, a.Note = nil, "it begins when the one before has ended"
	case Task:
		a.Object, a.Note, a.Runtime = r.frame(), Kind(r), r.frame().rt
	case interface{ note() string }:
		a.Note = r.note()
	}
	return a
}

func (o *Offload[T]) doing() Remote {
	if s := o.now; s != nil {
		return s.remote
	}
	if s := o.late; s != nil {
		return s.remote
	}
	return nil
}

func (s *Slot[T]) doing() Remote { return s.remote }

// WaitObject is what [Inspect] calls a blocking call.
func (c *blockingCall[T]) WaitObject() string { return "task.Blocking" }

// note says where the call is in its limiter.
func (c *blockingCall[T]) note() string {
	l := c.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	name := l.Name
	if name == "" {
		name = "without a name"
	}
	if c.Queued() {
		line := l.waiting.Len()
		if place := l.waiting.Place(&c.job); place > 0 {
			return fmt.Sprintf("it waits for a goroutine of the limiter %s, %d of %d", name, place, line)
		}
		return fmt.Sprintf("it waits for a goroutine of the limiter %s, far behind in a line of %d", name, line)
	}
	return fmt.Sprintf("it runs, one of %d of the limiter %s", l.running, name)
}

// starter is the task that has started a handle's.
func (t *call[T]) starter() *Frame { return t.owner }

// coded is a task that is made of a function.
type coded interface{ code() uintptr }

func (t *fun) code() uintptr     { return reflect.ValueOf(t.f).Pointer() }
func (t *call[T]) code() uintptr { return reflect.ValueOf(t.f).Pointer() }

// Kind returns what kind of task t is: its type; or its function, if it was made of one, also by heistgen. Unlike [Name]
// it calls no code of the user's. Any thread.
func Kind(t Task) string {
	switch t := t.(type) {
	case coded:
		return runtime.FuncForPC(t.code()).Name()
	case interface{ NamedBySource() }:
		if name := sourceName(reflect.TypeOf(t)); name != "" {
			return name
		}
	}
	return strings.TrimPrefix(reflect.TypeOf(t).String(), "*")
}

// sourceNames has the functions that heistgen has made tasks of, by the type of the task.
var sourceNames sync.Map

// sourceName returns the name that all tasks of a type have: what TaskName says without looking at any, as heistgen
// makes it; or "".
func sourceName(t reflect.Type) (name string) {
	if known, ok := sourceNames.Load(t); ok {
		return known.(string)
	}
	defer func() {
		if recover() != nil {
			name = "" // it has looked
		}
		sourceNames.Store(t, name)
	}()
	if n, ok := reflect.Zero(t).Interface().(Named); ok {
		name = n.TaskName()
	}
	return name
}

// ValuesOf returns the context of [WithContext] whose values a task sees by [Cx.Context], which is that of its group
// or of the next one above it, and the group whose it is; or nil. Tasks of handles see those of the task that has
// started them. Unlike Cx.Context it makes no context. It is for who polls f, or is about to.
func ValuesOf(f *Frame) (ctx context.Context, of *Group) {
	f.around(maxCharged, func(g *Group) bool {
		if g.parent != nil {
			ctx, of = g.parent, g
		}
		return ctx == nil
	})
	return ctx, of
}

// Source returns the file and the line of the function that t was made of; "" if it was not made of one.
// Any thread.
func Source(t Task) (file string, line int) {
	if c, ok := t.(coded); ok {
		return runtime.FuncForPC(c.code()).FileLine(c.code())
	}
	return "", 0
}

// ObjectKind returns what kind of object that is in an [Await]: its type, without the star, or as its
// method WaitObject() string calls it.
func ObjectKind(object any) string {
	switch x := object.(type) {
	case nil:
		return "unknown"
	case *Frame:
		return "task"
	case interface{ WaitObject() string }:
		return x.WaitObject()
	}
	return strings.TrimPrefix(reflect.TypeOf(object).String(), "*")
}

// FrameOf returns the frame of a task: what [Await] has for a task that another waits for.
func FrameOf(t Task) *Frame { return t.frame() }

// WakerOf returns the Waker of the present life of f. Any thread.
func WakerOf(f *Frame) Waker { return Waker{f, gen(f.state.bits.Load())} }

// Life returns the number of the life that w is of, and its frame: together they name it.
func (w Waker) Life() (f *Frame, life uint32) { return w.frame, w.gen }

// StageOf says how far a suspended task is that the caller has in hand (see [Inspect]): the step of a
// [Seq] or the stage of a [Flow] that is a field of it, or where its functions wait, if heistgen has
// made it; else "".
func StageOf(t Task) string {
	if lines := LinesOf(t); len(lines) > 0 {
		var at []string
		for _, l := range lines {
			at = append(at, fmt.Sprintf("%s at %s:%d", l.Function, l.File, l.Line))
		}
		return strings.Join(at, " in ")
	}
	v := reflect.ValueOf(t)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return ""
	}
	v = v.Elem()
	field, ok := stageFields.Load(v.Type())
	if !ok {
		field = stageField(v.Type())
		stageFields.Store(v.Type(), field)
	}
	i := field.(int)
	if i < 0 {
		return ""
	}
	if at := v.Field(i).Field(0); at.Kind() == reflect.Int {
		return fmt.Sprintf("step %d", at.Int()+1)
	} else if !at.IsNil() {
		return runtime.FuncForPC(at.Pointer()).Name()
	}
	return ""
}

// SourceLine is a line of a source where a function waits.
type SourceLine struct {
	Function string // with its package's name
	File     string // without a folder
	Line     int
}

// Lined is a task that knows where in the source its functions wait: those that heistgen makes do.
type Lined interface {
	// Lines returns where the functions in progress wait, the innermost first: a stack of calls that are
	// not on a stack. The task is in the caller's hand.
	Lines() []SourceLine
}

// LinesOf returns where the functions of a suspended task wait that the caller has in hand (see [Inspect]), the
// innermost first, if heistgen has made it; else nil.
func LinesOf(t Task) []SourceLine {
	if m, ok := t.(Lined); ok {
		return m.Lines()
	}
	return nil
}

// stageFields has the number of the field that says the stage, by type; -1: none.
var stageFields sync.Map

// stageField returns the number of the first field that is a Seq or a Flow, or -1.
func stageField(t reflect.Type) int {
	for i := range t.NumField() {
		if f := t.Field(i).Type; f == reflect.TypeFor[Seq]() || f.PkgPath() == reflect.TypeFor[Seq]().PkgPath() && strings.HasPrefix(f.Name(), "Flow[") {
			return i
		}
	}
	return -1
}
