//go:build !unix

package datagram

import "errors"

// There is no poller for this system: nothing of this is reached.

type Vector struct{}

var errUnsupported = errors.ErrUnsupported

func Check(int) (Socket, error)                          { return Socket{}, errUnsupported }
func (*Vector) Receive(int, []Message) (int, error)      { return 0, errUnsupported }
func (*Vector) Send(int, []Message, Socket) (int, error) { return 0, errUnsupported }
