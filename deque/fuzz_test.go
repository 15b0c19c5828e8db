package deque_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/heist-go/heist/deque"
)

// A program is one byte per step: modulo len(steps) it names the step, divided
// by it the step's argument.
//
//	push +    pop -    steal ^    tidy t
//	steal on a condition: that holds ?, does not !, or holds too late x
//	steal a batch b, whose limit is the argument
const steps = "+-^?!xbt"

// program returns the bytes of some steps, with the same argument for all.
func program(text string, argument int) []byte {
	p := make([]byte, len(text))
	for i := range p {
		p[i] = byte(strings.IndexByte(steps, text[i]) + argument*len(steps))
	}
	return p
}

// FuzzModel runs a program on a deque and on a slice.
func FuzzModel(f *testing.F) {
	for _, text := range []string{
		"+-", "+^", "-^?b", // empty, and empty again
		"+++++-----", "+++++^^^^^", "++++-^-^-^", // growth
		"++^+^+^+^+^+^", "+-+-+-+-+-", // round the ring
		"++-t+^t", "+++--t++^^t-", "+++++++++---^^^t", // tidying
		"+?!+x-++x^", "!x", // conditions
		"++++++++b-bbbb-", "+b++b+++b", // batches
	} {
		f.Add(program(text, 1))
		f.Add(program(text, 9))
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		m, to := &model{T: t, d: tiny[int]()}, &model{T: t, d: tiny[int]()}
		for n, b := range program {
			switch steps[int(b)%len(steps)] {
			case '+':
				m.d.Push(&n)
				m.want = append(m.want, n)
			case '-':
				m.pop()
			case '^':
				m.steal()
			case '?':
				m.stealIf(deque.Stolen)
			case '!':
				m.stealIf(deque.Refused)
			case 'x':
				m.stealIf(deque.Lost)
			case 'b':
				m.stealBatch(to, int(b)/len(steps))
			case 't':
				m.d.Tidy()
				m.equal("slots in use after Tidy", m.d.Held(), len(m.want))
			}
			m.equal("length", m.d.Len(), len(m.want))
		}
		for len(m.want) > 0 {
			m.pop()
		}
		for len(to.want) > 0 {
			to.steal()
		}
	})
}

// model is a deque and what it must hold, oldest first.
type model struct {
	*testing.T
	d    *deque.Deque[int]
	want []int
}

func (m *model) equal(what string, got, want int) {
	if m.Helper(); got != want {
		m.Fatalf("%s: %d, want %d", what, got, want)
	}
}

func (m *model) ended(got, want deque.Result) {
	if m.Helper(); got != want {
		m.Fatalf("the steal ended as %v, want %v", got, want)
	}
}

// oldest checks that x was the oldest element, and removes it.
func (m *model) oldest(x *int) {
	m.Helper()
	m.equal("oldest", *x, m.want[0])
	m.want = m.want[1:]
}

func (m *model) pop() {
	x, n := m.d.Pop(), len(m.want)-1
	if n < 0 {
		if x != nil {
			m.Fatalf("popped %d from an empty deque", *x)
		}
		m.equal("slots in use after the owner ran dry", m.d.Held(), 0)
		return
	}
	m.equal("newest", *x, m.want[n])
	m.want = m.want[:n]
}

func (m *model) steal() {
	x, r := m.d.Steal()
	if len(m.want) == 0 {
		m.ended(r, deque.Empty)
		return
	}
	m.ended(r, deque.Stolen)
	m.oldest(x)
}

// stealIf brings about the result, unless the deque is empty.
func (m *model) stealIf(want deque.Result) {
	if len(m.want) == 0 {
		want = deque.Empty
	}
	x, r := m.d.StealIf(func(x *int) bool {
		m.equal("asked about", *x, m.want[0])
		if want == deque.Lost {
			m.steal()
		}
		return want != deque.Refused
	})
	if m.ended(r, want); r == deque.Stolen {
		m.oldest(x)
	}
}

func (m *model) stealBatch(to *model, limit int) {
	first, n, r := m.d.StealBatch(to.d, limit)
	m.equal("size of the batch", n, min(limit, (len(m.want)+1)/2))
	if n == 0 {
		m.ended(r, deque.Empty)
		return
	}
	m.ended(r, deque.Stolen)
	m.oldest(first)
	to.want = slices.Concat(to.want, m.want[:n-1])
	m.want = m.want[n-1:]
}
