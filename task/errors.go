package task

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/heist-go/heist/internal/atomicx"
)

// Pending is what an operation returns when it cannot finish yet: nothing
// observable has happened, a wake-up is arranged, and the task returns it
// from Poll, as any error. It will be polled again and calls the same operation
// again.
//
// A task may also return Pending itself, after it has given [Cx.Waker] to
// somebody who will use it.
var Pending error = &pending{}

// pending has a type of its own: telling it from other errors is one comparison.
type pending struct{ _ byte }

func (*pending) Error() string { return "task: pending: return this error from Poll" }

// The errors that this package decides. Test for them with errors.Is.
var (
	// ErrCanceled is returned by every operation of a task that was canceled.
	// The error that carries it wraps the cause, too. It is context.Canceled.
	ErrCanceled error = &canceled{}
	// ErrClosed says that the thing waited for, or spawned on, is closed.
	ErrClosed = errors.New("task: closed")
	// ErrLimit says that a limit is reached and nothing was started.
	ErrLimit = errors.New("task: limit reached")
	// ErrTimeout says that a deadline has passed. It is
	// context.DeadlineExceeded.
	ErrTimeout = fmt.Errorf("task: timed out: %w", context.DeadlineExceeded)
	// ErrGoexit is the result of a task that has called runtime.Goexit, as
	// testing.T's FailNow does.
	ErrGoexit = errors.New("task: runtime.Goexit called in Poll")
)

// canceled is ErrCanceled, and with a cause the error that wraps it.
type canceled struct{ cause error }

func (c *canceled) Error() string {
	if c.cause == nil {
		return "task: canceled"
	}
	return "task: canceled: " + c.cause.Error()
}

func (c *canceled) Is(target error) bool {
	return target == ErrCanceled || target == context.Canceled
}

func (c *canceled) Unwrap() error { return c.cause }

// IsPending reports whether err is Pending, or wraps it. An error that joins
// Pending with a real error is not pending.
func IsPending(err error) bool {
	if _, ok := err.(*pending); ok || err == nil {
		return ok
	}
	return wrapsPending(err)
}

// wrapsPending is the slow part of IsPending. A join (Unwrap of several) is
// pending only if all of it is.
func wrapsPending(err error) bool {
	for err != nil {
		if _, ok := err.(*pending); ok {
			return true
		}
		switch e := err.(type) {
		case *canceled, *PanicError:
			return false // whatever the cause, or the value
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			n := 0
			for _, part := range e.Unwrap() {
				if !IsPending(part) {
					return false
				}
				n++
			}
			return n > 0
		default:
			return false
		}
	}
	return false
}

// MustReady asserts that an operation does not suspend here: it panics if err is
// Pending, and returns err otherwise.
func MustReady(err error) error {
	if IsPending(err) {
		panic("task: MustReady: the operation has returned Pending")
	}
	return err
}

// All combines waits that have to be over together: the first error that is not
// Pending, else Pending if any is, else nil. Use it with waits, which keep
// answering (rule 5), not with operations that consume.
func All(waits ...error) error {
	var pending error
	for _, err := range waits {
		if err != nil && !IsPending(err) {
			return err
		}
		if err != nil {
			pending = err
		}
	}
	return pending
}

// First combines waits of which one is enough: the index and the answer of the
// first that is not Pending, or -1 and Pending. Use it with waits, which keep
// answering (rule 5), not with operations that consume.
func First(waits ...error) (int, error) {
	for i, err := range waits {
		if !IsPending(err) {
			return i, err
		}
	}
	return -1, Pending
}

// PanicError is a panic in a task on its way to whoever waits for it, and what
// the wait panics with.
type PanicError struct {
	// Task says which task it was: its name, or its type.
	Task string
	// Value is what the task panicked with.
	Value any
	// Stack is the task's stack, as debug.Stack gives it.
	Stack []byte

	reported atomicx.Bool  // because nobody waited
	seen     atomicx.Bool  // by somebody who has waited, or asked
	holders  atomicx.Int64 // groups and handles that may be dropped with it
}

// newPanic returns the error for a panic with v in the named task. A panic that
// a wait has raised again stays what it was.
func newPanic(task string, v any) *PanicError {
	if p, again := v.(*PanicError); again {
		return p
	}
	return &PanicError{Task: task, Value: v, Stack: debug.Stack()}
}

// Recovered returns the error for a panic with v that the caller has just recovered,
// for packages that run other people's code as tasks are run. where says what it was.
func Recovered(where string, v any) *PanicError { return newPanic(where, v) }

func (p *PanicError) Error() string {
	return fmt.Sprintf("task: panic in %s: %v\n\n%s", p.Task, p.Value, p.Stack)
}

// Unwrap returns the panic's value if it is an error.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// outcome is the result of a life, or the reason for its end.
type outcome struct {
	err error
	gen uint32 // the generation that it is about; 0: whichever
}

// canceledBy returns the outcome of a cancellation. One is made a call of
// Cancel, and shared by all tasks that it reaches. A cause that is a cancellation already is passed on as it is.
func canceledBy(cause error, of uint32) *outcome {
	switch cause.(type) {
	case nil:
		return &outcome{ErrCanceled, of}
	case *canceled:
		return &outcome{cause, of}
	}
	return &outcome{&canceled{cause}, of}
}
