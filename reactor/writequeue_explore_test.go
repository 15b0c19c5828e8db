//go:build explore

package reactor

import (
	"syscall"
	"testing"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
)

// doors is how the queue is used: the real methods, or copies with one line wrong.
type doors struct {
	enqueue   func(*writeQueue, sink, []byte, int) bool
	tryUnlock func(*writeQueue) bool
	lock      func(*writeQueue, *task.Cx, sink, bool) error
	flush     func(*writeQueue)
	flushDue  func(*writeQueue) bool
}

var soundDoors = doors{(*writeQueue).enqueue, (*writeQueue).tryUnlock, (*writeQueue).lock, (*writeQueue).flush, (*writeQueue).flushDue}

// narrow is a socket that takes some bytes, and then none until the next edge.
type narrow struct {
	out       *writeQueue
	direction direction
	hook      waiter
	room      explore.Int64
	shut      explore.Bool
	polls     bool               // who posts does so in a poll, and its end hurries
	sent      atomicx.Plain[int] // two who write at a time are found as a data race
}

func newNarrow(out *writeQueue, room int, flush func(*writeQueue)) *narrow {
	n := &narrow{out: out}
	n.hook.hook = &hooked{func() { flush(out) }}
	n.room.Store(int64(room))
	return n
}

func (n *narrow) write(want int) (int, error) {
	n.sent.Set(n.sent.Get())
	k := min(int(n.room.Load()), want)
	if k == 0 {
		return 0, syscall.EAGAIN
	}
	n.room.Add(-int64(k))
	n.sent.Set(n.sent.Get() + k)
	return k, nil
}

func (n *narrow) send(bufs [][]byte) (int, error) {
	want := 0
	for _, b := range bufs {
		want += len(b)
	}
	return n.write(want)
}

func (n *narrow) awaitRoom() bool { return n.direction.await(&n.hook) }
func (n *narrow) fail(error)      {}
func (n *narrow) isClosed() bool  { return n.shut.Load() }
func (n *narrow) expired() bool   { return false }
func (n *narrow) flushLater()     {}
func (n *narrow) afterPoll() bool { return n.polls }

// hooked is a hook; it is comparable.
type hooked struct{ do func() }

func (h *hooked) flush() { h.do() }

// leaves is how a writer lets others go on.
func (y doors) leaves(o *writeQueue) {
	if !y.tryUnlock(o) {
		y.flush(o)
	}
}

// writer is a task that writes a byte when its turn comes. With fickle it gives up its place
// when it is polled again, whatever was granted to it, and comes back later.
func (y doors) writer(name string, n *narrow, fickle bool) task.Task {
	holds := false
	me := &waiter{}
	return rig.Named(name, func(cx *task.Cx) error {
		if !holds && !n.out.tryLockTask(cx) {
			if b := n.out.backlog.Load(); fickle && b != nil && b.waiters.Contains(cx) {
				fickle = false
				b.waiters.Quit(cx)
				return cx.Yield()
			}
			if err := y.lock(n.out, cx, n, false); err != nil {
				return err
			}
		}
		holds = true
		for {
			if _, err := n.write(1); err == nil {
				y.leaves(n.out)
				return nil
			}
			me.task = cx.Self()
			if !n.direction.await(me) {
				return cx.Suspend()
			}
		}
	})
}

// traffic is some who post, some who write, one of whom may give up his place, and one who
// waits until all is sent, while the kernel makes room byte by byte. What stays in the backlog is found at the end,
// and who sleeps on as a deadlock.
type traffic struct {
	posters, writers, room int
	flushes, fickle, polls bool
}

func (t traffic) model(y doors) func(*explore.X) {
	return func(x *explore.X) {
		var out writeQueue
		n := newNarrow(&out, t.room, y.flush)
		r := rig.New(x, 1)
		for range t.posters {
			x.Go("poster", func() {
				x.Assert(y.enqueue(&out, n, []byte("x"), 10), "refused")
				if t.polls {
					y.flushDue(&out)
				}
			})
		}
		n.polls = t.polls
		for i := range t.writers {
			r.Start(y.writer("writer", n, t.fickle && i > 0))
		}
		if t.flushes {
			r.Start(rig.Named("flusher", func(cx *task.Cx) error { return y.lock(&out, cx, n, true) }))
		}
		bytes := t.posters + t.writers
		if bytes > t.room {
			x.Go("kernel", func() {
				for range bytes - t.room {
					n.room.Add(1)
					n.direction.readinessEdge().notify()
				}
			})
		}
		x.Final(func() {
			r.Settled()
			x.Assert(n.sent.Get() == bytes, "%d of %d bytes were sent", n.sent.Get(), bytes)
			x.Assert(out.word.Load() == unlocked && out.queued() == 0, "it is still held")
		})
	}
}

