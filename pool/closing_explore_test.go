//go:build explore

package pool

import (
	"testing"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/task"
)

// ending is a pool that is closed while jobs are submitted.
type ending struct {
	scenario
	close func(*rig) // what the closer does between setting closing and finish
	also  func(*rig) // what a second one does, if there is one
	steer func(*rig) // leads threads to where they meet
}

func (e ending) model(y way) func(*explore.X) {
	return func(x *explore.X) {
		r := newRig(x, y, e.workers, e.jobs)
		r.closes = true
		if e.steer != nil {
			e.steer(r)
		}
		e.set(r)
		for _, f := range []func(*rig){e.close, e.also} {
			if f == nil {
				continue
			}
			x.Go("closer", func() {
				r.closing.Store(true)
				f(r)
				r.way.startClosing(r.Pool)
				explore.Wait(&r.threads, r.over)
				x.Assert(r.threads.Peek() == 0, "over, with %d threads", r.threads.Peek())
			})
		}
	}
}

// What Close does, what Shutdown does, and what is as good when no task waits.
func abort(r *rig) { r.abort(ErrClosed) }
func drain(r *rig) { r.runtime.Drain() }
func quiet(*rig)   {}

// limit makes the jobs members of a group with a limit of 1.
func limit(r *rig) {
	g := new(task.Group)
	g.SetLimit(1)
	g.Failed = func(task.Task, error) error { return nil } // go on
	// One that waits for its turn may still be refused: it is not owed.
	r.submit = func(j *job) { g.Go(r, j) }
}

// audit makes somebody settle when all workers have acknowledged, and perhaps the
// first job has ended. What is submitted is queued when they have acknowledged.
func audit(r *rig, ended bool) {
	wait := func(ended bool) {
		explore.Wait(&r.acks, func() bool {
			first := r.jobs[0]
			return int(r.acks.Peek()) == len(r.workers) && (!ended || first.ends+first.refused > 0)
		})
	}
	submit := r.way.submit
	r.way.submit = func(p *Pool, b task.Batch) {
		wait(false)
		submit(p, b)
	}
	r.x.Go("auditor", func() {
		wait(ended)
		r.way.tryFinish(r.Pool)
		r.audited = true
	})
}

// outlive makes the first job start another, and end when that has ended and
// somebody has settled.
func outlive(r *rig) {
	audit(r, false)
	r.jobs[0].do = func(cx *task.Cx) error {
		r.spawn(cx, r.jobs[1])
		explore.Wait(&r.left, func() bool { return r.jobs[1].ends == 1 && r.audited })
		return nil
	}
}

// follow makes the jobs members of a group with a limit of 1, in which the first
// starts the second, so that this gets its turn when the first has ended.
func follow(r *rig) {
	audit(r, true)
	limit(r)
	r.jobs[0].do = func(cx *task.Cx) error {
		r.spawn(cx, r.jobs[1])
		return nil
	}
}

// linger makes the first job start two others, of which the last ends when all
// workers have acknowledged, if it can wait for that.
func linger(r *rig) {
	r.jobs[0].do = func(cx *task.Cx) error {
		r.spawn(cx, r.jobs[1])
		r.spawn(cx, r.jobs[2])
		return nil
	}
	r.jobs[2].do = func(cx *task.Cx) error {
		if r.workers[cx.Worker()].publishing {
			explore.Wait(&r.acks, func() bool { return int(r.acks.Peek()) == len(r.workers) })
		}
		return nil
	}
}

// spawn2 makes the first job start the third.
func spawn2(r *rig, jobs []*job) {
	jobs[0].do = func(cx *task.Cx) error {
		r.spawn(cx, jobs[2])
		return nil
	}
}

// overtake lets the second submitter come when a worker has counted itself down
// as a searcher and has not woken the next one yet.
func overtake(r *rig) {
	var counted explore.Bool
	r.way.found = func(p *Pool, w *worker) {
		if p.parking.found(w.id) {
			counted.Store(true)
			p.notify()
		}
	}
	submit := r.submit
	r.submit = func(j *job) {
		if j == r.jobs[1] {
			explore.Wait(&counted, func() bool { return counted.Peek() || r.jobs[0].refused > 0 })
		}
		submit(j)
	}
}

