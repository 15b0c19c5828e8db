package reactor

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/heist-go/heist/task"
)

// Dialer connects, with package net's dialer on a goroutine: it resolves names, tries
// the addresses of both families in a race, and honours every option that Net has.
// It is a field of the task; the zero value is ready.
type Dialer struct {
	Net     net.Dialer
	Limiter *task.Limiter // bounds how many dial at a time; nil: the default's bound

	call task.Blocking[*Conn]
}

// Dial connects to an address, as net.Dial does, for the networks tcp and unix. A
// task that is canceled meanwhile gets the cancellation when the dialing has
// stopped. A dial that is abandoned (see [task.Operation]) does not hold up the next, and a
// connection that it makes all the same is closed. On a pool with a task.Clock, Net's Timeout
// and Deadline are that clock's.
func (d *Dialer) Dial(cx *task.Cx, network, address string) (*Conn, error) {
	r, err := Of(cx)
	if err != nil {
		return nil, err
	}
	if err := checkNetwork("dial", network, streamNetworks); err != nil {
		return nil, err
	}
	d.call.Limiter, d.call.Detached = d.Limiter, true
	options := d.Net // a dial that was abandoned may still look at it when the next changes it
	return d.call.Do(cx, func(ctx context.Context) (*Conn, error) { return r.dialOnClock(ctx, &options, network, address) })
}

// dialOnClock is Dial for a task: on a pool with a task.Clock the timeout and the deadline
// are that clock's.
func (r *Reactor) dialOnClock(ctx context.Context, d *net.Dialer, network, address string) (*Conn, error) {
	if r.runtime.Clock() == nil || d.Timeout == 0 && d.Deadline.IsZero() {
		return r.Dial(ctx, d, network, address)
	}
	own, at := *d, int64(never)
	if d.Timeout != 0 {
		at = r.runtime.After(d.Timeout)
	}
	if !d.Deadline.IsZero() {
		at = min(at, r.runtime.At(d.Deadline))
	}
	own.Timeout, own.Deadline = 0, time.Time{}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var alarm task.Alarm
	alarm.Arm(r.runtime, nil, at, dialTimeout(cancel), 0)
	defer alarm.Disarm(r.runtime)
	c, err := r.Dial(ctx, &own, network, address)
	if err != nil && context.Cause(ctx) == context.DeadlineExceeded {
		return nil, fmt.Errorf("reactor: %w", &net.OpError{Op: "dial", Net: network, Err: context.DeadlineExceeded})
	}
	return c, err
}

// dialTimeout ends a dialing whose time is up.
type dialTimeout context.CancelCauseFunc

// Notify is the alarm.
func (cancel dialTimeout) Notify(uint32) { cancel(context.DeadlineExceeded) }

// Dial is Dialer's for goroutines: it blocks, and all times are the machine's.
func (r *Reactor) Dial(ctx context.Context, d *net.Dialer, network, address string) (*Conn, error) {
	dial := func(d *net.Dialer) (net.Conn, error) { return d.DialContext(ctx, network, address) }
	return dialWith(d, network, streamNetworks, dial, r.Adopt)
}
