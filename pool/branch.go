package pool

import (
	"runtime"

	"github.com/heist-go/heist/deque"
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/task"
)

// branch is a part of a computation that anybody may take: a record of a seat that was
// promoted. It is in the seat's deque until a thief has stolen it, or the owner has
// taken it back; the deque decides who computes it.
//
//	state     who            to
//	pending   joiner         awaited   it is about to park
//	awaited   joiner         pending   it looks again
//	awaited   thief          pending   it has offered something: the joiner may help
//	any       thief          over      and unparks the joiner, if it was awaited
type branch struct {
	body    interface{ run(*seat) }
	owner   *seat
	control *control
	thief   atomicx.Pointer[seat]
	state   atomicx.Uint32
	failure *task.PanicError // of the thief; read when it is over
	exited  bool             // likewise: by runtime.Goexit
}

const (
	pending = iota
	awaited
	over
)

// isOver reports whether there is a result. Any thread.
func (b *branch) isOver() bool { return b.state.Load() == over }

// raise raises what has ended the branch, if it was not its end.
func (b *branch) raise() {
	if b.failure != nil {
		panic(b.failure)
	}
	if b.exited {
		runtime.Goexit()
	}
}

// compute has the seat's thread compute a branch that it has stolen. A thread that was
// not computing has been counted as one that does.
func (x *seat) compute(b *branch) {
	x.seal()
	outer := x.running
	x.running = b
	// Publish. Pairs with: (*seat).await.
	b.thief.Store(x)
	ended := false
	defer func() {
		if !ended {
			if v := recover(); v != nil {
				b.failure = task.Recovered("a fork", v)
			} else {
				b.exited = true
			}
		}
		x.running = outer
		if outer == nil && len(x.scopes) == 0 {
			x.pool.computing.Add(-1) // before the joiner can go on, and find too many at work
		}
		b.end()
	}()
	b.body.run(x)
	ended = true
}

// end publishes the result.
func (b *branch) end() {
	owner := b.owner
	// Publish. The result; the joiner sees it, or is awaited and unparked.
	// Pairs with: (*branch).lull.
	if b.state.Swap(over) == awaited {
		owner.parker.Unpark()
	}
}

// lull says that the joiner is about to park. It reports false if the branch is over.
func (b *branch) lull() bool {
	// Claim. The right to be unparked. Pairs with: (*branch).end, (*branch).stir.
	return b.state.CompareAndSwap(pending, awaited)
}

// stir unparks the joiner, if it waits. The thief's.
func (b *branch) stir() bool {
	// Store-load: what it may take is in the deque before.
	// Pairs with: (*seat).await.
	if b.state.Load() != awaited {
		return false
	}
	// Claim. Pairs with: (*branch).lull.
	if !b.state.CompareAndSwap(awaited, pending) {
		return false
	}
	b.owner.parker.Unpark()
	return true
}

// await waits until the branch is over. Meanwhile it helps the thief, as far as that
// has something to offer. What is in the thief's deque as long as the branch is not over
// is a part of it: so the joiner computes only what it waits for anyway, its stack
// does not grow with unrelated work, and a lock that is held across a join is not asked
// for by what runs inside of it. (Leapfrogging: Wagner and Calder, PPoPP 1993.)
func (x *seat) await(b *branch) { x.wait(b, true) }

// wait is await, or without help: where nothing else may run any more.
func (x *seat) wait(b *branch, helps bool) {
	for tries := 0; !b.isOver(); tries++ {
		if y := b.thief.Load(); y != nil && helps {
			if x.help(b, y) {
				tries = 0
				continue
			}
			y.poke()
		}
		if tries < patient {
			continue
		}
		if !b.lull() {
			return
		}
		// Store-load: awaited first, then a look at what there is to take.
		// Pairs with: (*branch).stir.
		if y := b.thief.Load(); y != nil && helps {
			if y.poke(); y.deque.Len() > 0 {
				b.state.CompareAndSwap(awaited, pending)
				continue
			}
		}
		x.parker.Park()
		b.state.CompareAndSwap(awaited, pending) // a token of before: nobody has answered
		tries = 0
	}
}

// patient is how often a joiner looks before it parks: some 30 µs, because to park and to be
// woken takes longer than the thief in a fine recursion needs to answer.
var patient = 4000 // explored tests have less

// help computes a part of the branch that y, its thief, has offered.
func (x *seat) help(b *branch, y *seat) bool {
	c, r := y.deque.StealIf(func(*branch) bool { return !b.isOver() })
	if r != deque.Stolen {
		return false
	}
	y.poke() // so that the next one need not wait
	ended := false
	defer func() {
		if !ended { // a Goexit in c: b must still be over before its join is
			x.wait(b, false)
		}
	}()
	x.compute(c)
	ended = true
	return true
}
