// Package vars shows the figures of a pool as a variable of package expvar.
//
//	expvar.Publish("heist", vars.Of(p))
//
// It is a package of its own, because package expvar registers a handler on http.DefaultServeMux when it is imported.
package vars

import (
	"expvar"

	"github.com/heist-go/heist/pool"
)

// Of returns the [pool.Stats] of p as a variable: an object whose fields are called as there. Durations
// are in nanoseconds. It costs nothing until it is read, and may be read on any goroutine.
func Of(p *pool.Pool) expvar.Func {
	return func() any { return p.Stats() }
}
