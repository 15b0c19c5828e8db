package pool

import (
	"fmt"
	"time"

	"github.com/heist-go/heist/histogram"
	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/task"
)

// sampler is what a worker measures of its tasks, by samples: what a reading of the clock costs is more than a
// poll may cost.
//
//	look     poll . poll . poll . look    poll . ...
//	  |       |                     |       |
//	  |       '- is timed           |       '- the first task that it makes runnable gets a stamp, which says
//	  |                             |          since when; who polls that task reads it
//	  '- and one that comes through the inbox gets one, too
//
// At a look (see periodic in worker.go) where Config.Samples has gone by since the last sample, the next poll is
// special: it is timed, and the next time it gives out a stamp. A timed poll stands for all polls since the last
// one, so what is counted are estimates of all. Whether a poll is sampled does not depend on the poll itself.
//
// Processor time is sampled by the monitor, which asks each worker that is awake every minPeriod to maxPeriod: what
// the thread has used since the last answer counts for the task whose poll answers.
//
// # Invariants
//
//	K1  A kind is in the list of one worker, which alone writes its counts. The list grows at its head, and a kind
//	    does not change its place: so a reader finds all that were there when it has read the head.
//
// # Order
//
// A kind is complete before the list has it. Counts are published one by one: they are estimates.
//
// # Price
//
// For polls that are not sampled nothing but the look at special, which an observer needs in any case. A sample is two
// readings of the clock, one look into a map, and some stores; an answer to the monitor a system call.
type sampler struct {
	w     *worker
	tap   tap
	every int64 // between samples, in ns; negative: there are none

	timed   int64  // when a poll was timed last
	before  uint64 // how many polls there had been then
	stamped int64  // when the last stamp was asked for
	times   bool   // the next poll is timed
	stamp   task.Stamp

	known  map[task.KindKey]*kind
	kinds  atomicx.Pointer[kind] // the newest; others read the list
	others kind
	parts  kind
	inbox  histogram.Recorder

	cpu   int64 // of the thread, at the last answer
	awake int64 // where that is not known: since when the worker was awake, or the last answer
}

// kind is what is known of a kind of tasks on a worker.
type kind struct {
	name     string
	source   string
	next     *kind
	polls    atomicx.Uint64
	futile   atomicx.Uint64
	requeued atomicx.Uint64
	cpu      atomicx.Uint64
	poll     histogram.Recorder
	runnable histogram.Recorder
}

const (
	// sampleEvery is the default of Config.Samples.
	sampleEvery = 100 * time.Microsecond
	// maxSampled is how many kinds of tasks a worker tells apart; the rest are othersKind.
	maxSampled = 256
	othersKind = "others"
	// partsKind is the computations of others that a worker takes part in.
	partsKind = "parts of computations"
)

// each is Config.Samples that says: each poll.
const each = 1

func newSampler(w *worker) *sampler {
	s := &sampler{w: w, every: int64(w.pool.config.Samples), known: map[task.KindKey]*kind{}, others: kind{name: othersKind}, parts: kind{name: partsKind}}
	s.tap.worker = w
	s.awake = clock.Now()
	if s.every > 0 {
		w.wants.Store(true) // Initialisation: nobody knows the worker yet
	}
	s.times = s.every == each
	w.always = w.pool.config.Hooks.TaskStarted != nil || w.pool.config.Debug
	w.special = w.always || s.times
	return s
}

// settle puts right what a panic has left.
func (s *sampler) settle() {
	s.w.runner.SetQueue(s.w)
	s.tap.polled = nil
	if s.every == each {
		s.times, s.w.special = true, true
	}
}

// look is called at each regular look of the worker.
func (s *sampler) look(now int64) {
	if s.every < 0 {
		return
	}
	if now-s.timed >= s.every {
		s.times, s.w.special = true, true
	}
	if now-s.stamped >= s.every {
		s.stamped, s.tap.gives, s.w.special = now, true, true
		if !s.w.wants.Load() {
			s.w.wants.Store(true) // Hint. A submitter sees it sooner or later.
		}
	}
}

// stepSpecial polls f under observation, with a hook or with Config.Debug, for a sample, or as the first.
func (w *worker) stepSpecial(f *task.Frame, inherit bool) {
	w.works()
	if w.pool.config.Debug {
		task.NotePoll(f)
	}
	if w.observer != nil {
		w.observer.step(f, inherit)
	} else {
		w.stepSampled(f, inherit)
	}
}

// stepSampled polls f, for a sample if it is time for one.
func (w *worker) stepSampled(f *task.Frame, inherit bool) {
	if started := w.pool.config.Hooks.TaskStarted; started != nil && task.Fresh(f) {
		started(task.Of(f))
	}
	s := w.sampler
	switch {
	case s.times:
		s.times, s.tap.gives = s.every == each, s.tap.gives || s.every == each
		w.special = w.observer != nil || w.always || s.tap.gives
		s.time(f, inherit)
	case s.tap.gives:
		w.special = w.observer != nil || w.always
		w.runner.SetQueue(&s.tap)
		w.runner.Step(f, inherit)
		w.runner.SetQueue(w)
	default:
		w.special = w.observer != nil || w.always
		w.runner.Step(f, inherit)
	}
}

