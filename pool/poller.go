package pool

import (
	"fmt"
	"slices"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/pad"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/reactor"
)

// baton is the right to poll a reactor, which one thread at a time has (Leader/Followers).
//
//		worker that parks   take --> look for a token --> sleep in the poll --> give
//		worker that works   take --> poll, with no wait --> give             once in pollNanos
//		monitor             take --> poll, with no wait --> give             if nobody else has, once a period
//
//	  - A worker that parks and finds the baton free takes it, and sleeps in the
//	    poll instead of on its futex, until the next of its timers. It serves what it
//	    gets itself, so an event costs no hop to another thread. If there is more than
//	    one it has another worker unparked, which takes a part, and polls next.
//	  - The monitor has a parked worker unparked when it has polled: that worker will take the baton.
//
// # Invariants
//
//	B1  The holder alone polls. What a poll writes into the reactor the next holder sees.
//	B2  A worker that was claimed does not sleep on: it finds its token, or the poll is interrupted.
//
// # Order
//
// A thread that unparks a worker cannot know where that sleeps. So it leaves the token first, and
// looks at the baton then; a worker takes the baton first, and looks for a token then (Store-load).
// One of the two sees the other: B2.
//
// # Price
//
// A compare-and-swap and a store for each poll. An interrupt is a system call.
type baton struct {
	_       pad.Line
	holder  atomicx.Int64 // 1 + the worker that sleeps in the poll, nonBlocking if its holder does not sleep, or 0
	last    atomicx.Int64 // when it was polled last
	reactor atomicx.Pointer[reactor.Reactor]
	_       pad.Line
}

const (
	nonBlocking = -1
	pollNanos   = 100_000
)

// take takes the baton if it is free.
func (b *baton) take(who int64) bool {
	// Claim. The poll (B1).
	// Pairs with: (*baton).give.
	return b.holder.Load() == 0 && b.holder.CompareAndSwap(0, who)
}

// give frees the baton.
func (b *baton) give() {
	// Publish. What the poll has written into the reactor (B1).
	// Pairs with: (*baton).take.
	b.holder.Store(0)
}

// Reactor returns the pool's reactor, which is made by the first call. Its
// connections end with the pool. If the pool has several (see [Config]), connections
// are spread over them.
func (p *Pool) Reactor() (*reactor.Reactor, error) {
	if r := p.batons[0].reactor.Load(); r != nil {
		return r, nil
	}
	p.opening.Lock()
	defer p.opening.Unlock()
	if r := p.batons[0].reactor.Load(); r != nil {
		return r, nil
	}
	if p.stopped.Load() {
		return nil, fmt.Errorf("pool: reactor: %w", ErrClosed)
	}
	all, err := reactor.NewSeveral(&p.runtime, p.config.Logger, len(p.batons))
	if err != nil {
		return nil, fmt.Errorf("pool: %w", err)
	}
	for i := range slices.Backward(p.batons) { // the first says that all are there
		// Publish. The reactor. Pairs with: (*Pool).Reactor, (*worker).sleepInPoll.
		p.batons[i].reactor.Store(all[i])
	}
	p.notify() // or all workers may be parked on their futexes
	return all[0], nil
}

// closeReactor ends the reactors with the pool.
func (p *Pool) closeReactor() {
	p.opening.Lock()
	defer p.opening.Unlock()
	for i := range p.batons {
		if r := p.batons[i].reactor.Load(); r != nil {
			_ = r.Close() // nothing is to be done about it
		}
	}
}

// sleepInPoll is park for a worker that finds a baton free, its own reactor's first. It
// reports false if it did not.
func (w *worker) sleepInPoll(until int64) bool {
	if w.retired.Load() {
		return false
	}
	batons := w.pool.batons
	for i := range batons {
		b := &batons[(w.id+i)%len(batons)]
		r := b.reactor.Load() // Pairs with: (*Pool).Reactor.
		if r == nil || !b.take(int64(1+w.id)) {
			continue
		}
		n := 0
		b.sleep(&w.parker, func() { n = w.poll(b, r, until) })
		if n > 1 && b.holder.Load() == 0 {
			w.pool.notify() // another worker polls while we are busy
		}
		return true
	}
	return false
}

// sleep sleeps in the poll, with the baton in hand, unless there is a token. It gives
// the baton, and takes the token.
func (b *baton) sleep(p *park.Parker, poll func()) {
	// Store-load: the baton first, this look second.
	// Pairs with: (*baton).interrupt.
	if p.ParkUntil(0) { // it does not sleep
		b.give()
		return
	}
	poll()
	b.give()
	p.ParkUntil(0) // takes the token of whoever has ended the poll
}

// interrupt has the poll interrupted if the given worker sleeps in it. The caller has left a token.
func (b *baton) interrupt(who int64, poll func()) {
	// Store-load: the token first, this look second.
	// Pairs with: (*baton).sleep.
	if b.holder.Load() == who {
		poll()
	}
}

// poll polls with the baton in hand.
func (w *worker) poll(b *baton, r *reactor.Reactor, until int64) int {
	n, err := r.Poll(until, w.roused())
	if err != nil {
		panic(err) // the kernel refuses a poll that was valid before
	}
	b.last.Store(clock.Now()) // Hint.
	w.count[events] += uint64(n)
	return n
}

// pollReactors is a non-blocking poll, if it is time for one.
func (w *worker) pollReactors(now int64) {
	for i := range w.pool.batons {
		b := &w.pool.batons[i]
		r := b.reactor.Load()
		if r == nil || now-b.last.Load() < pollNanos || !b.take(nonBlocking) {
			continue
		}
		n := w.poll(b, r, 0)
		b.give()
		if n > 1 {
			w.share()
		}
	}
}

// pollReactors is the monitor's, if nobody has polled for a period.
func (g *monitor) pollReactors(now int64) {
	for i := range g.pool.batons {
		b := &g.pool.batons[i]
		r := b.reactor.Load()
		if r == nil || now-b.last.Load() < minPeriod || !b.take(nonBlocking) {
			continue
		}
		n, err := r.Poll(0, nil)
		b.last.Store(now) // Hint.
		b.give()
		if err != nil {
			panic(err)
		}
		g.events.Add(uint64(n)) // the monitor's
		g.pool.notify()         // a worker that has nothing to do takes the baton
	}
}

// Listen listens on an address, for tasks of the pool: see [reactor.Reactor.Listen],
// which also takes options. Goroutines only.
func (p *Pool) Listen(network, address string) (*reactor.Listener, error) {
	r, err := p.Reactor()
	if err != nil {
		return nil, err
	}
	return r.Listen(p.runtime.Context(), nil, network, address)
}
