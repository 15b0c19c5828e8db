package pendingbranch

import (
	"errors"
	"fmt"
	"io"
	"log"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
)

var errTemp = errors.New("x")

type caller struct {
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

func (t *caller) again1(cx *task.Cx) error {
	for {
		if err := t.conn.Write(cx, t.line); err != nil { // want `this tries again although the error of t\.conn\.Write may be Pending`
			continue
		}
		return nil
	}
}
func (t *caller) again2(cx *task.Cx) error {
	for {
		_, err := t.in.Recv(cx) // want `this tries again although the error of t\.in\.Recv may be Pending`
		if err == nil {
			return nil
		}
	}
}
func (t *caller) again3(cx *task.Cx) error {
	for t.conn.Write(cx, t.line) != nil { // want `this tries again although the error of t\.conn\.Write may be Pending`
	}
	return nil
}
func (t *caller) again4(cx *task.Cx) (err error) {
	for i := 0; i < 3; i++ {
		if err = t.conn.Write(cx, t.line); err == nil { // want `this tries again although the error of t\.conn\.Write may be Pending`
			break
		}
	}
	return err
}
func (t *caller) again5(cx *task.Cx) error {
	for err := t.conn.Write(cx, t.line); err != nil; err = t.conn.Write(cx, t.line) { // want `this tries again although the error of t\.conn\.Write may be Pending`
	}
	return nil
}
func (t *caller) again6(cx *task.Cx) error {
	for {
		_, err := t.in.Recv(cx) // want `this tries again although the error of t\.in\.Recv may be Pending`
		if err != nil {
			if errors.Is(err, io.EOF) {
				return err
			}
			continue
		}
		return nil
	}
}
func (t *caller) again7(cx *task.Cx) error {
	for {
		_, err := t.in.Recv(cx) // want `this tries again although the error of t\.in\.Recv may be Pending`
		switch {
		case err == nil:
			return nil
		case errors.Is(err, io.EOF):
			return err
		}
	}
}
func (t *caller) again8(cx *task.Cx) error {
again:
	_, err := t.in.Recv(cx) // want `this tries again although the error of t\.in\.Recv may be Pending`
	if err != nil {
		goto again
	}
	return nil
}
func (t *caller) again9(cx *task.Cx) error {
	for {
		if _, err := t.in.Recv(cx); err != nil { // want `this tries again although the error of t\.in\.Recv may be Pending`
			if err := t.back.Wait(cx); err != nil {
				return err
			}
			continue
		}
		return nil
	}
}
func (t *caller) again10(cx *task.Cx) error {
	var err error
	for range 5 {
		_, err = t.in.Recv(cx) // want `this tries again although the error of t\.in\.Recv may be Pending`
		if err == nil {
			return nil
		}
	}
	return fmt.Errorf("after five: %w", err)
}
func (t *caller) again11(cx *task.Cx) error {
	err := t.conn.Write(cx, t.line)
	if err != nil {
		err = t.conn.Write(cx, t.line) // want `this tries again although the error of t\.conn\.Write may be Pending`
	}
	return err
}
func (t *caller) again12(cx *task.Cx) error {
	for {
		n, err := t.conn.Read(cx, t.buf) // want `this tries again although the error of t\.conn\.Read may be Pending`
		if n > 0 {
			t.sum += n
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			continue
		}
	}
}
func retry(cx *task.Cx, f func(*task.Cx) error) error {
	for {
		if err := f(cx); err == nil { // want `this tries again although the error of f may be Pending`
			return nil
		}
	}
}
func (t *caller) again13(cx *task.Cx) error {
	for {
		c, err := t.l.Accept(cx) // want `this tries again although the error of t\.l\.Accept may be Pending`
		if err != nil {
			continue
		}
		_ = c
		return nil
	}
}
func (t *caller) again14(cx *task.Cx) error {
	for done := false; !done; {
		_, err := t.in.Recv(cx) // want `this tries again although the error of t\.in\.Recv may be Pending`
		done = err == nil
	}
	return nil
}
func (t *caller) again15(cx *task.Cx) error {
	ok := false
	for !ok {
		if _, err := t.in.Recv(cx); err == nil { // want `this tries again although the error of t\.in\.Recv may be Pending`
			ok = true
		}
	}
	return nil
}
func (t *caller) again17(cx *task.Cx) error {
	for {
		_, err := t.in.Recv(cx)
		if err != nil {
			t.tries++ // want `this counts although the error of t\.in\.Recv may be Pending`
			if t.tries > 5 {
				return err
			}
			continue
		}
		return nil
	}
}
func (t *caller) again18(cx *task.Cx) error {
	for t.tries < 5 {
		if err := t.conn.Write(cx, t.line); err == nil {
			return nil
		}
		t.tries++ // want `this counts although the error of t\.conn\.Write may be Pending`
	}
	return errTemp
}
func (t *caller) again19(cx *task.Cx) error {
	for {
		if err := t.conn.Write(cx, t.line); err != nil && !errors.Is(err, io.EOF) { // want `this tries again although the error of t\.conn\.Write may be Pending`
			continue
		}
		return nil
	}
}
func (t *caller) again20(cx *task.Cx) error {
	for {
		if _, err := t.in.Recv(cx); err != nil {
			if errors.Is(err, task.ErrCanceled) || errors.Is(err, task.ErrClosed) {
				return err
			}
			log.Print("again") // want `this logs although the error of t\.in\.Recv may be Pending`
		} else {
			return nil
		}
	}
}
func (t *caller) again22(cx *task.Cx) error {
	for {
		_, t.err = t.in.Recv(cx) // want `this tries again although the error of t\.in\.Recv may be Pending`
		if t.err != nil {
			continue
		}
		return nil
	}
}
func (t *caller) again23(cx *task.Cx) error {
	_, t.err = t.in.Recv(cx)
	if t.err != nil {
		return errTemp // want `this ends the wait although the error of t\.in\.Recv may be Pending`
	}
	return nil
}
