package sim

import "math"

// History is a record of operations by several clients, for a checker of linearizability: whether
// there is an order of them, each at some moment between its call and its return, in which
// each has returned what it would have alone. Make one in each run; only what the simulation
// runs may use it.
//
//	h := new(sim.History)
//	...
//	done := h.Call(client, "put 5")
//	if err := store.Put(cx, 5); err == nil {
//		done(nil)
//	}
//
// A polled task calls an operation more than once: it keeps what Call has returned until then.
type History struct {
	operations []Operation
	now        int64
}

// Operation is one of a [History]. The fields are named as package porcupine names its own.
type Operation struct {
	ClientId int
	Input    any
	Call     int64
	Output   any
	Return   int64
}

// Call records that a client begins an operation. The function that it returns records what came
// of it, once. An operation that is never done, because it was given up, may have happened or
// not, at any time later: its Output is nil, and its Return is behind all others.
func (h *History) Call(client int, input any) (done func(output any)) {
	h.now++
	i := len(h.operations)
	h.operations = append(h.operations, Operation{ClientId: client, Input: input, Call: h.now, Return: math.MaxInt64})
	return func(output any) {
		o := &h.operations[i]
		if o.Return != math.MaxInt64 {
			panic("sim: an operation of a History is done twice: call it anew for each")
		}
		h.now++
		o.Output, o.Return = output, h.now
	}
}

// Operations returns the operations, in the order of their calls.
func (h *History) Operations() []Operation { return h.operations }
