//go:build explore

package task

import (
	"errors"
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

var exhaustive = explore.Options{}

// bounded is for what cannot be enumerated: schedules with at most so many
// preemptions, one less with -short.
func bounded(preemptions int) explore.Options {
	if testing.Short() {
		preemptions--
	}
	return explore.Options{Preemptions: max(preemptions, 1)}
}

// The state word alone: a worker without a Runner, and wakers.

// engine is the methods of word that a control may replace.
type engine struct {
	name  string
	wake  func(w *word, g uint32) (submit bool)
	start func(w *word)
	pend  func(w *word) (resubmit bool)
}

var sound = engine{
	name:  "sound",
	wake:  func(w *word, g uint32) bool { return w.wake(g, 0) },
	start: func(w *word) { w.start() },
	pend:  func(w *word) bool { return w.pend(0) },
}

// waking is sound with another wake, beginning with another start, suspending with another pend.
func waking(name string, wake func(w *word, g uint32) bool) engine {
	return engine{name, wake, sound.start, sound.pend}
}

func beginning(name string, start func(w *word)) engine {
	return engine{name, sound.wake, start, sound.pend}
}

func suspending(name string, pend func(w *word) bool) engine {
	return engine{name, sound.wake, sound.start, pend}
}

// awoken is what a wake-up makes of the word.
func awoken(s uint32) uint32 {
	if s&active != 0 {
		return s | woken
	}
	return s | active
}

var brokenWords = []struct {
	engine
	model func(engine) func(*explore.X)
}{
	{waking("writes nothing if woken already", func(w *word, g uint32) bool {
		for {
			s := w.bits.Load()
			if s&live == 0 || gen(s) != g || s&woken != 0 {
				return false
			}
			if w.bits.CompareAndSwap(s, awoken(s)) {
				return s&active == 0
			}
		}
	}), twoWakers},
	{waking("does not wake what is active", func(w *word, g uint32) bool {
		for {
			s := w.bits.Load()
			if s&live == 0 || gen(s) != g {
				return false
			}
			if w.bits.CompareAndSwap(s, s|active) {
				return s&active == 0
			}
		}
	}), twoWakers},
	{waking("looks, then writes", func(w *word, g uint32) bool {
		s := w.bits.Load()
		if s&live == 0 || gen(s) != g {
			return false
		}
		w.bits.Or(awoken(s))
		return s&active == 0
	}), twoWakers},
	{waking("wakes the dead", func(w *word, g uint32) bool {
		for {
			s := w.bits.Load()
			if gen(s) != g {
				return false
			}
			if w.bits.CompareAndSwap(s, awoken(s)) {
				return s&active == 0
			}
		}
	}), wakeAtTheEnd},
	{waking("wakes any life", func(w *word, g uint32) bool {
		for {
			s := w.bits.Load()
			if s&live == 0 {
				return false
			}
			if w.bits.CompareAndSwap(s, awoken(s)) {
				return s&active == 0
			}
		}
	}), twoLives},
	{beginning("start looks, then stores", func(w *word) {
		if s := w.bits.Load(); s&woken != 0 {
			w.bits.Store(s &^ woken)
		}
	}), twoWakers},
	{suspending("pend checks, then stores", func(w *word) bool {
		s := w.bits.Load()
		if s&woken == 0 {
			w.bits.Store(s &^ (active | fresh))
		}
		return s&woken != 0
	}), twoWakers},
	{suspending("pend suspends though woken", func(w *word) bool {
		s := w.bits.And(^uint32(active | fresh | woken))
		return s&woken != 0
	}), twoWakers},
}

// bare is a task that is nothing but its word.
type bare struct {
	engine
	x     *explore.X
	state word
	queue explore.Int32 // how often it is queued: S1 says once at most
	body  explore.Plain[int]
	polls int
}

func (b *bare) submit() {
	n := b.queue.Add(1)
	b.x.Assert(n == 1, "S1: the task is queued %d times", n)
}

func (b *bare) awake(g uint32) {
	if b.wake(&b.state, g) {
		b.submit()
	}
}

// live runs one life: poll after poll, until done.
func (b *bare) live(poll func() bool) {
	for b.polls = 0; ; {
		explore.Wait(&b.queue, func() bool { return b.queue.Peek() == 1 })
		b.queue.Add(-1)
		b.start(&b.state)
		b.polls++
		b.body.Set(b.body.Get() + 1) // a poll sees what the one before has written
		if poll() {
			b.state.finish(true) // nobody waits for it
			return
		}
		if b.pend(&b.state) {
			b.submit()
		}
	}
}

// twoWakers: a task ends when both have woken it. What a waker has written is
// visible to the poll that knows of it.
func twoWakers(e engine) func(*explore.X) {
	return func(x *explore.X) {
		b := &bare{engine: e, x: x}
		b.state.spawn()
		b.queue.Store(1)
		var data [2]explore.Plain[int]
		var woken [2]bool // untraced: they change within the last step of a wake
		for i, name := range []string{"first", "second"} {
			x.Go(name, func() {
				data[i].Set(1)
				submit := e.wake(&b.state, 1)
				woken[i] = true
				if submit {
					b.submit()
				}
			})
		}
		x.Go("worker", func() {
			b.live(func() bool {
				if !woken[0] || !woken[1] {
					return false
				}
				return data[0].Get()+data[1].Get() == 2
			})
		})
		x.Final(func() {
			x.Assert(b.queue.Load() == 0, "S1: a task that is done is queued")
			x.Assert(b.polls <= 3, "%d polls for two wake-ups", b.polls)
		})
	}
}

// wakeAtTheEnd: a task that needs nobody is woken, at any moment of its life or
// after it.
func wakeAtTheEnd(e engine) func(*explore.X) {
	return func(x *explore.X) {
		b := &bare{engine: e, x: x}
		b.state.spawn()
		b.queue.Store(1)
		for _, name := range []string{"first", "second"} {
			x.Go(name, func() { b.awake(1) })
		}
		x.Go("worker", func() { b.live(func() bool { return true }) })
		x.Final(func() {
			x.Assert(b.queue.Load() == 0, "S1: a task that is done is queued")
			x.Assert(b.polls == 1, "%d polls", b.polls)
			x.Assert(b.state.done(), "%v", &b.state)
		})
	}
}

// twoLives: the frame is spawned again the instant it is done. The second life is
// woken once, by whom it belongs to; a waker of the first does nothing to it. The
// generations wrap in between.
func twoLives(e engine) func(*explore.X) {
	return func(x *explore.X) {
		b := &bare{engine: e, x: x}
		b.state.bits.Store(^uint32(flags) - generation) // the last life but one before the wrap
		b.state.spawn()
		first := gen(b.state.bits.Load())
		b.queue.Store(1)
		awake := false
		x.Go("worker", func() {
			b.live(func() bool { return true })
			b.live(func() bool { return awake })
		})
		x.Go("stale", func() { b.awake(first) })
		x.Go("owner", func() {
			explore.Wait(&b.state.bits, func() bool { return b.state.bits.Peek()&live == 0 })
			ok := b.state.spawn()
			x.Assert(ok, "the frame is in use although it is done: %v", &b.state)
			b.submit()
			submit := e.wake(&b.state, 1)
			awake = true
			if submit {
				b.submit()
			}
		})
		x.Final(func() {
			x.Assert(first == 1<<(32-flagBits)-1, "the first life is number %d", first)
			x.Assert(gen(b.state.bits.Load()) == 1, "the second life is number %d", gen(b.state.bits.Load()))
			x.Assert(b.queue.Load() == 0, "S1: a task that is done is queued")
			x.Assert(b.polls <= 2, "%d polls for one wake-up: the others were not this life's", b.polls)
		})
	}
}

// twoSpawners: one of them gets the frame.
func twoSpawners(x *explore.X) {
	var w word
	var inside explore.Plain[int]
	got := 0
	for _, name := range []string{"first", "second"} {
		x.Go(name, func() {
			if w.spawn() {
				got++
				inside.Set(inside.Get() + 1)
				w.start()
				w.finish(true) // nobody waits for it
			}
		})
	}
	x.Final(func() { x.Assert(got >= 1 && inside.Get() == got, "%d lives", got) })
}

func TestExploreTwoWakers(t *testing.T)    { explore.Check(t, exhaustive, twoWakers(sound)) }
func TestExploreWakeAtTheEnd(t *testing.T) { explore.Check(t, exhaustive, wakeAtTheEnd(sound)) }
func TestExploreTwoLives(t *testing.T)     { explore.Check(t, exhaustive, twoLives(sound)) }
func TestExploreTwoSpawners(t *testing.T)  { explore.Check(t, exhaustive, twoSpawners) }

func TestRefuteWords(t *testing.T) {
	for _, c := range brokenWords {
		t.Run(c.name, func(t *testing.T) { explore.Refute(t, exhaustive, c.model(c.engine)) })
	}
}

// From here on it is the Runner that polls.

// sleeper ends when it was woken, and reads what its waker has written.
func sleeper(x *explore.X, woken *bool, data *explore.Plain[int]) *script {
	return newScript("sleeper", func(_ *script, cx *Cx) error {
		cx.Waker()
		if !*woken {
			return Pending
		}
		x.Assert(data.Get() == 1, "a wake-up came without what was done before it")
		return nil
	})
}

// wakeAndPend: a wake-up at any moment of a poll that suspends.
func wakeAndPend(wakers int) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 1)
		var data explore.Plain[int]
		var woken bool
		t := sleeper(x, &woken, &data)
		r.detach(t)
		w := t.waker()
		x.Go("waker", func() {
			data.Set(1)
			w.Wake()
			woken = true
		})
		for range wakers - 1 {
			x.Go("another", w.Wake)
		}
		x.Final(func() {
			r.settled(t)
			x.Assert(t.polls.Get() <= 1+wakers, "%d polls for %d wake-ups", t.polls.Get(), wakers)
		})
	}
}

