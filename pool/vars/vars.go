// Package vars shows the figures of a pool as a variable of package expvar.
//
//	expvar.Publish("heist", vars.Of(p))
//
// It is a package of its own, because package expvar registers a handler on http.DefaultServeMux when it is imported.
package vars

import (
	"expvar"
	"time"

	"github.com/heist-go/heist/pool"
)

// Figures is the value of the variable, for who decodes it. Durations are in nanoseconds.
type Figures struct {
	pool.Stats
	Kinds []Kind // of tasks, those that have used the most processor time first
}

// Kind is what is known of a kind of tasks, by samples: see [pool.KindMetrics], whose histograms it leaves out.
type Kind struct {
	Kind     string
	Source   string
	CPU      time.Duration
	Polls    uint64
	Futile   uint64
	Requeued uint64
}

// Of returns the [Figures] of p as a variable: an object whose fields are called as there, the [pool.Stats] among them. It
// costs nothing until it is read, and some microseconds for each worker and each kind of tasks then. It does not block, and may
// be read on any goroutine.
func Of(p *pool.Pool) expvar.Func {
	return func() any {
		m := p.Metrics()
		kinds := make([]Kind, len(m.Kinds))
		for i := range m.Kinds {
			k := &m.Kinds[i]
			kinds[i] = Kind{k.Kind, k.Source, k.CPU, k.Polls, k.Futile, k.Requeued}
		}
		return Figures{m.Stats, kinds}
	}
}
