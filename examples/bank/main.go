// Command bank moves money over a network that loses messages: who gets no answer in time asks again, and
// the bank carries nothing out twice. Its tests run it under the simulator.
//
//	go run ./examples/bank
package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
)

// order moves an amount between two accounts; one of nothing asks how much the first has.
type order struct {
	from, to, amount int
}

// receipt is what came of it.
type receipt struct {
	carried bool // there was enough
	left    int  // in the first account
}

// network is what messages go through.
type network interface {
	loses() bool          // this message does not arrive
	delay() time.Duration // how long the bank takes for this one
}

// request is an order on its way. All requests for one order have its number.
type request struct {
	number int
	order  order
	reply  *chans.Oneshot[receipt]
}

// bank is a task that carries out orders, one after the other.
type bank struct {
	task.Frame
	network  network
	requests *chans.Chan[request]
	accounts []int
	done     map[int]receipt // of the orders that were carried out, by number
	forgets  bool            // it does not look there: for a test

	now   *request // in progress
	pause task.Timer
}

func newBank(n network, accounts ...int) *bank {
	return &bank{network: n, requests: chans.New[request](4), accounts: accounts, done: map[int]receipt{}}
}

func (b *bank) Poll(cx *task.Cx) error {
	for {
		if b.now == nil {
			r, err := b.requests.Recv(cx)
			if errors.Is(err, task.ErrClosed) {
				return nil
			}
			if err != nil {
				return err
			}
			b.now = &r
			b.pause.Reset(cx, b.network.delay())
		}
		if err := b.pause.Wait(cx); err != nil {
			return err
		}
		got := b.carryOut(b.now.number, b.now.order)
		if !b.network.loses() {
			_ = b.now.reply.Send(cx, got) // nobody may wait for it any more
		}
		b.now = nil
	}
}

// carryOut carries an order out, unless it was already.
func (b *bank) carryOut(number int, o order) receipt {
	if r, ok := b.done[number]; ok && !b.forgets {
		return r
	}
	r := receipt{carried: b.accounts[o.from] >= o.amount}
	if r.carried {
		b.accounts[o.from] -= o.amount
		b.accounts[o.to] += o.amount
	}
	r.left = b.accounts[o.from]
	b.done[number] = r
	return r
}

// client is a task that gives orders, one after the other.
type client struct {
	task.Frame
	bank     *bank
	patience time.Duration
	number   int // of the next order; no two clients have the same
	orders   []order
	begins   func(o order) (ends func(receipt)) // is told of each order, if it is not nil

	ends     func(receipt)
	reply    *chans.Oneshot[receipt]
	got      receipt
	limit    combine.Timeout
	receipts []receipt
	repeated int
}

func (c *client) Poll(cx *task.Cx) error {
	for len(c.orders) > 0 {
		if c.begins != nil && c.ends == nil {
			c.ends = c.begins(c.orders[0])
		}
		if c.reply == nil {
			c.reply = new(chans.Oneshot[receipt])
			if !c.bank.network.loses() {
				_ = c.bank.requests.TrySend(cx, request{c.number, c.orders[0], c.reply}) // a full bank loses it, too
			}
		}
		switch err := c.limit.Wait(cx, c.patience, c.receive); {
		case errors.Is(err, task.ErrTimeout):
			c.reply = nil // asks again, for the same order
			c.repeated++
			continue
		case err != nil:
			return err
		}
		if c.ends != nil {
			c.ends(c.got)
		}
		c.receipts = append(c.receipts, c.got)
		c.orders, c.reply, c.ends = c.orders[1:], nil, nil
		c.number++
	}
	return nil
}

func (c *client) receive(cx *task.Cx) (err error) {
	c.got, err = c.reply.Recv(cx)
	return err
}

// run runs a bank and its clients to their end.
func run(b *bank, clients ...*client) task.Task {
	var banks, customers task.Group
	begun := false
	return task.Func(func(cx *task.Cx) error {
		if !begun {
			begun = true
			banks.Go(cx, b)
			for _, c := range clients {
				customers.Go(cx, c)
			}
		}
		if err := customers.Wait(cx); err != nil {
			return err
		}
		b.requests.Close(cx)
		return banks.Wait(cx)
	})
}

// lossy loses every fifth message, or so. It is the bank's and the clients', so it keeps nothing.
type lossy struct{}

func (lossy) loses() bool          { return rand.IntN(5) == 0 }
func (lossy) delay() time.Duration { return time.Duration(rand.IntN(300)) * time.Microsecond }

func main() {
	b := newBank(lossy{}, 100, 100, 100)
	var clients []*client
	for i := range 4 {
		c := &client{bank: b, patience: 5 * time.Millisecond, number: 1000 * i}
		for range 25 {
			c.orders = append(c.orders, order{rand.IntN(3), rand.IntN(3), rand.IntN(50)})
		}
		clients = append(clients, c)
	}
	if err := pool.Default().Run(context.Background(), run(b, clients...)); err != nil {
		fmt.Println(err)
		return
	}
	sum, receipts := 0, 0
	for _, a := range b.accounts {
		sum += a
	}
	for _, c := range clients {
		receipts += len(c.receipts)
	}
	fmt.Printf("%d orders, each carried out once; %d in all accounts\n", receipts, sum)
}
