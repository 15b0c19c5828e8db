package explore

import (
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"unsafe"
)

const (
	// maxThreads bounds the threads of a model, and maxActors the bit sets and clocks of the search: a
	// thread's store buffer is an actor of its own.
	maxThreads = 8
	maxActors  = 2 * maxThreads
)

// operation is what a thread is about to do: the search needs to know it
// beforehand, to tell which operations commute.
type operation struct {
	on    unsafe.Pointer // the traced variable; nil for a thread's first step
	write bool           // two reads of one variable commute, nothing else does
	ready func() bool    // nil, or what must hold before the operation can run
	timed bool           // it may run without being ready: it has timed out
	fence bool           // it waits until the thread's store buffer is empty
}

// dependent reports whether the order of the two operations can matter.
func (o *operation) dependent(p *operation) bool {
	return o.on != nil && o.on == p.on && (o.write || p.write)
}

// thread is a coroutine: the engine resumes it, and it comes back with its next
// operation announced. Or it is the store buffer of one (see buffer.go): then the engine
// executes its operation, which is to drain the oldest store.
type thread struct {
	id     int
	name   string
	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
	next   operation
	done   bool  // of a buffer: it is empty
	seen   clock // what happened before, in the memory model's sense
	buffer *thread
	held   []weakStore // of a buffer
}

// enabled reports whether the thread's next operation can be executed now.
func (t *thread) enabled() bool {
	o := &t.next
	return (!o.fence || t.buffer.done) && (o.ready == nil || o.timed || o.ready())
}

// actors is a set of threads and buffers, by their ids.
type actors uint16

// chooser decides at every step who runs. It is one of the searches.
type chooser interface {
	// pick returns the thread to run next, one of enabled. cut ends the
	// execution: what follows is known from another one.
	pick(e *engine, enabled actors) (id int, cut bool)
	// value returns a number in [0, n) for Choose.
	value(e *engine, n int) int
}

// engine runs one execution.
type engine struct {
	chooser  chooser
	threads  []*thread // and behind each its buffer
	final    func()
	cur      *thread // whose code is running; nil in the model's body and Final
	next     *thread // whom the main loop resumes
	taken    schedule
	steps    int
	maxSteps int
	cut      bool
	halting  bool
	failure  *Failure
	tracing  bool
	trace    []string
	serial   uint64
}

// active is the execution that traced operations belong to, or nil.
var (
	active atomic.Pointer[engine]
	serial atomic.Uint64
)

// Active reports whether the caller is a thread of an exploration.
func Active() bool { return running() != nil }

// running returns the engine if the caller is one of its threads.
func running() *engine {
	if e := active.Load(); e != nil && e.cur != nil && !e.halting {
		return e
	}
	return nil
}

// execute runs model once, under c's decisions.
func execute(c chooser, maxSteps int, tracing bool, model func(*X)) *engine {
	e := &engine{chooser: c, maxSteps: maxSteps, tracing: tracing, serial: serial.Add(1)}
	active.Store(e)
	defer active.Store(nil)
	model(&X{e})
	e.loop()
	e.unwind()
	if e.failure == nil && !e.cut && e.final != nil {
		e.guard(e.final)
	}
	if e.failure != nil {
		e.failure.Schedule = e.taken.String()
		e.failure.Trace = e.trace
	}
	return e
}

func (e *engine) add(name string, f func()) {
	if len(e.threads) == maxActors {
		panic("explore: too many threads in one model")
	}
	if e.cur != nil {
		panic("explore: Go called from a thread")
	}
	t := &thread{id: len(e.threads), name: name}
	t.resume, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		if !yield(struct{}{}) {
			return
		}
		e.guard(f)
		t.done = true
		if !e.halting {
			e.schedule()
		}
	})
	t.resume() // to its first yield: now yield is known and next is empty
	t.buffer = &thread{id: t.id + 1, name: name + "'s buffer", stop: func() {}, done: true}
	e.threads = append(e.threads, t, t.buffer)
}