var (
	unused     = ending{scenario: scenario{"a pool that was never used", 2, 0, nil, 0, nil, 0, 3, 0}, close: quiet}
	refused    = ending{scenario: scenario{"one worker, one submitter", 1, 0, submit1, 1, nil, 0, 2, 0}, close: quiet}
	idle       = ending{scenario: scenario{"two idle workers", 2, 2, nil, 0, nil, 0, 0, 20_000}, close: quiet}
	submission = ending{scenario: scenario{"two workers, two submitters", 2, 1, submit1x2, 2, nil, 0, 0, 40_000}, close: quiet}
	spawning   = ending{scenario: scenario{"one job starts two", 2, 2, submit1, 3, spawn, 0, 0, 40_000}, close: quiet}
	outliving  = ending{scenario: scenario{"one job outlives another", 2, 2, submit1, 2, nil, 0, 0, 20_000}, close: quiet, steer: outlive}
	lingering  = ending{scenario: scenario{"one job waits for acknowledgements", 2, 2, submit1, 3, nil, 0, 0, 20_000}, close: quiet, steer: linger}
	following  = ending{scenario: scenario{"one job lets another in", 2, 2, submit1, 2, nil, 0, 0, 20_000}, close: quiet, steer: follow}
	overtaken  = ending{scenario: scenario{"a submitter is late", 2, 1, submit1x2, 2, nil, 0, 0, 20_000}, close: quiet, steer: overtake}
)

var endings = []ending{
	unused,
	{scenario: scenario{"closed twice, never used", 2, 0, nil, 0, nil, 0, 0, 20_000}, close: abort, also: drain},
	refused,
	idle,
	submission,
	spawning,
	outliving,
	following,
	lingering,
	overtaken,
	{scenario: scenario{"two workers without threads", 2, 0, submit1x2, 2, nil, 0, 0, 40_000}, close: quiet},
	{scenario: scenario{"a group with a limit", 2, 1, submit1x2, 2, nil, 0, 0, 20_000}, close: quiet, steer: limit},
	{scenario: scenario{"closed", 2, 1, submit1x2, 2, nil, 0, 0, 20_000}, close: abort},
	{scenario: scenario{"closed and shut down", 2, 0, submit1x2, 2, nil, 0, 0, 20_000}, close: abort, also: drain},
	{scenario: scenario{"workers wake by themselves", 2, 2, submit1x2, 3, spawn2, 2, 0, 20_000}, close: quiet},
	{scenario: scenario{"three workers", 3, 1, submit2x2, 3, nil, 0, 0, 20_000}, close: quiet},
}

func TestExploreClosing(t *testing.T) {
	for _, e := range endings {
		t.Run(e.name, func(t *testing.T) { explore.Check(t, e.brief(), e.model(sound)) })
	}
}

// summing is the sound way with another settle, but for the workers' every so
// often.
func summing(settle func(*Pool)) way {
	report := func(w *worker) {
		w.publish()
		if !w.pool.closing.Load() {
			return
		}
		if !w.publishing {
			w.publishing = true
			w.publish()
			w.pool.acks.Add(1)
		}
		settle(w.pool)
	}
	return sound.with(func(y *way) {
		c := faithful
		c.report = report
		y.rest, y.report, y.tryFinish = c.rest, report, settle
		y.admit = func(p *Pool, n int) bool {
			p.admitted.Add(int64(n))
			if !p.closing.Load() {
				return true
			}
			p.admitted.Add(int64(-n))
			settle(p)
			return false
		}
		y.startClosing = func(p *Pool) {
			p.unparkAll()
			settle(p)
		}
	})
}

// settles is settle with its sums taken by sum, which reports whether the pool
// has ended.
func settles(sum func(*Pool) bool) func(*Pool) {
	return func(p *Pool) {
		if !p.closing.Load() || p.stopped.Load() || p.acks.Load() != p.started.Load() || !sum(p) {
			return
		}
		if p.stopped.CompareAndSwap(false, true) {
			p.unparkAll()
			if p.threads.Load() == 0 {
				p.finish()
			}
		}
	}
}

