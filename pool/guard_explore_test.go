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
	unload func(g *guard, owner *worker)
}

var soundLIFO = lifo{
	next: (*worker).Next,
	take: func(owner *worker) *task.Frame {
		owner.due = 0
		f, _ := owner.find()
		return f
	},
	unload: (*guard).unload,
}

// item is something that can be put into the slot and taken out.
type item struct {
	task.Frame
	data atomicx.Plain[int] // written by the owner before it puts the item
	put  int
	took [2]int // by thread
}

// slots is an owner that puts items into its slot and takes them, by turns or
// two at a time, and the guard that takes it for stuck. One item is put again and
// again, as a task that is woken often.
func slots(s lifo, program string) func(*explore.X) {
	return func(x *explore.X) {
		p, err := New(Config{Workers: 1, Procs: -1, StallLimit: -1})
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
						it.data.Set(1) // later it may still be the guard's
					}
					s.next(w, &it.Frame)
				}
			}
		})
		x.Go("guard", func() {
			for range 2 {
				s.unload(&p.guard, w)
				var in task.Inbox
				if p.guard.moved.N > 0 {
					in.Put(p.guard.moved)
				}
				p.guard.moved = task.Batch{}
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
	unload.unload = func(g *guard, w *worker) {
		if f := w.lifo.Load(); f != nil {
			w.lifo.Store(nil)
			g.Later(f)
		}
	}
	for name, s := range map[string]lifo{"the owner puts with a Store": next, "the owner takes with a Store": take, "the guard takes with a Store": unload} {
		t.Run(name, func(t *testing.T) { explore.Refute(t, explore.Options{}, slots(s, "ab--")) })
	}
}

// slumber is a guard that goes to sleep while a worker wakes up. A guard that
// sleeps on, and guards nobody, is found as a deadlock.
func slumber(sleep func(*guard), wake func(*worker)) func(*explore.X) {
	return func(x *explore.X) {
		p, err := New(Config{Workers: 1, Procs: -1, StallLimit: -1})
		x.Assert(err == nil, "%v", err)
		x.Go("guard", func() { sleep(&p.guard) })
		x.Go("worker", func() { wake(p.workers[0]) })
	}
}

func wakes(w *worker) {
	w.pool.parking.leave(w.id)
	w.pool.guard.rouse()
}

func TestExploreGuardSleeps(t *testing.T) {
	explore.Check(t, explore.Options{}, slumber((*guard).sleep, wakes))
}

func TestExploreGuardSleepsControls(t *testing.T) {
	looksFirst := func(g *guard) {
		idle := g.pool.allIdle()
		g.asleep.Store(true)
		if idle {
			g.parker.Park()
		}
	}
	t.Run("the guard looks first", func(t *testing.T) {
		explore.Refute(t, explore.Options{}, slumber(looksFirst, wakes))
	})
	t.Run("the worker looks first", func(t *testing.T) {
		explore.Refute(t, explore.Options{}, slumber((*guard).sleep, func(w *worker) {
			w.pool.guard.rouse()
			w.pool.parking.leave(w.id)
		}))
	})
}

// restless is a worker that goes to rest while something is submitted, beside a guard that
// goes to sleep. In the end the worker is awake, in a poll that takes for ever, say: a guard
// that sleeps on is found as a deadlock.
func restless(rest func(*worker)) func(*explore.X) {
	return func(x *explore.X) {
		p, err := New(Config{Workers: 1, Procs: -1, StallLimit: -1})
		x.Assert(err == nil, "%v", err)
		w := p.workers[0]
		w.started.Store(true)
		p.started.Store(1)
		p.threads.Store(1)
		p.parking.leave(0) // awake
		var it item
		x.Go("guard", func() { p.guard.sleep() })
		x.Go("worker", func() { rest(w) })
		x.Go("submitter", func() {
			var b task.Batch
			b.Add(&it.Frame)
			(*intake)(p).Submit(b)
		})
		x.Final(func() {
			word, bit := p.parking.word(0)
			x.Assert(word.Peek()&bit == 0, "the worker sleeps")
		})
	}
}

func TestExploreGuardSleepsBesideRest(t *testing.T) {
	explore.Check(t, explore.Options{Preemptions: 2}, restless((*worker).rest))
}

func TestExploreGuardSleepsBesideRestControls(t *testing.T) {
	c := faithful
	c.back = func(w *worker, unparked bool) bool {
		searching := faithful.back(w, unparked)
		w.pool.guard.rouse()
		return searching
	}
	t.Run("a worker that looks again and stays does not wake the guard", func(t *testing.T) {
		explore.Refute(t, explore.Options{Preemptions: 2}, restless(c.rest))
	})
}

// spares is a worker and a spare, both asleep, of which the second is hired and
// dismissed while jobs come from outside.
func spares(y way, jobs int, again bool) func(*explore.X) {
	return func(x *explore.X) {
		r := newRigOf(x, y, Config{Workers: 1, Procs: -1, StallLimit: 1}, jobs)
		r.asleep(2)
		scenario{submitters: [][]int{upTo(jobs)}}.set(r)
		x.Go("guard", func() {
			r.hire(1)
			r.dismiss(1)
			if again {
				r.hire(1)
				r.dismiss(1)
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
	explore.Check(t, explore.Options{Preemptions: 2}, spares(sound, 1, false))
}

func TestExploreSparesControls(t *testing.T) {
	c := faithful
	c.stay = func(w *worker, look bool) bool {
		return w.dismissed.Load() || !(look && w.pool.anyWork() || w.called())
	}
	leaves := sound.with(func(y *way) { y.rest = c.rest })
	t.Run("a spare that goes wakes nobody in its place", func(t *testing.T) {
		explore.Refute(t, explore.Options{Random: 30_000, Seed: 1}, spares(leaves, 3, false))
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
			alarm.Arm(&r.home, nil, 1, ringer(func() {
				rings++
				r.submit(r.jobs[0])
			}), 0)
		})
		x.Go("submitter", func() { // keeps the worker on the move
			var other task.Alarm
			other.Arm(&r.home, nil, 1, ringer(func() {}), 0)
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

func (f ringer) Ring(uint32) { f() }

func TestExploreSooner(t *testing.T) {
	explore.Check(t, random(20_000), armed(sound))
}

func TestExploreSoonerControls(t *testing.T) {
	for name, y := range map[string]way{
		"nobody is told": sound.with(func(y *way) { y.sooner = func(*Pool, int) {} }),
		"the worker looks at its timers before it is idle": sound.with(func(y *way) {
			y.rest = func(w *worker) {
				due := w.runner.Settle()
				w.runner.Rest()
				w.report()
				p := &w.pool.parking
				if p.idle(w.id, w.searching) && w.pool.anyWork() {
					p.rouse(w.id)
					w.searching = true
					return
				}
				if w.called() {
					w.searching = p.leave(w.id)
					return
				}
				if due == never {
					w.parker.Park()
				}
				w.searching = p.leave(w.id)
				w.expire(1 << 62)
				w.due = w.tick + 1
			}
		}),
	} {
		t.Run(name, func(t *testing.T) { explore.Refute(t, explore.Options{Random: 20_000, Seed: 1}, armed(y)) })
	}
}