func TestExploreWakeAndPend(t *testing.T)  { explore.Check(t, exhaustive, wakeAndPend(1)) }
func TestExploreWakesAndPend(t *testing.T) { explore.Check(t, bounded(4), wakeAndPend(2)) }

// TestExploreWakeFromPoll: the same from within polls of another worker, whose
// wake-ups take the way through its own queue.
func TestExploreWakeFromPoll(t *testing.T) {
	explore.Check(t, bounded(3), func(x *explore.X) {
		r := newRig(x, 2, 2)
		var data explore.Plain[int]
		var woken bool
		t := sleeper(x, &woken, &data)
		waker := newScript("waker", func(_ *script, cx *Cx) error {
			data.Set(1)
			cx.Wake(t.waker())
			woken = true
			return nil
		})
		r.detach(t, waker)
		x.Final(func() { r.settled(t, waker) })
	})
}

var errStop = errors.New("stop")

// cancels: a task that ends only when it is canceled, at any moment.
func cancels(cancel func(*Frame), cancelers int) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 1)
		t := newScript("task", func(_ *script, cx *Cx) error {
			cx.Waker()
			if err := cx.Err(); err != nil {
				return err
			}
			return Pending
		})
		r.detach(t)
		for range cancelers {
			x.Go("canceler", func() { cancel(&t.Frame) })
		}
		x.Final(func() {
			r.settled(t)
			x.Assert(errors.Is(t.Err(), ErrCanceled) && errors.Is(t.Err(), errStop), "it ended with %v", t.Err())
			x.Assert(t.polls.Get() <= 2, "%d polls for one cancellation", t.polls.Get())
		})
	}
}

