package timerwheel_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/heist-go/heist/timerwheel"
)

// A program has four bytes a step: what to do, with which entry, and two that make
// a moment. See (*model).moment.
//
//	add +    remove -    reset =    pull one due entry ^    all of them *    postpone >    move, and settle ~
const steps = "+-=^*>~"

// FuzzModel runs a program on a wheel and on a sorted list. Steps that come
// between two pulls happen inside an expiry.
func FuzzModel(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		program := make([]byte, 4*(20+r.IntN(300)))
		for i := range program {
			program[i] = byte(r.Uint32())
		}
		if r.IntN(3) > 0 { // gentler jumps: the end of time is soon reached
			for i := 2; i < len(program); i += 4 {
				program[i] = program[i]&3%2 | byte(r.IntN(45)<<2)
			}
		}
		f.Add(program)
	}
	for jump := range 64 { // a crowd about to cross a boundary, and a jump over it
		program := []byte{4, 0, byte(jump<<2 | 1), 0xf4}
		for i := range byte(12) {
			program = append(program, 0, i, 0, i<<2|i&3)
		}
		f.Add(append(program, 3, 0, byte(jump<<2), 0, 0, 20, 2, 0, 4, 0, byte(jump<<2), 1))
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		m := newModel(t)
		for ; len(program) >= 4; program = program[4:] {
			e, at := &m.entries[program[1]%crowd], m.moment(program[2], program[3])
			switch steps[int(program[0])%len(steps)] {
			case '+':
				m.add(e, at)
			case '-':
				m.remove(e)
			case '=':
				m.reset(e, at)
			case '>':
				m.postpone(e, at)
			case '~':
				m.move(e, at)
			case '^':
				m.pull(at)
			case '*':
				for m.pull(at) {
				}
			}
			m.check()
		}
		for m.pull(math.MaxInt64) {
		}
		m.check()
	})
}

// crowd is the number of entries of a model.
const crowd = 24

// model is a wheel and what it must hold. Ticks are signed here, and start at 0.
type model struct {
	*testing.T
	wheel      timerwheel.Wheel[int]
	entries    [crowd]timerwheel.Entry[int]
	known      [crowd]bool // the entries that have been in the wheel
	armed      []shadow    // in the order of arming
	aside      []shadow    // overdue, and armed in this round
	now, floor int64       // in ticks
	latest     int64       // now, in ticks
}

// shadow is what the model knows about an armed entry.
type shadow struct {
	id       int
	deadline int64
	tick     int64
	moved    bool // by Reset or Move: it may have kept its place
	early    bool // by Move: its place may be one that comes before
}

func newModel(t *testing.T) *model {
	m := &model{T: t, now: math.MinInt64 / timerwheel.Tick}
	m.floor, m.latest = m.now, m.now
	for i := range m.entries {
		m.entries[i].Value = i
	}
	return m
}

const (
	lastTick = math.MaxInt64/timerwheel.Tick - 1 // that comes
	noTick   = lastTick + 1
)

func ceil(deadline int64) int64 {
	tick := deadline / timerwheel.Tick
	if deadline > tick*timerwheel.Tick {
		tick++
	}
	return min(tick, noTick)
}

func floor(now int64) int64 {
	tick := now / timerwheel.Tick
	if now < tick*timerwheel.Tick {
		tick--
	}
	return min(tick, lastTick)
}

// moment makes a moment out of a shape, six bits of magnitude and two of kind, and
// of a small distance to it.
func (m *model) moment(shape, distance byte) int64 {
	base, power := m.now*timerwheel.Tick, int64(1)<<(shape>>2)
	switch shape & 3 {
	case 0: // ahead of the present
		base = add(base, power&math.MaxInt64)
	case 1: // the next boundary of a level
		base = add(base, power&math.MaxInt64-1) &^ (power - 1)
	case 2: // near the first deadline
		if s, ok := m.first(); ok {
			base = s.deadline
		}
	case 3: // anywhere, often in the past
		base = power
		if distance&4 == 0 {
			base = -power
		}
	}
	unit := []int64{1, timerwheel.Tick / 2, timerwheel.Tick, timerwheel.Tick << timerwheel.SlotBits}
	return add(base, int64(int8(distance)>>2)*unit[distance&3])
}

// add adds within int64.
func add(a, b int64) int64 {
	switch sum := a + b; {
	case b > 0 && sum < a:
		return math.MaxInt64
	case b < 0 && sum > a:
		return math.MinInt64
	default:
		return sum
	}
}

// first returns what is due first.
func (m *model) first() (shadow, bool) {
	if len(m.armed) == 0 {
		return shadow{}, false
	}
	return slices.MinFunc(m.armed, func(a, b shadow) int { return cmp.Compare(a.tick, b.tick) }), true
}

// forget removes the entry from the model and reports whether it was there.
func (m *model) forget(id int) bool {
	n := m.len()
	gone := func(s shadow) bool { return s.id == id }
	m.armed, m.aside = slices.DeleteFunc(m.armed, gone), slices.DeleteFunc(m.aside, gone)
	return m.len() < n
}

func (m *model) len() int { return len(m.armed) + len(m.aside) }

func (m *model) arm(id int, deadline int64, moved bool) {
	s := shadow{id: id, deadline: deadline, tick: ceil(deadline), moved: moved}
	switch {
	case s.tick >= m.floor:
		m.armed = append(m.armed, s)
	case m.floor > m.now:
		m.aside = append(m.aside, s)
	default:
		s.tick = m.now
		m.armed = append(m.armed, s)
	}
}

