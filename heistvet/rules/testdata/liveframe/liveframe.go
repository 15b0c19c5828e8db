package liveframe

import (
	"context"

	"example.org/mistakes/helper"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

type base struct {
	task.Frame
	n int
}

type job struct {
	base
	in    *chans.Chan[int]
	child leaf
	kids  []leaf
	group task.Group
	stage int
	seq   task.Seq
}

type leaf struct {
	task.Frame
	n int
}

func (l *leaf) Poll(cx *task.Cx) error { return nil }

func (j *job) Poll(cx *task.Cx) error {
	*j = job{in: j.in}     // want `\*j = overwrites the frame of the task that is being polled`
	j.base = base{}        // want `j.base = overwrites the frame`
	j.Frame = task.Frame{} // want `j.Frame = overwrites the frame`
	self := j
	*self = job{}                 // want `\*self = overwrites`
	j.reset()                     // want `j.reset overwrites the frame`
	j.deep()                      // want `j.deep overwrites the frame`
	wipe(j)                       // want `wipe overwrites the frame`
	helper.Zero(&j.base)          // not known to be a whole task
	return j.seq.Run(cx, j.again) // want `j.again overwrites the frame`
}

func (j *job) Finish(error) {
	*j = job{} // want `\*j = overwrites`
}

func (j *job) reset()                  { *j = job{} }
func (j *job) deep()                   { j.reset() }
func (j *job) again(cx *task.Cx) error { *j = job{}; return nil }
func wipe(j *job)                      { *j = job{in: j.in} }

type one struct {
	task.Frame
	n int
}

func (o *one) Poll(cx *task.Cx) error {
	defer func() { *o = one{} }() // want `\*o = overwrites`
	helper.Wipe(&o.Frame)
	return nil
}

func (j *job) starts(cx *task.Cx) error {
	j.group.Go(cx, &j.child)
	j.child = leaf{n: 1} // want `j.child is overwritten although it was started here, and may live`
	return j.group.Wait(cx)
}

func (j *job) startsPointer(cx *task.Cx, l *leaf) error {
	j.group.Go(cx, l)
	*l = leaf{} // want `l is overwritten`
	return j.group.Wait(cx)
}

func outside(p *pool.Pool) {
	var l leaf
	p.Go(&l)
	l = leaf{n: 2} // want `l is overwritten`
	p.Go(&l)
}

func looped(p *pool.Pool) {
	var l leaf
	for range 3 {
		l = leaf{n: 2} // want `l is overwritten`
		p.Go(&l)
	}
}

func element(p *pool.Pool, ls []leaf) {
	p.Go(&ls[0])
	ls[0] = leaf{} // want `ls\[0\] is overwritten`
}

// ---- what is right -----------------------------------------------------------

func (j *job) begin(cx *task.Cx) error {
	if j.stage == 0 {
		j.stage = 1
		j.child = leaf{n: 3}
		j.group.Go(cx, &j.child)
	}
	if err := j.child.Wait(cx); err != nil {
		return err
	}
	j.child = leaf{n: 4}
	j.stage = 0
	return nil
}

func (j *job) all(cx *task.Cx) error {
	for i := range j.kids {
		j.kids[i] = leaf{n: i}
		j.group.Go(cx, &j.kids[i])
	}
	return j.group.Wait(cx)
}

func each(p *pool.Pool) {
	for i := range 3 {
		var l leaf
		l = leaf{n: i}
		p.Go(&l)
	}
	var k *leaf
	for i := range 3 {
		k = new(leaf)
		*k = leaf{n: i}
		p.Go(k)
	}
}

func again(p *pool.Pool) error {
	var l leaf
	for range 3 {
		l = leaf{}
		p.Go(&l)
		if err := l.WaitContext(context.Background()); err != nil {
			return err
		}
	}
	if err := p.Run(context.Background(), &l); err != nil {
		return err
	}
	l = leaf{}
	return nil
}

// Somebody who has it may start it again.
func (j *job) renew(cx *task.Cx, g *task.Group) {
	*j = job{in: j.in}
	g.Go(cx, j)
}

type parent struct {
	task.Frame
	other *leaf
	last  struct{ n int }
	leaf  leaf
}

func (p *parent) Poll(cx *task.Cx) error {
	*p.other = leaf{}
	p.leaf = leaf{}
	p.last = struct{ n int }{}
	return nil
}
