//go:build explore

package pool

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/task"
)

// lifo is how a LIFO slot is used: as the pool does, or with a mistake.
type lifo struct {
	next   func(owner *worker, f *task.Frame)
	take   func(owner *worker) *task.Frame
	rescue func(thief, owner *worker) *task.Frame
}

var soundLIFO = lifo{
	next: (*worker).Next,
	take: func(owner *worker) *task.Frame {
		owner.due = 0
		f, _ := owner.find()
		return f
	},
	rescue: (*worker).rescue,
}

// item is something that can be put into the slot and taken out.
type item struct {
	task.Frame
	data atomicx.Plain[int] // written by the owner before it puts the item
	put  int
	took [3]int // by thread
}

// slots is an owner that puts items into its slot and takes them, by turns or
// two at a time, and thieves that look at the slot. One item is put again and
// again, as a task that is woken often.
func slots(s lifo, program string, thieves int) func(*explore.X) {
	return func(x *explore.X) {
		p, err := New(Config{Workers: 1 + thieves, Procs: -1})
		x.Assert(err == nil, "%v", err)
		p.start = func(*worker) {}
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
			w := p.workers[0]
			for _, op := range program {
				switch op {
				case '-':
					take(0, s.take(w))
				default:
					it := items[op-'a']
					if it.put++; it.put == 1 {
						it.data.Set(1) // later it may still be a thief's
					}
					s.next(w, &it.Frame)
				}
			}
		})
		for i := range thieves {
			x.Go("thief", func() {
				w := p.workers[1+i]
				for range 3 {
					take(1+i, s.rescue(w, p.workers[0]))
					w.suspects[0].since = -1 << 40 // it was stuck for long
				}
			})
		}
		x.Final(func() {
			w := p.workers[0]
			for _, it := range items {
				left := 0
				if w.lifo.Peek() == &it.Frame {
					left++
				}
				if f, _ := w.deque.StealIf(func(f *task.Frame) bool { return f == &it.Frame }); f != nil {
					left++
				}
				n := it.took[0] + it.took[1] + it.took[2]
				x.Assert(n+left == it.put, "an item was put %d times, taken %d times, and is there %d times", it.put, n, left)
			}
		})
	}
}

func TestExploreSlot(t *testing.T) {
	for _, program := range []string{"a-", "a-a-", "a-b-", "ab--"} {
		t.Run(program, func(t *testing.T) { explore.Check(t, explore.Options{Preemptions: 3}, slots(soundLIFO, program, 1)) })
	}
	t.Run("two thieves", func(t *testing.T) { explore.Check(t, explore.Options{Preemptions: 2}, slots(soundLIFO, "a-a-", 2)) })
}

func TestExploreSlotControls(t *testing.T) {
	next, take, rescue := soundLIFO, soundLIFO, soundLIFO
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
	rescue.rescue = func(w, v *worker) *task.Frame {
		f := v.lifo.Load()
		if f != nil {
			v.lifo.Store(nil)
		}
		return f
	}
	for name, s := range map[string]lifo{"the owner puts with a Store": next, "the owner takes with a Store": take, "the thief takes with a Store": rescue} {
		t.Run(name, func(t *testing.T) { explore.Refute(t, explore.Options{}, slots(s, "ab--", 1)) })
	}
}

// The same in a pool: a job wakes another and goes on for as long as it takes.
func TestExploreRescue(t *testing.T) {
	rescues := 0
	s := scenario{"", 2, 2, [][]int{{1}}, 2, func(r *rig, jobs []*job) {
		var waker task.Waker
		jobs[1].do = func(cx *task.Cx) error {
			if waker == (task.Waker{}) {
				waker = cx.Waker()
				r.submit(jobs[0])
				jobs[0].started = true
				return task.Pending
			}
			return nil
		}
		jobs[0].do = func(cx *task.Cx) error {
			cx.Wake(waker)
			explore.WaitTimed(&r.left, func() bool { return jobs[1].ends == 1 })
			return nil
		}
		check := r.check
		r.x.Final(func() {
			for _, w := range r.workers {
				rescues += int(w.count[rescued])
			}
			check()
		})
	}, 3, 0, 20_000}
	explore.Check(t, s.brief(), s.model(sound))
	t.Logf("%d rescues", rescues)
	require.NotZero(t, rescues)
}