// sum is what the workers have published of one counter.
func (p *Pool) sum(counter int) (n int64) {
	for _, w := range p.workers {
		n += int64(w.public[counter].Load())
	}
	return n
}

func finishedFirst(p *Pool) bool {
	ends := p.sum(finished)
	return ends == p.sum(spawned)+p.admitted.Load()
}

func TestExploreClosingCopy(t *testing.T) {
	y := summing(settles(finishedFirst))
	for _, e := range []ending{refused, submission, outliving, following} {
		t.Run(e.name, func(t *testing.T) { explore.Check(t, e.brief(), e.model(y)) })
	}
}

func TestExploreClosingControls(t *testing.T) {
	rest := func(stay func(w *worker, look bool) bool) way {
		c := faithful
		c.stay = stay
		return sound.with(func(y *way) { y.rest = c.rest })
	}
	controls := []struct {
		name string
		way  way
		in   ending
	}{
		{
			"what is spawned is read first", // C2
			summing(settles(func(p *Pool) bool {
				spawns := p.sum(spawned) + p.admitted.Load()
				return p.sum(finished) == spawns
			})),
			outliving,
		}, {
			"a spawn is published when its frame is queued", // C1
			sound.with(func(y *way) {
				y.push = func(w *worker, f *task.Frame) {
					w.deque.Push(f)
					w.share()
					if w.publishing {
						w.publish()
					}
				}
			}),
			outliving,
		}, {
			"a worker acknowledges before it publishes", // C1
			sound.with(func(y *way) {
				y.report = func(w *worker) {
					if w.pool.closing.Load() && !w.publishing {
						w.publishing = true
						w.pool.acks.Add(1)
						w.pool.tryFinish()
					}
					w.report()
				}
				c := faithful
				c.report = y.report
				y.rest = c.rest
			}),
			lingering,
		}, {
			"a worker looks for the end while its counts are in the store buffer", // C2
			sound.with(func(y *way) {
				y.report = func(w *worker) {
					if w.publishing {
						w.publishing = false
						w.publish()
						w.publishing = true
						w.pool.tryFinish()
						return
					}
					w.report()
				}
				c := faithful
				c.report = y.report
				y.rest = c.rest
			}),
			submission,
		}, {
			"nobody waits for acknowledgements", // C2
			summing(func(p *Pool) {
				if p.closing.Load() && !p.stopped.Load() && finishedFirst(p) && p.stopped.CompareAndSwap(false, true) {
					p.unparkAll()
					if p.threads.Load() == 0 {
						p.finish()
					}
				}
			}),
			spawning,
		}, {
			"admission looks before it counts",
			sound.with(func(y *way) {
				y.admit = func(p *Pool, n int) bool {
					if p.closing.Load() {
						return false
					}
					p.admitted.Add(int64(n))
					return true
				}
			}),
			refused,
		}, {
			"who was refused does not look for the end",
			sound.with(func(y *way) {
				y.admit = func(p *Pool, n int) bool {
					p.admitted.Add(int64(n))
					if p.closing.Load() {
						p.admitted.Add(int64(-n))
						return false
					}
					return true
				}
			}),
			refused,
		}, {
			"the idle are not woken",
			sound.with(func(y *way) { y.startClosing = (*Pool).tryFinish }),
			idle,
		}, {
			"only who looks again asks whether it is called",
			rest(func(w *worker, look bool) bool { return !look || !w.pool.anyWork() && !w.called() }),
			idle,
		}, {
			"a late submitter starts a thread unseen",
			sound.with(func(y *way) {
				y.submit = func(p *Pool, b task.Batch) {
					p.workers[max(p.parking.lowest(), 0)].inbox.Put(b)
					i := p.parking.claimAny()
					if i < 0 {
						return
					}
					w := p.workers[i]
					if w.started.Load() || !w.started.CompareAndSwap(false, true) {
						w.parker.Unpark()
						return
					}
					p.started.Add(1)
					p.threads.Add(1)
					w.searching = true
					p.start(w)
				}
			}),
			overtaken,
		},
	}
	for _, c := range controls {
		t.Run(c.name, func(t *testing.T) { explore.Refute(t, c.in.full(), c.in.model(c.way)) })
	}
}
