// Package poll is the kernel's readiness notification: epoll or kqueue, with
// timeouts in nanoseconds and a way to interrupt the thread that waits.
//
// The contract of a platform's Poller:
//
//   - Add registers a descriptor once, for both directions and edge-triggered, under
//     a key of the caller's. An edge that is there already is reported.
//   - Wait blocks until something is ready, until Interrupt, or until nanos have passed
//     (forever: no limit; 0: it does not block), never early. It reports which keys are ready,
//     and may report too much: what is reported is worth a try, no more. One thread
//     at a time.
//   - Interrupt makes the Wait in progress return, or else the next one. Any thread; it
//     never blocks.
//   - Remove ends the reports for a descriptor. One that was fetched from the kernel
//     before may still come: keys must not be reused without a generation in them.
//   - A Wait that blocks does not count as running Go code, so that it stops no
//     garbage collection.
//
// Hang-ups and errors are reported as readiness of both directions: the operation
// that is tried then says what they are.
package poll

import "errors"

// Mode says which directions of a descriptor are ready.
type Mode uint8

const (
	Read Mode = 1 << iota
	Write
	Closed // the peer sends no more, or there is an error: a read will say so, if not yet
)

// Event is a report of Wait.
type Event struct {
	Key  uint64
	Mode Mode
}

// Forever is a Wait without a limit.
const Forever = -1

// ErrUnsupported says that there is no Poller for this system.
var ErrUnsupported = errors.New("poll: not supported on this system")

// interruptKey is the key of the descriptor that Interrupt writes to; it is not reported.
const interruptKey = ^uint64(0)
