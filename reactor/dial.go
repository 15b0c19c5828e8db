package reactor

import (
	"context"
	"fmt"
	"net"
	"syscall"

	"github.com/heist-go/heist/task"
)

// Dialer connects, with package net's dialer on a goroutine: it resolves names, tries
// the addresses of both families in a race, and honours every option that Net has.
// It is a field of the task; the zero value is ready.
type Dialer struct {
	Net   net.Dialer
	Class *task.Class // bounds how many dial at a time; nil: the default's bound

	call task.Blocking[*Conn]
}

// Dial connects to an address, as net.Dial does, for the networks tcp and unix. A
// task that is canceled meanwhile gets the cancellation when the dialing has
// stopped.
func (d *Dialer) Dial(cx *task.Cx, network, address string) (*Conn, error) {
	r, err := Of(cx)
	if err != nil {
		return nil, err
	}
	if err := known(network); err != nil {
		return nil, fmt.Errorf("reactor: dial: %w", err)
	}
	d.call.Class = d.Class
	d.call.Drop = func(c *Conn) { _ = c.Close() } // a task that ends, and does not take it
	return d.call.Do(cx, func(ctx context.Context) (*Conn, error) { return r.Dial(ctx, &d.Net, network, address) })
}

// known checks that a network has streams.
func known(network string) error {
	switch network {
	case "tcp", "tcp4", "tcp6", "unix":
		return nil
	}
	return net.UnknownNetworkError(network)
}

// Dial is Dialer's for goroutines: it blocks.
func (r *Reactor) Dial(ctx context.Context, d *net.Dialer, network, address string) (*Conn, error) {
	if err := known(network); err != nil {
		return nil, fmt.Errorf("reactor: dial: %w", err)
	}
	if d == nil {
		d = &net.Dialer{}
	}
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("reactor: %w", err)
	}
	defer c.Close()
	return r.Adopt(c.(syscall.Conn))
}