// begin begins a round.
func (m *model) begin() {
	m.floor = m.now
	for _, s := range m.aside {
		s.tick = max(m.now, ceil(s.deadline)) // it may have been postponed
		m.armed = append(m.armed, s)
	}
	m.aside = nil
}

func (m *model) add(e *timerwheel.Entry[int], deadline int64) {
	if e.Armed() {
		return
	}
	m.wheel.Add(e, deadline)
	m.known[e.Value] = true
	m.arm(e.Value, deadline, false)
}

func (m *model) remove(e *timerwheel.Entry[int]) {
	if got, want := m.wheel.Remove(e), m.forget(e.Value); got != want {
		m.Fatalf("Remove: %t, want %t", got, want)
	}
}

func (m *model) reset(e *timerwheel.Entry[int], deadline int64) {
	was := m.forget(e.Value)
	m.known[e.Value] = true
	if got := m.wheel.Reset(e, deadline); got != was {
		m.Fatalf("Reset: %t, want %t", got, was)
	}
	m.arm(e.Value, deadline, was)
}

// postpone moves an armed entry by Move alone. One that is set aside stays there, and one that is overdue all the same
// where it is.
func (m *model) postpone(e *timerwheel.Entry[int], deadline int64) {
	if !e.Armed() || deadline < e.Deadline() {
		return
	}
	m.moveIt(e, deadline)
	id := func(s shadow) bool { return s.id == e.Value }
	if i := slices.IndexFunc(m.aside, id); i >= 0 {
		m.aside[i].deadline, m.aside[i].early = deadline, true
		return
	}
	s := &m.armed[slices.IndexFunc(m.armed, id)]
	s.deadline, s.moved, s.early = deadline, true, true
	s.tick = max(s.tick, ceil(deadline))
}

// move moves an entry, armed or not, to anything.
func (m *model) move(e *timerwheel.Entry[int], deadline int64) {
	if !e.Armed() && !m.known[e.Value] {
		return
	}
	m.forget(e.Value)
	m.moveIt(e, deadline)
	m.wheel.Settle(e)
	m.arm(e.Value, deadline, true)
	if n := len(m.armed) - 1; n >= 0 && m.armed[n].id == e.Value {
		m.armed[n].early = true
	}
}

func (m *model) moveIt(e *timerwheel.Entry[int], deadline int64) {
	if e.Move(e.Deadline()+1, deadline) || !e.Move(e.Deadline(), deadline) {
		m.Fatal("Move does not compare")
	}
}

// pull takes one entry, and reports whether there was one.
func (m *model) pull(now int64) bool {
	if now := floor(now); now > m.latest {
		m.latest = now
		m.begin()
	}
	e := m.wheel.Expire(now)
	if e == nil {
		if s, ok := m.first(); ok && s.tick <= m.latest {
			m.Fatalf("nothing at tick %d, want %+v", m.latest, s)
		}
		m.now = m.latest
		m.begin()
		return false
	}
	i := slices.IndexFunc(m.armed, func(s shadow) bool { return s.id == e.Value })
	if i < 0 {
		m.Fatalf("entry %d was not armed", e.Value)
	}
	s := m.armed[i]
	if first, _ := m.first(); s.tick != first.tick || s.tick > m.latest {
		m.Fatalf("%+v at tick %d, want %+v", s, m.latest, first)
	}
	if s.deadline > max(now, m.latest*timerwheel.Tick) {
		m.Fatalf("%+v is early at %d", s, now)
	}
	for _, earlier := range m.armed[:i] {
		if earlier.tick == s.tick && !earlier.moved && !s.moved {
			m.Fatalf("%+v before %+v", s, earlier)
		}
	}
	m.now, m.floor = s.tick, s.tick+1
	m.forget(s.id)
	return true
}

// check compares what can be asked about the wheel.
func (m *model) check() {
	m.Helper()
	all := slices.Concat(m.armed, m.aside)
	early := func(s shadow) bool { return s.early }
	if err := m.wheel.Check(func(e *timerwheel.Entry[int]) bool {
		return slices.ContainsFunc(all, func(s shadow) bool { return s.id == e.Value && s.early })
	}); err != nil {
		m.Fatal(err)
	}
	if got, want := m.wheel.Len(), m.len(); got != want {
		m.Fatalf("length: %d, want %d", got, want)
	}
	for _, s := range all {
		if e := &m.entries[s.id]; !e.Armed() || e.Deadline() != s.deadline {
			m.Fatalf("entry %d: armed is %t for %d, want %d", s.id, e.Armed(), e.Deadline(), s.deadline)
		}
	}
	next, ok := m.wheel.Next()
	s, due := m.first()
	due = due && s.tick != noTick
	switch {
	case len(m.aside) > 0:
		if !ok || next != m.now*timerwheel.Tick {
			m.Fatalf("next: %d %t, with something due at once", next, ok)
		}
	case due && (!ok || next > s.tick*timerwheel.Tick):
		m.Fatalf("next: %d %t, want at most %d", next, ok, s.tick*timerwheel.Tick)
	case ok && slices.ContainsFunc(all, early): // the wheel may look at it before
		if next < m.now*timerwheel.Tick {
			m.Fatalf("next: %d, at tick %d", next, m.now)
		}
	case ok && (!due || next < m.now*timerwheel.Tick):
		m.Fatalf("next: %d with %d armed, at tick %d", next, len(m.armed), m.now)
	case len(m.armed) == 1 && ok != due:
		m.Fatalf("next: %t, but the only entry is %+v", ok, s)
	case len(m.armed) == 1 && ok && next != s.tick*timerwheel.Tick:
		m.Fatalf("next: %d, the only entry is due at %d", next, s.tick*timerwheel.Tick)
	}
}
