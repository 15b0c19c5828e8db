package task

import (
	"cmp"
	"fmt"
	"slices"
)

// Deadlocks: circles of tasks each of which waits for the next.
//
// What a task waits for is exact where one task, or one of several, has to go on first: the end of a task or
// of a group, a turn of a lock.Strand, the value of a lock.OnceValue that a task makes, a computation; and, where
// that is recorded, a lock (see [Holders]). A channel, a promise or an event may be used by anybody, so a task
// that waits for one is in no circle.
//
//	Inspect      candidates: tasks with nothing else to wake them
//	prune        takes away who waits for somebody that is no candidate, until none is left
//	circles      what is left goes round in circles
//	confirm      has a circle in hand, all of it at the same time, and reads it again
//
// # Invariants
//
//	L1  No circle is reported that was not one at a moment at which all its tasks were in hand.
//	L2  A task that anything else may wake, a timer, a Waker, another branch, is no candidate. A
//	    cancellation is not counted: it is how a deadlock is ended.
//	L3  A goroutine is in a circle only if it stands in its wait when the tasks are in hand (H1 in helper.go), and its
//	    context has no end but the cancellation of its task, which is in hand, too, or of its group; of one that
//	    works for neither, and holds a lock, it has none.
//	L4  Who waits behind another, for what is there, waits for the first in line, which may leave it, and not
//	    for who holds the rest.
//	L5  Who waits for a place under a group's limit, or for a task that waits for one, waits for all who have one: it is
//	    in a circle only if all of these are in hand, as many as are counted under the group's lock.
//
// Waits lead from one scheduler to the next, and so does the search, if the next lets it: see [Inspectable].

// Blocked is a task in a circle, or a goroutine that works for one.
type Blocked struct {
	Self      Waker  // zero: it is a goroutine
	Goroutine uint64 // its number, or 0
	Kind      string
	Stage     string // how far the task is: see [StageOf]
	For       Await  // what it waits for: the next has to go on first
	Elsewhere bool   // it is a task of another scheduler than that which was asked
}

// Holders is an object that tasks wait for, or its [Policy], that knows who holds it.
type Holders interface {
	// Holders returns who holds it, each once, and whether these are all. It is called on any thread, and
	// must not block.
	Holders() (list []Holder, all bool)
}

// Holder is who holds something: a task, or a goroutine (see [MarkHolder]).
type Holder struct {
	Task      Waker
	Goroutine uint64 // its number; 0: it is a task
	// Runtime is that of the task, if it is known: then a search of another scheduler's finds the task.
	Runtime *Runtime
	// Ended is set instead of Task if it was a task, which has ended: it names that.
	Ended string
}

// Settled returns h, but of a task that has ended only what names it, so that nobody keeps the task for h.
func (h Holder) Settled() Holder {
	if h.Ended == "" && h.Task.Over() {
		return Holder{Ended: fmt.Sprintf("%p#%d", h.Task.frame, h.Task.gen)}
	}
	return h
}

// Inspectable is a [Scheduler] whose tasks others may look at, which wait for them.
type Inspectable interface {
	// Inspected calls look, which has tasks in hand meanwhile, and gives it what [Deadlocks] calls others.
	Inspected(look func(others func(tasks []Waker) bool))
}

const (
	// maxCandidates bounds the memory for a search: with more, no circle is looked for among the rest.
	maxCandidates = 1 << 18
	// maxCircles is how many circles are returned, and maxConfirmed how many tasks of one are in hand together.
	maxCircles   = 32
	maxConfirmed = 4096
	// maxReached is how many schedulers a search looks at, and maxBacklog at how many that wait in a group.
	maxReached = 16
	maxBacklog = 4096
)

// Deadlocks returns circles of suspended tasks of rt each of which waits for the next, so that none of
// them will go on unless it is canceled. What it returns was so at a moment of the call, and no program that
// is merely slow is reported. It does not find all: see [Holders], and tasks that wait for several
// things at a time are left out.
//
// others is asked, while the tasks of a circle are in hand, whether the scheduler knows of anything that may wake
// one of them and leaves no trace in it, as a descriptor; nil: there is no such thing. An operation of your own
// that gives out [Cx.Self] and attaches nothing to the task leaves none either: it has to take [Cx.Waker].
//
// Circles that lead through other schedulers are found, too, if these are [Inspectable].
//
// Goroutines only; as [Inspect], it stops nobody.
func Deadlocks(rt *Runtime, others func(tasks []Waker) bool) (circles [][]Blocked) {
	_, circles = InspectDeadlocks(rt, func(*Suspended) {}, others)
	return circles
}

