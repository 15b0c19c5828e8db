// Package chans is what carries values between tasks, and between tasks and goroutines:
// bounded channels, values that arrive once, broadcasts, and values that change.
//
//	Chan       each value goes to one receiver; senders wait when it is full
//	Oneshot    one value, once
//	Broadcast  each value goes to all; who is too slow is told how much it has lost
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
// Lines are first come, first served. After Close no value gets in, but for what was
// promised before; receivers get the values that are left, and then [task.ErrClosed].
//
// What never waits takes the poll in progress, or nil outside of one: with a poll, whoever
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

// named says whose error it is, without allocating.
func named(err error) error {
	if err == task.ErrClosed {
		return errClosed
	}
	return err
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