func TestExploreWriteQueue(t *testing.T) {
	for name, m := range map[string]traffic{
		"posts":                   {posters: 2, room: 9},
		"posts that wait":         {posters: 2},
		"a writer and a post":     {posters: 1, writers: 1, room: 9, flushes: true},
		"writers":                 {writers: 2},
		"writers that give up":    {writers: 2, posters: 1, fickle: true},
		"writers, and a flush":    {writers: 1, posters: 1, flushes: true},
		"a writer that gives up ": {writers: 2, room: 9, fickle: true},
		"polls":                   {posters: 2, polls: true},
		"polls, and a writer":     {posters: 1, writers: 1, room: 9, polls: true},
		"polls, and a flush":      {posters: 2, flushes: true, room: 9, polls: true},
	} {
		t.Run(name, func(t *testing.T) {
			explore.Check(t, explore.Options{Preemptions: 2}, m.model(soundDoors))
		})
	}
	all := traffic{posters: 2, writers: 2, flushes: true, fickle: true, polls: true}
	explore.Check(t, explore.Options{Random: 20_000, Seed: 1}, all.model(soundDoors))
}

func TestExploreWriteQueueControls(t *testing.T) {
	look, rude, deaf, asleep := soundDoors, soundDoors, soundDoors, soundDoors
	look.flush = func(o *writeQueue) { // looks into the backlog, and says so without the mutex
		b := o.backlog.Load()
		for {
			b.mu.Lock()
			bufs, empty := b.queue, b.waiters.Empty()
			b.mu.Unlock()
			if len(bufs) == 0 && empty {
				o.word.Store(unlocked)
				return
			}
			if len(bufs) == 0 {
				o.flush()
				return
			}
			n, err := b.sink.send(bufs[:1])
			if err != nil {
				if !b.sink.awaitRoom() {
					return
				}
				continue
			}
			b.mu.Lock()
			b.sent(n)
			b.mu.Unlock()
		}
	}
	rude.enqueue = func(o *writeQueue, s sink, p []byte, limit int) bool { // does not ask who writes
		b := o.open(s)
		b.mu.Lock()
		b.queue = append(b.queue, p)
		b.size += len(p)
		b.posts++
		b.mu.Unlock()
		o.flush()
		return true
	}
	deaf.tryUnlock = func(o *writeQueue) bool { // does not look what is queued
		o.word.Store(unlocked)
		return true
	}
	asleep.lock = func(o *writeQueue, cx *task.Cx, s sink, tells bool) error { // does not say that somebody waits
		b := o.open(s)
		if n, waits := b.waiters.Asks(cx); waits {
			return b.waiters.Collect(cx, n)
		}
		b.mu.Lock()
		return b.waiters.Enqueue(cx, &b.mu, o, b.ticket(tells), task.Waiting)
	}
	double, lazy := soundDoors, soundDoors
	double.flushDue = func(o *writeQueue) bool { // leaves it due
		b := o.backlog.Load()
		b.mu.Lock()
		due := b.due
		b.mu.Unlock()
		if due {
			o.flush()
		}
		return due
	}
	lazy.flushDue = func(*writeQueue) bool { return false } // the poll does not look after it
	for name, control := range map[string]struct {
		doors
		traffic
	}{
		"the end of a poll does not say so":        {double, traffic{posters: 2, room: 9, polls: true}},
		"nobody looks after what was put off":      {lazy, traffic{posters: 1, room: 9, polls: true}},
		"the flusher looks without the lock":       {look, traffic{posters: 2}},
		"the poster does not ask who writes":       {rude, traffic{posters: 2, room: 9}},
		"the writer does not look what is queued":  {deaf, traffic{posters: 1, writers: 1, flushes: true}},
		"who waits has not said so":                {asleep, traffic{writers: 2}},
		"who gives up does not pass on his grant":  {forgetful(), traffic{writers: 2, fickle: true}},
		"who leaves does not say that more is due": {hurried(), traffic{writers: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			explore.Refute(t, explore.Options{Random: 40_000, Seed: 1}, control.model(control.doors))
		})
	}
}

