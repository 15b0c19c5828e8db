//go:build !unix

package datagram

import "errors"

// There is no poller for this system: nothing of this is reached.

type Vector struct{}

var errUnsupported = errors.ErrUnsupported

func Check(int) (bool, error)                          { return false, errUnsupported }
func (*Vector) Receive(int, []Message) (int, error)    { return 0, errUnsupported }
func (*Vector) Send(int, []Message, bool) (int, error) { return 0, errUnsupported }