// InspectDeadlocks is [Inspect] and [Deadlocks] with one walk through the tasks.
func InspectDeadlocks(rt *Runtime, visit func(*Suspended), others func(tasks []Waker) bool) (unseen int, circles [][]Blocked) {
	g := waitGraph{nodes: map[any]*node{}, reached: []*Runtime{rt}}
	if others != nil {
		g.others = append(g.others, others)
	}
	unseen = Inspect(rt, func(s *Suspended) {
		g.collect(s)
		visit(s)
	})
	own := len(g.tasks)
	g.collectHelpers()
	g.reach(func() { circles = g.search(own) })
	return unseen, circles
}

// reach adds the tasks of all schedulers to which waits lead, and calls search while they may be looked at.
func (g *waitGraph) reach(search func()) {
	next, rt := g.beyond()
	if next == nil {
		search()
		return
	}
	g.reached = append(g.reached, rt)
	next.Inspected(func(others func([]Waker) bool) {
		g.others = append(g.others, others)
		Inspect(rt, g.collect)
		g.reach(search)
	})
}

// beyond returns a scheduler to which a wait leads, and which is not reached; or nil.
func (g *waitGraph) beyond() (next Inspectable, of *Runtime) {
	if len(g.reached) == maxReached {
		return nil, nil
	}
	look := func(rt *Runtime) {
		if rt != nil && next == nil && !slices.Contains(g.reached, rt) {
			next, _ = rt.scheduler.(Inspectable)
			of = rt
		}
	}
	g.started = nil
	seen := map[any]bool{}
	for _, n := range slices.Concat(g.tasks, g.helpers) {
		if h := n.helper; h != nil && h.rt != nil && !slices.Contains(g.reached, h.rt) {
			continue // nobody that was reached waits for it
		}
		for i := range n.waits {
			if g.leads(&n.waits[i], seen, look); next != nil {
				return next, of
			}
		}
	}
	return nil, nil
}

// leads calls look with the schedulers to which a wait leads; of an object that many wait for, once.
func (g *waitGraph) leads(a *Await, seen map[any]bool, look func(*Runtime)) {
	look(a.Runtime)
	object := a.Object
	if x, ok := object.(calling); ok {
		if l, _ := x.of(); x.queued(l) {
			object = l
		}
	}
	if a.behind.token != nil {
		object = a.behind
	}
	if seen[object] {
		return
	}
	seen[object] = true
	switch x := object.(type) {
	case wakeup:
		for _, n := range g.helpers {
			if n.waitsBy(x) {
				look(n.helper.rt)
			}
		}
	case *Frame:
		if g.nodes[x] == nil {
			if of := g.waitsIn(x); of != nil {
				of.eachRuntime(look)
			}
		}
	case *Group:
		x.eachRuntime(look)
	case *limitPolicy:
		(*Group)(x).eachRuntime(look)
	case *Limiter:
		for _, n := range g.helpers {
			if n.runsIn(x) {
				look(n.helper.rt)
			}
		}
	case Holders:
		list, _ := x.Holders()
		for _, h := range list {
			look(h.Runtime)
			if n := g.nodes[h.Goroutine]; n != nil {
				look(n.helper.rt)
			}
		}
	}
}

// search returns circles, to which tasks lead of the first scheduler, whose are the first own.
func (g *waitGraph) search(own int) (circles [][]Blocked) {
	g.link()
	g.prune()
	inspecting.Lock()
	defer inspecting.Unlock()
	for _, n := range slices.Concat(g.tasks[:own], g.helpers) {
		if len(circles) == maxCircles {
			break
		}
		if n.helper != nil && n.helper.rt != g.reached[0] {
			continue // what is its own is in a circle with tasks
		}
		if c := g.confirm(n.circle()); c != nil {
			circles = append(circles, c)
		}
	}
	return circles
}

// waitGraph is who waits for whom. Its nodes are tasks, goroutines, groups and their limits, locks, and limiters.
type waitGraph struct {
	reached []*Runtime                 // whose tasks were looked at, first that which was asked
	others  []func(tasks []Waker) bool // of these

	nodes   map[any]*node // by *Frame, *Group, policy, blocking function, *Limiter, or a goroutine's number
	tasks   []*node       // in the order in which they were found, those of each scheduler together
	helpers []*node
	makers  map[any]Waker      // of values of lock.OnceValue, by policy
	members map[*Group][]*node // tasks and goroutines
	groups  []*Group           // of which there are members, in the order in which these were found
	started map[*Frame]*Group  // tasks that wait in one of them for a place under its limit
}

