//go:build explore

package pool

import (
	"testing"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/task"
)

// scenario is jobs for workers that sleep, or have no thread yet.
type scenario struct {
	name       string
	workers    int
	threads    int     // workers that have a thread; it sleeps
	submitters [][]int // the jobs that each of them submits
	jobs       int
	do         func(*rig, []*job) // what the jobs do
	naps       int                // how often each worker parks with a deadline
	bound      int                // on preemptions; 0: none
	random     int                // how many random schedules; 0: all
}

func (s scenario) model(y way) func(*explore.X) {
	return func(x *explore.X) { s.set(newRig(x, y, s.workers, s.jobs)) }
}

// set adds the scenario to the rig.
func (s scenario) set(r *rig) *rig {
	r.asleep(s.threads)
	for i := range r.naps {
		r.naps[i] = s.naps
	}
	if s.do != nil {
		s.do(r, r.jobs)
	}
	for _, list := range s.submitters {
		r.x.Go("submitter", func() {
			for _, i := range list {
				r.submit(r.jobs[i])
				r.jobs[i].started = true
			}
		})
	}
	return r
}

// full is how to search, brief the same with fewer draws in a short run. Controls
// take the full number: they stop early.
func (s scenario) full() explore.Options {
	return explore.Options{Preemptions: s.bound, Random: s.random, Seed: 1}
}

func (s scenario) brief() explore.Options {
	o := s.full()
	if testing.Short() {
		o.Random /= 10
	}
	return o
}

// meet makes the jobs end together, which takes as many workers: if one sleeps
// while a job is in a queue, the explorer finds them all blocked.
func meet(_ *rig, jobs []*job) {
	var inside explore.Int64
	for _, j := range jobs {
		j.do = func(*task.Cx) error {
			inside.Add(1)
			explore.Wait(&inside, func() bool { return inside.Peek() >= int64(len(jobs)) })
			return nil
		}
	}
}

// spawn makes the first job start the others, which end together.
func spawn(r *rig, jobs []*job) {
	meet(r, jobs[1:])
	jobs[0].do = func(cx *task.Cx) error {
		for _, j := range jobs[1:] {
			r.spawn(cx, j)
		}
		return nil
	}
}

// await makes the first job start the second, which the others' worker must take: the first does not end
// before it.
func await(r *rig, jobs []*job) {
	var ended explore.Bool
	jobs[1].do = func(*task.Cx) error {
		ended.Store(true)
		return nil
	}
	jobs[0].do = func(cx *task.Cx) error {
		r.spawn(cx, jobs[1])
		explore.Wait(&ended, ended.Peek)
		return nil
	}
}

// yield makes the first job wake the second, which waits for that, and yield;
// then they meet. The second runs first where both are, so somebody else must
// come for the first.
func yield(r *rig, jobs []*job) {
	meet(r, jobs)
	end := jobs[0].do
	var waker task.Waker
	jobs[1].do = func(cx *task.Cx) error {
		if waker == (task.Waker{}) {
			waker = cx.Waker()
			r.submit(jobs[0])
			jobs[0].started = true
			return task.Pending
		}
		return end(cx)
	}
	yielded := false
	jobs[0].do = func(cx *task.Cx) error {
		if !yielded {
			yielded = true
			cx.Wake(waker)
			return cx.Yield()
		}
		return end(cx)
	}
}

// join makes the others wait for the first job. Its end puts them into its
// worker's LIFO slot, one after the other.
func join(_ *rig, jobs []*job) {
	for _, j := range jobs[1:] {
		j.do = jobs[0].Wait
	}
}

var (
	submit1   = [][]int{{0}}
	submit2   = [][]int{{0, 1}}
	submit3   = [][]int{{0, 1, 2}}
	submit1x2 = [][]int{{0}, {1}}
	submit2x2 = [][]int{{0, 2}, {1}}
)

// Named, for the controls.
var (
	oneWorker  = scenario{"one worker", 1, 1, submit2, 2, nil, 0, 0, 0}
	twoMeet    = scenario{"two meet", 2, 2, submit2, 2, meet, 0, 0, 20_000}
	twoTimed   = scenario{"two meet, and wake by themselves", 2, 2, submit2, 2, meet, 2, 0, 20_000}
	threeMeet  = scenario{"three meet", 3, 3, submit3, 3, meet, 0, 0, 30_000}
	awaited    = scenario{"one starts one, and awaits it", 2, 2, submit1, 2, await, 0, 0, 20_000}
	threeTimed = scenario{"three meet, and wake by themselves", 3, 3, submit3, 3, meet, 2, 0, 30_000}
)

