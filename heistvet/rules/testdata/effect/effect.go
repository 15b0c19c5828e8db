package effect

import (
	"fmt"
	"log"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

type parent struct {
	task.Frame
	child    worker
	many     []worker
	queue    []task.Task
	children task.Group
	started  bool
	stage    int
	polls    int
	log      []string
	in       *chans.Chan[int]
	ready    task.Promise[int]
	timeout  task.Deadline
	seq      task.Seq
	handle   *task.Handle[int]
}

type worker struct {
	task.Frame
	t task.Timer
}

func (w *worker) Poll(cx *task.Cx) error { return w.t.Sleep(cx, time.Second) }

func (p *parent) Poll(cx *task.Cx) error {
	p.children.Go(cx, &p.child) // want `a task is started in each poll, as p.children.Wait may suspend: put a stage around it`
	return p.children.Wait(cx)
}

func (p *parent) loops(cx *task.Cx) error {
	for i := range p.many {
		p.children.Go(cx, &p.many[i]) // want `a task is started in each poll`
	}
	return p.children.Wait(cx)
}

func (p *parent) handles(cx *task.Cx) error {
	p.handle = task.Go(cx, func(cx *task.Cx) (int, error) { return 0, cx.Yield() }) // want `a task is started in each poll`
	_, err := p.handle.Wait(cx)
	return err
}

func (p *parent) logs(cx *task.Cx) error {
	log.Print("waiting") // want `this is printed in each poll, as p.ready.Wait may suspend`
	if _, err := p.ready.Wait(cx); err != nil {
		return err
	}
	fmt.Println("ready") // want `this is printed in each poll, as p.in.Recv may suspend`
	_, err := p.in.Recv(cx)
	return err
}

type desk interface {
	reserve(done func(seat int, err error))
}

func (p *parent) asks(cx *task.Cx, d desk) error {
	d.reserve(func(seat int, err error) { p.ready.Resolve(seat, err) }) // want `this is asked for in each poll, as p.ready.Wait may suspend`
	_, err := p.ready.Wait(cx)
	return err
}

func (p *parent) counts(cx *task.Cx) error {
	if err := p.timeout.Check(cx, time.Second); err != nil {
		return err
	}
	p.polls++                         // want `this is counted in each poll`
	p.log = append(p.log, "and more") // want `this is counted in each poll`
	go fmt.Println("hello")           // want `a goroutine is started in each poll`
	for !cx.Draining() {
		if _, err := p.in.Recv(cx); err != nil {
			return err
		}
		p.polls++ // for what was received
	}
	return nil
}

func step(p *pool.Pool, t *worker) task.Task {
	n := 0
	return task.Func(func(cx *task.Cx) error {
		n++     // want `this is counted in each poll`
		p.Go(t) // want `a task is started in each poll`
		return t.Wait(cx)
	})
}

func (p *parent) loop(cx *task.Cx) error {
	for {
		log.Print("next") // want `this is printed in each poll`
		v, err := p.in.Recv(cx)
		if err != nil {
			return err
		}
		log.Print(v)
	}
}

// ---- what is right -----------------------------------------------------------

func (p *parent) field(cx *task.Cx) error {
	if !p.started {
		p.started = true
		p.children.Go(cx, &p.child)
		log.Print("started")
	}
	return p.children.Wait(cx)
}

func (p *parent) cases(cx *task.Cx) error {
	switch p.stage {
	case 0:
		p.children.Go(cx, &p.child)
		p.stage++
		fallthrough
	case 1:
		if err := p.children.Wait(cx); err != nil {
			return err
		}
		p.children.Go(cx, &p.child)
		log.Print("again")
		p.stage++
		fallthrough
	case 2:
		return p.children.Wait(cx)
	}
	return nil
}

func (p *parent) steps(cx *task.Cx) error {
	return p.seq.Run(cx,
		func(cx *task.Cx) error {
			p.children.Go(cx, &p.child)
			p.polls++
			return nil
		},
		p.children.Wait,
	)
}

func (p *parent) taken(cx *task.Cx) error {
	for _, t := range p.queue {
		p.children.Go(cx, t)
	}
	p.queue = nil
	return p.children.Wait(cx)
}

func (p *parent) pops(cx *task.Cx) error {
	for len(p.queue) > 0 {
		p.children.Go(cx, p.queue[0])
		p.queue = p.queue[1:]
	}
	return p.children.Wait(cx)
}

func (p *parent) serves(cx *task.Cx) error {
	for !cx.Draining() {
		v, err := p.in.Recv(cx)
		if err != nil {
			return err
		}
		p.children.Go(cx, task.Func(func(cx *task.Cx) error { log.Print(v); return nil }))
		p.polls++
	}
	return p.children.Wait(cx)
}

func (p *parent) locals(cx *task.Cx) error {
	n := 0
	n++
	var lines []string
	lines = append(lines, "a")
	v, err := p.in.Recv(cx)
	p.stage = v + n + len(lines)
	return err
}

func (p *parent) handled(cx *task.Cx) error {
	p.polls++
	_, err := p.in.Recv(cx)
	if task.IsPending(err) {
		p.stage = 7
	}
	return err
}

func (p *parent) last(cx *task.Cx) error {
	if _, err := p.in.Recv(cx); err != nil {
		return err
	}
	log.Print("done")
	p.polls++
	return nil
}

// It does not suspend, whatever Recv says.
func (p *parent) shows(cx *task.Cx) error {
	fmt.Println(p.ready.Wait(cx))
	fmt.Println(p.in.Recv(cx))
	return nil
}

// Its owner waits for the others.
func (p *parent) starts(cx *task.Cx) error {
	p.children.GoAll(cx, p.queue...)
	return nil
}
