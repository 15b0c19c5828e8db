//go:build !linux || heistportable

package park

import (
	"slices"
	"sync"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
)

// platform is a futex made of what Go has: a list of sleepers, each with a
// channel of its own. The tag heistportable selects it on Linux too, so that it
// can be tested there.
//
// Price: two allocations a sleep, and the way through the Go scheduler that
// futex_linux.go avoids. Correct everywhere, fast nowhere.
type platform struct {
	mu       sync.Mutex // protects sleepers; holding it stops wake-ups
	sleepers []chan struct{}
}

// sleep compares the word under the lock that signal takes. A change of the word
// is therefore either seen here, or followed by a signal that finds the sleeper.
func (p *platform) sleep(word *atomicx.Uint32, val uint32, nanos int64) {
	p.mu.Lock()
	if word.Load() != val {
		p.mu.Unlock()
		return
	}
	woken := make(chan struct{})
	p.sleepers = append(p.sleepers, woken)
	p.mu.Unlock()

	if nanos == forever {
		<-woken
		return
	}
	timer := time.NewTimer(time.Duration(nanos))
	defer timer.Stop()
	select {
	case <-woken:
	case <-timer.C:
		p.forget(woken)
	}
}

// forget takes a sleeper that timed out off the list. If a signal was faster, its
// wake-up is spent on this sleeper, as in the kernel.
func (p *platform) forget(woken chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.sleepers, woken); i >= 0 {
		p.sleepers = slices.Delete(p.sleepers, i, i+1)
	}
}

// signal wakes the sleeper that came first.
func (p *platform) signal(*atomicx.Uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sleepers) > 0 {
		close(p.sleepers[0])
		p.sleepers = slices.Delete(p.sleepers, 0, 1)
	}
}

func prepare() {}
