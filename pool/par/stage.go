package par

import (
	"iter"
	"math/bits"
	"runtime"
	"slices"
	"time"

	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/fork"
	"github.com/heist-go/heist/task"
)

// place is a scheduler, or none, on which a stage starts its handlers.
type place struct {
	on       task.Spawner // nil: there are none
	handlers int          // how many at most
	err      func() error // why the computation is to end; nil: nobody cancels it
	turns    fork.Turns   // whose threads take turns; nil: they are threads
}

func placeOf[P pool.Place](on P) (at place) {
	var own int // threads that are at the stage already
	switch on := any(on).(type) {
	case *pool.Pool:
		if on == nil {
			panic("par: a computation on a nil pool")
		}
		return place{on: on, handlers: on.Workers()}
	case *task.Cx:
		at.err, own = on.Cancellation().Err, 1
	case pool.Scope:
		at.err = on.Err
	}
	if team := teamOf(on); team != nil {
		at.on, at.handlers, at.turns = team.Host().Spawner(), team.Workers()-own, team.Turns()
	}
	return at
}

const (
	// maxOnWay is how many values are on their way at most.
	maxOnWay = 2048
	// fewOnWay is how many are where threads take turns: so few that sources have to wait.
	fewOnWay = 8
	// chunkSize is how many values have their memory in one piece: as many as a word has bits.
	chunkSize = 64
	// maxChunks is a power of two, and there is memory for more values than are on their way.
	maxChunks = 2 * maxOnWay / chunkSize
	// shares is how many claims of the largest size make up what is on its way: some are left for others,
	// and there is room again before all are done.
	shares = 4
	// patience is how long a value waits at least until it is late; about twice that at most.
	patience = 100 * time.Microsecond
	// maxPatience is how long it waits if nobody could do anything about it the last times.
	maxPatience = 100 * patience
)

// stage is a stage of a pipeline: what [ForSeq] and [Pipeline] are made of. Values go from a source
// through handlers to where they are taken.
//
//	gone   ran    taken        put
//	 | done | some  | wait      |
//	 v      v       v           v
//	[x x x x . x . .|. . . . . .]      x: done
//
// Handlers are tasks on the pool. Each claims some of the oldest values that wait, handles them,
// and ends when there are none. So nothing depends on the source's goroutine, which may be
// asleep. Nor is a handler started for each value that costs next to nothing:
//
//   - If the stage is quiet (nothing has happened for a while), a handler is started for the first
//     value; else when as many wait as are worth a handler. See tend.
//   - If they are not, or the handler that is on its way does not come, a timer says so when they
//     are late. It is set unless the stage is quiet. Then another handler is started; and who waits
//     for results helps.
//   - Values that were claimed behind one that takes long are late, too: the timer takes those
//     that have not begun back, and then they wait with the others.
//   - Who waits for results is woken when there are many, or nobody is at work, or the last ones
//     took long; else by the timer.
//
// Where threads take turns no clock but theirs is read, and fewer values are on their way.
//
// The fields from taken to exited, and what chunks say is done, are guarded by mu. It is held for a few
// instructions, and for none of the caller's functions.
type stage[In, Out any] struct {
	abortFlag // aborted: nothing begins any more
	place
	price  *cost
	apply  func(In) Out
	bound  int                        // maxOnWay, or fewOnWay
	chunks [maxChunks]*chunk[In, Out] // made by the feeder, before it puts what is in one
	intake

	// The feeder's.
	next int  // how many values it has put
	full bool // it was told that there is no room for another one

	mu        park.Mutex
	taken     int           // of the values that were put, how many were claimed: the oldest
	back      []values      // of those, what was taken back
	claims    []*claim      // claims of several values that are not done
	ran       int           // of the values that were claimed, how many are done, and all before them
	gone      int           // of those, how many have left
	ordered   bool          // they leave in their order, when they are yielded
	fed       bool          // the source has ended
	busy      int           // claims that are not done, and the source, if it has a goroutine
	started   int           // handlers that have not ended
	free      int           // of those, how many look for something next
	late      bool          // what waits has waited too long
	first     bool          // what waits is to be begun at once, for the stage was quiet
	timed     bool          // it is not quiet: the timer is set
	takerDue  bool          // who waits for results is to be woken
	timer     *time.Timer   // calls tick
	stopTimer func()        // where threads take turns
	seen      values        // taken and put when the timer was set
	wait      time.Duration // how long the timer is set for
	failure   *task.PanicError
	exited    bool // it was ended by runtime.Goexit

	feeder, taker waiter
}

