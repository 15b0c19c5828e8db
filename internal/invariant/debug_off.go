//go:build !heistdebug

package invariant

const debug = false
