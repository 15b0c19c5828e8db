//go:build heistgen

package main

import (
	"errors"
	"io"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// respond is echo as a straight-line function.
//
//heist:task drain=Read context
func respond(cx *task.Cx, c *reactor.Conn) error {
	defer c.Close()
	var buf [128]byte
	for {
		n, err := c.Read(cx, buf[:])
		if err == io.EOF || errors.Is(err, task.ErrDraining) {
			return nil // nothing is left to be sent back, and nothing will be
		}
		if err != nil {
			return err
		}
		if err := c.Write(cx, buf[:n]); err != nil {
			return err
		}
	}
}
