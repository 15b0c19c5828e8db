package fork

import (
	"math/bits"
	"sync"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// Host is a pool, as the computations on its team see it. Only slow paths call it, on any thread
// unless it says otherwise; nothing in it blocks.
type Host interface {
	// Now returns the time in nanoseconds, from any beginning.
	Now() int64
	// Parked returns how many workers are parked that could take a job. A hint.
	Parked() int
	// Searching reports whether a worker looks for work. A hint.
	Searching() bool
	// Notify has a worker look for a job, if one is parked and none looks already.
	Notify()
	// Depart says that a worker computes from now on, and polls no tasks: on its thread.
	Depart(worker int)
	// Return ends Depart: on its thread.
	Return(worker int)
	// Runs reports whether the calling thread is that of the worker, as far as that can be
	// told. Debug builds ask.
	Runs(worker int) bool
	// Spawner returns where tasks start that help a computation.
	Spawner() task.Spawner
}

// Turns is a [Host] whose threads take turns, as coroutines do: a joiner must not park.
type Turns interface {
	Host
	// Await returns when ready reports true. Others run meanwhile.
	Await(ready func() bool)
	// Go runs f as a thread that takes turns, too, at some later operation. what says what it is.
	Go(what string, f func())
	// AfterFunc calls f when d of the host's time has passed, unless stop is called before: outside of
	// polls, and of the threads.
	AfterFunc(d time.Duration, f func()) (stop func())
}

// Queue is what waits for a thread of a team: the jobs of a pool's tasks.
type Queue interface {
	// Freed is called when one thread fewer computes. Any thread; it does not block.
	Freed()
}

// Driver is a [task.Scheduler] whose polls compute with a team.
type Driver interface {
	// Participant returns the participant of the worker with the number, which polls. On its thread.
	Participant(worker int) *Participant
}

// Team is the participants of one pool, and the count of the threads that compute.
//
//	members   | workers | external threads | workers that have joined later ...
//	          0         Workers            Fixed                              Size
//
// # Invariants
//
//	E1  computing counts a thread from Enter or TryEnter to Exit. TryEnter never makes it more than Workers.
//	E2  An external participant has one thread at a time: the one that has set its bit in taken.
//
// # Order
//
// A thread that no longer computes counts down first, and then has the queue look whether a job waits for a
// thread; a job that waits says so first, and looks at the count then (Store-load).
//
// # Price
//
// A call from outside costs a read-modify-write at each end for the count, and one for the participant.
type Team struct {
	host      Host
	turns     Turns          // the host, if it is that, or nil
	queue     Queue          // what waits for a thread, or nil; see SetQueue
	workers   int            // how many threads compute, external ones aside, at a time
	eager     uint8          // see scope
	members   []*Participant // workers from the beginning, external threads, workers that have joined later
	joined    atomicx.Int64  // how many workers there are
	computing atomicx.Int64  // threads in computations
	taken     atomicx.Uint64 // external participants in use, a bit for each
}

// Externals is how many external threads compute in parallel with help at a time; more do it alone.
const Externals = 32

// NewTeam returns a team of a host with so many workers, and room for further ones: most in all.
// [Team.Join] makes their participants. As many threads compute at a time as there are workers.
func NewTeam(h Host, workers, most int) *Team {
	t := &Team{host: h, workers: workers, eager: uint8(bits.Len(uint(workers)) + 1), members: make([]*Participant, most+Externals)}
	t.turns, _ = h.(Turns)
	for i := range Externals {
		t.members[workers+i] = &Participant{team: t, index: workers + i, worker: external}
	}
	return t
}

// Join returns the participant of the next worker. One thread at a time; the first workers join
// before the team is used.
func (t *Team) Join() *Participant {
	i := int(t.joined.Load())
	x := &Participant{team: t, index: i, worker: i}
	if i >= t.workers {
		x.index += Externals
	}
	t.members[x.index] = x
	// Publish. The participant. Pairs with: (*Team).present.
	t.joined.Store(int64(i + 1))
	return x
}

// present returns the members that there are.
//
// Pairs with: (*Team).Join.
func (t *Team) present() []*Participant { return t.members[:int(t.joined.Load())+Externals] }

// Workers returns how many threads compute at a time, external ones aside.
func (t *Team) Workers() int { return t.workers }

// Fixed returns the number below which [Participant.Index] is, but for workers that have joined
// later.
func (t *Team) Fixed() int { return t.workers + Externals }

// Size returns the number below which [Participant.Index] is for all.
func (t *Team) Size() int { return len(t.members) }

// SetQueue says what waits for threads, before the team is used, or by a thread that takes turns.
func (t *Team) SetQueue(q Queue) { t.queue = q }

// Queue returns what SetQueue was given, or nil.
func (t *Team) Queue() Queue { return t.queue }

// Host returns the team's host.
func (t *Team) Host() Host { return t.host }

// Turns returns the team's host if its threads take turns, or nil. That of a nil team is nil.
func (t *Team) Turns() Turns {
	if t == nil {
		return nil
	}
	return t.turns
}

// Computing returns how many threads compute.
func (t *Team) Computing() int { return int(t.computing.Load()) }

// Enter counts a thread that computes in any case. [Team.Exit] ends it.
func (t *Team) Enter() { t.computing.Add(1) } // Hint. Others see sooner or later that there is less room.

// TryEnter counts a thread that computes only if fewer than [Team.Workers] do.
func (t *Team) TryEnter() bool {
	for {
		n := t.computing.Load()
		if n >= int64(t.workers) {
			return false
		}
		// Claim. The right to compute (E1). Pairs with: (*Team).Exit.
		if t.computing.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Exit counts a thread no more. searches says that it looks for work next; if it does not, a worker
// is notified that can compute in its place.
func (t *Team) Exit(searches bool) {
	// Store-load: the count first, then the queue's look at who waits for a thread.
	// Pairs with: (*Team).TryEnter.
	n := t.computing.Add(-1)
	if t.queue != nil {
		t.queue.Freed()
	}
	if !searches && n > 0 && n == int64(t.workers)-1 {
		t.host.Notify()
	}
}

// hasRoom reports whether fewer threads compute than there are workers.
func (t *Team) hasRoom() bool { return t.computing.Load() < int64(t.workers) }

// vacancies returns how many parked workers could help. A hint.
func (t *Team) vacancies() int {
	return min(t.workers-t.Computing(), t.host.Parked())
}

// notify has a worker unparked for a job, unless as many threads compute as there are workers:
// external ones count.
func (t *Team) notify() {
	if t.hasRoom() {
		t.host.Notify()
	}
}

// RequestWork asks all who compute, but x, to promote a frame. It reports whether there are any.
// Any thread.
func (t *Team) RequestWork(x *Participant) (asked bool) {
	for _, y := range t.present() {
		if y != x && y.current.Load() != nil {
			y.requestWork()
			asked = true
		}
	}
	return asked
}

// HasJob reports whether there is a job to steal. A hint. Any thread.
func (t *Team) HasJob() bool {
	for _, x := range t.present() {
		if x.deque.Len() > 0 {
			return true
		}
	}
	return false
}

// Steal steals a job for x, if there is one. It looks at all others, beginning with one that the random
// number draw chooses. x's thread.
func (t *Team) Steal(x *Participant, draw uint64) *Job {
	all := t.present()
	first := int(draw % uint64(len(all)))
	for i := range all {
		y := all[(first+i)%len(all)]
		if y == x {
			continue
		}
		if j, _ := y.deque.Steal(); j != nil {
			y.requestWork() // so that the next one need not wait
			return j
		}
	}
	return nil
}

// register returns a participant for an external thread: one that others see, or else a solo one.
func (t *Team) register() *Participant {
	for {
		taken := t.taken.Load()
		i := bits.TrailingZeros64(^taken)
		if i >= Externals {
			return solo()
		}
		// Claim. The participant (E2). Pairs with: (*Participant).unregister.
		if t.taken.CompareAndSwap(taken, taken|1<<i) {
			return t.members[t.workers+i]
		}
	}
}

// unregister gives the participant back.
func (x *Participant) unregister() {
	if x.team == nil {
		x.retire()
		return
	}
	x.deque.Tidy()
	// Publish. What is the participant's (E2). Pairs with: (*Team).register.
	x.team.taken.And(^uint64(1 << (x.index - x.team.workers)))
}

// solos are the participants of threads that compute without help. While they are in use they are
// numbered.
var solos struct {
	unused  sync.Pool
	mu      park.Mutex // guards what follows
	free    []int
	numbers int
}

// solo returns a participant for a thread that computes without help.
func solo() *Participant {
	x, ok := solos.unused.Get().(*Participant)
	if !ok {
		x = &Participant{worker: external}
	}
	solos.mu.Lock()
	if n := len(solos.free) - 1; n >= 0 {
		x.index, solos.free = solos.free[n], solos.free[:n]
	} else {
		x.index = solos.numbers
		solos.numbers++
	}
	solos.mu.Unlock()
	return x
}

// retire gives a solo participant back.
func (x *Participant) retire() {
	solos.mu.Lock()
	solos.free = append(solos.free, x.index)
	solos.mu.Unlock()
	solos.unused.Put(x)
}

// Census returns how many threads compute, how many external participants are in use, and how many
// participants are in a scope. A hint.
func (t *Team) Census() (computing, externals, scopes int) {
	for _, x := range t.present() {
		if x.Computes() {
			scopes++
		}
	}
	return t.Computing(), bits.OnesCount64(t.taken.Load()), scopes
}
