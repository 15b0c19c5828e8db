package explore

import (
	"math/bits"
	"math/rand/v2"
	"unsafe"
)

// search runs executions until one fails, or nothing is left within o.
func search(o Options, model func(*X)) (r Report) {
	var c interface {
		chooser
		more() bool // prepare the next execution; false: none is left
	}
	if o.Random > 0 {
		c = &random{left: o.Random, seed: o.Seed}
	} else {
		c = &dfs{bound: o.Preemptions, fresh: -1}
	}
	for c.more() {
		if r.Schedules >= o.MaxSchedules {
			return r
		}
		e := execute(c, o.MaxSteps, false, model)
		r.Steps += e.steps
		r.Longest = max(r.Longest, e.steps)
		if e.cut {
			r.Redundant++
		} else {
			r.Schedules++
		}
		if e.failure != nil {
			r.Failure = e.failure
			return r
		}
	}
	r.Complete = o.Random == 0
	return r
}

// node is a decision on the path from the start of the execution.
type node struct {
	enabled   actors // threads that could run
	backtrack actors // threads that must be tried here
	done      actors // threads that have been tried
	sleep     actors // threads that need not be: what they do here commutes with a choice tried earlier
	chosen    int
	values    int // above 0: a node of Choose, and chosen is the value
}

// dfs is the exhaustive search, depth first. It keeps the path of the last
// execution and changes its deepest decision that has an alternative left.
//
// Without a bound, only one thread is tried at a node at first. Others are added
// when a later operation turns out to depend on the node's and not to happen
// after it: then their order has to be swapped (Flanagan and Godefroid; which
// thread to add is the rule of Abdulla and others, POPL 2014, that also holds
// with sleep sets). A bound on preemptions is not sound together with that, so with a bound every
// enabled thread is tried.
type dfs struct {
	bound int
	path  []node
	fresh int // the index of the decision that is new in this execution

	// One execution:
	at     int // how far along path
	sleep  actors
	pre    int // preemptions so far
	last   int // thread of the last step that was no buffer's, or -1
	events []event
	vars   map[unsafe.Pointer]*accesses
	before [maxActors]clock // per thread: how many events of each thread happen before its next
}

// event is an executed operation: who did it, at which node it was chosen, and
// what happens before whatever follows it.
type event struct {
	thread, node int
	after        clock
}

// before reports whether e, which is event i, is among what c counts.
func (e *event) before(i int, c *clock) bool { return uint32(i) < c[e.thread] }

// accesses is what the search remembers of one variable.
type accesses struct {
	write     int // index of the last write in events, or -1
	reads     [maxActors]int
	afterW    clock // happens before whatever depends on that write
	afterRead clock
}

func (d *dfs) more() bool {
	if d.vars != nil { // not the first: move on to the next path
		for {
			if len(d.path) == 0 {
				return false
			}
			n := &d.path[len(d.path)-1]
			if n.next() {
				break
			}
			d.path = d.path[:len(d.path)-1]
		}
		d.fresh = len(d.path) - 1
	}
	d.at, d.sleep, d.pre, d.last = 0, 0, 0, -1
	d.events = d.events[:0]
	d.vars = map[unsafe.Pointer]*accesses{}
	d.before = [maxActors]clock{}
	return true
}

// next moves the node to its next alternative, if it has one.
func (n *node) next() bool {
	if n.values > 0 {
		n.chosen++
		return n.chosen < n.values
	}
	n.done |= 1 << n.chosen
	rest := n.backtrack &^ n.done &^ n.sleep
	if rest == 0 {
		return false
	}
	n.chosen = bits.TrailingZeros16(uint16(rest))
	return true
}

func (d *dfs) value(_ *engine, n int) int {
	if d.at == len(d.path) {
		d.path = append(d.path, node{values: n})
	}
	d.at++
	return d.path[d.at-1].chosen
}

func (d *dfs) pick(e *engine, enabled actors) (int, bool) {
	if d.bound == 0 && d.at > d.fresh {
		for _, t := range e.threads {
			if !t.done {
				d.demand(t)
			}
		}
	}
	on := d.goesOn(e, enabled)
	if d.at == len(d.path) && !d.extend(enabled, on) {
		return 0, true
	}
	n := &d.path[d.at]
	t := e.threads[n.chosen]
	if on != 0 && on&(1<<t.id) == 0 {
		d.pre++
	}
	d.sleep = 0
	for _, u := range e.threads {
		if (n.sleep|n.done)&(1<<u.id) != 0 && u != t && !u.next.dependent(&t.next) {
			d.sleep |= 1 << u.id
		}
	}
	d.record(t)
	if t.held == nil {
		d.last = t.id
	}
	d.at++
	return t.id, false
}

// goesOn returns who is next if nobody is interrupted: the thread of the last step, or its buffer, which
// drains what the thread has just stored, or what a fence waits for. So a store that stays in
// its buffer for longer costs a preemption. None: the thread cannot go on.
func (d *dfs) goesOn(e *engine, enabled actors) actors {
	if d.last < 0 {
		return 0
	}
	t := e.threads[d.last]
	if held := t.buffer.held; len(held) > 0 {
		fresh := held[len(held)-1].step+1 == int(d.before[t.id][t.id])
		if fresh || !t.done && t.next.fence {
			return 1 << t.buffer.id
		}
	}
	return enabled & (1 << d.last)
}

