//go:build !explore

package park

import "github.com/heist-go/heist/internal/atomicx"

// model is what an exploration adds to a futex: nothing in ordinary builds. See
// hook_explore.go.
type model struct{}

// modelled reports whether the caller is a thread of an exploration. It is
// constant here, so that the compiler drops the branches it guards.
func modelled() bool { return false }

func (*model) wait(*atomicx.Uint32, uint32)           {}
func (*model) waitUntil(*atomicx.Uint32, uint32) bool { return false }
func (*model) signal(*atomicx.Uint32)                 {}
