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

// One thread at a time polls a reactor: whoever holds its baton.
//
//   - A worker that goes to rest and finds the baton free takes it, and sleeps in the
//     poll instead of on its futex, until the next of its timers. It serves what it
//     gets itself, so an event costs no hop to another thread. If there is more than
//     one it has another worker woken, which takes a part, and polls next.
//   - A worker that has enough to do takes the baton every pollNanos, for a poll
//     that does not wait.
//   - The guard does the same at each look, if nobody else has polled since the last;
//     and then wakes a worker that has nothing to do, which will take the baton.
//
// Who unparks a worker cannot know where it sleeps. So it leaves the token first, and
// looks at the baton then; a worker takes the baton first, and looks for a token then.
// One of the two sees the other.
type baton struct {
	_       pad.Line
	holder  atomicx.Int64 // 1 + the worker that sleeps in the poll, looks if nobody sleeps there, or 0
	last    atomicx.Int64 // when it was polled last
	reactor atomicx.Pointer[reactor.Reactor]
	_       pad.Line
}

const (
	looks     = -1
	pollNanos = 100_000
)

// take takes the baton if it is free.
func (b *baton) take(who int64) bool {
	// Claim. The poll.
	// Pairs with: (*baton).give.
	return b.holder.Load() == 0 && b.holder.CompareAndSwap(0, who)
}

// give frees the baton.
func (b *baton) give() {
	// Publish. What the poll has written into the reactor.
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
	all, err := reactor.NewSeveral(&p.home, p.config.Logger, len(p.batons))
	if err != nil {
		return nil, fmt.Errorf("pool: %w", err)
	}
	for i := range slices.Backward(p.batons) { // the first says that all are there
		p.batons[i].reactor.Store(all[i])
	}
	p.notify() // or all workers may be asleep on their futexes
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
	if w.dismissed.Load() {
		return false
	}
	batons := w.pool.batons
	for i := range batons {
		b := &batons[(w.id+i)%len(batons)]
		r := b.reactor.Load()
		if r == nil || !b.take(int64(1+w.id)) {
			continue
		}
		n := 0
		b.sleep(&w.parker, func() { n = w.poll(b, r, until) })
		if n > 1 && b.holder.Load() == 0 {
			w.pool.notify() // somebody else polls while we are busy
		}
		return true
	}
	return false
}

// sleep sleeps in the poll, with the baton in hand, unless there is a token. It gives
// the baton, and takes the token.
func (b *baton) sleep(p *park.Parker, poll func()) {
	// Store-load: the baton first, this look second.
	// Pairs with: (*baton).rouse.
	if p.ParkUntil(0) { // it does not sleep
		b.give()
		return
	}
	poll()
	b.give()
	p.ParkUntil(0) // takes the token of whoever has ended the poll
}

// rouse ends the poll if that is where who sleeps. The caller has left a token.
func (b *baton) rouse(who int64, wake func()) {
	// Store-load: the token first, this look second.
	// Pairs with: (*baton).sleep.
	if b.holder.Load() == who {
		wake()
	}
}

// poll polls with the baton in hand.
func (w *worker) poll(b *baton, r *reactor.Reactor, until int64) int {
	n, err := r.Poll(until, w)
	if err != nil {
		panic(err) // the kernel refuses a poll that was valid before
	}
	b.last.Store(clock.Now())
	w.count[events] += uint64(n)
	return n
}

// glance polls without waiting, if it is time to.
func (w *worker) glance(now int64) {
	for i := range w.pool.batons {
		b := &w.pool.batons[i]
		r := b.reactor.Load()
		if r == nil || now-b.last.Load() < pollNanos || !b.take(looks) {
			continue
		}
		n := w.poll(b, r, 0)
		b.give()
		if n > 1 {
			w.share()
		}
	}
}

// glance is the guard's: nobody has polled for a nap.
func (g *guard) glance(now int64) {
	for i := range g.pool.batons {
		b := &g.pool.batons[i]
		r := b.reactor.Load()
		if r == nil || now-b.last.Load() < minNap || !b.take(looks) {
			continue
		}
		n, err := r.Poll(0, nil)
		b.last.Store(now)
		b.give()
		if err != nil {
			panic(err)
		}
		g.events.Add(uint64(n))
		g.pool.notify() // whoever has nothing to do takes the baton
	}
}

// unpark wakes a worker, wherever it sleeps.
func (p *Pool) unpark(w *worker) {
	w.parker.Unpark()
	for i := range p.batons {
		b := &p.batons[i]
		b.rouse(int64(1+w.id), func() { b.reactor.Load().Wake() })
	}
}

// Listen listens on an address, for tasks of the pool: see [reactor.Reactor.Listen],
// which also takes options. Goroutines only.
func (p *Pool) Listen(network, address string) (*reactor.Listener, error) {
	r, err := p.Reactor()
	if err != nil {
		return nil, err
	}
	return r.Listen(p.Context(), nil, network, address)
}