// node is a task, a goroutine, a group, the limit of one, a lock, or a limiter: one of the first six is set.
type node struct {
	task    *candidate
	helper  *helper
	group   *Group
	places  *limitPolicy
	lock    Holders
	limiter *Limiter

	number uint64  // of the helper
	waits  []Await // of the task or the helper
	needs  []*node // who has to go on first
	all    bool    // it is stuck only while all its needs are; else while one is
	users  []*node // whose needs it is in
	left   int     // of needs, how many are stuck
	gone   bool    // it can go on
	marked bool    // a search has come by

	queued map[*Frame]bool // those that wait for a place, as read when all were in hand

	confirmed *Await // what the task or the goroutine waits for, as read when all were in hand
}

// candidate is a task that nothing else wakes.
type candidate struct {
	self   Waker
	kind   string
	group  *Group
	ending bool
}

// collect adds a task that is a candidate.
func (g *waitGraph) collect(s *Suspended) {
	for i := range s.Waits {
		if a := &s.Waits[i]; a.Holds && a.Kind == AwaitsTurn {
			if g.makers == nil {
				g.makers = map[any]Waker{}
			}
			g.makers[a.Object] = s.Self
		}
	}
	if len(g.tasks) == maxCandidates {
		return
	}
	if c, waits := candidateOf(s); c != nil {
		n := &node{task: c, waits: waits}
		g.nodes[s.Self.frame], g.tasks = n, append(g.tasks, n)
	}
}

// candidateOf returns the task as a candidate, and what it waits for; or nil.
func candidateOf(s *Suspended) (c *candidate, waits []Await) {
	if s.Active || s.Exposed && !s.Ending || s.Parts && !s.Ending {
		return nil, nil
	}
	n := 0
	for i := range s.Waits {
		switch a := &s.Waits[i]; {
		case a.Holds:
		case exact(a):
			n++
		case !s.Ending:
			return nil, nil
		}
	}
	if n == 0 || n > 1 && !s.Ending {
		return nil, nil
	}
	for i := range s.Waits {
		if a := &s.Waits[i]; !a.Holds && exact(a) {
			waits = append(waits, *a)
		}
	}
	return &candidate{self: s.Self, kind: Kind(s.Task), group: s.Group, ending: s.Ending}, waits
}

// exact reports whether it is known who has to go on before a wait ends.
func exact(a *Await) bool {
	switch a.Kind {
	case AwaitsEnd, AwaitsCall, AwaitsTurn:
	default:
		return false
	}
	switch a.Object.(type) {
	case *Frame, *Group, *limitPolicy, Holders, maker, calling:
		return true
	}
	return false
}

// maker is the policy of what a task makes for others: who holds a grant of it.
type maker interface{ MadeByHolder() }

// collectHelpers adds the goroutines that nothing else wakes, also those of other schedulers: a limiter may be
// theirs, too.
func (g *waitGraph) collectHelpers() {
	for id, h := range standing() {
		if _, otherwise := h.ends(); otherwise {
			continue
		}
		n := &node{helper: &h, number: id, all: true}
		if w, stands := h.waitsFor(id); stands && exact(&w) {
			n.waits = []Await{w}
		}
		g.helpers = append(g.helpers, n)
		g.nodes[id] = n
		if h.call != nil {
			g.nodes[h.call] = n
		}
	}
	slices.SortFunc(g.helpers, func(a, b *node) int { return cmp.Compare(a.number, b.number) })
}

// link adds the edges.
func (g *waitGraph) link() {
	g.members, g.groups, g.started = map[*Group][]*node{}, nil, nil
	member := func(of *Group, n *node) {
		if of == nil {
			return
		}
		if g.members[of] == nil {
			g.groups = append(g.groups, of)
		}
		g.members[of] = append(g.members[of], n)
	}
	for _, n := range g.tasks {
		member(n.task.group, n)
	}
	for _, n := range g.helpers {
		member(n.helper.group, n)
	}
	for _, n := range g.tasks {
		for i := range n.waits {
			n.need(g.target(&n.waits[i]))
		}
	}
	for _, n := range g.helpers {
		if len(n.waits) == 0 {
			n.gone = true
			continue
		}
		to := g.target(&n.waits[0])
		n.gone = to == nil
		n.need(to) // first: that is the way of a circle
		if canceled, _ := n.helper.ends(); canceled && n.helper.call != nil {
			_, of := n.helper.call.of()
			caller := g.nodes[of.frame]
			n.gone = n.gone || caller == nil || caller.task.self != of
			n.need(caller)
		}
	}
}

