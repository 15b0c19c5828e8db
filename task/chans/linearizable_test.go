package chans_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

// call is one call in a history. Values are single bytes, so that the state of the model is
// a string: the values, oldest first, and a stop when it is closed.
type call struct {
	op byte // + sends, - receives, . closes
	v  byte
}

// oneshotPolicy is what a call returned. Of the errors, hint is a Try that was not ready: others
// may have been promised what it wanted, so it is right at any time.
type oneshotPolicy struct {
	v   byte
	err answerErr
}

type answerErr byte

const (
	fine answerErr = iota
	closed
	hint
)

func answered(v byte, err error) oneshotPolicy {
	switch {
	case errors.Is(err, task.ErrClosed):
		return oneshotPolicy{err: closed}
	case err == chans.ErrEmpty, err == chans.ErrFull:
		return oneshotPolicy{err: hint}
	case err != nil:
		panic(err)
	}
	return oneshotPolicy{v: v}
}

// sequential is a queue for n values that one thread uses.
func sequential(n int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return "" },
		Step: func(state, input, output any) (bool, any) {
			s, in, out := state.(string), input.(call), output.(oneshotPolicy)
			values, isClosed := strings.CutSuffix(s, ".")
			switch {
			case in.op == '.':
				return true, values + "."
			case out.err == hint:
				return true, s
			case in.op == '+' && out.err == closed:
				return isClosed, s
			case in.op == '+':
				return !isClosed && len(values) < n, s + string(rune(in.v))
			case out.err == closed:
				return s == ".", s
			case values == "":
				return false, s
			default:
				return out.v == values[0], s[1:]
			}
		},
	}
}

// client makes random calls, and writes them down. The clock is shared: it counts
// beginnings and ends, and so orders those that do not overlap.
type client struct {
	clock   *atomic.Int64
	id      int
	q       queue
	sends   bool
	rand    *rand.Rand
	left    int // calls to make
	tries   bool
	begun   int64 // of the call in progress, or 0
	next    byte  // what it sends
	history []porcupine.Operation
}

// call makes one call, in which send and recv are those that wait. It returns Pending if
// the call is not over.
func (c *client) call(cx *task.Cx, send func(int) error, recv func() (int, error)) error {
	if c.begun == 0 {
		if c.rand.IntN(4) == 0 {
			runtime.Gosched()
		}
		c.tries = c.rand.IntN(3) == 0
		c.begun = c.clock.Add(1)
	}
	in, v, err := call{op: '-'}, 0, error(nil)
	switch {
	case c.sends && c.tries:
		in = call{'+', c.next}
		err = c.q.TrySend(cx, int(c.next))
	case c.sends:
		in = call{'+', c.next}
		err = send(int(c.next))
	case c.tries:
		v, err = c.q.TryRecv(cx)
	default:
		v, err = recv()
	}
	if task.IsPending(err) {
		return err
	}
	c.history = append(c.history, porcupine.Operation{
		ClientId: c.id, Input: in, Output: answered(byte(v), err), Call: c.begun, Return: c.clock.Add(1),
	})
	c.begun = 0
	c.next++
	c.left--
	return nil
}

// Poll makes the calls as a task.
func (c *client) poll(cx *task.Cx) error {
	for c.left > 0 {
		err := c.call(cx, func(v int) error { return c.q.Send(cx, v) }, func() (int, error) { return c.q.Recv(cx) })
		if err != nil {
			return err
		}
	}
	return nil
}

// run makes them as a goroutine.
func (c *client) run(ctx context.Context) error {
	for c.left > 0 {
		_ = c.call(nil, func(v int) error { return c.q.SendContext(ctx, v) }, func() (int, error) { return c.q.RecvContext(ctx) })
	}
	return nil
}

func TestLinearizable(t *testing.T) {
	for name, open := range kinds {
		t.Run(name, func(t *testing.T) {
			p := openPool(t)
			for seed := range uint64(scale(1500)) {
				const room = 2
				receivers, holds := 2, room
				if name == "Mailbox" { // whose receiver has fetched as many
					receivers, holds = 1, 2*room
				}
				q := open(room)
				var clock atomic.Int64
				var clients []*client
				var g task.Group
				for id := range 2 + receivers {
					c := &client{clock: &clock, id: id, q: q, sends: id < 2, left: 6, rand: rand.New(rand.NewPCG(seed, uint64(id)))}
					c.next = 'a' + byte(10*id)
					clients = append(clients, c)
					if (id+int(seed))%2 == 0 {
						g.Go(p, task.Func(c.poll))
					} else {
						g.Goroutine(p, c.run)
					}
				}
				// Closed at any moment: also what ends the waits that are left.
				turns := rand.New(rand.NewPCG(seed, 99)).IntN(60)
				for range turns {
					runtime.Gosched()
				}
				begin := clock.Add(1)
				q.Close(nil)
				history := []porcupine.Operation{{ClientId: len(clients), Input: call{op: '.'}, Output: oneshotPolicy{}, Call: begin, Return: clock.Add(1)}}
				require.NoError(t, g.WaitContext(background))
				for _, c := range clients {
					history = append(history, c.history...)
				}
				if v := porcupine.CheckOperationsTimeout(sequential(holds), history, time.Minute); v != porcupine.Ok {
					for _, op := range history {
						t.Logf("client %d from %d to %d: %+v %+v", op.ClientId, op.Call, op.Return, op.Input, op.Output)
					}
					t.Fatalf("seed %d: verdict: %v", seed, v)
				}
				idle(t, q)
			}
		})
	}
}

// The model must refuse what a queue must not do.
func TestModelRefuses(t *testing.T) {
	for text, right := range map[string]bool{
		"+a +b -a -b":            true,
		"+a +b -b":               false, // out of order
		"+a +b +c":               false, // more than fit
		"+a -a -a":               false, // twice
		"-a":                     false, // out of nothing
		"+a . -a -! +!":          true,
		"+a . -!":                false, // a value is left
		"+a . -a +b":             false, // closed
		"+a -!":                  false, // not closed
		"+!":                     false,
		"-? +a +? -? -a . -? +?": true,
	} {
		var history []porcupine.Operation
		for i, word := range strings.Fields(text) {
			op := porcupine.Operation{Input: call{op: word[0]}, Output: oneshotPolicy{}, Call: int64(2 * i), Return: int64(2*i + 1)}
			if len(word) > 1 {
				switch v := word[1]; v {
				case '!':
					op.Output = oneshotPolicy{err: closed}
				case '?':
					op.Output = oneshotPolicy{err: hint}
				default:
					op.Input, op.Output = call{word[0], v}, oneshotPolicy{v: v}
				}
			}
			history = append(history, op)
		}
		require.Equal(t, right, porcupine.CheckOperations(sequential(2), history), text)
	}
}
