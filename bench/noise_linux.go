package main

import (
	"os"
	"syscall"
	"time"
)

// now reads the account. ok is false where the system keeps none.
func now() (m moment, ok bool) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return m, false
	}
	pressure, err := os.ReadFile("/proc/pressure/cpu")
	if err != nil { // an old kernel, or one without
		pressure = nil
	}
	m.at = time.Now()
	if m.processors, m.busy, m.stolen, ok = processors(string(stat)); !ok {
		return m, false
	}
	m.stall = stalled(string(pressure))
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			m.own += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return m, true
}
