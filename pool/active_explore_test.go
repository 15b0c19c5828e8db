//go:build explore

package pool

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/task"
)

// duty is how a worker goes away, and how a spare is dismissed: as the pool does it, or
// with a mistake.
type duty struct {
	depart func(w *worker)
	late   bool // it leaves when the computation is over
	retire func(p *Pool)
}

var soundDuty = duty{depart: (*worker).depart, retire: (*Pool).retire}

// computers is a pool with a spare. Its jobs compute, and none of them ends before all have
// begun: if the last worker on duty is away, and nobody is in its place, all are blocked.
func computers(d duty, workers int, dismissed bool, set func(*rig, []*job)) func(*explore.X) {
	return func(x *explore.X) {
		jobs := workers + 1
		r := newRigOf(x, sound, Config{Workers: workers, Procs: -1, Samples: -1, StallLimit: 1, MaxThreads: jobs}, jobs)
		r.asleep(jobs)
		meet(r, r.jobs)
		for _, j := range r.jobs {
			end := j.do
			j.do = func(cx *task.Cx) error {
				w := r.workers[cx.Worker()]
				defer w.reenter()
				if d.late {
					defer d.depart(w)
				} else {
					d.depart(w)
				}
				return end(cx)
			}
		}
		if dismissed { // a spare has been on duty, and goes meanwhile
			r.activating.Lock()
			r.activate()
			r.activating.Unlock()
			x.Go("monitor", func() { d.retire(r.Pool) })
		}
		set(r, r.jobs)
	}
}

// outside submits the jobs from outside, one by one, or each by a thread of its own.
func outside(r *rig, jobs []*job) {
	scenario{submitters: [][]int{upTo(len(jobs))}}.set(r)
}

func atOnce(r *rig, jobs []*job) {
	var list [][]int
	for i := range jobs {
		list = append(list, []int{i})
	}
	scenario{submitters: list}.set(r)
}

// inside has the first job start the others, before it computes: one of them from its
// LIFO slot, which thieves leave alone.
func inside(r *rig, jobs []*job) {
	first := jobs[0].do
	var waker task.Waker
	last := jobs[len(jobs)-1]
	end := last.do
	last.do = func(cx *task.Cx) error {
		if waker == (task.Waker{}) {
			waker = cx.Waker()
			r.submit(jobs[0])
			jobs[0].started = true
			return task.Pending
		}
		return end(cx)
	}
	jobs[0].do = func(cx *task.Cx) error {
		for _, j := range jobs[1 : len(jobs)-1] {
			r.spawn(cx, j)
		}
		cx.Wake(waker)
		return first(cx)
	}
	scenario{submitters: [][]int{{len(jobs) - 1}}}.set(r)
}

func TestExploreDuty(t *testing.T) {
	for name, set := range map[string]func(*rig, []*job){"outside": outside, "at once": atOnce, "inside": inside} {
		t.Run(name, func(t *testing.T) {
			explore.Check(t, random(20_000), computers(soundDuty, 1, false, set))
			explore.Check(t, random(20_000), computers(soundDuty, 2, false, set))
			explore.Check(t, random(20_000), computers(soundDuty, 1, true, set))
		})
	}
	explore.Check(t, explore.Options{Preemptions: 1}, computers(soundDuty, 1, false, outside))
}

func TestExploreDutyControls(t *testing.T) {
	// copied is leave, in parts.
	type parts struct {
		slot  bool
		last  func(p *Pool) bool
		relay func(p *Pool)
	}
	leave := func(y parts) func(*worker) {
		return func(w *worker) {
			if f := w.lifo.Swap(nil); f != nil {
				if y.slot {
					w.deque.Push(f)
				} else {
					w.lifo.Store(f)
				}
			}
			if y.last(w.pool) {
				y.relay(w.pool)
			} else if w.deque.Len() > 0 || !w.inbox.Empty() {
				w.pool.notify()
			}
		}
	}
	counts := func(p *Pool) bool { return p.away.Add(1) >= int64(p.config.Workers)+p.activated.Load() }
	looksFirst := func(p *Pool) bool {
		last := p.away.Load()+1 >= int64(p.config.Workers)+p.activated.Load()
		p.away.Add(1)
		return last
	}
	hires := func(p *Pool) {
		p.activating.Lock()
		for p.away.Load() >= int64(p.config.Workers)+p.activated.Load() && p.activate() {
		}
		p.activating.Unlock()
	}
	careless := func(p *Pool) { // looks who is away first, and counts off then
		p.activating.Lock()
		defer p.activating.Unlock()
		i := p.config.Workers + int(p.activated.Load()) - 1
		if p.away.Load() >= int64(i) {
			return
		}
		p.activated.Add(-1)
		p.parking.deactivate(i)
		p.workers[i].retired.Store(true)
	}
	faithful := duty{depart: leave(parts{true, counts, (*Pool).compensate}), retire: (*Pool).retire}
	for _, set := range []func(*rig, []*job){outside, atOnce, inside} {
		explore.Check(t, random(20_000), computers(faithful, 1, true, set))
	}
	for name, c := range map[string]struct {
		d         duty
		workers   int
		dismissed bool
		set       func(*rig, []*job)
	}{
		"nobody is on duty in its place":         {duty{depart: func(w *worker) { w.pool.away.Add(1) }}, 1, false, outside},
		"on duty when the computation is over":   {duty{depart: (*worker).depart, late: true}, 1, false, outside},
		"nobody looks at the queues then":        {duty{depart: leave(parts{true, counts, hires})}, 1, false, atOnce},
		"two last ones that see each other late": {duty{depart: leave(parts{true, looksFirst, (*Pool).compensate})}, 2, false, atOnce},
		"the slot stays behind":                  {duty{depart: leave(parts{false, counts, (*Pool).compensate})}, 1, false, inside},
		"dismissed before a last look":           {duty{depart: (*worker).depart, retire: careless}, 1, true, atOnce},
	} {
		t.Run(name, func(t *testing.T) {
			explore.Refute(t, explore.Options{Random: 60_000, Seed: 1}, computers(c.d, c.workers, c.dismissed, c.set))
		})
	}
}