// forgetful is doors with a policy that forgets what was granted to one who has given up.
func forgetful() doors {
	y := soundDoors
	y.lock = func(o *writeQueue, cx *task.Cx, s sink, tells bool) error {
		b := o.open(s)
		if n, waits := b.waiters.Asks(cx); waits {
			return b.waiters.Collect(cx, n)
		}
		b.mu.Lock()
		v := o.tryGrant(b, tells)
		if v == task.Waiting {
			return b.waiters.Enqueue(cx, &b.mu, keeps{o}, b.ticket(tells), v)
		}
		b.mu.Unlock()
		return nil
	}
	return y
}

type keeps struct{ *writeQueue }

func (keeps) Revoke(*task.WaitQueue, int64, task.GrantState) {}

// hurried is doors of which a grant says that nothing is queued.
func hurried() doors {
	y := soundDoors
	y.flush = func(o *writeQueue) {
		b := o.backlog.Load()
		b.mu.Lock()
		some := !b.waiters.Empty()
		b.mu.Unlock()
		o.flush()
		if some {
			o.word.CompareAndSwap(busy, locked)
		}
	}
	return y
}

// knives is how a stream is torn: the real methods, or copies with one line wrong.
type knives struct {
	suspend func(*writeQueue, sink, *writeRecord, bool)
	lock    func(*writeQueue, *task.Cx, sink, bool) error
	enqueue func(*writeQueue, sink, []byte, int) bool
	resume  func(*writeQueue) bool
}

var soundKnives = knives{(*writeQueue).suspend, (*writeQueue).lock, (*writeQueue).enqueue, (*writeQueue).resume}

// tearing is a writer that has sent a part and gives up, or may come back; some who post; and
// one who wants to write. Who is never told is found as a deadlock; what is
// sent behind a part, and a post that is neither sent nor counted, by the assertions.
type tearing struct {
	posters                    int
	back, over, writes, closes bool
}

func (t tearing) model(y knives) func(*explore.X) {
	return func(x *explore.X) {
		var out writeQueue
		n := newNarrow(&out, 100, (*writeQueue).flush)
		r := rig.New(x, 1)
		var whole, taken, refused, wrote, told explore.Int64
		out.tryLock()
		n.sent.Set(0)
		x.Go("writer", func() {
			y.suspend(&out, n, &writeRecord{}, t.over)
			if !t.back {
				return
			}
			if y.resume(&out) {
				whole.Store(1)
				out.writer.Store(nil)
				soundDoors.leaves(&out)
			}
		})
		for range t.posters {
			x.Go("poster", func() {
				if y.enqueue(&out, n, []byte("x"), 10) {
					taken.Add(1)
				} else {
					told.Store(1)
					refused.Add(1)
					x.Assert(out.isTorn(), "refused without a reason")
				}
			})
		}
		if t.writes {
			r.Start(rig.Named("other", func(cx *task.Cx) error {
				if !out.tryLockTask(cx) {
					switch err := y.lock(&out, cx, n, false); {
					case err == task.ErrClosed:
						if out.isTorn() {
							told.Store(1)
						} else {
							x.Assert(n.shut.Peek(), "refused without a reason")
						}
						return nil
					case err != nil:
						return err
					}
				}
				x.Assert(whole.Load() == 1, "written behind a part")
				wrote.Store(1)
				soundDoors.leaves(&out)
				return nil
			}))
		}
		if t.closes {
			x.Go("closer", func() {
				n.shut.Store(true)
				out.rejectAll(true)
			})
		}
		x.Final(func() {
			r.Settled()
			posts, _ := out.dropped()
			sent := n.sent.Get()
			if out.isTorn() {
				x.Assert(whole.Load() == 0 && wrote.Load() == 0 && sent == 0, "sent behind a tear")
				x.Assert(int64(posts) == taken.Load(), "%d posts were taken, and %d dropped", taken.Load(), posts)
				x.Assert(out.queued() == 0, "kept behind a tear")
				return
			}
			x.Assert(told.Load() == 0, "somebody was told of a tear that is none")
			x.Assert(refused.Load() == 0 && posts == 0, "dropped without a tear")
			if whole.Load() == 1 {
				x.Assert(out.word.Load() == unlocked && int64(sent) == taken.Load(), "%d of %d were sent", sent, taken.Load())
			} else {
				x.Assert(sent == 0 && int64(out.queued()) == taken.Load(), "what waits for the writer is there")
				x.Assert(!t.over && !t.closes, "it is over, and not torn")
				x.Assert(!t.writes, "another has asked, and it is not torn")
			}
		})
	}
}

