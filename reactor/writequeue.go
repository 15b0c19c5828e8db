package reactor

import (
	"context"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// writeQueue is the queue of those that write to a connection: one message at a time, by tasks and
// goroutines that have it locked until all is sent, so that messages do not mix. Others wait in the
// queue, and so do posts: first come, first served.
//
//	word   unlocked   nobody writes, and nothing is queued
//	       locked     a Write is in progress, and nothing is queued
//	       busy       something is queued; somebody writes, or will: a flush, the end of a poll (Q4), or an edge
//	       torn       for ever: a part of a message was sent, and what follows will not be
//
//	                      Write, flush                    markBusy
//	          unlocked <----------------> locked ------------------------> busy
//	              ^                         ^     a grant that empties it    |
//	              |                         +--------------------------------+
//	              +----------------------------------------------------------+  a flush that has sent all
//	          markBusy, from unlocked: busy, and the caller has it; tryGrant, from locked: busy
//	          markTorn, from locked and busy: torn
//
// # Invariants
//
//	Q1  From unlocked to locked, and back, anybody goes, by CompareAndSwap.
//	Q2  The mutex of the backlog guards all that is queued. Under it, and nowhere else, the word becomes
//	    busy, before or together with what is queued, and stops being busy, when nothing is queued
//	    any more. So who unlocks finds that it is busy, and flushes.
//	Q3  Who unlocks while something is queued sends the posts up to the ticket of the first waiter, and
//	    grants it the queue; or, if the kernel takes no more, nobody writes until the next readiness edge.
//	    The grant is the waiter's at once (see task.WaitQueue): nobody comes in between.
//	Q4  What a poll posts is due when the poll has ended, so that it goes out by one call. Until then
//	    nobody writes, though the word is busy; who comes, or closes, does not wait for it.
//	Q5  A writer that has sent a part and does not go on has it locked still, and the backlog says
//	    suspended. One of two things ends that, under the mutex: resume, of the same writer, or
//	    another that wants to write: then the stream is torn.
//	Q6  With the tear what was posted is dropped, under the same mutex, and nothing is queued once the
//	    word says torn: each post that was taken is sent, or counted as dropped.
//	Q7  While the backlog says suspended nobody waits: who did has torn the stream when it was set, and
//	    who comes does at once.
//
// So nothing stays behind in the backlog, nobody waits for anybody to post, and a waiter waits for what
// was there before, and for nothing else.
//
// # Order
//
// The word and the backlog are never read past each other: who finds the word unlocked needs no
// backlog, and who needs the backlog has the mutex and reads the word under it (Q2). So publishing is enough.
//
// # Price
//
// A Write that finds the queue unlocked: a load and two compare-and-swaps; there is no backlog until
// somebody posts or waits. A post: the mutex, and no system call of its own in a poll (Q4).
type writeQueue struct {
	word    atomicx.Uint32
	backlog atomicx.Pointer[backlog]     // made by the first who posts, or has to wait
	writer  atomicx.Pointer[writeRecord] // of the message that is sent in part: suspended, or the tear (Q5)
}

// Further words of a writeQueue, beside a gate's.
const (
	busy = locked + 1 + iota
	torn
)

// backlog holds the posts that are queued, and the waiters.
type backlog struct {
	sink      sink
	mu        park.Mutex // guards what follows
	suspended bool       // the writer has sent a part, and does not go on for now (Q5)
	declined  bool       // a waiter has not wanted its grant: Dispatch unlocks
	due       bool       // nobody writes: the end of the poll that has posted flushes, or who comes before (Q4)
	queue     [][]byte
	size      int            // bytes in it
	posts     int64          // that were ever put into it
	waiters   task.WaitQueue // each asks for its ticket
	dropped   struct{ posts, bytes int }
}

// sink is the socket below a writeQueue, and its clock.
type sink interface {
	// send writes some of bufs. Would-block means that nothing can be written.
	send(bufs [][]byte) (n int, err error)
	// awaitRoom has flush called at the next readiness edge, unless there was one: then it
	// returns true.
	awaitRoom() (again bool)
	// fail is told an error of send: what was in the backlog is dropped.
	fail(err error)
	// isClosed reports whether the connection is closed.
	isClosed() bool
	// expired reports whether the write deadline has passed, so that nobody waits.
	expired() bool
	// flushLater has flush called by another thread, soon.
	flushLater()
	// afterPoll has flushDue called when the poll in progress on this thread has ended; it
	// reports false if there is none.
	afterPoll() bool
}

// ticket returns the position of a waiter: the number of posts before it and, with notifyOnly, that it
// wants no grant, but to be notified when they and the waiters before it are through.
func (b *backlog) ticket(notifyOnly bool) int64 {
	if notifyOnly {
		return b.posts<<1 | 1
	}
	return b.posts << 1
}

// flushed returns the number of posts that are through.
func (b *backlog) flushed() int64 { return b.posts - int64(len(b.queue)) }

// open returns the backlog, which goes to s.
func (q *writeQueue) open(s sink) *backlog {
	if b := q.backlog.Load(); b != nil {
		return b
	}
	// Hint. Who finds none has nothing to look for: something is queued later, if at all (Q2).
	q.backlog.CompareAndSwap(nil, &backlog{sink: s})
	return q.backlog.Load()
}

// tryLock begins to write. It reports false if somebody else does, or something is queued.
func (q *writeQueue) tryLock() bool {
	// Claim. The queue (Q1).
	// Pairs with: (*writeQueue).tryUnlock, (*writeQueue).markBusy, (*writeQueue).flush.
	return q.word.CompareAndSwap(unlocked, locked)
}

// tryLockTask is tryLockNow for a task that is no waiter.
func (q *writeQueue) tryLockTask(cx *task.Cx) bool {
	b := q.backlog.Load()
	return (b == nil || !b.waiters.Contains(cx)) && q.tryLockNow()
}

// tryLockNow is tryLock, which does not wait for the end of a poll that has posted (Q4).
func (q *writeQueue) tryLockNow() bool { return q.tryLock() || q.flushDue() && q.tryLock() }

// tryUnlock ends what tryLock, or a grant, has begun. It reports false if something is queued: then
// the caller flushes (Q3).
func (q *writeQueue) tryUnlock() bool {
	// Publish. What was written.
	// Pairs with: (*writeQueue).tryLock, (*writeQueue).markBusy, (*writeQueue).tryGrant, (*granter).TryGrant.
	return q.word.CompareAndSwap(locked, unlocked)
}

// isTorn reports whether the stream is torn: then the writer's record says how. Any thread.
// Pairs with: (*writeQueue).markTorn, (*writeQueue).suspend.
func (q *writeQueue) isTorn() bool { return q.word.Load() == torn }

// markBusy makes the word busy (Q2); it reports true if nobody wrote, so that the caller has it locked.
// The mutex is held, and the stream is not torn.
func (q *writeQueue) markBusy() (alone bool) {
	for {
		switch w := q.word.Load(); w {
		case busy:
			return false
		default:
			// Claim. The queue, if nobody writes. Publish. That something is queued.
			// Pairs with: (*writeQueue).tryLock, (*writeQueue).tryUnlock.
			if q.word.CompareAndSwap(w, busy) {
				return w == unlocked
			}
		}
	}
}

// tryGrant decides about one that comes; unless that is Waiting, it has its answer. With Granted it has
// the queue locked. The mutex is held.
func (q *writeQueue) tryGrant(b *backlog, notifyOnly bool) task.GrantState {
	switch {
	case b.suspended:
		q.markTorn(b)
		return task.Refused
	case q.isTorn() || b.sink.isClosed() || b.sink.expired():
		return task.Refused
	}
	for b.waiters.Empty() && len(b.queue) == 0 {
		switch w := q.word.Load(); {
		case w == unlocked && notifyOnly:
			return task.Notified
		case w == unlocked && q.tryLock():
			return task.Granted
		case w == busy: // a flush that is about to look
			return task.Waiting
		// Publish. That somebody waits (Q2). Pairs with: (*writeQueue).tryUnlock.
		case w == locked && q.word.CompareAndSwap(locked, busy):
			return task.Waiting
		}
	}
	return task.Waiting // it is busy
}

// lock locks the queue for the polled task when its turn comes or, with notifyOnly, notifies it then.
// It returns task.ErrClosed if that will not be.
func (q *writeQueue) lock(cx *task.Cx, s sink, notifyOnly bool) error {
	b := q.open(s)
	if n, waits := b.waiters.Asks(cx); waits {
		if notifyOnly == (n&1 != 0) {
			return b.waiters.Collect(cx, n)
		}
		b.waiters.Quit(cx) // it has waited for something else
	}
	if err := cx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	switch v := q.tryGrant(b, notifyOnly); v {
	case task.Waiting:
		return b.waiters.Enqueue(cx, &b.mu, q, b.ticket(notifyOnly), v) // which unlocks the mutex
	case task.Refused:
		b.mu.Unlock()
		return task.ErrClosed
	}
	b.mu.Unlock()
	return nil
}

// lockContext is lock for a goroutine, until ctx is done.
func (q *writeQueue) lockContext(ctx context.Context, s sink) error {
	b := q.open(s)
	b.mu.Lock()
	n := b.ticket(false)
	b.mu.Unlock()
	return b.waiters.EnqueueContext(ctx, &b.mu, q, n, func() task.GrantState { return q.tryGrant(b, false) })
}

// granter is the policy of one pass over the waiters: it rejects all, or grants the queue to the first
// whose turn it is.
type granter struct {
	*writeQueue
	rejects bool
	granted bool
	before  int // posts that go before the first waiter, or 0
}

// TryGrant is of [task.Policy].
func (k *granter) TryGrant(l *task.WaitQueue, n int64) task.GrantState {
	b := k.backlog.Load()
	switch {
	case k.rejects:
		return task.Refused
	case k.granted:
		return task.Waiting
	case b.flushed() < n>>1:
		k.before = int(n>>1 - b.flushed())
		return task.Waiting
	case n&1 != 0:
		return task.Notified
	}
	k.granted = true
	if l.Alone() && len(b.queue) == 0 {
		// Publish. Nothing is queued (Q2). Pairs with: (*writeQueue).tryUnlock.
		k.word.Store(locked)
	}
	return task.Granted
}

// WaitObject is what [task.Inspect] calls the queue.
func (p *writeQueue) WaitObject() string { return "the writes of a reactor.Conn" }

// TryGrant is of [task.Policy]: only who unlocks decides about waiters, as a granter.
func (q *writeQueue) TryGrant(*task.WaitQueue, int64) task.GrantState { return task.Waiting }

// Revoke is of [task.Policy].
func (q *writeQueue) Revoke(_ *task.WaitQueue, _ int64, v task.GrantState) {
	if v == task.Granted {
		q.backlog.Load().declined = true
	}
}

// Dispatch is of [task.Dispatcher].
func (q *writeQueue) Dispatch(*task.Cx) {
	b := q.backlog.Load()
	b.mu.Lock()
	declined := b.declined
	b.declined = false
	b.mu.Unlock()
	if declined && !q.tryUnlock() {
		q.flush()
	}
}

// rejectAll ends the waits of all waiters; and, if the stream ends with that, a suspended write: then
// what was posted is dropped (Q6).
func (q *writeQueue) rejectAll(ends bool) {
	b := q.backlog.Load()
	if b == nil {
		return
	}
	b.mu.Lock()
	if b.suspended && ends {
		q.markTorn(b)
	}
	b.waiters.Grant(nil, &b.mu, &granter{writeQueue: q, rejects: true})
}

// markTorn tears the stream of a suspended writer (Q5, Q6). The mutex is held.
func (q *writeQueue) markTorn(b *backlog) {
	b.suspended = false
	// Publish. The record of the writer: who looks without the mutex finds it. The others have that.
	// Pairs with: (*writeQueue).isTorn.
	q.word.Store(torn)
	b.empty()
}

// suspend says that the writer has sent a part of what w is about, and does not go on for now (Q5);
// with over, that it never will. Who waits already has torn the stream (Q7).
func (q *writeQueue) suspend(s sink, w *writeRecord, over bool) {
	// Publish. The record, before the word may say torn.
	// Pairs with: (*writeQueue).isTorn, (*Conn).unfinished, (*Conn).finalizeTear.
	q.writer.Store(w)
	b := q.open(s)
	b.mu.Lock()
	if b.suspended = true; !over && b.waiters.Empty() && !b.sink.isClosed() {
		b.mu.Unlock()
		return
	}
	q.markTorn(b)
	b.waiters.Grant(nil, &b.mu, &granter{writeQueue: q, rejects: true})
}

// resume undoes suspend. It reports false if the stream is torn.
func (q *writeQueue) resume() bool {
	b := q.backlog.Load()
	b.mu.Lock()
	defer b.mu.Unlock()
	suspended := b.suspended
	b.suspended = false
	return suspended
}

// tear tears the stream, if its writer is suspended.
func (q *writeQueue) tear() {
	b := q.backlog.Load()
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.suspended {
		q.markTorn(b)
	}
}

// enqueue puts p into the backlog, unless more than limit bytes would be there, or the stream is torn. If
// nobody writes, the caller sends it, or the end of its poll (Q4).
func (q *writeQueue) enqueue(s sink, p []byte, limit int) bool {
	b := q.open(s)
	b.mu.Lock()
	full := func() bool { return b.size > 0 && b.size+len(p) > limit }
	if full() && b.due { // what the end of the poll would send makes room
		b.mu.Unlock()
		q.flushDue()
		b.mu.Lock()
	}
	if q.isTorn() || full() {
		b.mu.Unlock()
		return false
	}
	b.queue = append(b.queue, p)
	b.size += len(p)
	b.posts++
	alone := q.markBusy()
	b.due = b.due || alone
	b.mu.Unlock()
	if alone && !s.afterPoll() {
		q.flushDue()
	}
	return true
}

// flushDue sends what is due (Q4). It reports whether there was something.
func (q *writeQueue) flushDue() bool {
	b := q.backlog.Load()
	if b == nil {
		return false
	}
	b.mu.Lock()
	due := b.due
	b.due = false
	b.mu.Unlock()
	if due {
		q.flush()
	}
	return due
}

// maxVector is the number of buffers that one call writes at most.
const maxVector = 64

// maxRounds is the number of calls after which another thread goes on with a flush: else those that post
// all the time would keep the first of them for ever.
const maxRounds = 256

// flush sends what was posted, and grants the queue to the first waiter whose turn it is (Q3). The caller
// has it locked, and the word is busy.
func (q *writeQueue) flush() {
	b := q.backlog.Load()
	var room [maxVector][]byte
	b.mu.Lock()
	for rounds := 0; ; rounds++ {
		most := min(len(b.queue), maxVector)
		if !b.waiters.Empty() {
			k := granter{writeQueue: q}
			b.waiters.Grant(nil, &b.mu, &k)
			if k.granted {
				return
			}
			b.mu.Lock()
			if k.before == 0 { // all were notified, and others may have come
				continue
			}
			most = min(k.before, maxVector)
		}
		if most == 0 {
			// Publish. What was written, and that nothing is queued (Q2).
			// Pairs with: (*writeQueue).tryLock.
			q.word.Store(unlocked)
			b.mu.Unlock()
			return
		}
		bufs := append(room[:0], b.queue[:most]...)
		b.mu.Unlock()
		if rounds >= maxRounds {
			b.sink.flushLater()
			return
		}
		n, err := b.sink.send(bufs)
		if err != nil && blocked(err) {
			if !b.sink.awaitRoom() {
				return
			}
			b.mu.Lock()
			continue
		}
		if err != nil {
			b.drop()
			b.sink.fail(err)
		}
		b.mu.Lock()
		if err == nil {
			b.sent(n)
		}
	}
}

// sent removes the first n bytes. The mutex is held.
func (b *backlog) sent(n int) {
	b.size -= n
	done := 0
	for done < len(b.queue) && n >= len(b.queue[done]) {
		n -= len(b.queue[done])
		b.queue[done] = nil
		done++
	}
	if b.queue = b.queue[done:]; len(b.queue) == 0 {
		b.queue = nil // an idle connection holds no memory
	} else {
		b.queue[0] = b.queue[0][n:]
	}
}

// drop drops everything.
func (b *backlog) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.empty()
}

// empty removes what is in the backlog, and counts it as dropped. The mutex is held.
func (b *backlog) empty() {
	b.dropped.posts += len(b.queue)
	b.dropped.bytes += b.size
	b.queue, b.size = nil, 0
}

// dropped returns how much was dropped.
func (q *writeQueue) dropped() (posts, bytes int) {
	b := q.backlog.Load()
	if b == nil {
		return 0, 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped.posts, b.dropped.bytes
}

// queued returns how many bytes are in the backlog.
func (q *writeQueue) queued() int {
	b := q.backlog.Load()
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size
}