var scenarios = []scenario{
	oneWorker,
	{"one worker without a thread", 1, 0, submit2, 2, nil, 0, 0, 0},
	{"one worker, two submitters", 1, 1, submit1x2, 2, nil, 0, 0, 0},
	{"one worker wakes by itself", 1, 1, submit2, 2, nil, 1, 3, 0},
	{"two workers", 2, 2, submit1, 1, nil, 0, 0, 0},
	{"two workers without threads", 2, 0, submit1, 1, nil, 0, 0, 0},
	{"two workers wake by themselves", 2, 2, submit1, 1, nil, 1, 0, 20_000},
	twoMeet,
	twoTimed,
	{"two meet, without threads", 2, 0, submit2, 2, meet, 0, 0, 20_000},
	{"two meet, two submitters", 2, 1, submit1x2, 2, meet, 1, 0, 20_000},
	threeMeet,
	threeTimed,
	{"three meet, two submitters", 3, 1, submit2x2, 3, meet, 1, 0, 30_000},
	{"one starts two, who meet", 3, 3, submit1, 3, spawn, 0, 0, 20_000},
	awaited,
	{"one starts two, without threads", 2, 0, submit1, 3, spawn, 1, 0, 20_000},
	{"one wakes another and yields", 2, 2, [][]int{{1}}, 2, yield, 0, 0, 20_000},
	{"one is waited for by two", 2, 2, submit3, 3, join, 2, 0, 20_000},
}

func TestExploreParking(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) { explore.Check(t, s.brief(), s.model(sound)) })
	}
}

func TestExploreParkingControls(t *testing.T) {
	stay := func(f func(w *worker, look bool) bool) way {
		c := faithful
		c.stay = f
		return sound.with(func(y *way) { y.rest = c.rest })
	}
	onlyLast := stay(func(w *worker, look bool) bool {
		return !(look && w.searching && w.pool.anyWork() || w.called())
	})
	controls := []struct {
		name string
		way  way
		in   scenario
	}{
		{
			"nobody looks again", // W2
			stay(func(w *worker, _ bool) bool { return !w.called() }),
			oneWorker,
		}, {
			"only the last searcher looks again", // P3
			onlyLast,
			oneWorker,
		}, {
			"only the last of several searchers looks again", // P3
			onlyLast,
			twoTimed,
		}, {
			"only others look again", // P3
			stay(func(w *worker, look bool) bool {
				return !(look && !w.searching && w.pool.anyWork() || w.called())
			}),
			twoMeet,
		}, {
			"who finds work then is no searcher", // P3
			sound.with(func(y *way) {
				c := faithful
				c.again = (*parking).endPark
				y.rest = c.rest
			}),
			threeMeet,
		}, {
			"who finds work wakes nobody", // P2
			sound.with(func(y *way) { y.found = func(p *Pool, w *worker) { p.parking.found(w.id) } }),
			twoMeet,
		}, {
			"the token decides", // P4
			sound.with(func(y *way) {
				c := faithful
				c.back = func(w *worker, unparked bool) bool { return unparked || w.pool.parking.endPark(w.id) }
				y.rest = c.rest
			}),
			threeTimed,
		}, {
			"whoever wakes by itself was not woken", // P4
			sound.with(func(y *way) {
				c := faithful
				c.back = func(w *worker, unparked bool) bool { return w.pool.parking.endPark(w.id) && unparked }
				y.rest = c.rest
			}),
			threeTimed,
		}, {
			"the submitter looks before it queues", // S1, S2
			sound.with(func(y *way) {
				y.submit = func(p *Pool, b task.Batch) {
					i := p.parking.claimAny()
					p.workers[max(i, 0)].inbox.Put(b)
					if i >= 0 {
						p.unparkOrStart(p.workers[i])
					}
				}
			}),
			oneWorker,
		}, {
			"a poll that has queued looks while that is in the store buffer", // S1, S2
			sound.with(func(y *way) {
				y.push = func(w *worker, f *task.Frame) {
					w.deque.Push(f)
					w.pool.notify()
				}
			}),
			awaited,
		},
	}
	for _, c := range controls {
		t.Run(c.name, func(t *testing.T) { explore.Refute(t, c.in.full(), c.in.model(c.way)) })
	}
}

// The copy of rest that the controls change is sound before they do.
func TestExploreParkingCopy(t *testing.T) {
	y := sound.with(func(y *way) { y.rest = faithful.rest })
	for _, s := range []scenario{oneWorker, twoMeet, threeTimed} {
		t.Run(s.name, func(t *testing.T) { explore.Check(t, s.brief(), s.model(y)) })
	}
}

// claimAny is claimFor for a frame that may be anywhere.
func (p *parking) claimAny() int { return p.claimFor(-1) }
