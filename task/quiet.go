package task

import (
	"reflect"
	"slices"
)

// Quiet groups: parts of a scheduler in which nothing moves, whatever the rest does. A channel, a promise or an event may
// be used by anybody, so a task that waits for one is in no deadlock; but if all members of a group wait, and what is below
// them, and nothing that belongs to them ends a wait, then only somebody outside can, who has in hand what they wait for.
//
// Whoever a task waits for is added to the tasks that are looked at, until no more come: who has a lock that is
// recorded (see [Holders]), or is ahead in line for what is free, the task or the group whose end it waits for, what it
// owns. Who makes a value that it waits for has to be among them.
//
// A cancellation is somebody else's, and not counted, but for one that will come by itself. So the keepers of a group are
// taken in hand, too, though they are not counted as quiet: who owns it, or one above it, and who waits for its end.
//
// # Invariants
//
//	U1  At the moment at which a group is said to be quiet, all tasks that are looked at are in hand, and nobody
//	    has woken one of them.
//	U2  A timer, a descriptor, a Waker, a blocking function or a goroutine that does not stand in a wait itself, a bound
//	    on the time, or anything that is not known: the group is not quiet. What is known is what this package and
//	    those of locks and channels are made of.
//	U3  A bound on the time of a group that they are below, or a keeper that goes on by itself, may cancel them: the group
//	    is not quiet. What may happen to a descriptor of a keeper without a deadline is somebody else's.

// Quiet is a group in which nothing moves.
type Quiet struct {
	Tasks int // that wait: its members, what is below them, and for whom they wait
	// For is what only somebody outside can make happen: an object each, its Line is how many of the tasks wait for it.
	For []Await
	// Since is since when all of them are suspended, and Exact as in [Suspended]. 0: it is not known.
	Since int64
	Exact bool
}

// maxQuiet is how many tasks are in hand at a time for a look at a group: of larger ones nothing is said.
const maxQuiet = 4096

// QuietGroup reports whether nothing moves in a group of rt's tasks that has members: all are suspended, and what
// is below them, and nothing but who is outside, and has in hand what they wait for, can make any go on. A
// cancellation is not counted, unless time brings it: by a bound on the time of a group, or because a task that owns such
// a group, or waits for its end, does not wait for others alone. others is as for [Deadlocks], and expires is asked the
// same about those tasks, and moments alone; nil: there are none.
//
// Goroutines only; the tasks are in the caller's hand for some 100 ns each: who is woken just then starts later.
func QuietGroup(rt *Runtime, g *Group, others, expires func(tasks []Waker) bool) (q Quiet, quiet bool) {
	MustNotPoll("task: QuietGroup inside a task would look at tasks of its own worker: call it from a goroutine")
	inspecting.Lock()
	defer inspecting.Unlock()
	return quietGroup(rt, g, others, expires)
}

// quietGroup is QuietGroup for who inspects.
func quietGroup(rt *Runtime, g *Group, others, expires func(tasks []Waker) bool) (Quiet, bool) {
	l := newLook(rt)
	defer l.letGo()
	if g.live.Load() == 0 || !l.group(g) || !l.confirm(others, expires) {
		return Quiet{}, false
	}
	if l.unknown {
		l.quiet.Since, l.quiet.Exact = 0, false
	}
	return l.quiet, true
}

// look is a look at a group.
type look struct {
	rt      *Runtime
	all     []*Frame        // in hand
	held    map[*Frame]bool // the same, and whether it is looked at, or is but a keeper
	groups  map[*Group]int  // those of which all members are, and how many goroutines stand there
	kept    map[*Group]bool // those whose keepers are
	stood   map[uint64]helper
	unknown bool           // since when some task is suspended
	objects map[any]int    // the place in quiet.For
	wanted  map[maker]bool // values that somebody makes, and
	makes   map[maker]bool // those that are made by who is looked at
	helpers map[uint64]helper
	quiet   Quiet
}

func newLook(rt *Runtime) *look {
	return &look{rt: rt, held: map[*Frame]bool{}, groups: map[*Group]int{}, kept: map[*Group]bool{}, objects: map[any]int{},
		wanted: map[maker]bool{}, makes: map[maker]bool{},
		helpers: standing(), stood: map[uint64]helper{}, quiet: Quiet{Exact: true}}
}

// letGo ends the look.
func (l *look) letGo() {
	for _, f := range l.all {
		f.letGo()
	}
}

