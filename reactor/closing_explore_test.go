//go:build explore && unix

package reactor

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/heist-go/heist/internal/explore"
)

// visitor is a connection that is adopted, or a wake-up, while the pool ends: the number of a
// poller that is closed must not be used, because it may be another file's by then.
func visitor(wakes bool, end func(*Reactor)) func(*explore.X) {
	return func(x *explore.X) {
		o := newOffice(x)
		r := o.reactor
		got := ErrClosed
		if wakes {
			x.Go("wake", r.Interrupt)
		} else {
			x.Go("register", func() { got = r.register(&o.source) })
		}
		x.Go("close", func() { end(r) })
		x.Final(func() {
			switch {
			case wakes:
				_ = unix.Close(o.source.fd)
			case got == nil: // else its number is closed already
				_ = o.source.close()
			}
			_ = r.Close()
			_ = unix.Close(o.peer)
			x.Assert(got == nil || got == ErrClosed, "%v", got)
			x.Assert(r.Used() == 0, "%d descriptors are left", r.Used())
		})
	}
}

func TestExploreClosing(t *testing.T) {
	for _, wakes := range []bool{false, true} {
		explore.Check(t, explore.Options{Preemptions: 3}, visitor(wakes, func(r *Reactor) { _ = r.Close() }))
	}
}

func TestExploreClosingControls(t *testing.T) {
	hasty := func(r *Reactor) {
		r.once.Do(func() {
			r.mu.Lock()
			r.ended = true
			r.mu.Unlock()
			if r.pollerRefs.word.Load() == user { // nobody uses it, at the moment
				_ = r.poller.Close()
			}
		})
	}
	for name, wakes := range map[string]bool{
		"whoever closes the poller looks who adds a descriptor": false,
		"whoever closes the poller looks who wakes it":          true,
	} {
		t.Run(name, func(t *testing.T) { explore.Refute(t, explore.Options{}, visitor(wakes, hasty)) })
	}
}
