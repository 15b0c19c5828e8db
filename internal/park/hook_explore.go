//go:build explore

package park

import (
	"slices"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/explore"
)

// model is the kernel's side of a futex under exploration, so that it is the real
// Park, Unpark, Lock and Unlock that are explored.
//
// It keeps the list of sleepers. A model without one, "blocked until the word
// changes", would be blind to a forgotten wake-up: the waker has always changed
// the word already. Here a sleeper that nobody wakes stays asleep, and the
// explorer reports the deadlock.
//
// Falling asleep, waking one and timing out are one step each that counts as a
// write of the word, so that its order with every access to the word and with
// the others is explored. None of them makes anything visible to anybody: a
// protocol may not rely on the futex for that.
type model struct {
	asleep    []*dreamer // changed only within a step
	surprised bool       // the one wake-up for nothing has been spent
}

// dreamer is one sleeping thread.
type dreamer struct{ woken bool }

// modelled reports whether the caller is a thread of an exploration.
func modelled() bool { return explore.Active() }

// wait falls asleep if the word is val, and sleeps until it is woken.
func (m *model) wait(word *atomicx.Uint32, val uint32) {
	if d := m.doze(word, val); d != nil {
		explore.Wait(word, func() bool { return d.woken })
	}
}

// waitUntil is a wait with a deadline that may pass at any moment. It reports
// false if it has.
func (m *model) waitUntil(word *atomicx.Uint32, val uint32) bool {
	d := m.doze(word, val)
	if d == nil || explore.WaitTimed(word, func() bool { return d.woken }) {
		return true
	}
	if i := slices.Index(m.asleep, d); i >= 0 {
		m.asleep = slices.Delete(m.asleep, i, i+1)
	}
	return false
}

// doze compares the word and joins the sleepers in one step. It returns nil if
// there is no need to sleep: the word is not val, or the sleep ends for nothing,
// as after a signal. The latter happens once in an execution; more would be the
// same again.
func (m *model) doze(word *atomicx.Uint32, val uint32) *dreamer {
	// The step is a timed wait, whose result is what holds when its turn comes.
	if !explore.WaitTimed(word, func() bool { return word.Peek() == val }) {
		return nil
	}
	if !m.surprised && explore.Choose(2) == 1 {
		m.surprised = true
		return nil
	}
	d := new(dreamer)
	m.asleep = append(m.asleep, d)
	return d
}

// signal wakes one sleeper, any: the kernel promises no order.
func (m *model) signal(word *atomicx.Uint32) {
	explore.WaitTimed(word, func() bool { return true })
	n := len(m.asleep)
	if n == 0 {
		return
	}
	i := 0
	if n > 1 {
		i = explore.Choose(n)
	}
	m.asleep[i].woken = true
	m.asleep = slices.Delete(m.asleep, i, i+1)
}
