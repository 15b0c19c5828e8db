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

// place is a scheduler, or none, on which a line starts its hands.
type place struct {
	on    task.Spawner // nil: there are none
	hands int          // how many at most
	err   func() error // why the computation is to end; nil: nobody cancels it
	turns fork.Turns   // whose threads take turns; nil: they are threads
}

func placeOf[P pool.Place](on P) (at place) {
	var own int // threads that are at the line already
	switch on := any(on).(type) {
	case *pool.Pool:
		if on == nil {
			panic("par: a computation on a nil pool")
		}
		return place{on: on, hands: on.Workers()}
	case *task.Cx:
		at.err, own = on.Cancellation().Err, 1
	case pool.Scope:
		at.err = on.Err
	}
	if team := teamOf(on); team != nil {
		at.on, at.hands, at.turns = team.Host().Spawner(), team.Workers()-own, team.Turns()
	}
	return at
}

const (
	// maxOnWay is how many values are on their way.
	maxOnWay = 2048
	// fewOnWay is that where threads take turns, so that sources wait.
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

// line is what [ForSeq] and [Pipeline] are made of: values on their way from a source to
// where they are done, in between handled by hands.
//
//	gone   ran    taken        put
//	 | done | some  | wait      |
//	 v      v       v           v
//	[x x x x . x . .|. . . . . .]      x: done
//
// Hands are tasks on the pool. Each claims some of the oldest values that wait, handles them,
// and ends when there are none. So nothing depends on the source's goroutine, which may be
// asleep. Nor is a hand started for each value that costs next to nothing:
//
//   - If the line is quiet (nothing has happened for a while), a hand is started for the first
//     value; else when as many wait as are worth a hand. See tend.
//   - If they are not, or the hand that is on its way does not come, a timer says so when they
//     are late. It is set unless the line is quiet. Then another hand is started; and who waits
//     for results helps.
//   - Values that were claimed behind one that takes long are late, too: the timer takes those
//     that have not begun back, and then they wait with the others.
//   - Who waits for results is woken when there are many, or nobody is at work, or the last ones
//     took long; else by the timer.
//
// Where threads take turns no clock but theirs is read, and fewer values are on their way.
//
// All fields below mu are guarded by it. It is held for a few instructions, and for none of
// the caller's functions.
type line[In, Out any] struct {
	abortFlag // aborted: nothing begins any more
	place
	price  *cost
	stage  func(In) Out
	bound  int                        // maxOnWay, or fewOnWay
	chunks [maxChunks]*chunk[In, Out] // made by the feeder, before it puts what is in one
	intake

	// The feeder's.
	next int  // how many values it has put
	full bool // it was told that there is no room for another one

	mu        park.Mutex
	taken     int           // of the values that were put, how many were claimed: the oldest
	back      []values      // of those, what was taken back
	claims    []*claim      // of several values, that are not done
	ran       int           // of those, how many are done, and all before them
	gone      int           // of those, how many have left
	ordered   bool          // they leave in their order, when they are yielded
	fed       bool          // the source has ended
	busy      int           // claims that are not done, and the source, if it has a goroutine
	started   int           // hands that have not ended
	free      int           // of those, how many look for something next
	late      bool          // what waits has waited too long
	first     bool          // what waits is to be begun at once, for the line was quiet
	timed     bool          // it is not quiet: the timer is set
	takerDue  bool          // who waits for results is to be woken
	timer     *time.Timer   // calls tick
	stopTimer func()        // where threads take turns
	seen      values        // taken and put when it was set
	wait      time.Duration // for how long
	failure   *task.PanicError
	exited    bool // by runtime.Goexit

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
	waits  bool          // guarded by the line's lock
	turns  fork.Turns    // of the line's place
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

func newLine[In, Out any](at place, price *cost, stage func(In) Out) *line[In, Out] {
	l := &line[In, Out]{place: at, price: price, stage: stage, bound: maxOnWay, wait: patience}
	if at.turns != nil {
		l.price, l.bound = decided(), fewOnWay
		l.feeder.turns, l.taker.turns = at.turns, at.turns
	}
	return l
}

// born is a beginning.
var born = time.Now()

// now returns the time in nanoseconds, from any beginning.
func (l *line[In, Out]) now() int64 {
	if l.turns != nil {
		return l.turns.Now()
	}
	return int64(time.Since(born))
}

// learn says that n values have taken d.
func (l *line[In, Out]) learn(n int, d time.Duration) {
	if l.turns == nil {
		l.price.learn(n, d)
	}
}

// forSeq is [ForSeq]: the source and all that waits are on one goroutine.
func (l *line[In, Out]) forSeq(source iter.Seq[In]) {
	defer raise()
	defer l.awaitAll()
	source(l.accept)
	l.drain()
	l.raise()
}

// run is a [Pipeline].
func (l *line[In, Out]) run(source iter.Seq[In], yield func(Out) bool) {
	l.ordered = true
	defer raise()
	defer l.awaitAll()
	l.feeder.signal = make(chan struct{}, 1)
	if l.err == nil { // on a pool, which is a goroutine's place
		l.taker.signal = make(chan struct{}, 1)
	}
	l.busy++ // the source
	if l.turns != nil {
		l.turns.Go("the source of a pipeline", func() { l.feed(source) })
	} else {
		go l.feed(source)
	}
	for {
		v := l.ready()
		if v.lo == v.hi {
			break
		}
		for v.lo < v.hi {
			n := v.inChunk()
			out := l.at(v.lo).out[v.lo%chunkSize:][:n]
			for i, r := range out {
				out[i] = *new(Out)
				if !yield(r) {
					return
				}
			}
			l.leave(n)
			v.lo += n
		}
	}
	l.awaitAll()
	l.raise()
}

// feed runs the source of a pipeline.
func (l *line[In, Out]) feed(source iter.Seq[In]) {
	ended := false
	defer func() {
		if !ended {
			l.fail(recover())
		}
		l.mu.Lock()
		l.fed = true
		l.busy--
		l.unlock()
	}()
	source(l.accept)
	ended = true
}

// at returns the chunk of a value.
func (l *line[In, Out]) at(i int) *chunk[In, Out] {
	return l.chunks[uint(i)/chunkSize%maxChunks]
}

// inChunk returns how many of the values are in the chunk of the first.
func (v values) inChunk() int { return min(v.hi-v.lo, chunkSize-v.lo%chunkSize) }

// accept takes a value from the source. It reports false if the line has ended.
func (l *line[In, Out]) accept(v In) bool {
	if l.err != nil {
		l.canceled()
	}
	if l.full && !l.room() {
		return false
	}
	c := l.at(l.next)
	if c == nil {
		c = new(chunk[In, Out])
		l.chunks[l.next/chunkSize%maxChunks] = c
	}
	c.in[uint(l.next)%chunkSize] = v
	l.next++
	return !l.add(l.next) || l.look()
}

// look looks who comes for what was put, and whether there is room for more. It reports false
// if the line has ended.
func (l *line[In, Out]) look() bool {
	l.mu.Lock()
	l.full = l.next-l.gone == l.bound
	helps := !l.ordered && l.hands == 0
	l.unlock()
	if helps {
		l.help(&l.feeder)
	}
	return !l.aborted.Load()
}

// room waits until there is room for another value. It reports false if the line has ended.
func (l *line[In, Out]) room() bool {
	l.mu.Lock()
	for l.next-l.gone == l.bound && !l.aborted.Load() {
		if l.waits() {
			l.mu.Unlock()
			l.help(&l.feeder)
			l.mu.Lock()
			continue
		}
		l.park(&l.feeder)
	}
	l.full = false
	l.mu.Unlock()
	return !l.aborted.Load()
}

// park unlocks, waits until something has happened, and locks.
func (l *line[In, Out]) park(w *waiter) {
	w.waits = true
	l.mu.Unlock()
	w.wait()
	l.mu.Lock()
}

// unlock unlocks, wakes who waits for what has happened, and starts a hand if one is wanted.
func (l *line[In, Out]) unlock() {
	starts := l.tend()
	feeder := l.feeder.waits && l.feeds()
	taker := l.taker.waits && l.tells()
	l.feeder.waits = l.feeder.waits && !feeder
	l.taker.waits = l.taker.waits && !taker
	l.takerDue = false
	l.mu.Unlock()
	if feeder {
		l.feeder.unblock()
	}
	if taker {
		l.taker.unblock()
	}
	if starts {
		l.start()
	}
}

// start starts a hand that was counted.
func (l *line[In, Out]) start() { task.Detach(l.on, &hand[In, Out]{line: l, free: true}) }

// feeds reports whether the feeder, which waits for room, is to go on: there is room for many
// values, or for some, and somebody has nothing to do.
func (l *line[In, Out]) feeds() bool {
	room := l.bound - (int(l.put.Load()) - l.gone)
	return l.aborted.Load() || l.waits() || room >= l.bound/shares ||
		room > 0 && l.started < l.hands && (l.taker.waits || !l.ordered)
}

// tells reports whether who waits for results, or for the end, is to go on.
func (l *line[In, Out]) tells() bool {
	n := l.ran - l.gone
	return l.busy == 0 || l.aborted.Load() || l.helps() ||
		n >= l.bound/shares || n > 0 && (l.takerDue || l.started == l.free)
}

// helps reports whether who waits for results, or for the end, is to handle values. For results
// only if there are no hands, or one that was started does not come: if all are at work that is
// enough.
func (l *line[In, Out]) helps() bool {
	return l.waits() && (l.hands == 0 || l.fed && !l.ordered || l.late && l.free > 0)
}

// waits reports whether there are values to claim.
func (l *line[In, Out]) waits() bool { return len(l.back) > 0 || l.taken < int(l.put.Load()) }

// worth returns how many values have to wait for a hand to be started.
func (l *line[In, Out]) worth() int {
	if !l.timed || l.fed || l.late || len(l.back) > 0 || l.price.price.Load() == 0 {
		return 1
	}
	return min(l.price.blockSize()*5, l.bound/2)
}

// tend sees to it that nothing that waits, or is put, is forgotten: a hand is coming, or the
// timer is set, or the feeder looks here when it has put a value, or so many that they are
// worth a hand. It counts one hand more if one is to be started. The lock is held.
func (l *line[In, Out]) tend() (starts bool) {
	if l.hands == 0 || l.aborted.Load() {
		l.expect(0)
		return false
	}
	wants := l.free == 0 && l.started < l.hands
	worth, most := l.worth(), l.gone+l.bound
	if wants || !l.timed {
		n := l.expect(min(l.taken+worth, most)) - l.taken
		if !l.waits() {
			return false
		}
		if wants && (n >= worth || len(l.back) > 0) {
			l.first = !l.timed
			l.started++
			l.free++
			starts = true
		} else if l.timed {
			return false
		}
		l.arm()
		if wants && !starts {
			most = min(l.taken+l.worth(), most)
		}
	}
	l.expect(most)
	return starts
}

// arm sets the timer.
func (l *line[In, Out]) arm() {
	if l.timed {
		return
	}
	l.timed = true
	l.seen = values{l.taken, int(l.put.Load())}
	if l.turns != nil {
		l.stopTimer = l.turns.AfterFunc(l.wait, l.tick)
	} else if l.timer == nil {
		l.timer = time.AfterFunc(l.wait, l.tick)
	} else {
		l.timer.Reset(l.wait)
	}
}

// tick looks whether values have waited since the timer was set.
func (l *line[In, Out]) tick() {
	l.mu.Lock()
	l.timed = false
	if l.aborted.Load() {
		l.mu.Unlock()
		return
	}
	late := l.taken == l.seen.lo
	l.claims = slices.DeleteFunc(l.claims, func(c *claim) bool {
		rest, stuck := c.stuck()
		if rest.lo < rest.hi {
			l.back = append(l.back, rest)
			late = true
		}
		return stuck
	})
	starts := false
	if late && l.waits() {
		l.late = true
		l.wait = min(2*l.wait, maxPatience)
		if starts = l.free > 0 && l.started < l.hands; starts { // that one does not come
			l.started++
			l.free++
		}
	}
	if l.waits() || len(l.claims) > 0 || int(l.put.Load()) != l.seen.hi {
		l.arm()
	}
	l.takerDue = true
	l.unlock()
	if starts {
		l.start()
	}
}

// take claims some of the oldest values that wait, and reports whether there were any. A hand
// leaves those that are not worth it. The lock is held.
func (l *line[In, Out]) take(c *claim, hand bool) bool {
	if !l.waits() || l.aborted.Load() {
		return false
	}
	if k := len(l.back) - 1; k >= 0 {
		c.set(l.back[k].lo, 1) // nobody knows what those take
		if l.back[k].lo++; l.back[k].lo == l.back[k].hi {
			l.back = l.back[:k]
		}
	} else {
		n, most := int(l.put.Load())-l.taken, 1
		if hand && !l.first && n < l.worth()/4 {
			return false
		}
		if l.price.price.Load() != 0 {
			most = min(l.price.blockSize(), l.bound/shares)
		}
		n = min(n, most)
		c.set(l.taken, n)
		l.taken += n
		if n > 1 && l.hands > 0 {
			l.claims = append(l.claims, c)
		}
	}
	l.busy++
	l.late, l.first, l.wait = false, false, patience
	return true
}

// help handles some values, on the thread that calls it.
func (l *line[In, Out]) help(w *waiter) {
	l.mu.Lock()
	ok := l.take(&w.claim, false)
	l.unlock()
	if ok {
		l.handle(&w.claim, nil, 0)
	}
}

// handle handles what was claimed, by a hand or not. It reports whether the hand has claimed
// more, which it does until end.
func (l *line[In, Out]) handle(c *claim, h *hand[In, Out], end int64) (more bool) {
	ended := false
	begin := l.now()
	now := begin
	defer func() {
		if !ended {
			l.fail(recover())
		}
		more = l.finish(c, h, time.Duration(now-begin), now < end)
	}()
	l.canceled()
	for !l.aborted.Load() {
		i, ok := c.begins()
		if !ok {
			break
		}
		chunk := l.at(i)
		k := uint(i) % chunkSize
		v := chunk.in[k]
		chunk.in[k] = *new(In)
		chunk.out[k] = l.stage(v)
	}
	now = l.now()
	l.learn(c.begun(), time.Duration(now-begin))
	ended = true
	return false
}

// finish ends a claim that took d. It reports whether the hand has claimed more, if it may.
func (l *line[In, Out]) finish(c *claim, h *hand[In, Out], d time.Duration, again bool) bool {
	l.mu.Lock()
	if i := slices.Index(l.claims, c); i >= 0 {
		l.claims = slices.Delete(l.claims, i, i+1)
	}
	l.done(values{c.from, c.from + c.begun()})
	l.busy--
	l.takerDue = d >= block
	if h != nil {
		h.free = true
		l.free++
		again = again && h.next()
	}
	l.unlock()
	return again
}

// done says that values are done.
func (l *line[In, Out]) done(v values) {
	if v.lo == l.ran {
		l.ran, v.lo = v.hi, v.hi
	}
	for v.lo < v.hi {
		n := v.inChunk()
		l.at(v.lo).done |= mask(v.lo, n)
		v.lo += n
	}
	for l.ran < l.taken {
		c := l.at(l.ran)
		n := bits.TrailingZeros64(^(c.done >> (l.ran % chunkSize)))
		if n == 0 {
			break
		}
		c.done &^= mask(l.ran, n)
		l.ran += n
	}
	if !l.ordered {
		l.gone = l.ran
	}
}

// mask is the bits of n values of a chunk, from i on.
func mask(i, n int) uint64 { return (uint64(1)<<n - 1) << (i % chunkSize) }

// leave says that n results have left.
func (l *line[In, Out]) leave(n int) {
	l.mu.Lock()
	l.gone += n
	l.unlock()
}

// ready returns which results are done, when there are any, and none when the line has ended.
func (l *line[In, Out]) ready() values {
	l.mu.Lock()
	for {
		switch {
		case l.aborted.Load() || l.fed && l.gone == int(l.put.Load()):
			l.mu.Unlock()
			return values{}
		case l.gone < l.ran:
			v := values{l.gone, l.ran}
			l.mu.Unlock()
			return v
		case l.helps():
			l.mu.Unlock()
			l.help(&l.taker)
			l.mu.Lock()
		default:
			l.park(&l.taker)
		}
	}
}

// canceled sets the abort flag if the computation is canceled.
func (l *line[In, Out]) canceled() {
	if l.err != nil && !l.aborted.Load() && l.err() != nil {
		l.stop()
	}
}

// stop ends the line: nothing begins any more.
func (l *line[In, Out]) stop() {
	l.mu.Lock()
	l.abort()
	l.unlock()
}

// fail ends the line by what was recovered: nil is a Goexit.
func (l *line[In, Out]) fail(v any) {
	var failure *task.PanicError
	if v != nil {
		failure = task.Recovered("a pipeline", v)
	}
	l.mu.Lock()
	if l.failure == nil && !l.exited {
		l.failure, l.exited = failure, failure == nil
	}
	l.abort()
	l.unlock()
}

// drain handles what waits when the source has ended, and waits for the rest. What was claimed
// may come back meanwhile.
func (l *line[In, Out]) drain() {
	l.mu.Lock()
	l.fed = true
	for !l.aborted.Load() && (l.waits() || l.busy > 0) {
		if !l.waits() {
			l.park(&l.taker)
			continue
		}
		l.mu.Unlock()
		l.help(&l.taker)
		l.mu.Lock()
	}
	l.mu.Unlock()
}

// await waits until nothing runs that has begun.
func (l *line[In, Out]) await() {
	l.mu.Lock()
	for l.busy > 0 {
		l.park(&l.taker)
	}
	l.mu.Unlock()
}

// awaitAll ends the line, and waits for what has begun. Nothing of it is left then, but hands
// that were started and have not come yet: they will find nothing.
func (l *line[In, Out]) awaitAll() {
	l.stop()
	l.await()
	if l.timer != nil {
		l.timer.Stop()
	}
	if l.stopTimer != nil {
		l.stopTimer()
	}
}

// raise raises what has ended the line.
func (l *line[In, Out]) raise() {
	if l.failure != nil {
		panic(l.failure)
	}
	if l.exited {
		runtime.Goexit()
	}
}
