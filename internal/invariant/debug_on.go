//go:build heistdebug

package invariant

const debug = true