// chunk is the memory of some values.
type chunk[In, Out any] struct {
	in   [chunkSize]In
	out  [chunkSize]Out
	done uint64 // a bit for each that is done behind one that is not
}

// waiter is a thread that waits, or may, and helps.
type waiter struct {
	waits  bool          // guarded by the stage's lock
	turns  fork.Turns    // of the stage's place
	told   bool          // to go on, where threads take turns
	signal chan struct{} // what a goroutine waits for: two that take turns stay on one thread
	parker park.Parker   // what may be a worker sleeps on
	claim  claim
}

func (w *waiter) wait() {
	switch {
	case w.turns != nil:
		w.turns.Await(func() bool { return w.told })
		w.told = false
	case w.signal != nil:
		<-w.signal
	default:
		w.parker.Park()
	}
}

func (w *waiter) unblock() {
	switch {
	case w.turns != nil:
		w.told = true
	case w.signal != nil:
		w.signal <- struct{}{} // there is room: it is signaled once for each time that it is waited for
	default:
		w.parker.Unpark()
	}
}

func newStage[In, Out any](at place, price *cost, apply func(In) Out) *stage[In, Out] {
	s := &stage[In, Out]{place: at, price: price, apply: apply, bound: maxOnWay, wait: patience}
	if at.turns != nil {
		s.price, s.bound = decided(), fewOnWay
		s.feeder.turns, s.taker.turns = at.turns, at.turns
	}
	return s
}

// born is the moment from which now counts, where no clock is given.
var born = time.Now()

// now returns the time in nanoseconds, from any beginning.
func (s *stage[In, Out]) now() int64 {
	if s.turns != nil {
		return s.turns.Now()
	}
	return int64(time.Since(born))
}

// learn says that n values have taken d.
func (s *stage[In, Out]) learn(n int, d time.Duration) {
	if s.turns == nil {
		s.price.learn(n, d)
	}
}

// forSeq is [ForSeq]: the source and all that waits are on one goroutine.
func (s *stage[In, Out]) forSeq(source iter.Seq[In]) {
	defer raise()
	defer s.awaitAll()
	source(s.accept)
	s.drain()
	s.raise()
}

// run is a [Pipeline].
func (s *stage[In, Out]) run(source iter.Seq[In], yield func(Out) bool) {
	s.ordered = true
	defer raise()
	defer s.awaitAll()
	s.feeder.signal = make(chan struct{}, 1)
	if s.err == nil { // on a pool, which is a goroutine's place
		s.taker.signal = make(chan struct{}, 1)
	}
	s.busy++ // the source
	if s.turns != nil {
		s.turns.Go("the source of a pipeline", func() { s.feed(source) })
	} else {
		go s.feed(source)
	}
	for {
		v := s.ready()
		if v.lo == v.hi {
			break
		}
		for v.lo < v.hi {
			n := v.inChunk()
			out := s.at(v.lo).out[v.lo%chunkSize:][:n]
			for i, r := range out {
				out[i] = *new(Out)
				if !yield(r) {
					return
				}
			}
			s.leave(n)
			v.lo += n
		}
	}
	s.awaitAll()
	s.raise()
}

// feed runs the source of a pipeline.
func (s *stage[In, Out]) feed(source iter.Seq[In]) {
	ended := false
	defer func() {
		if !ended {
			s.fail(recover())
		}
		s.mu.Lock()
		s.fed = true
		s.busy--
		s.unlock()
	}()
	source(s.accept)
	ended = true
}

// at returns the chunk of a value.
func (s *stage[In, Out]) at(i int) *chunk[In, Out] {
	return s.chunks[uint(i)/chunkSize%maxChunks]
}

// inChunk returns how many of the values are in the chunk of the first.
func (v values) inChunk() int { return min(v.hi-v.lo, chunkSize-v.lo%chunkSize) }

