//go:build heistdebug

package task

import "runtime"

// site is where a task was spawned: the first caller outside of the module's
// task and pool packages.
type site struct{ pcs [6]uintptr }

func (s *site) set() { runtime.Callers(3, s.pcs[:]) }

func (s site) String() string {
	if at := outsider(s.pcs[:]); at != "" {
		return " (spawned at " + at + ")"
	}
	return ""
}