func stop(f *Frame) { f.Cancel(errStop) }

func TestExploreCancel(t *testing.T)     { explore.Check(t, exhaustive, cancels(stop, 1)) }
func TestExploreTwoCancels(t *testing.T) { explore.Check(t, bounded(3), cancels(stop, 2)) }

// A control: the wake-up before the cause.
func TestRefuteCancelThatWakesFirst(t *testing.T) {
	explore.Refute(t, exhaustive, cancels(func(f *Frame) {
		g := gen(f.state.bits.Load())
		submit := f.state.wake(g, 0)
		f.cause.CompareAndSwap(nil, canceledBy(errStop, g))
		if submit {
			f.rt.submit(f)
		}
	}, 1))
}

// TestExploreCancelAndFinish: a task that ends by itself is canceled meanwhile.
// It is either never polled, and canceled, or it ends as it wants to; a
// cancellation that comes too late leaves nothing behind.
func TestExploreCancelAndFinish(t *testing.T) {
	explore.Check(t, exhaustive, func(x *explore.X) {
		r := newRig(x, 1, 1)
		t := newScript("task", func(t *script, cx *Cx) error {
			if t.first() {
				return cx.Yield()
			}
			return nil
		})
		r.detach(t)
		x.Go("canceler", func() { t.Cancel(errStop) })
		x.Final(func() {
			r.settled(t)
			polls, err := t.polls.Get(), t.Err()
			x.Assert(err == nil && polls == 2 || errors.Is(err, errStop) && polls < 2, "%v after %d polls", err, polls)
		})
	})
}

