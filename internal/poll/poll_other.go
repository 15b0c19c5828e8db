//go:build !linux && !darwin && !dragonfly && !freebsd && !netbsd && !openbsd

package poll

// Poller is a stub: this system has none.
type Poller struct{}

// New returns ErrUnsupported.
func New() (*Poller, error) { return nil, ErrUnsupported }

// Add returns ErrUnsupported, as all methods do.
func (*Poller) Add(fd int, key uint64) error                  { return ErrUnsupported }
func (*Poller) Remove(fd int) error                           { return ErrUnsupported }
func (*Poller) Wait(events []Event, nanos int64) (int, error) { return 0, ErrUnsupported }
func (*Poller) Interrupt() error                              { return ErrUnsupported }
func (*Poller) Close() error                                  { return ErrUnsupported }