// accept takes a value from the source. It reports false if the stage has ended.
func (s *stage[In, Out]) accept(v In) bool {
	if s.err != nil {
		s.canceled()
	}
	if s.full && !s.room() {
		return false
	}
	c := s.at(s.next)
	if c == nil {
		c = new(chunk[In, Out])
		s.chunks[s.next/chunkSize%maxChunks] = c
	}
	c.in[uint(s.next)%chunkSize] = v
	s.next++
	return !s.add(s.next) || s.look()
}

// look looks who comes for what was put, and whether there is room for more. It reports false
// if the stage has ended.
func (s *stage[In, Out]) look() bool {
	s.mu.Lock()
	s.full = s.next-s.gone == s.bound
	helps := !s.ordered && s.handlers == 0
	s.unlock()
	if helps {
		s.help(&s.feeder)
	}
	return !s.aborted.Load()
}

// room waits until there is room for another value. It reports false if the stage has ended.
func (s *stage[In, Out]) room() bool {
	s.mu.Lock()
	for s.next-s.gone == s.bound && !s.aborted.Load() {
		if s.waits() {
			s.mu.Unlock()
			s.help(&s.feeder)
			s.mu.Lock()
			continue
		}
		s.park(&s.feeder)
	}
	s.full = false
	s.mu.Unlock()
	return !s.aborted.Load()
}

// park unlocks, waits until something has happened, and locks.
func (s *stage[In, Out]) park(w *waiter) {
	w.waits = true
	s.mu.Unlock()
	w.wait()
	s.mu.Lock()
}

// unlock unlocks, wakes who waits for what has happened, and starts a handler if one is wanted.
func (s *stage[In, Out]) unlock() {
	starts := s.tend()
	feeder := s.feeder.waits && s.feeds()
	taker := s.taker.waits && s.tells()
	s.feeder.waits = s.feeder.waits && !feeder
	s.taker.waits = s.taker.waits && !taker
	s.takerDue = false
	s.mu.Unlock()
	if feeder {
		s.feeder.unblock()
	}
	if taker {
		s.taker.unblock()
	}
	if starts {
		s.start()
	}
}

// start starts a handler that was counted.
func (s *stage[In, Out]) start() { task.Detach(s.on, &handler[In, Out]{stage: s, free: true}) }

// feeds reports whether the feeder, which waits for room, is to go on: there is room for many
// values, or for some, and somebody has nothing to do.
func (s *stage[In, Out]) feeds() bool {
	room := s.bound - (int(s.put.Load()) - s.gone)
	return s.aborted.Load() || s.waits() || room >= s.bound/shares ||
		room > 0 && s.started < s.handlers && (s.taker.waits || !s.ordered)
}

// tells reports whether who waits for results, or for the end, is to go on.
func (s *stage[In, Out]) tells() bool {
	n := s.ran - s.gone
	return s.busy == 0 || s.aborted.Load() || s.helps() ||
		n >= s.bound/shares || n > 0 && (s.takerDue || s.started == s.free)
}

// helps reports whether who waits for results, or for the end, is to handle values. For results
// only if there are no handlers, or one that was started does not come: if all are at work that is
// enough.
func (s *stage[In, Out]) helps() bool {
	return s.waits() && (s.handlers == 0 || s.fed && !s.ordered || s.late && s.free > 0)
}

// waits reports whether there are values to claim.
func (s *stage[In, Out]) waits() bool { return len(s.back) > 0 || s.taken < int(s.put.Load()) }

// worth returns how many values have to wait for a handler to be started.
func (s *stage[In, Out]) worth() int {
	if !s.timed || s.fed || s.late || len(s.back) > 0 || s.price.price.Load() == 0 {
		return 1
	}
	return min(s.price.blockSize()*5, s.bound/2)
}