// target returns the node of what a task waits for, or nil.
func (g *waitGraph) target(a *Await) *node {
	if a.behind != (wakeup{}) {
		return g.ahead(a.behind)
	}
	switch x := a.Object.(type) {
	case *Frame:
		if n := g.nodes[x]; n != nil {
			return n
		}
		if of := g.waitsIn(x); of != nil {
			return g.limit((*limitPolicy)(of))
		}
	case *limitPolicy:
		return g.limit(x)
	case *Group:
		n := g.nodes[x]
		if n == nil {
			n = &node{group: x}
			for _, m := range g.members[x] {
				n.need(m)
			}
			g.nodes[x] = n
		}
		return n
	case maker:
		return g.nodes[g.makers[x].frame]
	case calling:
		if n := g.nodes[x]; n != nil {
			return n
		}
		if l, _ := x.of(); x.queued(l) {
			return g.crowd(l)
		}
	case Holders:
		n := g.nodes[x]
		if n == nil {
			n = &node{lock: x, all: true}
			holders, complete := x.Holders()
			for _, h := range holders {
				m := g.holder(h)
				if m == nil {
					complete = false
					break
				}
				n.need(m)
			}
			n.gone = !complete || len(holders) == 0
			g.nodes[x] = n
		}
		return n
	}
	return nil
}

// limit returns the node of the limit of a group: who waits for a place waits until one of those has ended that have one.
func (g *waitGraph) limit(p *limitPolicy) *node {
	n := g.nodes[p]
	if n == nil {
		n = &node{places: p, all: true}
		for _, m := range g.members[(*Group)(p)] {
			if m.task != nil { // goroutines do not count
				n.need(m)
			}
		}
		n.gone = !n.taken()
		g.nodes[p] = n
	}
	return n
}

// taken reports whether the tasks that the node of a limit needs have all places that there are.
func (n *node) taken() bool {
	g := (*Group)(n.places)
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.limit > 0 && g.active >= g.limit && g.active == len(n.needs)
}

// queues reports whether a task is one of those that wait for a place. All who have one are in hand, so none goes on.
func (n *node) queues(f *Frame) bool {
	if n.queued == nil {
		n.queued = map[*Frame]bool{}
		g := (*Group)(n.places)
		g.mu.Lock()
		g.eachQueued(func(f *Frame) bool { n.queued[f] = true; return true })
		g.mu.Unlock()
	}
	return n.queued[f]
}

// full says so of a limit, for people.
func (n *node) full() string {
	if len(n.needs) == 1 {
		return "the task that has the only place there waits, too"
	}
	return fmt.Sprintf("the tasks that have all %d places there wait, too", len(n.needs))
}

// waitsIn returns the group in which a task waits for a place, among those of which a member was found, and those that
// a scheduler which was reached knows of; or nil.
func (g *waitGraph) waitsIn(f *Frame) *Group {
	if g.started == nil {
		g.started = map[*Frame]*Group{}
		groups := slices.Clone(g.groups)
		for _, rt := range g.reached {
			for _, of := range rt.foreign() {
				if g.members[of] == nil {
					groups = append(groups, of)
				}
			}
		}
		for _, of := range groups {
			of.mu.Lock()
			of.eachQueued(func(f *Frame) bool { g.started[f] = of; return len(g.started) < maxCandidates })
			of.mu.Unlock()
		}
	}
	return g.started[f]
}

// ahead returns the node of who is first in a line, or nil.
func (g *waitGraph) ahead(w wakeup) *node {
	if n := g.nodes[w.frame]; n != nil && n.waitsBy(w) {
		return n
	}
	for _, n := range g.helpers {
		if n.waitsBy(w) {
			return n
		}
	}
	return nil
}

// waitsBy reports whether a node, of a task or of a goroutine, is the one that w wakes.
func (n *node) waitsBy(w wakeup) bool {
	if n.helper != nil {
		return n.helper.waits.wake == w
	}
	return n.task != nil && n.task.self == Waker{w.frame, w.gen}
}

