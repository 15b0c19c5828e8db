//go:build explore

package task

import (
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// reader is the two methods of word with which a reader takes a task in hand, and what a control replaces.
type reader struct {
	name  string
	seize func(w *word) bool
	pend  func(w *word) (resubmit bool)
}

var soundReader = reader{"sound", (*word).seize, func(w *word) bool { return w.pend(0) }}

var brokenReaders = []reader{
	{"takes what is active", func(w *word) bool {
		s := w.bits.Load()
		return s&live != 0 && w.bits.CompareAndSwap(s, s|active)
	}, soundReader.pend},
	{"looks, and takes nothing", func(w *word) bool { return w.bits.Load()&(live|active) == live },
		func(*word) bool { return false }},
	{"looks, then writes", func(w *word) bool {
		s := w.bits.Load()
		if s&(live|active) != live {
			return false
		}
		w.bits.Or(active)
		return true
	}, soundReader.pend},
	{"lets go, though it was woken", soundReader.seize, func(w *word) bool {
		w.bits.And(^uint32(active | woken))
		return false
	}},
	{"does not submit what was woken", soundReader.seize, func(w *word) bool {
		w.pend(0)
		return false
	}},
}

// readAndWake: a task ends when it was woken. A reader has it in hand whenever it is suspended, and sees what its
// last poll has written, all of it.
func readAndWake(r reader, reads int) func(*explore.X) {
	return func(x *explore.X) {
		b := &bare{engine: sound, x: x}
		b.state.spawn()
		b.queue.Store(1)
		var data explore.Plain[int]
		var told bool
		x.Go("waker", func() {
			data.Set(1)
			submit := b.wake(&b.state, 1)
			told = true
			if submit {
				b.submit()
			}
		})
		x.Go("worker", func() { b.live(func() bool { return told && data.Get() == 1 }) })
		x.Go("reader", func() {
			for range reads {
				if !r.seize(&b.state) {
					continue
				}
				n := b.body.Get()
				x.Assert(n == b.polls, "the reader sees %d polls of %d", n, b.polls)
				if r.pend(&b.state) {
					b.submit()
				}
			}
		})
		x.Final(func() {
			x.Assert(b.queue.Load() == 0, "S1: a task that is done is queued")
			x.Assert(b.state.done(), "%v", &b.state)
			x.Assert(b.polls <= 2, "%d polls for one wake-up: the reader has it polled", b.polls)
		})
	}
}

func TestExploreReadAndWake(t *testing.T) { explore.Check(t, exhaustive, readAndWake(soundReader, 2)) }

func TestRefuteReaders(t *testing.T) {
	for _, r := range brokenReaders {
		t.Run(r.name, func(t *testing.T) { explore.Refute(t, exhaustive, readAndWake(r, 2)) })
	}
}

// inspectAndCancel: all members of a group are canceled, whatever places a reader has among them meanwhile, and
// the reader leaves none.
func inspectAndCancel(sweep func(*Group)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 2)
		var g Group
		var all []*script
		for range 2 {
			s := newScript("member", func(_ *script, cx *Cx) error {
				if err := cx.Err(); err != nil {
					return err
				}
				return cx.Suspend()
			})
			all = append(all, s)
			g.Go(&r.Runtime, s)
		}
		x.Go("canceler", func() { sweep(&g) })
		x.Go("reader", func() {
			in := &inspection{rt: &r.Runtime, visit: func(*Suspended) {}, foreign: map[*Group]bool{}, sighting: newSighting()}
			in.walk(&g.memberList, above{})
		})
		x.Final(func() {
			for _, s := range all {
				r.settled(s)
			}
			x.Assert(g.head == nil && g.n == 0, "a mark is left")
		})
	}
}

func TestExploreInspectAndCancel(t *testing.T) {
	explore.Check(t, bounded(2), inspectAndCancel(func(g *Group) { g.Cancel(nil) }))
}

// countsMarks is a cancellation that takes the place of a reader for a member.
func TestRefuteSweepThatCountsMarks(t *testing.T) {
	explore.Refute(t, bounded(2), inspectAndCancel(func(g *Group) {
		g.why.CompareAndSwap(nil, canceledBy(nil, 0))
		g.mu.Lock()
		todo := g.n
		g.mu.Unlock()
		for ; todo > 0; todo-- {
			g.mu.Lock()
			f := g.head
			if f == nil {
				g.mu.Unlock()
				return
			}
			submit := g.signal(f)
			g.head = f.right
			g.mu.Unlock()
			if submit {
				submitAll([]*Frame{f})
			}
		}
	}))
}