func TestExploreTear(t *testing.T) {
	for name, m := range map[string]tearing{
		"against posts":                  {posters: 2, over: true},
		"against another writer":         {writes: true},
		"against its own return":         {posters: 1, back: true, writes: true},
		"against a close":                {writes: true, closes: true},
		"against posts, and a close":     {posters: 1, closes: true},
		"against its return and a close": {posters: 1, back: true, closes: true},
		"against posts, and another":     {posters: 1, writes: true},
		"the end, another, and a close":  {over: true, writes: true, closes: true},
	} {
		t.Run(name, func(t *testing.T) {
			explore.Check(t, explore.Options{Preemptions: 2}, m.model(soundKnives))
		})
	}
	all := tearing{posters: 2, back: true, writes: true, closes: true}
	explore.Check(t, explore.Options{Random: 20_000, Seed: 1}, all.model(soundKnives))
}

func TestExploreTearControls(t *testing.T) {
	silent, early, greedy, twice, blind := soundKnives, soundKnives, soundKnives, soundKnives, soundKnives
	silent.suspend = func(o *writeQueue, s sink, w *writeRecord, over bool) { // does not look who waits
		o.writer.Store(w)
		b := o.open(s)
		b.mu.Lock()
		b.suspended = true
		b.mu.Unlock()
	}
	early.lock = func(o *writeQueue, cx *task.Cx, s sink, tells bool) error { // looks whether the writer has left, and joins the line then
		b := o.open(s)
		if n, waits := b.waiters.Asks(cx); waits {
			return b.waiters.Collect(cx, n)
		}
		o.tear()
		if o.isTorn() {
			return task.ErrClosed
		}
		b.mu.Lock()
		if o.word.Load() == unlocked && o.tryLock() {
			b.mu.Unlock()
			return nil
		}
		if o.word.Load() != torn {
			o.markBusy()
		}
		return b.waiters.Enqueue(cx, &b.mu, o, b.ticket(tells), task.Waiting)
	}
	greedy.enqueue = func(o *writeQueue, s sink, p []byte, limit int) bool { // looks before it has the lock
		if o.isTorn() {
			return false
		}
		b := o.open(s)
		b.mu.Lock()
		b.queue = append(b.queue, p)
		b.size += len(p)
		b.posts++
		alone := !o.isTorn() && o.markBusy()
		b.mu.Unlock()
		if alone {
			o.flush()
		}
		return true
	}
	twice.resume = func(o *writeQueue) bool { // does not ask whether it is torn
		b := o.backlog.Load()
		b.mu.Lock()
		defer b.mu.Unlock()
		b.suspended = false
		return true
	}
	blind.suspend = func(o *writeQueue, s sink, w *writeRecord, over bool) { // does not ask whether the connection is closed
		o.writer.Store(w)
		b := o.open(s)
		b.mu.Lock()
		if b.suspended = true; over || !b.waiters.Empty() {
			o.markTorn(b)
		}
		b.waiters.Grant(nil, &b.mu, &granter{writeQueue: o, rejects: true})
	}
	for name, control := range map[string]struct {
		knives
		tearing
	}{
		"the writer does not look who waits":       {silent, tearing{writes: true}},
		"who comes looks first":                    {early, tearing{writes: true}},
		"who posts looks without the lock":         {greedy, tearing{posters: 1, over: true}},
		"who comes back does not ask":              {twice, tearing{back: true, writes: true}},
		"the writer does not ask whether it is up": {blind, tearing{posters: 1, closes: true}},
	} {
		t.Run(name, func(t *testing.T) {
			explore.Refute(t, explore.Options{Preemptions: 3}, control.model(control.knives))
		})
	}
}