// holder returns the node of who holds something, or nil.
func (g *waitGraph) holder(h Holder) *node {
	if h.Goroutine != 0 {
		return g.nodes[h.Goroutine]
	}
	if n := g.nodes[h.Task.frame]; n != nil && n.task.self == h.Task {
		return n
	}
	return nil
}

// crowd returns the node of a limiter: a function whose turn has not come waits until one of those has ended that run.
func (g *waitGraph) crowd(l *Limiter) *node {
	n := g.nodes[l]
	if n == nil {
		n = &node{limiter: l, all: true}
		for _, h := range g.helpers {
			if h.runsIn(l) {
				n.need(h)
			}
		}
		n.gone = !n.crowded()
		g.nodes[l] = n
	}
	return n
}

// runsIn reports whether the node of a goroutine is one that a limiter has let through.
func (n *node) runsIn(l *Limiter) bool {
	if n.helper.call == nil {
		return false
	}
	of, _ := n.helper.call.of()
	return of == l
}

// crowded reports whether the goroutines that the node of a limiter needs are all that there are.
func (n *node) crowded() bool {
	n.limiter.mu.Lock()
	defer n.limiter.mu.Unlock()
	return n.limiter.running == len(n.needs) && n.limiter.running >= n.limiter.limit()
}

// need adds an edge.
func (n *node) need(to *node) {
	if to != nil {
		n.needs, to.users = append(n.needs, to), append(to.users, n)
		n.left++
	}
}

// prune takes away the nodes that can go on, and those that can then.
func (g *waitGraph) prune() {
	var free []*node
	look := func(n *node) {
		if n.gone || len(n.needs) == 0 {
			n.gone = true
			free = append(free, n)
		}
	}
	for _, n := range g.nodes {
		if n.helper == nil {
			look(n)
		}
	}
	for _, n := range g.helpers {
		look(n)
	}
	for len(free) > 0 {
		n := free[len(free)-1]
		free = free[:len(free)-1]
		for _, u := range n.users {
			if u.left--; !u.gone && (u.all || u.left == 0) {
				u.gone = true
				free = append(free, u)
			}
		}
	}
}

// circle follows the needs of a node that is left until they close, and returns the circle, or nil if
// that was found before.
func (n *node) circle() []*node {
	var path []*node
	for n != nil && !n.gone && !n.marked {
		n.marked = true
		path = append(path, n)
		var next *node
		for _, to := range n.needs {
			if !to.gone {
				next = to
				break
			}
		}
		n = next
	}
	var found []*node
	for i, p := range path {
		if p == n {
			found = append(found, path[i:]...)
			break
		}
	}
	return found
}

// confirm returns the tasks of a circle, each with what it waits for, if it is one at a moment at which all who make
// it are in hand (L1). What the circle rests on is more than its nodes if a lock has several holders.
func (g *waitGraph) confirm(circle []*node) (tasks []Blocked) {
	var held []*node
	defer func() {
		for _, n := range held {
			n.task.self.frame.letGo()
		}
	}()
	seen := map[*node]bool{}
	var order []*node
	next := map[*node]*node{}
	for i, n := range circle {
		next[n] = circle[(i+1)%len(circle)]
	}
	todo := append([]*node(nil), circle...)
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[n] {
			continue
		}
		seen[n], order, n.queued = true, append(order, n), nil
		if n.task != nil {
			f := n.task.self.frame
			if len(held) == maxConfirmed || !f.state.seize() {
				return nil
			}
			held = append(held, n)
			if gen(f.state.bits.Load()) != n.task.self.gen {
				return nil
			}
		}
		switch {
		case n.all: // all that it needs
			for _, to := range n.needs {
				if to.gone {
					return nil
				}
			}
			todo = append(todo, n.needs...)
		case next[n] != nil:
		default: // off the circle: one is enough
			for _, to := range n.needs {
				if !to.gone {
					next[n] = to
					todo = append(todo, to)
					break
				}
			}
		}
	}
	for _, n := range order {
		if n.all && next[n] == nil && len(n.needs) > 0 {
			next[n] = n.needs[0] // off the circle
		}
		if !g.still(n, next[n]) {
			return nil
		}
	}
	wakers := make([]Waker, 0, len(held))
	for _, n := range held {
		if wakers = append(wakers, n.task.self); n.task.self.frame.timed() {
			return nil
		}
	}
	for _, others := range g.others {
		if len(wakers) > 0 && others(wakers) {
			return nil
		}
	}
	for _, n := range held {
		if n.task.self.frame.state.bits.Load()&woken != 0 {
			return nil // it looks for itself what there is
		}
	}
	for _, n := range circle {
		switch {
		case n.task != nil:
			f := n.task.self.frame
			tasks = append(tasks, Blocked{Self: n.task.self, Kind: n.task.kind, Stage: StageOf(f.self), For: *n.confirmed, Elsewhere: f.rt != g.reached[0]})
		case n.helper != nil:
			tasks = append(tasks, Blocked{Goroutine: n.number, Kind: n.helper.name(), For: *n.confirmed})
		}
	}
	return tasks
}

