// Package machine is what the output of heistgen shares: functions in progress that are
// resumed where they wait. Hand-written tasks need none of it.
//
// A function in progress is a [Func]: a struct that begins with a [Call], then has what
// lives across its waits, and the frames of the functions that it awaits. A task is a
// [Root] and one Func. Each Func knows who awaits it, and the [Driver] knows the innermost
// one, so that a poll resumes that directly, however deep it is:
//
//	poll → Driver.top → Step … Pending        the callers are not touched
//	                  → Step … result → up.Step(result) → …
//
// A call that does not wait is a call of Step, and nothing else happens. A generator that awaits
// itself goes on in the same Step, as the frame of the call, and back: see Driver.Nest.
package machine

import (
	"reflect"
	"runtime"
	"strings"

	"github.com/heist-go/heist/task"
)

// Func is a function in progress.
type Func interface {
	// Step goes on where the function is. Pending says that it waits, and that the driver
	// knows where; anything else is the function's error, and its end. in is what the awaited
	// function has returned, for a caller that is resumed.
	Step(d *Driver, cx *task.Cx, in error) error
	call() *Call
}

// Call is the head of a function in progress. The zero value has not begun.
type Call struct {
	up Func   // who awaits it; set only once it has suspended, or by Nest
	At uint32 // where it waits; 0: nowhere
	D  uint32 // the defer statements that have run, a bit each, and the bits below
}

// The upper bits of D.
const (
	begun    = 1 << 31 // the function has been called
	shielded = 1 << 30 // it has called Shield
)

//lint:ignore U1000 machines have it by embedding: it makes them a Func
func (c *Call) call() *Call { return c }

// Up returns who awaits the function, if that is known: see Awaited and Nest.
func (c *Call) Up() Func { return c.up }

// Start readies c for a call.
func (c *Call) Start() { c.up, c.At, c.D = nil, 0, 0 }

// Enter records that the function has begun.
func (c *Call) Enter() { c.D |= begun }

// Entered reports whether it has begun.
func (c *Call) Entered() bool { return c.D&begun != 0 }

// Defers returns the defer statements that have run, and forgets them.
func (c *Call) Defers() uint32 {
	d := c.D
	c.D &= begun | shielded
	return d
}

// Shield is [task.Cx.Shield] until the function ends, across its waits.
func (c *Call) Shield(d *Driver, cx *task.Cx) {
	if c.D&shielded != 0 {
		return
	}
	c.D |= shielded
	if d.shields == 0 {
		d.outer = cx.Shielded()
	}
	d.shields++
	cx.Shield()
}

// Unshield ends what Shield has begun. The function calls it at its end.
func (c *Call) Unshield(d *Driver, cx *task.Cx) {
	if c.D&shielded == 0 {
		return
	}
	c.D &^= shielded
	if d.shields--; d.shields == 0 && !d.outer {
		cx.Unshield()
	}
}

// Driver resumes the functions of a task, or of an operation within one.
type Driver struct {
	top     Func  // the innermost function that waits
	shields int32 // functions in progress that have called Shield
	outer   bool  // the poll was shielded by others
	nested  bool  // others await top
	guarded bool  // one of those that have awaited others has something to do when they panic
}

// Suspended records that m waits for an operation, which has returned Pending.
func (d *Driver) Suspended(m Func) error {
	d.top = m
	return task.Pending
}

// Awaited records that up waits for c, which has just suspended, and returns how.
func (d *Driver) Awaited(c *Call, up Func, how error) error {
	c.up, d.nested = up, true
	return how
}

// Nest records that up waits for c, which has begun: for a function that awaits itself, and goes on as c in the
// same Step.
func (d *Driver) Nest(c *Call, up Func) { c.up, d.nested = up, true }

// Leave records that c has ended, and that the same Step goes on as up, which awaits it. resumed says that Step was
// called for c: then up is the innermost function that the driver knows.
func (d *Driver) Leave(c *Call, up Func, resumed bool) {
	if c.up = nil; resumed {
		d.top = up
	}
}

// Guarded is Awaited for a function that has something to do if c panics: it defers calls, say.
func (d *Driver) Guarded(c *Call, up Func, how error) error {
	d.guarded = true
	return d.Awaited(c, up, how)
}

// Reset forgets what was in progress.
func (d *Driver) Reset() { *d = Driver{} }

