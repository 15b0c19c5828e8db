//go:build explore

package pool

import (
	"testing"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/task"
)

// lifo is how a LIFO slot is used: as the pool does, or with a mistake.
type lifo struct {
	next   func(owner *worker, f *task.Frame)
	take   func(owner *worker) *task.Frame
	unload func(g *monitor, owner *worker)
}

var soundLIFO = lifo{
	next: (*worker).Next,
	take: func(owner *worker) *task.Frame {
		owner.due = 0
		f, _ := owner.find()
		return f
	},
	unload: (*monitor).unload,
}

// item is something that can be put into the slot and taken out.
type item struct {
	task.Frame
	data atomicx.Plain[int] // written by the owner before it puts the item
	put  int
	took [2]int // by thread
}

// slots is an owner that puts items into its slot and takes them, by turns or
// two at a time, and the monitor that takes it for stuck. One item is put again and
// again, as a task that is woken often.
func slots(s lifo, program string) func(*explore.X) {
	return func(x *explore.X) {
		p, err := New(Config{Workers: 1, Procs: -1, Samples: -1, StallLimit: -1})
		x.Assert(err == nil, "%v", err)
		p.start = func(*worker) {}
		w := p.workers[0]
		items := [2]*item{new(item), new(item)}
		take := func(thread int, f *task.Frame) {
			for _, it := range items {
				if f == &it.Frame {
					it.data.Get()
					it.took[thread]++
				}
			}
		}
		x.Go("owner", func() {
			for _, op := range program {
				switch op {
				case '-':
					take(0, s.take(w))
				default:
					it := items[op-'a']
					if it.put++; it.put == 1 {
						it.data.Set(1) // later it may still be the monitor's
					}
					s.next(w, &it.Frame)
				}
			}
		})
		x.Go("monitor", func() {
			for range 2 {
				s.unload(&p.monitor, w)
				var in task.Inbox
				if p.monitor.moved.N > 0 {
					in.Put(p.monitor.moved)
				}
				p.monitor.moved = task.Batch{}
				in.Take(func(f *task.Frame) { take(1, f) })
			}
		})
		x.Final(func() {
			for _, it := range items {
				left := 0
				if w.lifo.Peek() == &it.Frame {
					left++
				}
				if f, _ := w.deque.StealIf(func(f *task.Frame) bool { return f == &it.Frame }); f != nil {
					left++
				}
				n := it.took[0] + it.took[1]
				x.Assert(n+left == it.put, "an item was put %d times, taken %d times, and is there %d times", it.put, n, left)
			}
		})
	}
}

func TestExploreSlot(t *testing.T) {
	for _, program := range []string{"a-", "a-a-", "a-b-", "ab--"} {
		t.Run(program, func(t *testing.T) { explore.Check(t, explore.Options{Preemptions: 3}, slots(soundLIFO, program)) })
	}
}

func TestExploreSlotControls(t *testing.T) {
	next, take, unload := soundLIFO, soundLIFO, soundLIFO
	next.next = func(w *worker, f *task.Frame) {
		old := w.lifo.Load()
		w.lifo.Store(f)
		if old != nil {
			w.deque.Push(old)
		}
	}
	take.take = func(w *worker) *task.Frame {
		f := w.lifo.Load()
		if f != nil {
			w.lifo.Store(nil)
		}
		return f
	}
	unload.unload = func(g *monitor, w *worker) {
		if f := w.lifo.Load(); f != nil {
			w.lifo.Store(nil)
			g.Later(f)
		}
	}
	for name, s := range map[string]lifo{"the owner puts with a Store": next, "the owner takes with a Store": take, "the monitor takes with a Store": unload} {
		t.Run(name, func(t *testing.T) { explore.Refute(t, explore.Options{}, slots(s, "ab--")) })
	}
}

// slumber is a monitor that goes to sleep while a worker wakes up. A monitor that
// sleeps on, and guards nobody, is found as a deadlock.
func slumber(sleep func(*monitor), wake func(*worker)) func(*explore.X) {
	return func(x *explore.X) {
		p, err := New(Config{Workers: 1, Procs: -1, Samples: -1, StallLimit: -1})
		x.Assert(err == nil, "%v", err)
		x.Go("monitor", func() { sleep(&p.monitor) })
		x.Go("worker", func() { wake(p.workers[0]) })
	}
}

func wakes(w *worker) {
	w.pool.parking.endPark(w.id)
	w.pool.monitor.unpark()
}

func TestExploreMonitorSleeps(t *testing.T) {
	explore.Check(t, explore.Options{}, slumber((*monitor).sleep, wakes))
}

func TestExploreMonitorSleepsControls(t *testing.T) {
	looksFirst := func(g *monitor) {
		idle := g.pool.allParked()
		g.asleep.Store(true)
		if idle {
			g.parker.Park()
		}
	}
	t.Run("the monitor looks first", func(t *testing.T) {
		explore.Refute(t, explore.Options{}, slumber(looksFirst, wakes))
	})
	t.Run("the worker looks first", func(t *testing.T) {
		explore.Refute(t, explore.Options{}, slumber((*monitor).sleep, func(w *worker) {
			w.pool.monitor.unpark()
			w.pool.parking.endPark(w.id)
		}))
	})
}

