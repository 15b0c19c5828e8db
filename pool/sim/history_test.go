package sim_test

import (
	"math"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool/sim"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

// request is an operation of a register.
type request struct {
	write bool
	value int
}

// register is one cell that is read and written.
var register = porcupine.Model{
	Init: func() any { return 0 },
	Step: func(state, input, output any) (bool, any) {
		r := input.(request)
		if r.write {
			return true, r.value
		}
		return output == nil || output.(int) == state.(int), state
	},
}

// accepted reports whether a model explains a history.
func accepted(model porcupine.Model, h *sim.History) bool {
	var ops []porcupine.Operation
	for _, o := range h.Operations() {
		ops = append(ops, porcupine.Operation{ClientId: o.ClientId, Input: o.Input, Call: o.Call, Output: o.Output, Return: o.Return})
	}
	return porcupine.CheckOperations(model, ops)
}

// replicas is a register in two copies: who writes changes one after the other, who reads looks
// at one of them. fixed has it look at both.
type replicas struct {
	copies [2]int
	fixed  bool
}

func (r *replicas) program(s *sim.Sim) {
	h := new(sim.History)
	s.Go(task.Func(func(cx *task.Cx) error {
		done := h.Call(0, request{write: true, value: 7})
		if r.fixed {
			r.copies = [2]int{7, 7}
			done(nil)
			return nil
		}
		r.copies[0] = 7
		task.Point(cx)
		r.copies[1] = 7
		done(nil)
		return nil
	}))
	for i := range 2 {
		s.Go(task.Func(func(cx *task.Cx) error {
			for k := range 2 {
				done := h.Call(1+i, request{})
				task.Point(cx)
				done(r.copies[(i+k)%2])
			}
			return nil
		}))
	}
	s.Wait()
	require.True(s, accepted(register, h), "no order explains it")
}

// A stale read of one copy, after a new one of the other, is found; the checker takes the record.
func TestHistory(t *testing.T) {
	failing(t, sim.Config{}, "no order explains it", func(s *sim.Sim) { new(replicas).program(s) })
	sim.Test(t, func(s *sim.Sim) { (&replicas{fixed: true}).program(s) })
}

// A channel with room is a queue, whatever happens to those who wait: those that are canceled may
// have sent or not.
func TestChannelIsAQueue(t *testing.T) {
	queue := porcupine.Model{
		Init: func() any { return "" },
		Step: func(state, input, output any) (bool, any) {
			q := state.(string)
			if v := input.(rune); v != 0 {
				return true, q + string(v)
			}
			if output == nil { // given up: as if it had not been
				return true, q
			}
			if q == "" {
				return false, q
			}
			return []rune(q)[0] == output.(rune), q[1:]
		},
	}
	sim.Test(t, func(s *sim.Sim) {
		h := new(sim.History)
		c := chans.New[rune](2)
		for i := range 2 {
			sent := 0
			var done func(any)
			s.Go(task.Func(func(cx *task.Cx) error {
				for ; sent < 3; sent++ {
					v := rune('a' + 10*i + sent)
					if done == nil {
						done = h.Call(i, v)
					}
					if err := c.Send(cx, v); err != nil {
						return err
					}
					done(nil)
					done = nil
				}
				return nil
			}))
		}
		for i := range 2 {
			got := 0
			var done func(any)
			s.Go(task.Func(func(cx *task.Cx) error {
				for ; got < 3; got++ {
					if done == nil {
						done = h.Call(2+i, rune(0))
					}
					v, err := c.Recv(cx)
					if err != nil {
						return err
					}
					done(v)
					done = nil
				}
				return nil
			}))
		}
		s.Wait()
		require.True(s, accepted(queue, h))
	})
}

func TestHistoryOfWhatIsNotDone(t *testing.T) {
	h := new(sim.History)
	done := h.Call(3, "a")
	h.Call(4, "b")
	done(1)
	require.Equal(t, []sim.Operation{{ClientId: 3, Input: "a", Call: 1, Output: 1, Return: 3}, {ClientId: 4, Input: "b", Call: 2, Return: math.MaxInt64}}, h.Operations())
	require.PanicsWithValue(t, "sim: an operation of a History is done twice: call it anew for each", func() { done(2) })
}

// FuzzChannel is a program as the fuzzer runs it.
func FuzzChannel(f *testing.F) {
	sim.Fuzz(f, func(s *sim.Sim) {
		c := chans.New[int](1)
		sum := 0
		s.Go(task.Func(func(cx *task.Cx) error {
			for {
				v, err := c.Recv(cx)
				if err != nil {
					return ignoreClosed(err)
				}
				sum += v
			}
		}))
		var g task.Group
		for i := range 2 {
			g.Go(s, pump(c, 0, 2+i))
		}
		s.Go(task.Func(func(cx *task.Cx) error {
			if err := g.Wait(cx); err != nil {
				return err
			}
			c.Close(cx)
			return nil
		}))
		s.Wait()
		require.Equal(s, 5, sum)
	})
}

func ignoreClosed(err error) error {
	if err == task.ErrClosed {
		return nil
	}
	return err
}

// What the fuzzer is given is what a seed does.
func TestCorpus(t *testing.T) {
	for seed := range uint64(50) {
		require.NoError(t, sim.CorpusRepeats(seed, lossyProgram))
	}
}