// Drive makes what progress it can with first, the outermost function. Panics and Goexit go
// from each function to the one that awaits it, as on a stack.
func (d *Driver) Drive(cx *task.Cx, first Func) error {
	if d.shields != 0 {
		d.outer = cx.Shielded()
		cx.Shield()
	}
	if d.nested {
		return d.resume(cx)
	}
	// Nobody waits above it: a panic finds all callers on the stack, which costs nothing.
	err := first.Step(d, cx, nil)
	if !Waits(err) {
		d.top = nil
	}
	return err
}

// Waits reports whether err says that a function is not at its end.
func Waits(err error) bool { return err != nil && waits(err) }

func waits(err error) bool {
	if _, ok := err.(*yielded); ok {
		return true
	}
	return task.IsPending(err) // it is bare, which this sees at once: see Ended
}

// resume is Drive for a function that others await.
func (d *Driver) resume(cx *task.Cx) error {
	if !d.guarded { // a panic goes through all of them, and nobody will resume them
		return d.loop(cx, nil)
	}
	return d.guard(cx)
}

// guard is resume where a panic goes from each function to the one that awaits it.
func (d *Driver) guard(cx *task.Cx) (err error) {
	ok := false
	defer func() {
		if !ok {
			err = d.unwind(cx, recover())
		}
	}()
	err = d.loop(cx, nil)
	ok = true
	return err
}

// loop resumes the innermost function with in, and its callers as they get their results.
func (d *Driver) loop(cx *task.Cx, in error) error {
	return d.ascend(cx, d.top.Step(d, cx, in))
}

// ascend goes on with what the innermost function's Step has returned.
func (d *Driver) ascend(cx *task.Cx, err error) error {
	for {
		if Waits(err) {
			d.nested = d.top.call().up != nil
			return err
		}
		c := d.top.call()
		up := c.up
		if c.up, d.top = nil, up; up == nil {
			d.nested = false
			return err
		}
		err = up.Step(d, cx, err)
	}
}

// pop leaves m for the function that awaits it, which is the innermost one now.
func (d *Driver) pop(m Func) (up Func) {
	c := m.call()
	up = c.up
	c.up, d.top, d.nested = nil, up, up != nil
	return up
}

// unwind goes on with a panic, or with Goexit if p is nil, in whoever awaits the function
// that it has left. It runs on top of the stack of the panic, which stays readable.
func (d *Driver) unwind(cx *task.Cx, p any) (err error) {
	up := d.pop(d.top)
	if up == nil {
		if p != nil {
			panic(p)
		}
		return nil // Goexit goes on by itself
	}
	ok := false
	defer func() {
		if !ok {
			err = d.unwind(cx, recover())
		}
	}()
	err = d.loop(cx, &raised{p})
	ok = true
	return err
}

// raised is what a caller is resumed with when the awaited function has panicked, or has
// called Goexit.
type raised struct{ value any }

func (*raised) Error() string { return "machine: raised" }

// Returned is the error that an awaited function has returned. It raises a panic in a caller
// that was resumed for one.
func Returned(in error) error {
	if in == nil { // to be inlined
		return nil
	}
	return returned(in)
}

func returned(in error) error {
	if p, ok := in.(*raised); ok {
		if p.value == nil {
			runtime.Goexit()
		}
		panic(p.value)
	}
	return in
}

// Ended returns what a function returns as its error. It panics if that is Pending, which
// would say that the function goes on.
func Ended(err error) error {
	if err == nil { // to be inlined
		return nil
	}
	return notPending(err)
}

func notPending(err error) error {
	if task.IsPending(err) {
		panic("machine: a straight-line function has returned an error that is Pending: return what its operations have returned")
	}
	return err
}

// Root is a task that is a function: the scheduler's memory, and the driver.
type Root struct {
	task.Frame
	Driver
}

// NamedBySource says, for [task.Kind], that the function's name is the task's, whatever the task does.
func (*Driver) NamedBySource() {}

// Lines implements [task.Lined].
func (d *Driver) Lines() (lines []task.SourceLine) {
	for m := d.top; m != nil; m = m.call().up {
		l := task.SourceLine{Function: strings.TrimSuffix(strings.TrimPrefix(reflect.TypeOf(m).String(), "*"), "Call")}
		if s, ok := m.(interface{ Line(uint32) (string, int) }); ok {
			l.File, l.Line = s.Line(m.call().At)
		}
		if lines = append(lines, l); !d.nested {
			break
		}
	}
	return lines
}
