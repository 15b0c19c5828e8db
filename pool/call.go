package pool

import (
	"sync"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// Place is where a computation may start:
//
//   - a pool: the calling goroutine computes, and idle workers help it;
//   - a poll in progress, of a task on a pool: its worker computes, and others help.
//     The worker polls no other task meanwhile: for what takes long see [Job];
//   - a [Scope]: inside of another computation.
type Place interface {
	*Pool | *task.Cx | Scope
}

// Scope is a position in a computation, whatever it is about: to start others inside.
// It must be used by the function that was given it, while it runs.
type Scope struct {
	of *head
	t  uint32
}

// Call computes fn(a), which may offer parts of its work to others by its position. The
// caller's thread computes, too; it returns when all is done. A panic in any part is
// raised as a *task.PanicError, when no other part runs any more.
//
// It costs some 60 ns. Nothing is lost on a pool that was closed: the computation then runs
// on the calling goroutine alone, as it does beside more than 32 others.
func Call[P Place, A, R any](on P, fn func(Fork[A, R], A) R, a A) R {
	x, g := admit(any(on))
	return begin(x, g, fn, a)
}

// begin runs a computation on a seat.
func begin[A, R any](x *seat, g guest, fn func(Fork[A, R], A) R, a A) R {
	s := open(x, fn)
	var ok bool
	defer s.end(g, &ok)
	r := fn(Fork[A, R]{s, 0}, a)
	ok = true
	return r
}

// end ends a call. It is deferred.
func (s *ledger[A, R]) end(g guest, ok *bool) {
	var v any
	if !*ok {
		v = recover() // nil: Goexit
	}
	x, checks := s.seat, s.checks
	s.close()
	g.dismiss(x)
	if v != nil {
		panic(task.Recovered("a computation", v))
	}
	if invariant.Enabled && *ok {
		checks.checkEnd()
	}
}

// guest is the pool of a thread that was given a seat, or has begun to compute.
type guest struct {
	pool *Pool
	sits bool
}

// admit returns the seat on which a computation starts.
func admit(on any) (*seat, guest) {
	switch on := on.(type) {
	case *Pool:
		return on.welcome()
	case *task.Cx:
		p, ok := on.Driver().(*Pool)
		if !ok { // task.Run, or a simulation
			x := loner()
			x.control.task = on.Cancellation()
			return x, guest{nil, true}
		}
		w := p.workers[on.Worker()]
		if invariant.Enabled && !p.config.Unlocked && w.tid.Load() != int64(gettid()) {
			panic("pool: a *task.Cx was used by another thread than the one that polls: inside of a computation use its Scope")
		}
		x := w.seat
		if len(x.scopes) > 0 { // inside of another computation
			x.seal()
			return x, guest{}
		}
		p.begun()
		x.control.task = on.Cancellation()
		return x, guest{p, false}
	case Scope:
		on.check()
		on.of.top = min(on.t, last) // what was put before may be offered
		return on.of.seat, guest{}
	}
	panic("pool: no place to compute") // not with the constraint
}

// welcome gives a goroutine a seat.
func (p *Pool) welcome() (*seat, guest) {
	if p == nil {
		panic("pool: a computation on a nil pool")
	}
	x := p.sit()
	if x.pool != nil {
		p.begun()
	}
	return x, guest{p, true}
}

// dismiss ends what admit has begun.
func (g guest) dismiss(x *seat) {
	if len(x.scopes) == 0 {
		x.control = control{}
	}
	if g.pool != nil && x.pool != nil {
		g.pool.ceased()
	}
	switch {
	case !g.sits:
	case x.pool == nil:
		x.retire()
	default:
		g.pool.rise(x)
	}
}

// alone are seats of those who compute without help. While they are in use they are numbered,
// for [Local].
var alone struct {
	seats   sync.Pool
	mu      park.Mutex
	free    []int
	numbers int
}

// loner returns one.
func loner() *seat {
	x, ok := alone.seats.Get().(*seat)
	if !ok {
		x = &seat{}
	}
	alone.mu.Lock()
	if n := len(alone.free) - 1; n >= 0 {
		x.index, alone.free = alone.free[n], alone.free[:n]
	} else {
		x.index = alone.numbers
		alone.numbers++
	}
	alone.mu.Unlock()
	return x
}

// retire gives it back.
func (x *seat) retire() {
	alone.mu.Lock()
	alone.free = append(alone.free, x.index)
	alone.mu.Unlock()
	alone.seats.Put(x)
}
