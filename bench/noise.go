package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// noise is what a run had to share its machine with, as shares: it says how far its clock can be believed.
type noise struct {
	others  float64 // of the processors' time, by other programs
	stolen  float64 // of the processors' time, by the hypervisor
	delayed float64 // of the run's time, while something that could run waited for a processor
}

// moment is the machine's account of processor time, since it was started.
type moment struct {
	at                  time.Time
	processors          int // that the account is of, and not only those that this program may use
	busy, stolen, stall time.Duration
	own                 time.Duration // of busy, by this program and those that it has waited for
}

// processors reads the lines of /proc/stat, which proc_stat(5) describes, with the ticks of all processors, and of each.
func processors(stat string) (n int, busy, stolen time.Duration, ok bool) {
	const tick = time.Second / 100 // USER_HZ, on all of Linux' architectures that Go knows
	line, more, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0, 0, false
	}
	for ; strings.HasPrefix(more, "cpu"); n++ {
		_, more, _ = strings.Cut(more, "\n")
	}
	var ticks [8]time.Duration // user, nice, system, idle, iowait, irq, softirq, steal
	for i := range ticks {
		n, err := strconv.ParseInt(fields[1+i], 10, 64)
		if err != nil {
			return 0, 0, 0, false
		}
		ticks[i] = time.Duration(n) * tick
	}
	return n, ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6], ticks[7], true
}

// stalled reads for how long something has waited for a processor: PSI's "some" of /proc/pressure/cpu, in µs.
func stalled(pressure string) time.Duration {
	line, _, _ := strings.Cut(pressure, "\n")
	_, total, found := strings.Cut(line, " total=")
	n, err := strconv.ParseInt(total, 10, 64)
	if !found || err != nil || !strings.HasPrefix(line, "some ") {
		return 0
	}
	return time.Duration(n) * time.Microsecond
}

// since returns the noise between two moments.
func (m moment) since(before moment) noise {
	span := m.at.Sub(before.at)
	if span <= 0 || m.processors == 0 {
		return noise{}
	}
	all := float64(span) * float64(m.processors)
	return noise{
		others:  max(float64((m.busy-before.busy)-(m.own-before.own))/all, 0),
		stolen:  float64(m.stolen-before.stolen) / all,
		delayed: float64(m.stall-before.stall) / float64(span),
	}
}

func (n noise) String() string {
	return fmt.Sprintf("other programs had %.1f %% of the processors' time, the hypervisor %.1f %%; %.0f %% of the time something waited for a processor",
		100*n.others, 100*n.stolen, 100*n.delayed)
}
