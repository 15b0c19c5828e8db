package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/sim"
)

func Example() {
	main()
	// Output: 100 orders, each carried out once; 300 in all accounts
}

// decided is a network whose losses and delays the schedule decides. Only so many messages are lost one after the
// other, so that all ends.
type decided struct {
	s    *sim.Sim
	lost int
}

func (d *decided) loses() bool {
	if d.lost < 2 && d.s.Choose(4) == 1 {
		d.lost++
		d.s.Logf("a message is lost")
		return true
	}
	d.lost = 0
	return false
}

// Delays are near a client's patience: a timeout races the answer.
func (d *decided) delay() time.Duration {
	return []time.Duration{0, patience - time.Millisecond, patience, patience + time.Millisecond}[d.s.Choose(4)]
}

const patience = time.Second

// world is the accounts and the orders of a run, as a model of them: porcupine compares the two.
func world(forgets bool) func(s *sim.Sim) {
	return func(s *sim.Sim) {
		b := newBank(&decided{s: s}, 10, 10)
		b.forgets = forgets
		s.Invariant(func() error {
			if b.accounts[0]+b.accounts[1] != 20 || b.accounts[0] < 0 || b.accounts[1] < 0 {
				return fmt.Errorf("the accounts have %v", b.accounts)
			}
			return nil
		})
		history := new(sim.History)
		var clients []*client
		for i := range 2 {
			c := &client{bank: b, patience: patience, number: 100 * i}
			c.begins = func(o order) func(receipt) {
				done := history.Call(i, o)
				return func(r receipt) { done(r) }
			}
			for range 2 {
				from := s.Rand().IntN(2)
				c.orders = append(c.orders, order{from, 1 - from, s.Rand().IntN(4)})
			}
			clients = append(clients, c)
		}
		require.NoError(s, s.Run(context.Background(), run(b, clients...)))
		require.Less(s, s.Clock().Now().Sub(sim.Epoch), time.Hour, "somebody asks without end")

		var ops []porcupine.Operation
		for _, o := range history.Operations() {
			ops = append(ops, porcupine.Operation{ClientId: o.ClientId, Input: o.Input, Call: o.Call, Output: o.Output, Return: o.Return})
		}
		require.True(s, porcupine.CheckOperations(accounts, ops), "no order explains what the clients were told: %v", history.Operations())
	}
}

// accounts is what the bank is for its clients: orders that are carried out one after the other, each once.
var accounts = porcupine.Model{
	Init: func() any { return [2]int{10, 10} },
	Step: func(state, input, output any) (bool, any) {
		have, o := state.([2]int), input.(order)
		want := receipt{carried: have[o.from] >= o.amount}
		if want.carried {
			have[o.from] -= o.amount
			have[o.to] += o.amount
		}
		want.left = have[o.from]
		return output == want, have
	},
}

// A schedule decides what is lost, how long the bank takes and who is first; hours pass in no time.
func TestBank(t *testing.T) {
	sim.Test(t, world(false))
}

// A bank that forgets what it has carried out does it twice when an answer is lost, or late: the simulator
// finds that, and the same schedule shows it again.
func TestForgetfulBank(t *testing.T) {
	forgetful := world(true)
	r := sim.Config{}.Run(forgetful)
	require.NotNil(t, r.Failure, "%v", r)
	require.Contains(t, r.Failure.Reason, "no order explains")
	t.Log(r.Failure)
	again, err := sim.Config{}.Replay(r.Failure.Schedule, forgetful)
	require.NoError(t, err)
	require.NotNil(t, again)
	require.Contains(t, again.Reason, "no order explains")
}

func FuzzBank(f *testing.F) {
	sim.Fuzz(f, world(false))
}

// The same program on threads.
func TestOnAPool(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 2})
	require.NoError(t, err)
	defer p.Close()
	b := newBank(lossy{}, 10, 10)
	clients := []*client{
		{bank: b, patience: 5 * time.Millisecond, orders: []order{{0, 1, 4}, {0, 1, 20}}},
		{bank: b, patience: 5 * time.Millisecond, number: 100, orders: []order{{1, 0, 2}, {0, 1, 0}}},
	}
	require.NoError(t, p.Run(context.Background(), run(b, clients...)))
	require.Equal(t, []int{8, 12}, b.accounts)
	require.False(t, clients[0].receipts[1].carried)
}