// time polls f, and takes the time.
func (s *sampler) time(f *task.Frame, inherit bool) {
	w := s.w
	k := s.kind(task.Of(f)) // f may be anybody's afterwards
	s.tap.polled, s.tap.requeued = f, false
	polls := w.runner.Count.Polls + 1
	begin := clock.Now()
	futile := w.runner.StepSampled(f, inherit, &s.tap)
	end := clock.Now()
	n := polls - s.before
	s.timed, s.before, s.tap.polled = end, polls, nil
	k.poll.Record(time.Duration(end-begin), n)
	add(&k.polls, n)
	switch {
	case s.tap.requeued:
		add(&k.requeued, n)
	case futile:
		add(&k.futile, n)
	}
}

// add adds to a count that is the worker's own.
func add(c *atomicx.Uint64, n uint64) {
	atomicx.StoreReleaseUint64(c, c.Load()+n) // Publish. Pairs with: (*kind).addTo.
}

// kind returns what is known of t's kind.
func (s *sampler) kind(t task.Task) *kind {
	key := task.KeyOf(t)
	k := s.known[key]
	if k == nil {
		if len(s.known) >= maxSampled {
			return &s.others
		}
		k = &kind{name: task.Kind(t), source: sourceOf(t)}
		s.known[key] = k
		s.add(k)
	}
	return k
}

// add puts k at the head of the list.
func (s *sampler) add(k *kind) {
	k.next = s.kinds.Load()
	// Publish. The kind (K1). Pairs with: (*sampler).list.
	atomicx.StoreReleasePointer(&s.kinds, k)
}

// list calls yield for each kind. Any thread.
//
// Pairs with: (*sampler).add.
func (s *sampler) list(yield func(*kind)) {
	for k := s.kinds.Load(); k != nil; k = k.next {
		yield(k)
	}
	yield(&s.others)
	yield(&s.parts)
}

// used returns how much processor time the worker's thread has used since the last call.
func (s *sampler) used() (d int64) {
	if now, ok := threadCPU(); ok {
		d, s.cpu = now-s.cpu, now
		return max(d, 0) // or another thread was the worker's before
	}
	now := clock.Now()
	d, s.awake = now-s.awake, now
	return d
}

// charge counts for f what the thread has used since the last answer.
func (s *sampler) charge(f *task.Frame) {
	if s.every < 0 {
		return
	}
	d := s.used()
	add(&s.kind(task.Of(f)).cpu, uint64(d))
	task.Charge(f, time.Duration(d))
}

// chargeParts is charge for the part of a computation that has just ended.
func (s *sampler) chargeParts() {
	if s.every >= 0 {
		add(&s.parts.cpu, uint64(s.used()))
	}
}

// tap is the worker's queue in polls that are sampled: it gives out a stamp, and sees whether the polled task is
// queued again.
type tap struct {
	*worker
	gives    bool        // the next frame that becomes runnable gets the stamp
	polled   *task.Frame // of the poll that is timed
	requeued bool
}

func (t *tap) give(f *task.Frame) {
	if t.gives && (t.polled == nil || t.sampler.every == each) { // else it would be in the time that is taken
		t.gives = !t.sampler.stamp.Put(f, clock.Now())
	}
}

// Push implements task.Queue.
func (t *tap) Push(f *task.Frame) {
	t.give(f)
	t.worker.Push(f)
}

// Next implements task.Queue.
func (t *tap) Next(f *task.Frame) {
	t.give(f)
	t.worker.Next(f)
}

// Later implements task.Queue.
func (t *tap) Later(f *task.Frame) {
	if f == t.polled {
		t.requeued = true
	}
	t.worker.Later(f)
}

// roused returns the queue for what timers and the kernel's poll make runnable.
func (w *worker) roused() task.Queue {
	if w.sampler.tap.gives {
		return &w.sampler.tap
	}
	return w
}

// arrive queues a frame that has come through an inbox.
func (w *worker) arrive(f *task.Frame) {
	if s := task.Arrived(f); s != nil {
		w.sampler.inbox.Record(time.Duration(clock.Now()-s.Since()), 1)
	}
	w.deque.Push(f)
}

// Started implements task.Watched.
func (w *worker) Started(f *task.Frame, s *task.Stamp) {
	w.sampler.kind(task.Of(f)).runnable.Record(time.Duration(clock.Now()-s.Since()), 1)
}

// sourceOf is task.Source as text.
func sourceOf(t task.Task) string {
	if file, line := task.Source(t); file != "" {
		return fmt.Sprintf("%s:%d", file, line)
	}
	return ""
}