// tend sees to it that nothing that waits, or is put, is forgotten: a handler is coming, or the
// timer is set, or the feeder looks here when it has put a value, or so many that they are
// worth a handler. It counts one handler more if one is to be started. The lock is held.
func (s *stage[In, Out]) tend() (starts bool) {
	if s.handlers == 0 || s.aborted.Load() {
		s.expect(0)
		return false
	}
	wants := s.free == 0 && s.started < s.handlers
	worth, most := s.worth(), s.gone+s.bound
	if wants || !s.timed {
		n := s.expect(min(s.taken+worth, most)) - s.taken
		if !s.waits() {
			return false
		}
		if wants && (n >= worth || len(s.back) > 0) {
			s.first = !s.timed
			s.started++
			s.free++
			starts = true
		} else if s.timed {
			return false
		}
		s.arm()
		if wants && !starts {
			most = min(s.taken+s.worth(), most)
		}
	}
	s.expect(most)
	return starts
}

// arm sets the timer.
func (s *stage[In, Out]) arm() {
	if s.timed {
		return
	}
	s.timed = true
	s.seen = values{s.taken, int(s.put.Load())}
	if s.turns != nil {
		s.stopTimer = s.turns.AfterFunc(s.wait, s.tick)
	} else if s.timer == nil {
		s.timer = time.AfterFunc(s.wait, s.tick)
	} else {
		s.timer.Reset(s.wait)
	}
}

// tick looks whether values have waited since the timer was set.
func (s *stage[In, Out]) tick() {
	s.mu.Lock()
	s.timed = false
	if s.aborted.Load() {
		s.mu.Unlock()
		return
	}
	late := s.taken == s.seen.lo
	s.claims = slices.DeleteFunc(s.claims, func(c *claim) bool {
		rest, stuck := c.stuck()
		if rest.lo < rest.hi {
			s.back = append(s.back, rest)
			late = true
		}
		return stuck
	})
	starts := false
	if late && s.waits() {
		s.late = true
		s.wait = min(2*s.wait, maxPatience)
		if starts = s.free > 0 && s.started < s.handlers; starts { // that one does not come
			s.started++
			s.free++
		}
	}
	if s.waits() || len(s.claims) > 0 || int(s.put.Load()) != s.seen.hi {
		s.arm()
	}
	s.takerDue = true
	s.unlock()
	if starts {
		s.start()
	}
}

// take claims some of the oldest values that wait, and reports whether there were any. A handler
// leaves those that are not worth it. The lock is held.
func (s *stage[In, Out]) take(c *claim, byHandler bool) bool {
	if !s.waits() || s.aborted.Load() {
		return false
	}
	if k := len(s.back) - 1; k >= 0 {
		c.set(s.back[k].lo, 1) // nobody knows what those take
		if s.back[k].lo++; s.back[k].lo == s.back[k].hi {
			s.back = s.back[:k]
		}
	} else {
		n, most := int(s.put.Load())-s.taken, 1
		if byHandler && !s.first && n < s.worth()/4 {
			return false
		}
		if s.price.price.Load() != 0 {
			most = min(s.price.blockSize(), s.bound/shares)
		}
		n = min(n, most)
		c.set(s.taken, n)
		s.taken += n
		if n > 1 && s.handlers > 0 {
			s.claims = append(s.claims, c)
		}
	}
	s.busy++
	s.late, s.first, s.wait = false, false, patience
	return true
}

// help handles some values, on the thread that calls it.
func (s *stage[In, Out]) help(w *waiter) {
	s.mu.Lock()
	ok := s.take(&w.claim, false)
	s.unlock()
	if ok {
		s.handle(&w.claim, nil, 0)
	}
}

// handle handles what was claimed, by a handler or not. It reports whether the handler has claimed
// more, which it does until end.
func (s *stage[In, Out]) handle(c *claim, h *handler[In, Out], end int64) (more bool) {
	ended := false
	begin := s.now()
	now := begin
	defer func() {
		if !ended {
			s.fail(recover())
		}
		more = s.finish(c, h, time.Duration(now-begin), now < end)
	}()
	s.canceled()
	for !s.aborted.Load() {
		i, ok := c.begins()
		if !ok {
			break
		}
		chunk := s.at(i)
		k := uint(i) % chunkSize
		v := chunk.in[k]
		chunk.in[k] = *new(In)
		chunk.out[k] = s.apply(v)
	}
	now = s.now()
	s.learn(c.begun(), time.Duration(now-begin))
	ended = true
	return false
}

