package chans_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(closing{m}) }

// closing ends the default pool, which the examples use, with the last test.
type closing struct{ *testing.M }

func (c closing) Run() int {
	defer func() { pool.Default().Close() }() // not before: it changes GOMAXPROCS
	return c.M.Run()
}

var (
	background = context.Background()
	errBoom    = errors.New("boom")
)

// step is one stage of a task in a test.
type step = func(*task.Cx) error

// steps returns a task that runs the steps in order, each until it is not Pending.
func steps(all ...step) *recorder {
	var seq task.Seq
	return &recorder{poll: func(cx *task.Cx) error { return seq.Run(cx, all...) }}
}

// recorder is a task that remembers how it has ended.
type recorder struct {
	task.Frame
	poll  func(*task.Cx) error
	polls int
	ends  []error
	over  atomic.Int32 // how often
}

func (r *recorder) Poll(cx *task.Cx) error {
	r.polls++
	return r.poll(cx)
}

func (r *recorder) Finish(err error) {
	r.ends = append(r.ends, err)
	r.over.Add(1)
}

// runSteps runs such a task on the calling goroutine.
func runSteps(all ...step) error { return task.Run(background, steps(all...)) }

// start is the step that starts tasks in g, which forgets what they end with.
func start(g *task.Group, ts ...*recorder) step {
	return once(func(cx *task.Cx) {
		g.Failed = func(task.Task, error) error { return nil }
		for _, t := range ts {
			g.Go(cx, t)
		}
	})
}

// Steps of the kit of all packages.
var (
	once   = rig.Once
	rounds = rig.Rounds
)

// cancel is the step that cancels tasks.
func cancel(ts ...*recorder) step {
	return once(func(*task.Cx) {
		for _, t := range ts {
			t.Cancel(errBoom)
		}
	})
}

// until yields to other goroutines until done reports true.
func until(done func() bool) {
	for !done() {
		runtime.Gosched()
	}
}

// async runs f on a goroutine; the returned function waits for its result.
func async[T any](f func() T) func() T {
	c := make(chan T, 1)
	go func() { c <- f() }()
	return func() T { return <-c }
}

// queue is what a Chan and a Mailbox have in common.
type queue interface {
	Send(cx *task.Cx, v int) error
	TrySend(cx *task.Cx, v int) error
	SendContext(ctx context.Context, v int) error
	Recv(cx *task.Cx) (int, error)
	TryRecv(cx *task.Cx) (int, error)
	RecvContext(ctx context.Context) (int, error)
	Values(ctx context.Context) iter.Seq[int]
	Close(cx *task.Cx)

	Promised() (values, slots int)
	Waiting() (send, receive bool)
	Several() (send, receive bool)
	Left() int
}

// kinds are the queues.
var kinds = map[string]func(n int) queue{
	"Chan":    func(n int) queue { return chans.New[int](n) },
	"Mailbox": func(n int) queue { return chans.NewMailbox[int](n) },
}

// each runs a test for each kind of queue.
func each(t *testing.T, test func(t *testing.T, open func(n int) queue)) {
	for name, open := range kinds {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

// full returns a queue of one place, with the value 0 in it.
func full(t *testing.T, open func(int) queue) queue {
	t.Helper()
	q := open(1)
	require.NoError(t, q.TrySend(nil, 0))
	return q
}

// idle requires that nobody waits, and that nothing is promised.
func idle(t *testing.T, q queue) {
	t.Helper()
	send, receive := q.Waiting()
	require.False(t, send || receive, "somebody is still in line")
	values, slots := q.Promised()
	require.Zero(t, values, "values are promised to nobody")
	require.Zero(t, slots, "slots are promised to nobody")
}

// sends is a task that sends the values.
func sends(q queue, values ...int) *recorder {
	return &recorder{poll: func(cx *task.Cx) error {
		for ; len(values) > 0; values = values[1:] {
			if err := q.Send(cx, values[0]); err != nil {
				return err
			}
		}
		return nil
	}}
}

// receives is a task that receives n values into got.
func receives(q queue, got *[]int, n int) *recorder {
	return &recorder{poll: func(cx *task.Cx) error {
		for ; n > 0; n-- {
			v, err := q.Recv(cx)
			if err != nil {
				return err
			}
			*got = append(*got, v)
		}
		return nil
	}}
}

// rest receives what is there.
func rest(q queue) (got []int) {
	for {
		v, err := q.TryRecv(nil)
		if err != nil {
			return got
		}
		got = append(got, v)
	}
}
