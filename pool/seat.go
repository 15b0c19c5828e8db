package pool

import (
	"math/bits"
	"time"

	"github.com/heist-go/heist/deque"
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/pad"
	"github.com/heist-go/heist/internal/park"
)

// seat is where a thread sits that computes: each worker has one, and some are for
// goroutines that call a computation and run it themselves. Others see what is in its
// deque, and may ask for more.
//
// # How work gets to the hungry
//
// A computation whose parts nobody wants is a plain recursion that writes records. The
// owner's question, whether somebody does, is one comparison: is the position inside
// the window of its scope (see head)? The window is narrowed
//
//   - by whoever finds nothing to do: a worker that searches, or goes to sleep, and a
//     joiner that waits (poke). The owner then offers its oldest record at the next
//     join;
//   - by the owner, as a clock: the first joins of a scope, and then fewer and fewer,
//     are outside (trip). When the scope is older than infancy and a worker sleeps, the
//     owner offers a record and wakes it. So a computation of microseconds wakes nobody.
//
// # Why nobody sleeps beside a long computation
//
// A worker sets its idle bit, pokes all seats with a scope, and parks. An owner that
// finds its scope old enough looks at the idle bits: either it sees the worker's, or the
// worker has poked it since (Store-load). A poke that finds no record stays until there
// is one.
type seat struct {
	pool    *Pool // nil: nobody else knows this seat, and nothing is offered
	index   int
	scopes  []*head // the outermost first
	running *branch // what is computed, if it is another seat's
	control control // of the computation that has begun here
	spares  []any   // stacks that are not in use
	parker  park.Parker

	_       pad.Line
	poked   atomicx.Bool
	current atomicx.Pointer[head] // the innermost scope
	_       pad.Line
	deque   deque.Deque[branch]
}

// head is a scope: a computation, or a branch of one, on a seat. All but the window is
// the owner's.
//
// The window says which joins take the fast way: positions from floor on, and less than
// span above that. Below oldest are records that were offered, so floor is that at
// least. Others may set the span to 0; the owner sets all of it.
type head struct {
	window   atomicx.Uint64 // floor, and span above bit 32
	promoter interface{ promote() *branch }
	seat     *seat
	control  *control
	oldest   uint32 // records below were offered
	top      uint32 // records below this one may be
	young    bool   // not known to be older than infancy
	fresh    uint8  // how many forks are offered at once, if somebody is idle
	step     uint32 // to the next fork that asks
	asked    uint32 // how often, while it was young
	began    int64  // when it first asked, or 0
	checks   checks
}

const (
	wide      = 1 << 31 // a span that nothing is above
	floorMask = 1<<32 - 1

	// infancy is how old a computation is before anybody is woken for it: more than
	// waking a thread takes.
	infancy = int64(20 * time.Microsecond)
	// childhood is how old it is before it gives to who is awake: more than it takes to
	// hand something over and to wait for it.
	childhood = int64(3 * time.Microsecond)
	// begging is for how long a worker that has found no work looks on, if there are
	// computations that it has asked.
	begging = int64(20 * time.Microsecond)
	// worthy is how long a part must have taken for its thief to look on when there is
	// no computation, either: often the next one comes at once.
	worthy = int64(5 * time.Microsecond)
	// maxGuests is how many goroutines compute in parallel with help; more do it alone.
	maxGuests = 32
)

func span(floor, span uint32) uint64 { return uint64(span)<<32 | uint64(floor) }

// within reports whether t is inside the window.
func (h *head) within(t uint32) bool {
	w := h.window.Load()
	return t-uint32(w) < uint32(w>>32)
}

// enter begins a scope inside of the one that the seat is in.
func (x *seat) enter(h *head) {
	switch n := len(x.scopes); {
	case x.running != nil:
		h.control = x.running.control
	case n > 0:
		h.control = x.scopes[n-1].control
	default:
		h.control = &x.control
	}
	x.scopes = append(x.scopes, h)
	h.oldest, h.top, h.asked, h.began, h.step, h.young = 0, 0, 0, 0, 1, true
	if invariant.Enabled {
		h.checks = checks{}
	}
	if x.pool == nil {
		h.window.Store(span(0, wide))
		return
	}
	h.fresh = uint8(bits.Len(uint(x.pool.config.Workers)) + 1)
	h.window.Store(0) // the first join asks
	// Publish. Store-load: a poke before is found by the first join.
	// Pairs with: (*seat).poke.
	x.current.Store(h)
}