// guard runs f and turns its panic into the execution's failure.
func (e *engine) guard(f func()) {
	defer func() {
		switch p := recover().(type) {
		case nil, halt:
		case broken:
			e.fail(string(p))
		default:
			e.fail(fmt.Sprintf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	f()
}

// fail records the first failure.
func (e *engine) fail(reason string) {
	if e.failure == nil {
		e.failure = &Failure{Reason: reason}
	}
}

// loop resumes threads until nobody can run. The decision who is next is taken
// inside the thread that comes to its next operation, so that a thread which
// goes on does not pay for a switch.
func (e *engine) loop() {
	e.schedule()
	for e.next != nil {
		e.cur = e.next
		e.cur.resume()
	}
	e.cur = nil
}

// schedule picks the next thread, or nil at the end of the execution. Buffers that are picked drain
// at once.
func (e *engine) schedule() {
	for e.next = e.choose(); e.next != nil && e.next.held != nil; e.next = e.choose() {
		e.drain(e.next)
	}
}

func (e *engine) choose() *thread {
	if e.failure != nil {
		return nil
	}
	var enabled actors
	alive := false
	for _, t := range e.threads {
		if t.done {
			continue
		}
		alive = true
		if t.enabled() {
			enabled |= 1 << t.id
		}
	}
	switch {
	case !alive:
		return nil
	case enabled == 0:
		e.fail("deadlock: " + e.waiting())
		return nil
	case e.steps >= e.maxSteps:
		e.fail(fmt.Sprintf("livelock: no end after %d steps", e.steps))
		return nil
	}
	id, cut := e.chooser.pick(e, enabled)
	if cut {
		e.cut = true
		return nil
	}
	if enabled&(1<<id) == 0 {
		e.fail(fmt.Sprintf("not deterministic: after %d steps %s could go on before, and cannot now; does the order of a map decide?", e.steps, e.threads[id].name))
		return nil
	}
	e.steps++
	e.taken = append(e.taken, decision(id))
	return e.threads[id]
}

func (e *engine) waiting() string {
	var names []string
	for _, t := range e.threads {
		if !t.done {
			names = append(names, t.name)
		}
	}
	return strings.Join(names, ", ") + " blocked"
}

// unwind ends the threads that an early end has left behind.
func (e *engine) unwind() {
	e.halting = true
	for _, t := range e.threads {
		t.stop()
	}
}

// step announces the calling thread's next operation and returns when it is its
// turn to execute it.
func (e *engine) step(op operation) *thread {
	t := e.cur
	t.next = op
	e.schedule()
	if e.next != t {
		if !t.yield(struct{}{}) {
			panic(halt{})
		}
		e.cur = t
	}
	return t
}

// Wait blocks the calling thread until ready holds. on is the traced variable
// that ready reads, through Peek. It is how a model, or a futex under
// exploration, waits without spinning. The thread's store buffer is empty before it waits,
// as after the futex's system call.
func Wait(on any, ready func() bool) {
	if e := running(); e != nil {
		t := e.step(operation{on: address(on), ready: ready, fence: true})
		e.note(t, "wait")
	}
}

// WaitTimed is a Wait that may also time out, at any moment: then it reports
// false.
func WaitTimed(on any, ready func() bool) bool {
	e := running()
	if e == nil {
		return ready()
	}
	// A write, so that its order with every access to on is explored.
	t := e.step(operation{on: address(on), write: true, ready: ready, timed: true, fence: true})
	ok := ready()
	e.note(t, "timed wait", ok)
	return ok
}

// Choose returns a number in [0, n), each of them in some interleaving.
func Choose(n int) int {
	e := running()
	if e == nil {
		return 0
	}
	v := e.chooser.value(e, n)
	e.taken = append(e.taken, choice(v))
	e.note(e.cur, "choose", v)
	return v
}

// address returns the pointer in on as an identity.
func address(on any) unsafe.Pointer {
	return (*[2]unsafe.Pointer)(unsafe.Pointer(&on))[1]
}

// note writes a line of the trace: who did what, where.
func (e *engine) note(t *thread, what string, args ...any) {
	if e.tracing {
		e.noteAt(caller(), t, what, args...)
	}
}

func (e *engine) noteAt(place string, t *thread, what string, args ...any) {
	var b strings.Builder
	fmt.Fprintf(&b, "%4d  %-10s %s", e.steps, t.name, what)
	for i, a := range args {
		sep := ", "
		if i == 0 {
			sep = " "
		}
		fmt.Fprintf(&b, "%s%v", sep, a)
	}
	fmt.Fprintf(&b, "  (%s)", place)
	e.trace = append(e.trace, b.String())
}

// caller finds the innermost frame that belongs neither to the explorer nor to
// the Go runtime.
func caller() string {
	var pcs [24]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.Contains(f.Function, "internal/explore.") || strings.HasSuffix(f.File, "_test.go") {
			file := f.File[strings.LastIndexByte(f.File, '/')+1:]
			return fmt.Sprintf("%s:%d", file, f.Line)
		}
		if !more {
			return "?"
		}
	}
}