// timed reports whether a bound on the time of a group that f is below will cancel it. f is in hand, so those above
// have not ended.
func (f *Frame) timed() bool {
	for {
		g := f.members.group
		if g == nil {
			h, ok := f.self.(interface{ starter() *Frame })
			if !ok || h.starter() == nil {
				return false
			}
			f = h.starter()
			continue
		}
		g.mu.Lock()
		limited, owner := g.expires(), g.owner
		g.mu.Unlock()
		if limited || owner == nil {
			return limited
		}
		f = owner
	}
}

// still reports whether a node still needs what it was found to need; those are in hand.
func (g *waitGraph) still(n, next *node) bool {
	switch {
	case n.group != nil:
		return next != nil && next.memberOf(n.group)
	case n.places != nil:
		return n.taken()
	case n.limiter != nil:
		return n.crowded()
	case n.helper != nil:
		return n.stands(next)
	case n.lock != nil:
		holders, complete := n.lock.Holders()
		if !complete || len(holders) != len(n.needs) {
			return false
		}
		known := map[*node]bool{}
		for _, to := range n.needs {
			known[to] = true
		}
		return !slices.ContainsFunc(holders, func(h Holder) bool { return !known[g.holder(h)] })
	}
	f := n.task.self.frame
	s := Suspended{Self: n.task.self, Task: f.self}
	s.read(f)
	c, waits := candidateOf(&s)
	if c == nil || c.ending != n.task.ending {
		return false
	}
	for i := range waits {
		if waits[i].leadsTo(next) {
			n.confirmed = &waits[i]
			return true
		}
	}
	return false
}

// stands is still for a goroutine (L3).
func (n *node) stands(next *node) bool {
	canceled, otherwise := n.helper.ends()
	if otherwise || !sameStand(n.number, *n.helper) {
		return false
	}
	if g := n.helper.group; canceled && g != nil && !g.untimed() {
		return false
	}
	w, stands := n.helper.waitsFor(n.number)
	n.confirmed = &w
	return stands && w.leadsTo(next)
}

// memberOf reports whether a node is a member of g: a task in hand, or a goroutine that stands.
func (n *node) memberOf(g *Group) bool {
	if n.helper != nil {
		return n.helper.group == g
	}
	return n.task.self.frame.members.group == g
}

// leadsTo reports whether the wait is one for the next node.
func (a *Await) leadsTo(next *node) bool {
	if next == nil {
		return false
	}
	if a.behind != (wakeup{}) {
		return next.waitsBy(a.behind)
	}
	switch x := a.Object.(type) {
	case *Frame:
		if next.places != nil && next.queues(x) {
			a.Note += ", which waits in its group: " + next.full()
			return true
		}
		return next.task != nil && next.task.self.frame == x
	case *limitPolicy:
		if next.places != x {
			return false
		}
		a.Note = next.full()
		return true
	case *Group:
		return next.group == x
	case maker:
		return next.task != nil && next.task.makes(x)
	case calling:
		if next.helper != nil {
			return next.helper.call == x
		}
		return next.limiter != nil && x.queued(next.limiter)
	case Holders:
		return next.lock == x
	}
	return false
}

// untimed reports whether no bound on the time of the group will cancel it, for one that no task owns; for others it is
// not known.
func (g *Group) untimed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.owner == nil && g.timeout == nil
}

// makes reports whether a task in hand holds the grant of what x is the policy of.
func (c *candidate) makes(x maker) bool {
	var s Suspended
	s.list(c.self.frame.attached, false)
	for i := range s.Waits {
		if s.Waits[i].Holds && s.Waits[i].Object == any(x) {
			return true
		}
	}
	return false
}