// theft is a spare that is sent away while it polls, if it is who polls the first job: that
// starts another one, and does not end before the worker has polled all others.
func theft(shrink func(*Pool) bool) func(*explore.X) {
	return func(x *explore.X) {
		r := newRigOf(x, sound, Config{Workers: 1, Procs: -1, Samples: -1, StallLimit: 1, MaxThreads: 2}, 3)
		r.asleep(2)
		var inside explore.Int64
		for _, j := range r.jobs[1:] {
			j.do = func(*task.Cx) error { inside.Add(1); return nil }
		}
		r.jobs[0].do = func(cx *task.Cx) error {
			r.spawn(cx, r.jobs[2])
			if cx.Worker() == 1 {
				explore.Wait(&inside, func() bool { return inside.Peek() == 2 })
			}
			return nil
		}
		scenario{submitters: [][]int{{0, 1}}}.set(r)
		x.Go("monitor", func() {
			r.activateAndUnpark()
			r.retire()
			shrink(r.Pool)
		})
	}
}

func TestExploreShrinkAgainstTheft(t *testing.T) {
	explore.Check(t, random(30_000), theft((*Pool).shrink))
	explore.Check(t, explore.Options{Preemptions: 1}, theft((*Pool).shrink))
}

func TestExploreShrinkAgainstTheftControls(t *testing.T) {
	for name, shrink := range map[string]func(*Pool) bool{
		"who polls is taken out of the crew": func(p *Pool) bool {
			p.activating.Lock()
			defer p.activating.Unlock()
			p.size.Store(int64(p.config.Workers) + p.activated.Load())
			return false
		},
		"only the queues are looked at": func(p *Pool) bool {
			p.activating.Lock()
			defer p.activating.Unlock()
			for i := int(p.size.Load()) - 1; i >= p.config.Workers+int(p.activated.Load()); i-- {
				if w := p.workers[i]; w.inbox.Empty() && w.deque.Len() == 0 {
					p.size.Store(int64(i))
				}
			}
			return false
		},
	} {
		t.Run(name, func(t *testing.T) {
			explore.Refute(t, explore.Options{Random: 60_000, Seed: 1}, theft(shrink))
		})
	}
}

// counting is a spare that is sent away with a frame in its inbox, while a reader counts what is there: the frame is found.
func counting(arrived func(*Pool, int) int) func(*explore.X) {
	return func(x *explore.X) {
		toTheSpare := sound.with(func(y *way) {
			y.submit = func(p *Pool, b task.Batch) {
				p.workers[1].inbox.Put(b)
				p.notifyFor(1)
			}
		})
		r := newRigOf(x, toTheSpare, Config{Workers: 1, Procs: -1, Samples: -1, StallLimit: 1, MaxThreads: 2}, 1)
		r.asleep(2)
		x.Go("monitor", func() {
			r.activateAndUnpark()
			r.submit(r.jobs[0])
			r.jobs[0].started = true
			r.retire()
			r.shrink()
			r.shrink()
		})
		x.Go("reader", func() {
			if len(r.everybody()) == 2 {
				arrived(r.Pool, 1)
			}
		})
	}
}

func TestExploreCountingInASparesInbox(t *testing.T) {
	explore.Check(t, random(20_000), counting((*Pool).arrived))
	t.Run("it is put back where it was", func(t *testing.T) {
		f := explore.Refute(t, explore.Options{Random: 60_000, Seed: 1}, counting(func(p *Pool, i int) int {
			var b task.Batch
			n := p.workers[i].inbox.Take(b.Add)
			if n > 0 {
				p.workers[i].inbox.Put(b)
				p.notifyFor(i)
			}
			return n
		}))
		require.Contains(t, f.Reason, "deadlock")
	})
}