// leave ends the innermost scope.
func (x *seat) leave(h *head) {
	n := len(x.scopes) - 1
	if x.scopes[n] != h {
		panic("pool: a computation has ended that is not the innermost one: a Scope or Fork was used outside of the function that was given it")
	}
	x.scopes[n], h.control = nil, nil
	x.scopes = x.scopes[:n]
	if x.pool == nil {
		return
	}
	var outer *head
	if n > 0 {
		outer = x.scopes[n-1]
	}
	// Store-load: the scope first, then a look for pokes that were meant for it.
	// Pairs with: (*seat).poke.
	x.current.Store(outer)
	if outer != nil && x.poked.Load() {
		outer.window.And(floorMask)
	}
}

// poke asks the seat to offer something. Any thread.
func (x *seat) poke() {
	if x.poked.Load() {
		return // it knows
	}
	// Store-load: the poke, then a look at the scope.
	// Pairs with: (*seat).enter, (*seat).leave, (*head).trip.
	x.poked.Store(true)
	if h := x.current.Load(); h != nil {
		h.window.And(floorMask)
	}
}

// trip is called at a position outside the window: it offers a record if it is time, and
// sets the next window. own is 1 if the record at t may be offered, too, because its
// part is not about to be computed.
func (h *head) trip(t, own uint32) {
	if h.seat.pool == nil {
		return
	}
	h.top = min(t+own, last)
	hungry := h.isTime(own > 0) && !h.seat.offer()
	if hungry {
		h.seat.poked.Store(true) // until there is something to offer
	}
	h.next(t, own, hungry)
}

// ask is called at a position outside the window by who could make a record there. It
// offers an older one if there is any, and else reports whether it is time.
func (h *head) ask(t uint32) bool {
	if h.seat.pool == nil || t >= last {
		return false
	}
	h.top = t
	fresh := h.fresh
	hungry := h.isTime(true) && !h.seat.offer()
	if hungry {
		h.fresh = max(fresh, 1) // for the record that the caller makes now
		h.window.And(floorMask)
		return true
	}
	if h.young {
		h.window.And(floorMask) // whoever asks so rarely can look at the clock each time
	} else {
		h.next(t, 0, false)
	}
	return false
}

// isTime reports whether something is to be offered. coarse says that the next question
// may come late.
func (h *head) isTime(coarse bool) bool {
	x := h.seat
	if x.running != nil && x.running.state.Load() == awaited {
		return true
	}
	poked := x.poked.Load()
	if coarse && h.fresh > 0 { // even if nobody sleeps: who is about to comes too late
		h.fresh--
		return poked || x.pool.hasRoom()
	}
	if !h.young {
		return poked
	}
	// Reading the clock takes as long as many fine joins: not each time.
	if h.asked++; !coarse && h.asked%8 != 0 && h.asked&(h.asked-1) != 0 {
		return poked && x.running != nil
	}
	now := clock.Now()
	if h.began == 0 {
		h.began = now
	}
	if now-h.began < infancy {
		return poked && (coarse || x.running != nil || now-h.began >= childhood && x.pool.parking.anySearching())
	}
	h.young = false
	return poked || x.pool.wanted()
}

// next sets the window.
func (h *head) next(t, own uint32, hungry bool) {
	floor, ceiling := h.oldest, h.oldest+wide
	switch {
	case hungry: // and there was nothing to offer: when there is
		ceiling = h.oldest
	case h.young || own > 0 && h.fresh > 0:
		floor = max(floor, t) + 1 // the next join as far down as this one
		if own > 0 {
			ceiling = max(t, floor) + h.step
			h.step = min(h.step+h.step/2+1, wide>>8)
		}
	}
	h.window.Store(span(floor, max(ceiling, floor)-floor))
	if !hungry && !h.young && h.seat.poked.Load() { // meanwhile
		h.window.And(floorMask)
	}
}

// offer makes a branch of the oldest record, and tells somebody. It reports false if
// there is none.
func (x *seat) offer() bool {
	for _, h := range x.scopes {
		if h.oldest >= h.top {
			continue
		}
		x.poked.Store(false)
		x.deque.Push(h.promoter.promote())
		h.window.Store(span(h.oldest, wide))
		if x.running == nil || !x.running.stir() {
			x.pool.enlist()
		}
		return true
	}
	return false
}

// wanted reports whether a worker sleeps that could help. A hint.
func (p *Pool) wanted() bool {
	return p.hasRoom() && p.parking.lowest() >= 0
}

