package pendingbranch

import (
	"errors"
	"fmt"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

func (t *caller) failover1(cx *task.Cx) error {
	var last error
	for _, a := range t.addrs {
		_, err := t.dialer.Dial(cx, "tcp", a) // want `this tries again although the error of t\.dialer\.Dial may be Pending`
		if err == nil {
			return nil
		}
		last = err
	}
	return last
}
func (t *caller) failover2(cx *task.Cx) error {
	last := errTemp
	for _, a := range t.addrs {
		_, err := t.dialer.Dial(cx, "tcp", a) // want `this tries again although the error of t\.dialer\.Dial may be Pending`
		if err != nil {
			last = fmt.Errorf("%s: %w", a, err)
			continue
		}
		return nil
	}
	return last
}
func (t *caller) failover3(cx *task.Cx) (*reactor.Conn, error) {
	for _, a := range t.addrs {
		c, err := t.dialer.Dial(cx, "tcp", a)
		if task.IsPending(err) {
			return nil, err
		}
		if err == nil {
			return c, nil
		}
		t.err = err
	}
	return nil, t.err
}
func (t *caller) gather(cx *task.Cx, conns []*reactor.Conn) error {
	errs := make([]error, len(conns))
	for i, c := range conns {
		errs[i] = c.Write(cx, t.line)
	}
	var joined error
	for _, c := range conns {
		err := c.Write(cx, t.line)
		joined = errors.Join(joined, err)
	}
	return errors.Join(append(errs, joined)...)
}

// Helpers that cannot say Pending.
func (t *caller) got(cx *task.Cx) bool {
	v, err := t.in.Recv(cx)
	t.v = v
	return err == nil // want `this cannot say Pending although the error of t\.in\.Recv may be Pending`
}
func (t *caller) sent(cx *task.Cx) (ok bool) {
	if err := t.out.Send(cx, 1); err != nil {
		return false // want `this cannot say Pending although the error of t\.out\.Send may be Pending`
	}
	return true
}
func (t *caller) waits(cx *task.Cx) bool {
	_, err := t.in.Recv(cx)
	return task.IsPending(err)
}
func (t *caller) keeps(cx *task.Cx) bool { // the error is kept in a field, and asked there
	t.v, t.err = t.in.Recv(cx)
	if task.IsPending(t.err) {
		return false
	}
	return t.err == nil
}
func (t *caller) took(cx *task.Cx) bool {
	_, err := t.in.TryRecv(cx)
	return err == nil
}

// Helpers that make another error of any.
func plain(err error) error {
	if err != nil {
		return errTemp
	}
	return nil
}
func verbose(err error) error {
	if err != nil {
		return fmt.Errorf("failed: %v", err)
	}
	return nil
}
func wrapped(err error) error {
	if err != nil {
		return fmt.Errorf("failed: %w", err)
	}
	return nil
}
func asked(err error) error {
	if err != nil && !task.IsPending(err) {
		return errTemp
	}
	return err
}
func (t *caller) other1(cx *task.Cx) error {
	_, err := t.in.Recv(cx)
	return plain(err) // want `this ends the wait although the error of t\.in\.Recv may be Pending`
}
func (t *caller) other2(cx *task.Cx) error {
	if err := t.conn.Write(cx, t.line); err != nil {
		return verbose(err) // want `this ends the wait although the error of t\.conn\.Write may be Pending`
	}
	return nil
}
func (t *caller) other3(cx *task.Cx) error {
	_, err := t.in.Recv(cx)
	return wrapped(err)
}
func (t *caller) other4(cx *task.Cx) error {
	_, err := t.in.Recv(cx)
	return asked(err)
}
func (t *caller) other5(cx *task.Cx) error {
	_, err := t.in.Recv(cx)
	if task.IsPending(err) {
		return err
	}
	return plain(err)
}