// finish ends a claim that took d. It reports whether the handler has claimed more, if it may.
func (s *stage[In, Out]) finish(c *claim, h *handler[In, Out], d time.Duration, again bool) bool {
	s.mu.Lock()
	if i := slices.Index(s.claims, c); i >= 0 {
		s.claims = slices.Delete(s.claims, i, i+1)
	}
	s.done(values{c.from, c.from + c.begun()})
	s.busy--
	s.takerDue = d >= block
	if h != nil {
		h.free = true
		s.free++
		again = again && h.next()
	}
	s.unlock()
	return again
}

// done says that values are done.
func (s *stage[In, Out]) done(v values) {
	if v.lo == s.ran {
		s.ran, v.lo = v.hi, v.hi
	}
	for v.lo < v.hi {
		n := v.inChunk()
		s.at(v.lo).done |= mask(v.lo, n)
		v.lo += n
	}
	for s.ran < s.taken {
		c := s.at(s.ran)
		n := bits.TrailingZeros64(^(c.done >> (s.ran % chunkSize)))
		if n == 0 {
			break
		}
		c.done &^= mask(s.ran, n)
		s.ran += n
	}
	if !s.ordered {
		s.gone = s.ran
	}
}

// mask is the bits of n values of a chunk, from i on.
func mask(i, n int) uint64 { return (uint64(1)<<n - 1) << (i % chunkSize) }

// leave says that n results have left.
func (s *stage[In, Out]) leave(n int) {
	s.mu.Lock()
	s.gone += n
	s.unlock()
}

// ready returns which results are done, when there are any, and none when the stage has ended.
func (s *stage[In, Out]) ready() values {
	s.mu.Lock()
	for {
		switch {
		case s.aborted.Load() || s.fed && s.gone == int(s.put.Load()):
			s.mu.Unlock()
			return values{}
		case s.gone < s.ran:
			v := values{s.gone, s.ran}
			s.mu.Unlock()
			return v
		case s.helps():
			s.mu.Unlock()
			s.help(&s.taker)
			s.mu.Lock()
		default:
			s.park(&s.taker)
		}
	}
}

// canceled sets the abort flag if the computation is canceled.
func (s *stage[In, Out]) canceled() {
	if s.err != nil && !s.aborted.Load() && s.err() != nil {
		s.stop()
	}
}

// stop ends the stage: nothing begins any more.
func (s *stage[In, Out]) stop() {
	s.mu.Lock()
	s.abort()
	s.unlock()
}

// fail ends the stage by what was recovered: nil is a Goexit.
func (s *stage[In, Out]) fail(v any) {
	var failure *task.PanicError
	if v != nil {
		failure = task.Recovered("a pipeline", v)
	}
	s.mu.Lock()
	if s.failure == nil && !s.exited {
		s.failure, s.exited = failure, failure == nil
	}
	s.abort()
	s.unlock()
}

// drain handles what waits when the source has ended, and waits for the rest. What was claimed
// may come back meanwhile.
func (s *stage[In, Out]) drain() {
	s.mu.Lock()
	s.fed = true
	for !s.aborted.Load() && (s.waits() || s.busy > 0) {
		if !s.waits() {
			s.park(&s.taker)
			continue
		}
		s.mu.Unlock()
		s.help(&s.taker)
		s.mu.Lock()
	}
	s.mu.Unlock()
}

// await waits until nothing runs that has begun.
func (s *stage[In, Out]) await() {
	s.mu.Lock()
	for s.busy > 0 {
		s.park(&s.taker)
	}
	s.mu.Unlock()
}

// awaitAll ends the stage, and waits for what has begun. Nothing of it is left then, but handlers
// that were started and have not come yet: they will find nothing.
func (s *stage[In, Out]) awaitAll() {
	s.stop()
	s.await()
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.stopTimer != nil {
		s.stopTimer()
	}
}

// raise raises the panic, or the Goexit, that has ended the stage, if one has.
func (s *stage[In, Out]) raise() {
	if s.failure != nil {
		panic(s.failure)
	}
	if s.exited {
		runtime.Goexit()
	}
}