// restless is a worker that goes to rest while something is submitted, beside a monitor that
// goes to sleep. In the end the worker is awake, in a poll that takes for ever, say: a monitor
// that sleeps on is found as a deadlock.
func restless(rest func(*worker)) func(*explore.X) {
	return func(x *explore.X) {
		p, err := New(Config{Workers: 1, Procs: -1, Samples: -1, StallLimit: -1})
		x.Assert(err == nil, "%v", err)
		w := p.workers[0]
		w.started.Store(true)
		p.started.Store(1)
		p.threads.Store(1)
		p.parking.endPark(0) // awake
		var it item
		x.Go("monitor", func() { p.monitor.sleep() })
		x.Go("worker", func() { rest(w) })
		x.Go("submitter", func() {
			var b task.Batch
			b.Add(&it.Frame)
			(*seam)(p).Submit(b)
		})
		x.Final(func() {
			word, bit := p.parking.word(0)
			x.Assert(word.Peek()&bit == 0, "the worker sleeps")
		})
	}
}

func TestExploreMonitorSleepsBesideRest(t *testing.T) {
	explore.Check(t, explore.Options{Preemptions: 2}, restless((*worker).rest))
}

func TestExploreMonitorSleepsBesideRestControls(t *testing.T) {
	c := faithful
	c.back = func(w *worker, unparked bool) bool {
		searching := faithful.back(w, unparked)
		w.pool.monitor.unpark()
		return searching
	}
	t.Run("a worker that looks again and stays does not unpark the monitor", func(t *testing.T) {
		explore.Refute(t, explore.Options{Preemptions: 2}, restless(c.rest))
	})
}

// spares is a worker and a spare, both parked, of which the second is activated and
// retired while jobs come from outside.
func spares(y way, jobs int, again bool) func(*explore.X) {
	return func(x *explore.X) {
		r := newRigOf(x, y, Config{Workers: 1, Procs: -1, Samples: -1, StallLimit: 1, MaxThreads: 2}, jobs)
		r.asleep(2)
		scenario{submitters: [][]int{upTo(jobs)}}.set(r)
		x.Go("monitor", func() {
			r.activateAndUnpark()
			r.retire()
			r.shrink()
			if again {
				r.activateAndUnpark()
				r.retire()
				r.shrink()
			}
		})
	}
}

func upTo(n int) (list []int) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

func TestExploreSpares(t *testing.T) {
	for _, again := range []bool{false, true} {
		explore.Check(t, random(30_000), spares(sound, 3, again))
	}
	explore.Check(t, explore.Options{Preemptions: 1}, spares(sound, 1, false))
}

func TestExploreSparesControls(t *testing.T) {
	c := faithful
	c.stay = func(w *worker, look bool) bool {
		return w.retired.Load() || !(look && w.pool.anyWork() || w.called())
	}
	leaves := sound.with(func(y *way) { y.rest = c.rest })
	t.Run("a spare that goes wakes nobody in its place", func(t *testing.T) {
		explore.Refute(t, explore.Options{Random: 30_000, Seed: 1}, spares(leaves, 3, false))
	})
	// exits, with the last lines in another order.
	late := sound.with(func(y *way) {
		y.exits = func(w *worker) bool {
			p := w.pool
			if p.closing.Load() {
				return false
			}
			p.started.Add(-1)
			searching := w.searching
			w.searching, w.tick, w.due = false, 0, 1
			if p.parking.beginPark(w.id, searching) && p.anyWork() {
				p.notify()
			}
			w.started.Store(false)
			return true
		}
	})
	t.Run("a spare is idle while its thread still counts as started", func(t *testing.T) {
		explore.Refute(t, explore.Options{Random: 60_000, Seed: 1}, spares(late, 3, true))
	})
	quiet := sound.with(func(y *way) {
		y.exits = func(w *worker) bool {
			p := w.pool
			p.started.Add(-1)
			searching := w.searching
			w.searching, w.tick, w.due = false, 0, 1
			w.started.Store(false)
			p.parking.beginPark(w.id, searching)
			return true
		}
	})
	t.Run("a spare that retires does not look again", func(t *testing.T) {
		explore.Refute(t, explore.Options{Random: 60_000, Seed: 1}, spares(quiet, 3, true))
	})
}

// armed is a worker that goes to sleep while somebody else arms an alarm in its
// runner, which is due. Who sleeps on is found as a deadlock.
func armed(y way) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, y, 1, 1)
		r.asleep(1)
		r.left.Store(1)
		var alarm task.Alarm
		rings := 0
		x.Go("armer", func() {
			alarm.Arm(&r.runtime, nil, 1, ringer(func() {
				rings++
				r.submit(r.jobs[0])
			}), 0)
		})
		x.Go("submitter", func() { // keeps the worker on the move
			var other task.Alarm
			other.Arm(&r.runtime, nil, 1, ringer(func() {}), 0)
		})
		check := r.check
		x.Final(func() {
			x.Assert(rings == 1, "the alarm has rung %d times", rings)
			check()
		})
	}
}

// ringer is a function as a bell.
type ringer func()

func (f ringer) Notify(uint32) { f() }

func TestExploreSooner(t *testing.T) {
	explore.Check(t, random(20_000), armed(sound))
}

func TestExploreSoonerControls(t *testing.T) {
	for name, y := range map[string]way{
		"nobody is told": sound.with(func(y *way) { y.sooner = func(*Pool, int) {} }),
		"the worker looks at its timers before it is idle": sound.with(func(y *way) {
			y.rest = func(w *worker) {
				due := w.runner.NextDeadline()
				w.runner.Rest()
				w.report()
				p := &w.pool.parking
				if p.beginPark(w.id, w.searching) && w.pool.anyWork() {
					p.claim(w.id)
					w.searching = true
					return
				}
				if w.called() {
					w.searching = p.endPark(w.id)
					return
				}
				if due == never {
					w.parker.Park()
				}
				w.searching = p.endPark(w.id)
				w.expire(1 << 62)
				w.due = w.tick + 1
			}
		}),
	} {
		t.Run(name, func(t *testing.T) { explore.Refute(t, explore.Options{Random: 20_000, Seed: 1}, armed(y)) })
	}
}
