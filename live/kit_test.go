package live_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/live"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
)

var background = context.Background()

// errOver ends the tasks of a test.
var errOver = errors.New("the test is over")

func open(t testing.TB, c pool.Config) *pool.Pool {
	t.Helper()
	p, err := pool.New(c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// serve shows p at the URL that it returns.
func serve(t testing.TB, p *pool.Pool, o live.Options) (url string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/debug/heist/live", live.Handler(p, o))
	s := httptest.NewServer(mux)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL + "/debug/heist/live"
}

// shop is a workload: orders come at intervals, are priced, and change accounts; reports are computed.
type shop struct {
	group    task.Group
	accounts lock.Mutex
	orders   *chans.Chan[int]
}

// opened begins the work of a shop on p, which goes on until the end of the test.
func opened(t testing.TB, p *pool.Pool) *shop {
	t.Helper()
	s := &shop{orders: chans.New[int](16)}
	s.group.Failed = func(task.Task, error) error { return nil }
	task.SetName(&s.accounts, "accounts")
	task.SetName(s.orders, "orders")
	for range 40 {
		s.group.Go(p, &customer{shop: s})
	}
	for range 3 {
		s.group.Go(p, &clerk{shop: s})
	}
	s.group.Go(p, &report{})
	s.group.Go(p, &audit{shop: s})
	t.Cleanup(func() {
		s.group.Cancel(errOver)
		_ = s.group.WaitContext(background)
	})
	return s
}

// customer orders again and again.
type customer struct {
	task.Frame
	shop  *shop
	timer task.Timer
	slept bool
	n     int
}

func (c *customer) Poll(cx *task.Cx) error {
	for {
		if !c.slept {
			if err := c.timer.Sleep(cx, time.Duration(2+c.n%7)*time.Millisecond); err != nil {
				return err
			}
			c.slept = true
		}
		if err := c.shop.orders.Send(cx, c.n); err != nil {
			return err
		}
		c.slept = false
		c.n++
	}
}

// clerk prices orders, and books them with the accounts in hand.
type clerk struct {
	task.Frame
	shop  *shop
	timer task.Timer
	order int
	stage int
	sum   int
}

func (c *clerk) Poll(cx *task.Cx) error {
	for {
		switch c.stage {
		case 0:
			n, err := c.shop.orders.Recv(cx)
			if err != nil {
				return err
			}
			c.order, c.stage = n, 1
		case 1:
			c.sum += compute(200*time.Microsecond, cx.Now())
			if err := c.shop.accounts.Lock(cx); err != nil {
				return err
			}
			c.stage = 2
		case 2:
			if err := c.timer.Sleep(cx, 300*time.Microsecond); err != nil {
				return err
			}
			c.shop.accounts.Unlock(cx)
			c.stage = 0
		}
	}
}

func (c *clerk) Finish(error) {
	if c.stage == 2 {
		c.shop.accounts.Unlock(nil)
	}
}

// report computes in steps.
type report struct {
	task.Frame
	timer task.Timer
	steps int
	sum   int
}

func (r *report) Poll(cx *task.Cx) error {
	for {
		if r.steps%200 == 199 {
			if err := r.timer.Sleep(cx, 150*time.Millisecond); err != nil {
				return err
			}
		}
		r.steps++
		r.sum += compute(500*time.Microsecond, cx.Now())
		if err := cx.Yield(); err != nil {
			return err
		}
	}
}

// audit has polls that are too long.
type audit struct {
	task.Frame
	shop  *shop
	timer task.Timer
	sum   int
}

func (a *audit) Poll(cx *task.Cx) error {
	for {
		if err := a.timer.Sleep(cx, 700*time.Millisecond); err != nil {
			return err
		}
		a.sum += compute(60*time.Millisecond, cx.Now())
	}
}

// compute computes for so long.
func compute(d time.Duration, from time.Time) (sum int) {
	for begin := time.Now(); time.Since(begin) < d; {
		for i := range 1000 {
			sum += i * from.Nanosecond()
		}
	}
	return sum
}

// deadlocked has two tasks of p wait for each other's locks, each of which they hold.
func deadlocked(t testing.TB, p *pool.Pool) {
	t.Helper()
	var g task.Group
	a, b := &lock.Mutex{}, &lock.Mutex{}
	task.SetName(a, "savings")
	task.SetName(b, "checking")
	both := new(meeting)
	x, y := &transfer{from: a, to: b, both: both}, &refund{transfer{from: b, to: a, both: both}}
	g.Failed = func(task.Task, error) error { return nil }
	g.GoAll(p, x, y)
	t.Cleanup(func() {
		g.Cancel(errOver)
		_ = g.WaitContext(background)
	})
	for deadline := time.After(time.Minute); len(p.Dump(pool.DumpOptions{}).Deadlocks) == 0; {
		select {
		case <-deadline:
			require.FailNow(t, "there is no deadlock")
		case <-time.After(time.Millisecond):
		}
	}
}

// transfer locks one account and then another, in the order in which the money goes: the classic mistake.
type transfer struct {
	task.Frame
	from, to *lock.Mutex
	both     *meeting
	stage    int
}

// meeting is where both wait until each has its first lock.
type meeting struct {
	there atomic.Int64
	all   task.Promise[struct{}]
}

func (m *transfer) Poll(cx *task.Cx) error {
	for {
		var err error
		switch m.stage {
		case 0:
			if err = m.from.Lock(cx); err == nil && m.both.there.Add(1) == 2 {
				m.both.all.Resolve(struct{}{}, nil)
			}
		case 1:
			_, err = m.both.all.Wait(cx)
		case 2:
			err = m.to.Lock(cx)
		case 3:
			return nil
		}
		if err != nil {
			return err
		}
		m.stage++
	}
}

func (m *transfer) Finish(error) {
	if m.stage > 0 {
		m.from.Unlock(nil)
	}
	if m.stage > 2 {
		m.to.Unlock(nil)
	}
}

type refund struct{ transfer }

// stillAndAlive has a group in p that waits for a channel, while another task sleeps.
func stillAndAlive(t *testing.T, p *pool.Pool) {
	t.Helper()
	var still, alive task.Group
	parcels := chans.New[int](1)
	task.SetName(parcels, "parcels")
	for range 3 {
		still.Go(p, &postman{parcels: parcels})
	}
	var timer task.Timer
	alive.Go(p, task.Func(func(cx *task.Cx) error { return timer.Sleep(cx, time.Hour) }))
	t.Cleanup(func() {
		for _, g := range []*task.Group{&still, &alive} {
			g.Cancel(errOver)
			_ = g.WaitContext(background)
		}
	})
}

// postman waits for a parcel.
type postman struct {
	task.Frame
	parcels *chans.Chan[int]
}

func (p *postman) Poll(cx *task.Cx) error {
	_, err := p.parcels.Recv(cx)
	return err
}
