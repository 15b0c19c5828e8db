package localop

import (
	"context"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
	"github.com/heist-go/heist/task/stream"
)

type desk interface {
	reserve(done func(seat int, err error))
}

type renewing struct {
	task.Frame
	desk   desk
	answer *task.Promise[int]
	pause  task.Timer
	group  task.Group
	n      int
	sel    combine.Select
	stream *stream.Stream[int]
	w      waiter
}

func (r *renewing) Poll(cx *task.Cx) error {
	var answer task.Promise[int]
	r.desk.reserve(func(seat int, err error) { r.group.Cancel(err) })
	_, err := answer.Wait(cx) // want `answer is a new one in each poll, and answer.Wait begins anew: make it a field`
	return err
}

func (r *renewing) sleeps(cx *task.Cx) error {
	t := task.Timer{}
	return t.Sleep(cx, time.Second) // want `t is a new one in each poll, and t.Sleep begins anew`
}

func (r *renewing) limits(cx *task.Cx) error {
	d := new(task.Deadline)
	if err := d.Check(cx, time.Second); err != nil { // want `d is a new one in each poll, and d.Check begins anew`
		return err
	}
	sel := &combine.Select{}
	_, err := sel.Wait(cx, r.Wait) // want `sel is a new one in each poll`
	return err
}

var _ = task.Func(func(cx *task.Cx) error {
	s := lock.NewSemaphore(1)
	return s.Acquire(cx, 1) // want `s is a new one in each poll`
})

var _ = task.Func(func(cx *task.Cx) error {
	var one chans.Oneshot[int]
	_, err := one.Recv(cx) // want `one is a new one in each poll`
	return err
})

func (r *renewing) nameless(cx *task.Cx) error {
	if err := new(task.Timer).Sleep(cx, time.Second); err != nil { // want `new\(task.Timer\) is a new one in each poll`
		return err
	}
	return (&task.Timer{}).Sleep(cx, time.Second) // want `task.Timer{}\) is a new one in each poll`
}

func (r *renewing) streams(cx *task.Cx, c *chans.Chan[int]) error {
	s := stream.FromChan(c)
	v, err := s.Next(cx) // want `s is a new one in each poll`
	if err != nil {
		return err
	}
	r.n = v
	evens := stream.Map(stream.FromChan(c), func(v int) int { return v }).Filter(func(v int) bool { return v%2 == 0 })
	return evens.ForEach(cx, func(*task.Cx, int) error { return nil }) // want `evens is a new one in each poll`
}

func (r *renewing) chained(cx *task.Cx, c *chans.Chan[int]) error {
	if err := stream.FromChan(c).ForEach(cx, func(*task.Cx, int) error { return nil }); err != nil { // want `stream.FromChan\(c\) is a new one in each poll`
		return err
	}
	sum := 0
	s := stream.FromChan(c)
	return stream.Fold(cx, s, &sum, func(a, v int) int { return a + v }) // want `s is a new one in each poll`
}

func (r *renewing) combined(cx *task.Cx, c *chans.Chan[int]) error {
	var limit combine.Timeout
	err := limit.Wait(cx, time.Second, r.Wait) // want `limit is a new one in each poll`
	if err != nil {
		return err
	}
	race := combine.Race[int]{}
	_, _, err = race.Wait(cx, c.Recv) // want `race is a new one in each poll`
	if err != nil {
		return err
	}
	return nil
}

func (r *renewing) inside(cx *task.Cx) error {
	var pause task.Timer
	_, err := r.sel.Wait(cx, r.Wait, func(cx *task.Cx) error { return pause.Sleep(cx, time.Second) }) // want `pause is a new one in each poll`
	return err
}

type waiter struct {
	timer task.Timer
	n     int
}

func (w *waiter) wait(cx *task.Cx) error { return w.timer.Sleep(cx, time.Second) }

func newWaiter() *waiter { return &waiter{n: 1} }

func (r *renewing) parts(cx *task.Cx) error {
	var w waiter
	if err := w.wait(cx); err != nil { // want `w is a new one in each poll`
		return err
	}
	x := newWaiter()
	if err := x.wait(cx); err != nil { // want `x is a new one in each poll`
		return err
	}
	var ts [2]task.Timer
	if err := ts[0].Sleep(cx, time.Second); err != nil { // want `ts is a new one in each poll`
		return err
	}
	var st struct{ t task.Timer }
	return st.t.Sleep(cx, time.Second) // want `st is a new one in each poll`
}

func sleep(cx *task.Cx, t *task.Timer) error { return t.Sleep(cx, time.Second) }

func (r *renewing) given(cx *task.Cx) error {
	var t task.Timer
	return sleep(cx, &t) // want `t is a new one in each poll`
}

func (r *renewing) blocks(cx *task.Cx) error {
	var b task.Blocking[int]
	_, err := b.Do(cx, func(context.Context) (int, error) { return 1, nil }) // want `b is a new one in each poll`
	if err != nil {
		return err
	}
	job := &pool.Job[int]{}
	_, err = job.Do(cx, func(pool.Scope) int { return 1 }) // want `job is a new one in each poll`
	if err != nil {
		return err
	}
	tick := task.Ticker{Every: time.Second}
	_, err = tick.Tick(cx) // want `tick is a new one in each poll`
	if err != nil {
		return err
	}
	back := task.Backoff{Min: 1}
	return back.Wait(cx) // want `back is a new one in each poll`
}

// ---- what is right -----------------------------------------------------------

func (r *renewing) kept(cx *task.Cx, c *chans.Chan[int]) error {
	if r.stream == nil {
		s := stream.FromChan(c)
		r.stream = s
	}
	s := r.stream
	_, err := s.Next(cx)
	return err
}

func (r *renewing) spawns(cx *task.Cx) error {
	if r.n == 0 {
		r.n = 1
		var pause task.Timer
		r.group.Go(cx, task.Func(func(cx *task.Cx) error { return pause.Sleep(cx, time.Second) }))
	}
	return r.group.Wait(cx)
}

func (r *renewing) shared(cx *task.Cx) error {
	w := r.waiter()
	return w.wait(cx)
}

func (r *renewing) waiter() *waiter { return &r.w }

func (r *renewing) never(cx *task.Cx) error {
	c := chans.New[int](1)
	return c.TrySend(cx, 1)
}

func (r *renewing) field(cx *task.Cx) error {
	p := &r.pause
	return p.Sleep(cx, time.Second)
}

func (r *renewing) stored(cx *task.Cx) error {
	if r.answer == nil {
		answer := new(task.Promise[int])
		r.desk.reserve(func(seat int, err error) { answer.Resolve(seat, err) })
		r.answer = answer
		if _, err := answer.Wait(cx); err != nil {
			return err
		}
	}
	_, err := r.answer.Wait(cx)
	return err
}

// outside is called once.
func outside() task.Task {
	var t task.Timer
	var d task.Deadline
	return task.Func(func(cx *task.Cx) error {
		if err := d.Check(cx, time.Second); err != nil {
			return err
		}
		return t.Sleep(cx, time.Second)
	})
}

// The members end with the task.
func (r *renewing) starts(cx *task.Cx) error {
	var g task.Group
	g.Go(cx, outside())
	return nil
}

func (r *renewing) finds(cx *task.Cx, all map[string]*task.Group) error {
	g := all["a"]
	return g.Wait(cx)
}
