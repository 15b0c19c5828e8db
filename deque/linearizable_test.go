package deque_test

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/deque"
)

// call is one call in a history. Elements are single bytes, so that the state
// of the model is a string, oldest first.
type call struct {
	op   byte // as in the programs of FuzzModel: + - ^
	push byte // what was pushed
}

// answer is what a call returned. A Pop of nothing is Empty, too.
type answer struct {
	took byte
	deque.Result
}

// sequential is a deque that one thread uses. Lost says only that the caller
// shall try again, so it is right at any time; Empty is not.
var sequential = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		s, in, out := state.(string), input.(call), output.(answer)
		switch {
		case in.op == '+':
			return true, s + string(rune(in.push))
		case out.Result == deque.Lost:
			return in.op == '^', s
		case out.Result == deque.Empty:
			return s == "", s
		case s == "":
			return false, s
		case in.op == '-':
			return out.took == s[len(s)-1], s[:len(s)-1]
		default:
			return out.took == s[0], s[1:]
		}
	},
}

// recorder writes the calls of one thread down. The clock is shared: it counts
// beginnings and ends, and so orders those that do not overlap.
type recorder struct {
	clock   *atomic.Int64
	thread  int
	history []porcupine.Operation
}

func (r *recorder) do(in call, f func() answer) {
	if rand.IntN(4) == 0 {
		runtime.Gosched()
	}
	start := r.clock.Add(1)
	out := f()
	r.history = append(r.history, porcupine.Operation{
		ClientId: r.thread, Input: in, Output: out, Call: start, Return: r.clock.Add(1),
	})
}

// taken is the answer of a call that got x, or else failed like this.
func taken(x *byte, failure deque.Result) answer {
	if x == nil {
		return answer{Result: failure}
	}
	return answer{took: *x}
}

// record lets an owner and some thieves loose on a deque. Everybody yields now
// and then, one thief in the middle, so that calls overlap even on one processor.
func record(thieves int) (history []porcupine.Operation) {
	const pushes, tries = 8, 6
	d, elements := tiny[byte](), [pushes]byte{}
	var clock atomic.Int64
	threads := make([]recorder, 1+thieves)
	start := newBarrier(len(threads))
	var all sync.WaitGroup
	for i := range threads {
		r := &threads[i]
		r.clock, r.thread = &clock, i
		all.Go(func() {
			start.wait()
			if i > 0 {
				for range tries {
					r.do(call{op: '^'}, func() answer {
						if i == 1 {
							return taken(stealSlowly(d))
						}
						return taken(d.Steal())
					})
				}
				return
			}
			for n := range elements {
				elements[n] = 'a' + byte(n)
				r.do(call{'+', elements[n]}, func() answer { d.Push(&elements[n]); return answer{} })
				for rand.IntN(2) == 0 {
					r.do(call{op: '-'}, func() answer { return taken(d.Pop(), deque.Empty) })
				}
			}
		})
	}
	all.Wait()
	for _, r := range threads {
		history = append(history, r.history...)
	}
	return history
}

// TestLinearizable: whatever threads do at once, they could have done one after
// the other.
func TestLinearizable(t *testing.T) {
	lost := 0
	for i := range scale(3000) {
		history := record(2 + i%2)
		if v := porcupine.CheckOperationsTimeout(sequential, history, time.Minute); v != porcupine.Ok {
			for _, op := range history {
				t.Logf("thread %d from %d to %d: %+v %+v", op.ClientId, op.Call, op.Return, op.Input, op.Output)
			}
			t.Fatal("verdict: ", v)
		}
		for _, op := range history {
			if op.Output.(answer).Result == deque.Lost {
				lost++
			}
		}
	}
	t.Logf("%d steals were lost", lost)
	if !testing.Short() {
		require.Positive(t, lost, "the race was not reached")
	}
}

// The model itself: calls one after the other, written as what was done and what
// it was done to, "." for nothing and "~" for a loss.
func TestSequential(t *testing.T) {
	for text, right := range map[string]bool{
		"+a +b -b -a -.": true,
		"+a +b ^a ^b ^.": true,
		"+a ^~ -a ^~":    true,
		"+a +b -a":       false,
		"+a +b ^b":       false,
		"+a ^a ^a":       false,
		"+a ^a -a":       false,
		"+a ^.":          false,
		"+a -.":          false,
		"+a -~":          false,
	} {
		r := recorder{clock: new(atomic.Int64)}
		for step := range strings.FieldsSeq(text) {
			in, out := call{op: step[0]}, answer{}
			switch {
			case step[0] == '+':
				in.push = step[1]
			case step[1] == '.':
				out.Result = deque.Empty
			case step[1] == '~':
				out.Result = deque.Lost
			default:
				out.took = step[1]
			}
			r.do(in, func() answer { return out })
		}
		require.Equal(t, right, porcupine.CheckOperations(sequential, r.history), text)
	}
}
