//go:build explore

package pool_test

// traced: the atomics of this build are larger than they look.
const traced = true
