//go:build heistgen

package main

import (
	"bytes"
	"errors"
	"io"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// accept is server.Poll as a straight-line function.
//
//heist:task
func accept(cx *task.Cx, s *server) error {
	return reactor.Serve(cx, s.listener, func(c *reactor.Conn) task.Task {
		s.clients.Add(1)
		return form.answer(s, c)
	})
}

// sweep is sweeper as a straight-line function.
//
//heist:task
func sweep(cx *task.Cx, data *store) error {
	ticker := task.Ticker{Every: sweeps, Missed: task.Skip}
	for {
		if _, err := ticker.Tick(cx); err == task.ErrClosed {
			return nil
		} else if err != nil {
			return err
		}
		const most = 1000
		for data.sweep(data.at(cx.Now()), most) >= most {
			if err := cx.Yield(); err != nil {
				return err
			}
		}
	}
}

// answer is session as a straight-line function.
//
//heist:task drain=Next
func answer(cx *task.Cx, s *server, c *reactor.Conn) error {
	defer s.left(c)
	var in []byte // what was read and is not executed: the beginning of a command, or more
	more, spent := false, 0
	for {
		if spent >= share {
			if err := cx.Yield(); err != nil {
				return err
			}
			spent = 0
		}
		b := in
		if !more {
			lent, err := c.Next(cx)
			if err == io.EOF || errors.Is(err, task.ErrDraining) {
				return nil
			}
			if err != nil {
				return err
			}
			if b = lent; len(in) > 0 {
				in = append(in, lent...)
				b = in
			}
		}
		r := s.requests.Get(cx)
		rest, err := r.batch(s.data.at(cx.Now()), b)
		if err != nil {
			r.fail("ERR " + err.Error())
			rest = nil
		}
		closing := r.quit || err != nil
		more = len(rest) > 0 && r.full()
		spent += 1 + r.spent + (len(b)+len(r.out))/64
		if len(rest) < len(b) || len(in) == 0 {
			in = bytes.Clone(rest) // also of in: a little should not hold on to much
		}
		out := r.out
		r.out = nil // ours, until it is written
		if err := c.Write(cx, out); err != nil {
			return err
		}
		if closing {
			c.SetWriteLimit(maxReplies, parting)
			return c.Hangup(cx)
		}
		s.requests.Get(cx).out = out
	}
}
