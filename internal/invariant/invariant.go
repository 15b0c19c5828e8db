// Package invariant holds the assertions that cost something on a hot path. They
// are compiled in with the race detector, with the build tag heistdebug, and
// under exploration (tag explore); elsewhere [Enabled] is a false constant and
// the compiler drops them.
package invariant

// Debug is Enabled without the race detector's builds: it is for checks that
// would themselves order two threads and so hide their race from the detector.
const Debug = debug

// Check panics with message unless ok. Guard the call with Enabled where the
// condition itself costs something.
func Check(ok bool, message string) {
	if Enabled && !ok {
		panic(message)
	}
}