// group takes the members of g in hand. It reports false if something may go on there, as the next.
func (l *look) group(g *Group) bool {
	if _, known := l.groups[g]; known {
		return true
	}
	l.groups[g] = 0
	var members []*Frame
	fine := true
	g.mu.Lock()
	if len(l.held)+g.n > maxQuiet {
		g.mu.Unlock()
		return false
	}
	for f, left := g.head, 2*g.n+2*inHand; f != nil && left > 0 && len(members) < g.n; f, left = f.right, left-1 {
		if f.isMark() || l.held[f] {
			continue
		}
		if f.rt != l.rt || !l.hold(f) {
			fine = false
			break
		}
		l.held[f] = true
		members = append(members, f)
		if f.right == g.head {
			break
		}
	}
	g.mu.Unlock()
	for id, h := range l.helpers {
		if h.group == g && fine {
			l.groups[g]++
			fine = l.helper(id, h)
		}
	}
	for _, f := range members {
		fine = fine && l.read(f)
	}
	return fine && l.settled(g)
}

// hold takes a task in hand.
func (l *look) hold(f *Frame) bool {
	if _, is := l.held[f]; is {
		return true
	}
	if len(l.held) >= maxQuiet || !f.state.seize() {
		return false
	}
	l.all, l.held[f] = append(l.all, f), false
	return true
}

// task takes a task in hand, and looks at it.
func (l *look) task(f *Frame) bool {
	if l.held[f] {
		return true
	}
	if !l.hold(f) {
		return false
	}
	l.held[f] = true
	return f.rt == l.rt && l.read(f) // in hand: it may have had no runtime yet
}

// settled reports whether neither time nor a keeper that goes on by itself will cancel g (U3).
func (l *look) settled(g *Group) bool {
	for g != nil && !l.kept[g] {
		l.kept[g] = true
		g.mu.Lock()
		keepers, owned, fine := g.keepers()
		g.mu.Unlock()
		for _, w := range keepers {
			fine = fine && l.keeper(w)
		}
		if !fine || !owned {
			return fine
		}
		if g, fine = l.scope(keepers[0].frame); !fine {
			return false
		}
	}
	return true
}

// scope returns the group that f is below, which is in hand; nil: none. It reports false if who has its handle
// goes on by itself.
func (l *look) scope(f *Frame) (g *Group, fine bool) {
	for f.members.group == nil {
		h, ok := f.self.(interface{ starter() *Frame })
		if !ok || h.starter() == nil {
			return nil, true
		}
		if f = h.starter(); !l.keeper(WakerOf(f)) {
			return nil, false
		}
	}
	return f.members.group, true
}

// keeper takes a keeper in hand. It reports false if that goes on by itself, as by a timer, or if it is not known.
func (l *look) keeper(w Waker) bool {
	f := w.frame
	if _, is := l.held[f]; is {
		return true
	}
	if !l.hold(f) || gen(f.state.bits.Load()) != w.gen {
		return false
	}
	s := Suspended{Self: w, Task: f.self}
	if s.read(f); s.Exposed {
		return false
	}
	for i := range s.Waits { // none at all: it waits for a descriptor
		a := &s.Waits[i]
		if a.Kind == AwaitsOperation || a.Holds {
			continue
		}
		switch x := a.Object.(type) {
		case *Group: // that of which it is a keeper, or one whose end lets it go on
			if l.kept[x] || x.live.Load() != 0 && l.group(x) {
				continue
			}
		case *Frame:
			if a.Kind != AwaitsCall && l.keeper(WakerOf(x)) {
				continue
			}
		case *limitPolicy: // a member's end lets it go on
			if l.group((*Group)(x)) {
				continue
			}
		default:
			if (a.Kind == AwaitsTurn || a.Kind == AwaitsEvent) && passive(a.Object) {
				continue
			}
		}
		return false
	}
	return true
}

// keepers returns who has g in hand, the owner first if it is owned. It reports false if time will cancel it, or if they
// are many. The lock is held.
func (g *Group) keepers() (list []Waker, owned, fine bool) {
	if g.timed() {
		return nil, false, false
	}
	if g.owner != nil {
		list = append(list, WakerOf(g.owner))
	}
	fine = g.waiters.each(func(w *waiter) bool {
		if w.wake.frame != nil {
			list = append(list, Waker{w.wake.frame, w.wake.gen})
		}
		return len(list) <= maxKeepers
	})
	return list, g.owner != nil, fine
}

// maxKeepers is of how many that have a group in hand it is known what they do.
const maxKeepers = 64

// timed reports whether a bound on its time will cancel g: see expires; or the context of a goroutine that waits for
// it. The lock is held.
func (g *Group) timed() bool {
	return g.expires() || !g.waiters.each(func(w *waiter) bool { return !w.limited })
}

