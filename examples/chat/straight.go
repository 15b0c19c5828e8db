//go:build heistgen

package main

import (
	"errors"
	"io"
	"strings"

	"github.com/heist-go/heist/task"
)

// talk is client as a straight-line function.
//
//heist:task drain=ReadUntil,Hangup,Next context
func talk(cx *task.Cx, c *client) (err error) {
	defer func() { c.Finish(err) }()
	for !c.leaving {
		line, err := c.conn.ReadUntil(cx, '\n', maxLine)
		switch {
		case errors.Is(err, task.ErrDraining):
			_ = c.conn.Post([]byte("* the server closes\n"))
			c.leaving = true
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		default:
			c.said(strings.TrimRight(string(line), "\r\n"))
		}
	}
	c.server.leave(c, nil)
	if err := c.conn.Hangup(cx); !errors.Is(err, task.ErrDraining) {
		return err
	}
	if err := c.conn.Flush(cx); err != nil { // as part does
		return err
	}
	for err == nil {
		_, err = c.conn.Next(cx)
	}
	if errors.Is(err, task.ErrDraining) || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
