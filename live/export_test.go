package live

import "net/http"

// Readers returns how many read at the moment.
func Readers(h http.Handler) int {
	s := &h.(*handler).sampler
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.readers
}

// Sessions returns how many sessions there have been.
func Sessions(h http.Handler) int { return h.(*handler).sampler.sessions }

// Wait waits until nobody reads, and nothing is left of the sampler.
func Wait(h http.Handler) { h.(*handler).sampler.running.Wait() }