// expires reports whether g has a bound on its time, or its context. The lock is held.
func (g *Group) expires() (limited bool) {
	if g.parent != nil {
		_, limited = g.parent.Deadline()
	}
	return limited || g.timeout != nil
}

// read looks what a task waits for that is in hand.
func (l *look) read(f *Frame) bool {
	s := Suspended{Task: f.self}
	s.read(f)
	s.seen(f)
	l.unknown = l.unknown || s.Since == 0
	l.quiet.Since, l.quiet.Exact = max(l.quiet.Since, s.Since), l.quiet.Exact && s.Exact
	if s.Exposed {
		return false
	}
	if g, fine := l.scope(f); !fine || !l.settled(g) {
		return false
	}
	leaves := 0
	for i := range s.Waits {
		a := &s.Waits[i]
		if x, ok := a.Object.(maker); ok && a.Holds {
			l.makes[x] = true
		}
		if a.Kind == AwaitsOperation || a.Holds {
			continue
		}
		if leaves++; !l.wait(a) {
			return false
		}
	}
	for a := f.attached; a != nil; a = a.next {
		switch x := a.what.(type) {
		case *Group:
			if x.live.Load() != 0 && !l.group(x) {
				return false
			}
			leaves++
		case interface{ starter() *Frame }: // a handle's task
			if t := x.(Task).frame(); !t.state.done() && !l.task(t) {
				return false
			}
			leaves++
		case interface{ remains() Remote }: // a call that was abandoned
			if r := x.remains(); r != nil {
				if a := onCall(r); !l.wait(&a) {
					return false
				}
			}
		}
	}
	return leaves > 0 // else it is not known what it waits for
}

// wait looks at a wait: of a task in hand, or of a goroutine that stands.
func (l *look) wait(a *Await) bool {
	if a.behind != (wakeup{}) {
		return l.ahead(a.behind)
	}
	switch x := a.Object.(type) {
	case *Frame:
		return a.Kind != AwaitsCall && l.task(x)
	case *Group:
		return x.live.Load() != 0 && l.group(x)
	case *limitPolicy:
		return l.group((*Group)(x))
	case calling:
		for id, h := range l.helpers {
			if h.call == x {
				return l.helper(id, h)
			}
		}
		return false
	case maker:
		l.wanted[x] = true
	case Holders:
		holders, all := x.Holders()
		if all && !slices.ContainsFunc(holders, func(h Holder) bool { return h.Settled().Ended != "" }) { // else nobody gives it back, or somebody outside
			for _, h := range holders {
				if !l.holder(h) {
					return false
				}
			}
			return true
		}
	}
	if a.Kind != AwaitsTurn && a.Kind != AwaitsEvent || !passive(a.Object) {
		return false
	}
	i, known := l.objects[a.Object]
	if !known {
		i = len(l.quiet.For)
		l.objects[a.Object] = i
		l.quiet.For = append(l.quiet.For, Await{Kind: a.Kind, Object: a.Object})
	}
	l.quiet.For[i].Line++
	return true
}

// ahead looks at who is first in a line.
func (l *look) ahead(w wakeup) bool {
	if w.frame != nil {
		return l.holder(Holder{Task: Waker{w.frame, w.gen}})
	}
	for id, h := range l.helpers {
		if h.waits.wake == w {
			return l.helper(id, h)
		}
	}
	return false // by its context it may leave
}

// holder looks at who holds something.
func (l *look) holder(h Holder) bool {
	if h.Goroutine != 0 {
		at, stands := l.helpers[h.Goroutine]
		return stands && l.helper(h.Goroutine, at)
	}
	f := h.Task.frame
	return l.task(f) && gen(f.state.bits.Load()) == h.Task.gen
}

// helper looks at what a goroutine waits for.
func (l *look) helper(id uint64, h helper) bool {
	if _, before := l.stood[id]; before {
		return true
	}
	if _, otherwise := h.ends(); otherwise || h.rt != l.rt && h.rt != nil {
		return false
	}
	l.stood[id] = h
	w, stands := h.waitsFor(id)
	return stands && l.wait(&w)
}

// passive reports whether nothing but calls of its methods lets go on who waits for an object: it has no timer and the
// like (U2).
func passive(object any) bool {
	if _, moves := object.(interface{ MovesItself() }); moves || object == nil {
		return false
	}
	t, here := reflect.TypeOf(object), reflect.TypeFor[Frame]().PkgPath()
	if t.Kind() != reflect.Pointer {
		return false
	}
	switch t.Elem().PkgPath() {
	case here, here + "/lock", here + "/chans":
		return true
	}
	return false
}

