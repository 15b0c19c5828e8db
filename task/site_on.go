//go:build heistdebug

package task

import (
	"fmt"
	"runtime"
	"strings"
)

// site is where a task was spawned: the first caller outside of the module's
// task and pool packages.
type site struct{ pcs [6]uintptr }

func (s *site) set() { runtime.Callers(3, s.pcs[:]) }

func (s site) String() string {
	frames := runtime.CallersFrames(s.pcs[:])
	for {
		f, more := frames.Next()
		if f.File != "" && !strings.Contains(f.Function, "/heist/task.") && !strings.Contains(f.Function, "/heist/pool.") {
			return fmt.Sprintf(" (spawned at %s:%d)", f.File, f.Line)
		}
		if !more {
			return ""
		}
	}
}