// vacancies returns how many sleeping workers could help. A hint.
func (p *Pool) vacancies() int {
	return min(int(int64(p.config.Workers)-p.computing.Load()), p.parking.sleepers())
}

// enlist wakes a worker for a branch, unless there are as many threads computing as
// there are workers: goroutines that compute count.
func (p *Pool) enlist() {
	if p.hasRoom() {
		p.notify()
	}
}

// hasRoom reports whether fewer threads compute than there are workers.
func (p *Pool) hasRoom() bool { return p.computing.Load() < int64(p.config.Workers) }

// beg asks all seats but the worker's own to offer something. It reports whether
// any of them computes.
func (w *worker) beg() (asked bool) {
	for _, x := range w.pool.seats {
		if x != w.seat && x.current.Load() != nil {
			x.poke()
			asked = true
		}
	}
	return asked
}

// assist computes a branch, if there is one. For a worker that has found no frame.
func (w *worker) assist() bool {
	p := w.pool
	if !w.searching || !w.keen && !p.helps() {
		return false
	}
	var b *branch
	for end := clock.Now() + begging; ; {
		if p.helps() {
			if b = w.loot(); b != nil {
				break
			}
			if !w.beg() && !w.keen {
				return false
			}
		}
		if !w.inbox.Empty() || clock.Now() >= end {
			w.keen = false
			return false
		}
	}
	w.searching = false
	p.begun()
	if p.parking.found(w.id) && p.anyWork() {
		p.notify() // P2, but for no more threads than can help
	}
	w.count[parts]++
	w.report()
	begin := clock.Now()
	defer func() {
		now := clock.Now()
		w.keen = now-begin >= worthy
		if p.helps() && (w.deque.Len() > 0 || !w.inbox.Empty()) {
			p.notify() // somebody else, while this one polls
		}
		w.pace.begin(now)
		w.due = w.tick + 1
	}()
	w.seat.compute(b)
	return true
}

// helps reports whether there are computations that have use for another thread.
func (p *Pool) helps() bool {
	n := p.computing.Load()
	return n > 0 && n < int64(p.config.Workers)
}

// computes reports whether the worker is in a computation, which may take long: other
// workers help, and the guard moves away what it holds up. A hint.
func (w *worker) computes() bool { return w.seat.current.Load() != nil }

// loot steals a branch from some seat.
func (w *worker) loot() *branch {
	seats := w.pool.seats
	first := int(w.rng.Uint64() % uint64(len(seats)))
	for i := range seats {
		x := seats[(first+i)%len(seats)]
		if x == w.seat {
			continue
		}
		if b, _ := x.deque.Steal(); b != nil {
			x.poke() // so that the next one need not wait
			return b
		}
	}
	return nil
}

// anyBranch reports whether there is something for assist.
func (p *Pool) anyBranch() bool {
	if !p.helps() {
		return false
	}
	for _, x := range p.seats {
		if x.deque.Len() > 0 {
			return true
		}
	}
	return false
}

// sit gives a goroutine a seat: one that others see, or else one of its own.
func (p *Pool) sit() *seat {
	for {
		taken := p.taken.Load()
		i := bits.TrailingZeros64(^taken)
		if i >= maxGuests {
			return loner()
		}
		// Claim. The seat. Pairs with: (*Pool).rise.
		if p.taken.CompareAndSwap(taken, taken|1<<i) {
			return p.seats[len(p.workers)+i]
		}
	}
}

// rise gives the seat back.
func (p *Pool) rise(x *seat) {
	x.deque.Tidy()
	p.taken.And(^uint64(1 << (x.index - len(p.workers))))
}

// seal keeps the records of the innermost scope that nobody was offered yet from that:
// where that scope stands is not known.
func (x *seat) seal() {
	if n := len(x.scopes); n > 0 {
		x.scopes[n-1].top = x.scopes[n-1].oldest
	}
}

// begun and ceased count the threads that compute. Where there were enough, a worker is
// woken in the place of a goroutine that ceases: it asks the others for work.
func (p *Pool) begun() { p.computing.Add(1) }
func (p *Pool) ceased() {
	if n := p.computing.Add(-1); n > 0 && n == int64(p.config.Workers)-1 {
		p.notify()
	}
}

// seat adds a seat. Before the pool is used.
func (p *Pool) seat() *seat {
	x := &seat{pool: p, index: len(p.seats)}
	p.seats = append(p.seats, x)
	return x
}