// extend adds a node at the end of the path and reports whether there is
// anything to try. on goes on.
func (d *dfs) extend(enabled, on actors) bool {
	n := node{enabled: enabled, sleep: d.sleep}
	free := enabled
	if d.bound > 0 {
		if on != 0 && d.pre >= d.bound {
			free = on
		}
		n.backtrack, n.sleep = free, 0
	} else if free &^= d.sleep; free == 0 {
		return false
	}
	first := free
	if free&on != 0 {
		first = on
	}
	n.chosen = bits.TrailingZeros16(uint16(first))
	n.backtrack |= 1 << n.chosen
	d.path = append(d.path, n)
	return true
}

// demand looks for executed operations that t's next one depends on and does
// not happen after: a race, whose other order has to be tried too.
func (d *dfs) demand(t *thread) {
	v := d.vars[t.next.on]
	if t.next.on == nil || v == nil {
		return
	}
	d.swap(v.write, t, v)
	if t.next.write {
		for _, i := range v.reads {
			d.swap(i, t, v)
		}
	}
}

// swap makes sure that event i is tried after t's next operation as well. What
// has happened since and does not need i may come first, so any thread that can
// begin that rest will do: one of its initials must be, or have been, tried at
// i's node. (It has to be an initial: a thread that merely takes part may be
// asleep there, and then nobody would begin.)
func (d *dfs) swap(i int, t *thread, v *accesses) {
	if i < 0 {
		return
	}
	e := d.events[i]
	known := d.known(t)
	if e.thread == t.id || e.before(i, &known) {
		return
	}
	n := &d.path[e.node]
	initials := d.initials(i, t, v) & n.enabled
	switch {
	case initials == 0:
		n.backtrack |= n.enabled
	case initials&(n.backtrack|n.sleep) == 0:
		n.backtrack |= initials & -initials
	}
}

// initials returns the threads that can make the first step of what follows
// event i without depending on it, t's next operation included.
func (d *dfs) initials(i int, t *thread, v *accesses) (set actors) {
	var first [maxActors]int // per thread, its first event of that rest; 0: none
	free := func(c *clock) bool {
		for _, j := range first {
			if j > 0 && d.events[j].before(j, c) {
				return false
			}
		}
		return true
	}
	for j := i + 1; j < len(d.events); j++ {
		f := &d.events[j]
		if first[f.thread] > 0 || d.events[i].before(i, &f.after) {
			continue
		}
		if free(&f.after) {
			set |= 1 << f.thread
		}
		first[f.thread] = j
	}
	if first[t.id] == 0 {
		c := d.known(t)
		c.join(&v.afterW)
		if t.next.write {
			c.join(&v.afterRead)
		}
		if free(&c) {
			set |= 1 << t.id
		}
	}
	return set
}

// known is how many events of each thread happen before t's next operation, whatever that depends on: its
// own, those of its buffer if it is a fence, and if it is a buffer the step in which the store was made.
func (d *dfs) known(t *thread) clock {
	c := d.before[t.id]
	switch {
	case t.next.fence:
		c.join(&d.before[t.buffer.id])
	case t.held != nil:
		c.join(&d.events[t.held[0].step].after)
	}
	return c
}

// record notes the operation that t is about to execute as an event.
func (d *dfs) record(t *thread) {
	i := len(d.events)
	b := &d.before[t.id]
	*b = d.known(t)
	var v *accesses
	if on := t.next.on; on != nil {
		if v = d.vars[on]; v == nil {
			v = &accesses{write: -1}
			for j := range v.reads {
				v.reads[j] = -1
			}
			d.vars[on] = v
		}
		b.join(&v.afterW)
		if t.next.write {
			b.join(&v.afterRead)
		}
	}
	b[t.id] = uint32(i) + 1
	d.events = append(d.events, event{t.id, d.at, *b})
	switch {
	case v == nil:
	case t.next.write:
		v.write, v.afterW, v.afterRead = i, *b, clock{}
		for j := range v.reads {
			v.reads[j] = -1
		}
	default:
		v.reads[t.id] = i
		v.afterRead.join(b)
	}
}

// random draws schedules: in odd ones every enabled thread is as likely, in even
// ones threads have priorities that change at a few random steps (PCT).
type random struct {
	left  int
	drawn uint64
	seed  uint64
	rng   *rand.Rand

	priority [maxActors]int
	changes  [3]int
	longest  int
}

func (r *random) more() bool {
	if r.left == 0 {
		return false
	}
	r.left--
	r.drawn++
	r.rng = rand.New(rand.NewPCG(r.seed, r.drawn))
	for i, p := range r.rng.Perm(maxActors) {
		r.priority[i] = p
	}
	for i := range r.changes {
		r.changes[i] = r.rng.IntN(r.longest + 16)
	}
	return true
}

func (r *random) value(_ *engine, n int) int { return r.rng.IntN(n) }

func (r *random) pick(e *engine, enabled actors) (int, bool) {
	r.longest = max(r.longest, e.steps)
	best := -1
	if r.drawn%2 == 1 {
		for n := r.rng.IntN(bits.OnesCount16(uint16(enabled))); n > 0; n-- {
			enabled &= enabled - 1
		}
		return bits.TrailingZeros16(uint16(enabled)), false
	}
	for _, t := range e.threads {
		if enabled&(1<<t.id) != 0 && (best < 0 || r.priority[t.id] > r.priority[best]) {
			best = t.id
		}
	}
	for i, at := range r.changes {
		if at == e.steps {
			r.priority[best] = -1 - i
		}
	}
	return best, false
}
