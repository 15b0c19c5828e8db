//go:build explore

package reactor

import (
	"errors"
	"testing"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/explore"
	"golang.org/x/sys/unix"
)

// doors is how the outlet is used: the real methods, or copies with one line wrong.
type doors struct {
	post  func(*outlet, sink, []byte, int) bool
	leave func(*outlet) bool
	wait  func(*outlet, *waiter) bool
	flush func(*outlet, sink)
}

var soundDoors = doors{(*outlet).post, (*outlet).leave, (*outlet).wait, (*outlet).flush}

// narrow is a socket that takes some bytes, and then none until the next edge.
type narrow struct {
	out   *outlet
	side  side
	hook  waiter
	room  explore.Int64
	sent  atomicx.Plain[int] // two who write at a time are found as a data race
	flush func(*outlet, sink)
}

func (n *narrow) write(want int) (int, error) {
	n.sent.Set(n.sent.Get())
	k := min(int(n.room.Load()), want)
	if k == 0 {
		return 0, unix.EAGAIN
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

func (n *narrow) stall() bool  { return n.side.await(&n.hook) }
func (n *narrow) broken(error) {}

type hooked func()

func (f hooked) flush() { f() }

// traffic is some who post, one who writes, and one who waits until all is sent, while
// the kernel makes room byte by byte. What stays in the outbox is found at the end,
// and who sleeps on as a deadlock.
func traffic(y doors, posters, room int, writes, flushes bool) func(*explore.X) {
	return func(x *explore.X) {
		var out outlet
		n := &narrow{out: &out, flush: y.flush}
		n.hook.hook = hooked(func() { y.flush(&out, n) })
		n.room.Store(int64(room))
		bytes := posters
		for range posters {
			x.Go("poster", func() { x.Assert(y.post(&out, n, []byte("x"), 10), "refused") })
		}
		sleep := func(hold func() bool) {
			w := &waiter{bell: make(chan struct{}, 1)}
			var woken explore.Bool
			w.bell = nil
			w.hook = hooked(func() { woken.Store(true) })
			for !hold() {
				if y.wait(&out, w) {
					explore.Wait(&woken, woken.Peek)
					woken.Store(false)
				}
			}
		}
		if writes {
			bytes++
			x.Go("writer", func() {
				sleep(out.hold)
				for {
					if _, err := n.write(1); !errors.Is(err, unix.EAGAIN) {
						break
					}
					explore.Wait(&n.room, func() bool { return n.room.Peek() > 0 })
				}
				if !y.leave(&out) {
					y.flush(&out, n)
				}
			})
		}
		if flushes {
			x.Go("flusher", func() { sleep(func() bool { return out.word.Load() == idle }) })
		}
		if bytes > room {
			x.Go("kernel", func() {
				for range bytes - room {
					n.room.Add(1)
					n.side.edge().wake()
				}
			})
		}
		x.Final(func() {
			x.Assert(n.sent.Get() == bytes, "%d of %d bytes were sent", n.sent.Get(), bytes)
			x.Assert(out.word.Load() == idle && out.queued() == 0, "it is still held")
		})
	}
}

func TestExploreOutlet(t *testing.T) {
	explore.Check(t, explore.Options{Preemptions: 3}, traffic(soundDoors, 2, 9, false, false))
	explore.Check(t, explore.Options{Preemptions: 2}, traffic(soundDoors, 2, 0, false, false))
	explore.Check(t, explore.Options{Preemptions: 2}, traffic(soundDoors, 1, 9, true, true))
	explore.Check(t, explore.Options{Random: 20_000, Seed: 1}, traffic(soundDoors, 2, 0, true, true))
}

func TestExploreOutletControls(t *testing.T) {
	look, rude, deaf, asleep := soundDoors, soundDoors, soundDoors, soundDoors
	look.flush = func(o *outlet, s sink) { // looks into the outbox before it says so
		b := o.open()
		for {
			bufs := b.some(nil)
			if len(bufs) == 0 {
				o.word.Store(idle)
				o.tell()
				return
			}
			switch n, err := s.send(bufs); {
			case err == nil:
				b.sent(n)
			case blocked(err):
				if !s.stall() {
					return
				}
			}
		}
	}
	rude.post = func(o *outlet, s sink, p []byte, limit int) bool { // does not ask who writes
		b := o.open()
		b.mu.Lock()
		b.queue = append(b.queue, p)
		b.size += len(p)
		b.mu.Unlock()
		soundDoors.flush(o, s)
		return true
	}
	deaf.leave = func(o *outlet) bool { // does not look what was posted
		o.word.Store(idle)
		o.tell()
		return true
	}
	asleep.wait = func(o *outlet, w *waiter) bool { // looks before it lists itself
		busy := o.word.Load() != idle
		b := o.open()
		b.mu.Lock()
		b.waiting = append(b.waiting, w)
		b.mu.Unlock()
		return busy
	}
	for name, y := range map[string]doors{
		"the flusher looks into the outbox first":  look,
		"the poster does not ask who writes":       rude,
		"the writer does not look what was posted": deaf,
		"the waiter looks before it lists itself":  asleep,
	} {
		t.Run(name, func(t *testing.T) {
			explore.Refute(t, explore.Options{Random: 40_000, Seed: 1}, traffic(y, 2, 0, true, true))
		})
	}
}