// nextLife: a task ends, and is spawned again at once. Its second life ends only
// when its owner cancels it. What somebody still does to the first, as late as it
// may come, is not its business.
func nextLife(most int, stale func(t *script, w Waker), cancel func(*Frame)) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, 1, 2)
		t := newScript("task", func(t *script, cx *Cx) error {
			if t.lives == 1 {
				return nil
			}
			cx.Waker()
			if err := cx.Err(); err != nil {
				return err
			}
			return Pending
		})
		r.detach(t)
		w := t.waker()
		x.Go("stale", func() { stale(t, w) })
		x.Go("owner", func() {
			t.over(1)
			t.polls.Set(0)
			t.lives++
			launch(claim(t).enroll(t, &r.Runtime, &r.workers[0].members), &r.Runtime, nil)
			cancel(&t.Frame)
		})
		x.Final(func() {
			r.settled(t)
			x.Assert(errors.Is(t.Err(), errStop), "the second life ended with %v", t.Err())
			x.Assert(t.polls.Get() <= most, "%d polls in the second life", t.polls.Get())
		})
	}
}

func TestExploreStaleWake(t *testing.T) {
	explore.Check(t, bounded(3), nextLife(2, func(_ *script, w Waker) { w.Wake() }, stop))
}

// The stale cancellation may happen to be one of the second life: Cancel looks
// for itself which it is. Either way the second life is canceled.
func TestExploreStaleCancel(t *testing.T) {
	explore.Check(t, bounded(3), nextLife(3, func(t *script, _ Waker) { t.Cancel(errStop) }, stop))
}

// A control: a cancellation that comes late by a life overwrites the cause of a
// later one.
func TestRefuteCancelThatOverwrites(t *testing.T) {
	overwrite := func(f *Frame) {
		s := f.state.bits.Load()
		g := gen(s)
		for s&live != 0 {
			old := f.cause.Load()
			if old != nil && (old.gen == 0 || old.gen == g) {
				return
			}
			if f.cause.CompareAndSwap(old, canceledBy(errStop, g)) {
				if f.state.wake(g, 0) {
					f.rt.submit(f)
				}
				return
			}
		}
	}
	refute(t, 3, "deadlock", nextLife(3, func(t *script, _ Waker) { overwrite(&t.Frame) }, overwrite))
}
