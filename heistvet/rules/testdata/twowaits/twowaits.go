package twowaits

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
)

type squares struct {
	task.Frame
	in, out *chans.Chan[int]
	news    *chans.Broadcast[int]
	v       int
	held    bool
	stage   int
	buf     [128]byte
	rest    []byte
	conn    *reactor.Conn
	conns   []*reactor.Conn
	mu      lock.Mutex
	ready   lock.Event
	group   task.Group
	answer  task.Promise[int]
	pause   task.Timer
	next    func(*task.Cx) error
	seq     task.Seq
}

func (s *squares) Poll(cx *task.Cx) error {
	for {
		v, err := s.in.Recv(cx) // want `s.in.Recv is called again when s.out.Send has suspended: put a stage between them`
		if err != nil {
			return err
		}
		if err := s.out.Send(cx, v*v); err != nil {
			return err
		}
	}
}

func (s *squares) echo(cx *task.Cx) error {
	n, err := s.conn.Read(cx, s.buf[:]) // want `s.conn.Read is called again when s.conn.Write has suspended`
	if err != nil {
		return err
	}
	return s.conn.Write(cx, s.buf[:n])
}

func (s *squares) pair(cx *task.Cx) error {
	a, err := s.in.Recv(cx) // want `s.in.Recv is called again when s.in.Recv has suspended`
	if err != nil {
		return err
	}
	b, err := s.in.Recv(cx)
	if err != nil {
		return err
	}
	s.v = a + b
	return nil
}

func (s *squares) sleeps(cx *task.Cx) error {
	if err := s.pause.Sleep(cx, time.Second); err != nil { // want `s.pause.Sleep is called again when s.pause.Sleep has suspended`
		return err
	}
	return s.pause.Sleep(cx, time.Second)
}

// A batch of another one in each round is none.
func (s *squares) tells(cx *task.Cx) error {
	for _, c := range s.conns {
		if err := c.Write(cx, s.rest); err != nil { // want `the loop around c.Write begins anew`
			return err
		}
	}
	return cx.Yield()
}

func (s *squares) ten(cx *task.Cx) error {
	for range 10 {
		if _, err := s.in.Recv(cx); err != nil { // want `the loop around s.in.Recv begins anew`
			return err
		}
	}
	return nil
}

func (s *squares) says(cx *task.Cx) error {
	v, err := s.in.Recv(cx) // want `s.in.Recv is called again when s.out.Send has suspended`
	if err != nil {
		return err
	}
	if err := s.out.Send(cx, v); err != nil {
		return fmt.Errorf("sending %d: %w", v, err)
	}
	return nil
}

func (s *squares) locks(cx *task.Cx) error {
	if err := s.mu.Lock(cx); err != nil { // want `s.mu.Lock is called again when s.pause.Sleep has suspended`
		return err
	}
	if err := s.pause.Sleep(cx, time.Second); err != nil {
		return err
	}
	s.mu.Unlock(cx)
	return nil
}

func (s *squares) either(cx *task.Cx) error {
	l, err1 := s.in.Recv(cx) // want `s.in.Recv is called again when s.out.Recv has suspended`
	r, err2 := s.out.Recv(cx)
	_, err := task.First(err1, err2)
	s.v = l + r
	return err
}

func (s *squares) take(cx *task.Cx) error {
	_, err := s.in.Recv(cx)
	return err
}

func (s *squares) helpers(cx *task.Cx) error {
	if err := s.take(cx); err != nil { // want `s.take is called again when s.group.Wait has suspended`
		return err
	}
	return s.group.Wait(cx)
}

func (s *squares) draining(cx *task.Cx) error {
	for !cx.Draining() {
		v, err := s.in.Recv(cx) // want `s.in.Recv is called again when s.out.Send has suspended`
		if err != nil {
			return err
		}
		if err := s.out.Send(cx, v); err != nil {
			return err
		}
	}
	return nil
}

func (s *squares) tellsAll(cx *task.Cx) error {
	for _, c := range s.conns {
		if err := c.Write(cx, s.rest); err != nil { // want `the loop around c.Write begins anew when it has suspended: keep how far it is in a field`
			return err
		}
	}
	return nil
}