// confirm looks once more, when all are in hand (U1).
func (l *look) confirm(others, expires func(tasks []Waker) bool) bool {
	in := map[*Group]int{}
	var wakers, keepers []Waker
	for _, f := range l.all {
		if !l.held[f] {
			keepers = append(keepers, WakerOf(f))
			continue
		}
		in[f.members.group]++
		wakers = append(wakers, WakerOf(f))
	}
	l.quiet.Tasks = len(wakers)
	for g, stand := range l.groups {
		g.mu.Lock()
		live := int(g.live.Load()) // 0: it has ended meanwhile
		still := live != 0 && g.n == in[g] && live == g.n+g.backlog.N+stand
		g.mu.Unlock()
		if !still {
			return false
		}
	}
	for g := range l.kept {
		g.mu.Lock()
		now, _, still := g.keepers()
		g.mu.Unlock()
		for _, w := range now {
			_, is := l.held[w.frame]
			still = still && is
		}
		if !still {
			return false
		}
	}
	for x := range l.wanted {
		if !l.makes[x] {
			return false // who makes it is not known
		}
	}
	for id, h := range l.stood {
		if !sameStand(id, h) {
			return false
		}
	}
	if others != nil && others(wakers) || expires != nil && expires(keepers) {
		return false
	}
	for _, f := range l.all {
		if f.state.bits.Load()&woken != 0 {
			return false
		}
	}
	return true
}

// QuietSearch finds the quiet groups of a runtime: it is told of the tasks of an [Inspect], and looks at the groups
// that may be quiet then.
type QuietSearch struct {
	groups map[*Group]*quietNode
	order  []*quietNode    // above before below
	ends   map[*Group]bool // of which is known that they may be canceled by time, so that it need not be looked
}

// quietNode is a group of which, or of a group below, a task was seen.
type quietNode struct {
	group *Group
	above *quietNode
	moves bool // something is there that goes on by itself
	ends  bool // and may cancel it from above: see U3
}

const (
	// maxSearched is how many groups a search knows, and maxLooked at how many it looks.
	maxSearched = 1 << 14
	maxLooked   = 64
)

// Add tells the search of a task, within a visit, and whether the scheduler knows that it goes on by itself, as by a
// descriptor.
func (q *QuietSearch) Add(s *Suspended, moves bool) {
	if s.Active || len(q.groups) >= maxSearched {
		return
	}
	timed := s.Exposed
	for i := range s.Waits {
		timed = timed || s.Waits[i].Kind == AwaitsTimer
	}
	moves = moves || timed
	if q.groups == nil {
		q.groups, q.ends = map[*Group]*quietNode{}, map[*Group]bool{}
	}
	if s.Bounded && len(q.ends) < maxSearched {
		q.ends[s.Group] = true
	}
	for a := s.Self.frame.attached; timed && a != nil && len(q.ends) < maxSearched; a = a.next {
		if g, ok := a.what.(*Group); ok {
			q.ends[g] = true
		}
	}
	at := q.groups[s.Group]
	if at == nil {
		var below *quietNode
		known := len(q.order)
		s.Self.frame.around(maxCharged, func(g *Group) bool {
			n, found := q.groups[g]
			if !found {
				n = &quietNode{group: g}
				q.groups[g], q.order = n, append(q.order, n)
			}
			if below == nil {
				at = n
			} else {
				below.above = n
			}
			below = n
			return !found
		})
		slices.Reverse(q.order[known:])
	}
	for ; moves && at != nil && !at.moves; at = at.above {
		at.moves = true
	}
}

// Find returns the groups that are quiet, the outermost of those that are below each other, and most of them at most. See
// [QuietGroup].
func (q *QuietSearch) Find(rt *Runtime, most int, others, expires func(tasks []Waker) bool) (found []*Group, all []Quiet) {
	inspecting.Lock()
	defer inspecting.Unlock()
	looked := 0
	for _, n := range q.order {
		if n.ends = q.ends[n.group] || n.above != nil && n.above.ends; n.ends {
			n.moves = true
			continue
		}
		switch {
		case n.moves || n.above != nil && !n.above.moves:
			continue
		case len(found) == most || looked == maxLooked:
			return found, all
		}
		looked++
		if is, ok := quietGroup(rt, n.group, others, expires); ok {
			found, all = append(found, n.group), append(all, is)
		} else {
			n.moves = true // and those below may be
		}
	}
	return found, all
}
