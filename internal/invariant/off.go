//go:build !race && !heistdebug && !explore

package invariant

// Enabled reports whether this build checks.
const Enabled = false
