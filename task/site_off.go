//go:build !heistdebug

package task

// site is where a task was spawned: kept in debug builds only.
type site struct{}

func (*site) set()          {}
func (site) String() string { return "" }
