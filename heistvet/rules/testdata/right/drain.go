package right

import (
	"errors"
	"log"
	"time"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
)

var errBusy = errors.New("x")

type drain struct {
	task.Frame
	in, out *chans.Chan[int]
	conn    *reactor.Conn
	back    task.Backoff
	pause   task.Timer
	retry   combine.Retry
	tries   int
	sum, v  int
	buf     []byte
	line    []byte
	group   task.Group
	err     error
	held    []int
	addrs   []string
	dialer  reactor.Dialer
	l       *reactor.Listener
}

func (t *drain) fine1(cx *task.Cx) error { // batch
	for {
		for range 32 {
			v, err := t.in.Recv(cx)
			if err != nil {
				return err
			}
			t.sum += v
		}
		if err := cx.Yield(); err != nil {
			return err
		}
	}
}
func (t *drain) fine2(cx *task.Cx) error {
	for range 32 {
		v, err := t.in.Recv(cx)
		if err != nil {
			return err
		}
		t.sum += v
	}
	return cx.Yield()
}
func (t *drain) fine3(cx *task.Cx) error {
	for i := 0; i < 32; i++ {
		v, err := t.in.Recv(cx)
		if err != nil {
			return err
		}
		t.sum += v
	}
	return cx.Yield()
}
func (t *drain) fine4(cx *task.Cx) error { // drain
	for {
		v, err := t.in.TryRecv(cx)
		if err != nil {
			break
		}
		t.sum += v
		t.held = append(t.held, v)
	}
	return t.group.Wait(cx)
}
func (t *drain) fine5(cx *task.Cx) error {
	for v, err := t.in.TryRecv(cx); err == nil; v, err = t.in.TryRecv(cx) {
		t.sum += v
		log.Print(v)
	}
	return t.pause.Sleep(cx, time.Second)
}
func (t *drain) fine6(cx *task.Cx) error {
	t.v, t.err = t.in.Recv(cx)
	if task.IsPending(t.err) {
		return t.err
	}
	if t.err != nil {
		log.Print(t.err)
	}
	return nil
}
func (t *drain) fine7(cx *task.Cx) error {
	if t.v, t.err = t.in.Recv(cx); task.IsPending(t.err) {
		return task.Pending
	}
	if t.err != nil {
		log.Print(t.err)
		return t.err
	}
	return nil
}
func (t *drain) fine8(cx *task.Cx) error {
	_, err := t.in.Recv(cx)
	all := errors.Join(err, cx.Err())
	if task.IsPending(all) {
		return err
	}
	if err != nil {
		log.Print(err)
	}
	return nil
}
func (t *drain) putBack(v int) { t.held = append(t.held, v) }
func (t *drain) fine9(cx *task.Cx) error {
	v, err := t.in.Recv(cx)
	if err != nil {
		return err
	}
	if err := t.out.Send(cx, v); err != nil {
		t.putBack(v)
		return err
	}
	return nil
}
func (t *drain) fine10(cx *task.Cx) error {
	for {
		if err := t.conn.Write(cx, t.line); err != nil {
			if errors.Is(err, errBusy) {
				continue
			}
			return err
		}
		return nil
	}
}
func (t *drain) fine11(cx *task.Cx) error {
	for {
		_, err := t.in.Recv(cx)
		if err != nil && !task.IsPending(err) {
			continue
		}
		return err
	}
}
func (t *drain) fine12(cx *task.Cx) error {
	for {
		_, err := t.in.Recv(cx)
		if task.IsPending(err) {
			return err
		}
		if err != nil {
			if err := t.back.Wait(cx); err != nil {
				return err
			}
			continue
		}
		return nil
	}
}
func (t *drain) fine13(cx *task.Cx) error {
	return t.retry.Do(cx, func(cx *task.Cx) error { return t.conn.Write(cx, t.line) })
}
func (t *drain) fine14(cx *task.Cx) error {
	if t.tries > 5 {
		return errBusy
	}
	var lag *chans.LagError
	for {
		_, err := t.in.Recv(cx)
		if errors.As(err, &lag) {
			continue
		}
		return err
	}
}
func (t *drain) fine15(cx *task.Cx) error {
	n := 0
	for n < 10 {
		v, err := t.in.Recv(cx)
		if err != nil {
			return err
		}
		t.sum += v
		n++
	}
	return cx.Yield()
}
func (t *drain) fine16(cx *task.Cx) error {
	if v, err := t.in.TryRecv(cx); err == nil {
		t.sum += v
	}
	return t.group.Wait(cx)
}
