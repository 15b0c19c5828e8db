package localop

import (
	"time"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
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

// ---- what is right -----------------------------------------------------------

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
