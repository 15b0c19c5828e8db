package pool

import (
	"runtime"
	"sync"

	"github.com/heist-go/heist/internal/atomicx"
)

// procs is a pool's part of GOMAXPROCS.
type procs struct {
	claimed    atomicx.Bool // a worker takes it
	taken      atomicx.Bool // and has
	added, era int
	extra      int // of added, for spares; written by the monitor
	slack      int // for how many spares none is needed
}

// The process's pools share one account, because GOMAXPROCS is one number.
// Somebody else who changes it begins a new era: what was added before is gone,
// and is not given back.
var account struct {
	sync.Mutex
	era     int
	base    int  // the value before the era's first pool
	def     bool // base was the runtime's default
	added   int  // by the era's pools
	current int  // what we have set
}

// procsBase returns GOMAXPROCS as it is without pools.
func procsBase() int {
	account.Lock()
	defer account.Unlock()
	if account.added > 0 && gomaxprocs() == account.current {
		return account.base
	}
	return gomaxprocs()
}

// takeOnce is take, for the first worker that has something to do: a pool whose threads only sleep in the
// reactor, for listeners that goroutines use, leaves the process as it is. It stops the world.
func (p *procs) takeOnce(c Config) {
	// Claim. The call of take. Pairs with: (*procs).takeOnce.
	if p.claimed.Load() || !p.claimed.CompareAndSwap(false, true) {
		return
	}
	p.take(c)
	// Publish. The pool's part. Pairs with: (*monitor).follow.
	p.taken.Store(true)
}

// take raises GOMAXPROCS for a pool.
func (p *procs) take(c Config) {
	if p.added = c.Procs; p.added == 0 {
		p.added = c.Workers + 1
	}
	if p.added < 0 {
		p.added = 0
		return
	}
	account.Lock()
	defer account.Unlock()
	a := &account
	if now := gomaxprocs(); a.added == 0 || now != a.current {
		a.era++
		a.base, a.added = now, 0
		// The runtime does not tell whether its default is in force; so set the
		// default and look whether that changes anything.
		runtime.SetDefaultGOMAXPROCS()
		a.def = gomaxprocs() == now
	}
	p.era, p.slack = a.era, max(a.base-1, 0)
	a.added += p.added
	a.current = a.base + a.added
	runtime.GOMAXPROCS(a.current)
}

// give takes the pool's part back, if nobody else has changed the value.
func (p *procs) give() {
	account.Lock()
	defer account.Unlock()
	a := &account
	if p.added == 0 || p.era != a.era {
		return
	}
	if gomaxprocs() != a.current {
		a.added = 0 // the next pool begins a new era
		a.era++
		return
	}
	a.added -= p.added
	a.current = a.base + a.added
	if a.added == 0 && a.def {
		runtime.SetDefaultGOMAXPROCS() // and its tracking of CPU limits
		return
	}
	runtime.GOMAXPROCS(a.current)
}

// follow makes the part for spares n, if nobody else has changed the value, and if the pool
// has a part at all.
func (p *procs) follow(n int) {
	account.Lock()
	defer account.Unlock()
	a := &account
	more := n - p.extra
	p.extra = n
	if p.added == 0 || p.era != a.era || gomaxprocs() != a.current {
		return
	}
	p.added += more
	a.added += more
	a.current = a.base + a.added
	runtime.GOMAXPROCS(a.current)
}

// gomaxprocs is runtime.GOMAXPROCS(0).
func gomaxprocs() int { return runtime.GOMAXPROCS(0) }
