package explore

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// decision is a step of a schedule: the thread that runs, or -1-v for the value
// v of a Choose.
type decision int

func choice(v int) decision { return decision(-1 - v) }

// schedule is written as a letter a thread, a capital one for its buffer, a number for repetitions, and
// =v for a chosen value: "a3bA=1a" is a, a, a, b, a's buffer, then the value 1, then a.
type schedule []decision

func (s schedule) String() string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] < 0 {
			fmt.Fprintf(&b, "=%d", -1-s[i])
			i++
			continue
		}
		j := i
		for j < len(s) && s[j] == s[i] {
			j++
		}
		b.WriteByte("aA"[s[i]%2] + byte(s[i]/2))
		if j-i > 1 {
			fmt.Fprint(&b, j-i)
		}
		i = j
	}
	return b.String()
}

func parseSchedule(text string) (schedule, error) {
	var s schedule
	for i := 0; i < len(text); {
		c := text[i]
		i++
		j := i
		for j < len(text) && '0' <= text[j] && text[j] <= '9' {
			j++
		}
		n, err := 1, error(nil)
		if j > i {
			n, err = strconv.Atoi(text[i:j])
		}
		i = j
		switch {
		case err == nil && c == '=':
			s = append(s, choice(n))
		case err == nil && 'a' <= c && c < 'a'+maxThreads && n <= 1<<20:
			s = append(s, slices.Repeat(schedule{decision(2 * (c - 'a'))}, n)...)
		case err == nil && 'A' <= c && c < 'A'+maxThreads && n <= 1<<20:
			s = append(s, slices.Repeat(schedule{decision(2*(c-'A') + 1)}, n)...)
		default:
			return nil, fmt.Errorf("explore: replay: %q is not a schedule", text)
		}
	}
	return s, nil
}

// replay is the chooser that follows a schedule.
type replay struct {
	decisions schedule
	at        int
}

func (r *replay) pick(e *engine, enabled actors) (int, bool) {
	if r.at < len(r.decisions) {
		id := int(r.decisions[r.at])
		r.at++
		if id >= 0 && enabled&(1<<id) != 0 {
			return id, false
		}
		e.fail("the schedule does not fit the model: its thread cannot run here")
		return 0, true
	}
	for id := range maxActors { // past its end: in order
		if enabled&(1<<id) != 0 {
			return id, false
		}
	}
	return 0, true
}

func (r *replay) value(e *engine, n int) int {
	if r.at < len(r.decisions) {
		v := int(-1 - r.decisions[r.at])
		r.at++
		if v >= 0 && v < n {
			return v
		}
		e.fail("the schedule does not fit the model: it has no value here")
	}
	return 0
}
