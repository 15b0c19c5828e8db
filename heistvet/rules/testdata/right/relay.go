package right

import (
	"errors"
	"log"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
)

type relay struct {
	task.Frame
	in, out *chans.Chan[int]
	sub     *chans.Subscription[int]
	conn    *reactor.Conn
	n, sum  int
	eof     error
	failure error
	report  *chans.Chan[error]
	group   task.Group
	lost    uint64
	state   any
	all     combine.All
	hs      []*task.Handle[int]
	ch      chan int
	buf     []byte
	queue   []*task.Handle[int]
	done    []bool
	ready   task.Promise[int]
}

func (t *relay) handle(int) {}
func (t *relay) yieldsAfter(cx *task.Cx) error {
	for {
		v, err := t.in.Recv(cx)
		if err != nil {
			return err
		}
		t.handle(v)
		if err := cx.Yield(); err != nil {
			return err
		}
	}
}
func (t *relay) one(cx *task.Cx) (more bool, err error) {
	v, err := t.in.Recv(cx)
	if err != nil {
		return false, err
	}
	t.handle(v)
	return v > 0, nil
}
func (t *relay) mores(cx *task.Cx) error {
	for more := true; more; {
		var err error
		if more, err = t.one(cx); err != nil {
			return err
		}
	}
	return nil
}
func (t *relay) mores2(cx *task.Cx) (err error) {
	more := true
	for more && err == nil {
		more, err = t.one(cx)
	}
	return err
}
func (t *relay) errState(cx *task.Cx) error {
	if t.eof == nil {
		v, err := t.in.Recv(cx)
		if err != nil && !errors.Is(err, task.ErrClosed) {
			return err
		}
		t.sum, t.eof = v, task.ErrClosed
	}
	return t.out.Send(cx, t.sum)
}

type reading struct{}
type writing struct{}

func (t *relay) types(cx *task.Cx) error {
	for {
		switch t.state.(type) {
		case *reading:
			v, err := t.in.Recv(cx)
			if err != nil {
				return err
			}
			t.n = v
			t.state = &writing{}
		case *writing:
			if err := t.out.Send(cx, t.n); err != nil {
				return err
			}
			t.state = &reading{}
		}
	}
}
func (t *relay) popQueue(cx *task.Cx) error {
	for {
		if len(t.queue) == 0 {
			return nil
		}
		v, err := t.queue[0].Wait(cx)
		if err != nil {
			return err
		}
		t.queue = t.queue[1:]
		t.sum += v
	}
}
func (t *relay) countOpen(cx *task.Cx) error {
	var last error
	open := 0
	for _, h := range t.hs {
		if _, err := h.Wait(cx); err != nil {
			open++
			last = err
		}
	}
	if open > 0 {
		return last
	}
	return nil
}
func (t *relay) negIsNil(cx *task.Cx) error {
	_, err := t.in.Recv(cx)
	if pending := task.IsPending(err); pending {
		return err
	} else if err != nil {
		log.Print(err)
	}
	return nil
}
func (t *relay) switchPending(cx *task.Cx) error {
	_, err := t.in.Recv(cx)
	switch task.IsPending(err) {
	case true:
		return err
	}
	if err != nil {
		log.Print(err)
	}
	return nil
}
func (t *relay) switchTrue(cx *task.Cx) error {
	_, err := t.in.Recv(cx)
	switch true {
	case err == nil:
		return nil
	case task.IsPending(err):
		return err
	default:
		log.Print(err)
		return err
	}
}
func (t *relay) helperAsks(cx *task.Cx) error {
	_, err := t.in.Recv(cx)
	if err != nil {
		return t.fail(err)
	}
	return nil
}
func (t *relay) fail(err error) error {
	if !task.IsPending(err) {
		log.Print(err)
	}
	return err
}
func (t *relay) firstThenLog(cx *task.Cx) error {
	if _, err := t.ready.Wait(cx); err != nil {
		return err
	}
	if err := cx.Err(); err != nil {
		log.Print(err)
		return err
	}
	return t.group.Wait(cx)
}
func (t *relay) labelled(cx *task.Cx) error {
loop:
	for {
		switch {
		case t.n == 0:
			v, err := t.in.Recv(cx)
			if err != nil {
				return err
			}
			t.n = v
			continue loop
		case t.n > 5:
			break loop
		default:
			if err := t.out.Send(cx, t.n); err != nil {
				return err
			}
			t.n = 0
		}
	}
	return t.group.Wait(cx)
}
func (t *relay) doneMarks(cx *task.Cx) error {
	var err error
	for i, h := range t.hs {
		if !t.done[i] {
			v, e := h.Wait(cx)
			if e == nil {
				t.sum += v
				t.done[i] = true
			}
			err = task.All(err, e)
		}
	}
	return err
}

type node struct{ kids []*node }

func push(f pool.Fork[*node, int], kids []*node) pool.Fork[*node, int] {
	for _, k := range kids {
		f = f.Put(k)
	}
	return f
}

func walk(f pool.Fork[*node, int], n *node) int {
	push(f, n.kids)
	s := 1
	for i := len(n.kids) - 1; i >= 0; i-- {
		if g := f.Nth(i); g.Kept() {
			s += walk(g, n.kids[i])
		} else {
			s += g.Take(n.kids[i])
		}
	}
	return s
}

type base struct {
	in   *chans.Chan[int]
	have bool
	v    int
}

func (b *base) fetch(cx *task.Cx) error {
	if b.have {
		return nil
	}
	v, err := b.in.Recv(cx)
	if err != nil {
		return err
	}
	b.v, b.have = v, true
	return nil
}

type derived struct {
	task.Frame
	base
	out *chans.Chan[int]
}

func (d *derived) Poll(cx *task.Cx) error {
	for {
		if err := d.fetch(cx); err != nil {
			return err
		}
		if err := d.out.Send(cx, d.v); err != nil {
			return err
		}
		d.have = false
	}
}

// helper guard by result: fetch returns what is held
func (d *derived) next(cx *task.Cx) (int, error) {
	if d.have {
		return d.v, nil
	}
	v, err := d.in.Recv(cx)
	d.v, d.have = v, err == nil
	return v, err
}
func (d *derived) viaNext(cx *task.Cx) error {
	v, err := d.next(cx)
	if err != nil {
		return err
	}
	return d.out.Send(cx, v)
}

func each[E any](cx *task.Cx, at *int, es []E, f func(*task.Cx, E) error) error {
	for ; *at < len(es); *at++ {
		if err := f(cx, es[*at]); err != nil {
			return err
		}
	}
	return nil
}
func each2[E any](cx *task.Cx, at *int, es []E, f func(*task.Cx, E) error) error {
	for *at < len(es) {
		if err := f(cx, es[*at]); err != nil {
			return err
		}
		*at++
	}
	return nil
}

func (t *relay) capAppend(cx *task.Cx) error {
	n, err := t.conn.Read(cx, t.buf[len(t.buf):cap(t.buf)])
	t.buf = t.buf[:len(t.buf)+n]
	return err
}