func (s *squares) counts(cx *task.Cx) (sum int, err error) {
	for range 3 {
		v, err := s.in.Recv(cx) // want `the loop around s.in.Recv begins anew`
		if err != nil {
			return 0, err
		}
		sum += v
	}
	return sum, nil
}

func (s *squares) collects(cx *task.Cx, n int) (all []int, err error) {
	for len(all) < n {
		v, err := s.in.Recv(cx) // want `the loop around s.in.Recv begins anew`
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// ---- what is right -----------------------------------------------------------

func (s *squares) field(cx *task.Cx) error {
	for {
		if !s.held {
			v, err := s.in.Recv(cx)
			if errors.Is(err, task.ErrClosed) {
				s.out.Close(cx)
				return nil
			}
			if err != nil {
				return err
			}
			s.v, s.held = v*v, true
		}
		if err := s.out.Send(cx, s.v); err != nil {
			return err
		}
		s.held = false
	}
}

func (s *squares) echoes(cx *task.Cx) error {
	for {
		if len(s.rest) == 0 {
			n, err := s.conn.Read(cx, s.buf[:])
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			s.rest = s.buf[:n]
		}
		if err := s.conn.Write(cx, s.rest); err != nil {
			return err
		}
		s.rest = nil
	}
}

func (s *squares) cases(cx *task.Cx) error {
	switch s.stage {
	case 0:
		if err := s.mu.Lock(cx); err != nil {
			return err
		}
		s.stage++
		fallthrough
	case 1:
		if err := s.pause.Sleep(cx, time.Second); err != nil {
			return err
		}
		s.stage++
	}
	s.mu.Unlock(cx)
	return s.group.Wait(cx)
}

func (s *squares) sticky(cx *task.Cx) error {
	if err := s.ready.Wait(cx); err != nil {
		return err
	}
	v, err := s.answer.Wait(cx)
	if err != nil {
		return err
	}
	if err := s.seq.Run(cx, s.take, s.take); err != nil {
		return err
	}
	return s.out.Send(cx, v)
}

func (s *squares) oneByOne(cx *task.Cx) error {
	v, err := s.in.Recv(cx)
	if task.IsPending(err) {
		v, err = s.out.Recv(cx)
	}
	if err != nil {
		return err
	}
	s.v += v
	return nil
}

func (s *squares) asserts(cx *task.Cx) error {
	if err := task.MustReady(s.out.Send(cx, 1)); err != nil {
		return err
	}
	v, err := s.in.Recv(cx)
	if closed(err) {
		return s.group.Wait(cx)
	}
	s.v = v
	return err
}

func closed(err error) bool { return errors.Is(err, task.ErrClosed) }

func (s *squares) fallsBack(cx *task.Cx) error {
	_, err := s.in.Recv(cx)
	if err == nil {
		return nil
	}
	_, err = s.out.Recv(cx)
	return err
}

func (s *squares) alone(cx *task.Cx) error {
	for {
		v, err := s.in.Recv(cx)
		if err != nil {
			return err
		}
		if err := s.news.Send(cx, v); err != nil { // never suspends
			return err
		}
		if err := s.out.TrySend(cx, v); err != nil {
			return err
		}
	}
}

func (s *squares) drains(cx *task.Cx) error {
	for len(s.conns) > 0 {
		if err := s.conns[0].Write(cx, s.rest); err != nil {
			return err
		}
		s.conns = s.conns[1:]
	}
	return s.group.Wait(cx)
}

func (s *squares) given(cx *task.Cx) error {
	if err := s.mu.Lock(cx); err != nil {
		return err
	}
	_, err := s.in.Recv(cx)
	s.mu.Unlock(cx) // in any case
	return err
}

func (s *squares) unknown(cx *task.Cx) error {
	if err := s.next(cx); err != nil {
		return err
	}
	return s.group.Wait(cx)
}

// read has a stage of its own.
func (s *squares) read(cx *task.Cx) error {
	if s.held {
		return nil
	}
	v, err := s.in.Recv(cx)
	s.v, s.held = v, err == nil
	return err
}

func (s *squares) parts(cx *task.Cx) error {
	if err := s.read(cx); err != nil {
		return err
	}
	return s.out.Send(cx, s.v)
}

func (s *squares) yields(cx *task.Cx) error {
	for {
		if err := cx.Yield(); err != nil {
			return err
		}
		if err := s.take(cx); err != nil {
			return err
		}
	}
}
