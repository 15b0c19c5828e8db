// Package chans has the channels that carry values between tasks, and between tasks and goroutines:
//
//	Chan       bounded: each value goes to one receiver; senders wait when it is full
//	Mailbox    bounded, for one receiver, which fetches all that is there: two thirds of the price of a Chan
//	Oneshot    one value, once
//	Broadcast  each value goes to all; a receiver that is too slow learns how much it has lost
//	Watch      a value that changes; receivers see the latest
//
// M(cx) is for tasks and returns [task.Pending] like any operation, MContext(ctx) is the
// same for goroutines and blocks. Any number of both may use both ends of a channel at
// the same time, unless it says otherwise.
//
// # Rules
//
// Pending means that nothing has happened: a value is not in the channel before Send has
// returned nil, and still in it until Recv has returned it. A task that is canceled, that
// ends, or that has won another branch of a select, loses nothing and takes nothing.
//
// Wait queues are first come, first served. After Close no value gets in, but for what was
// promised before; receivers get the values that are left, and then [task.ErrClosed].
//
// Calls that never wait take the poll in progress, or nil outside of one: with a poll, the task that
// is woken runs next on the same worker.
//
// Nothing here may be copied after its first use.
package chans

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/heist-go/heist/task"
)

// The errors of operations that do not wait. Test for them with errors.Is.
var (
	// ErrFull says that a value does not fit now.
	ErrFull = errors.New("chans: full")
	// ErrEmpty says that there is no value now.
	ErrEmpty = errors.New("chans: empty")
)

// errClosed is task.ErrClosed, and says whose.
var errClosed = fmt.Errorf("chans: %w", task.ErrClosed)

// errBorrowed is what a send of lent bytes panics with, in builds that look for mistakes.
const errBorrowed = "chans: a send of bytes that are lent (Next, ReadUntil, Scratch): they are valid until Poll returns, and who receives them comes later: send a copy (bytes.Clone)"

// named says whose error it is, without allocating.
func named(err error) error {
	if err == task.ErrClosed {
		return errClosed
	}
	return err
}

// refusedIf is the decision about a newcomer that cannot go on.
func refusedIf(closed bool) task.GrantState {
	if closed {
		return task.Refused
	}
	return task.Waiting
}

// values is the iterator over what recv receives, until it fails or ctx is done.
func values[T any](ctx context.Context, recv func(context.Context) (T, error)) iter.Seq[T] {
	return func(yield func(T) bool) {
		for ctx.Err() == nil {
			if v, err := recv(ctx); err != nil || !yield(v) {
				return
			}
		}
	}
}
