//go:build heistgen

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// session is one connection, from its name to its end.
//
//heist:task drain
func session(cx *task.Cx, c *reactor.Conn, r *room) (err error) {
	defer c.Close()
	name, err := readName(cx, c)
	if err != nil {
		return err
	}
	r.join(name, c)
	defer r.leave(c)
	for {
		line, err := c.ReadUntil(cx, '\n', 512)
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, task.ErrDraining):
			return bye(cx, c, name)
		case err != nil:
			return err
		}
		if err := r.say(cx, c, fmt.Sprintf("%s: %s", name, line)); err != nil {
			return err
		}
	}
}

// readName asks until there is an answer.
//
//heist:task drain
func readName(cx *task.Cx, c *reactor.Conn) (name string, err error) {
	for name == "" {
		if err := c.Write(cx, []byte("name? ")); err != nil {
			return "", err
		}
		line, err := c.ReadUntil(cx, '\n', 64)
		if err != nil {
			return "", err
		}
		name = strings.TrimSpace(string(line))
	}
	return name, nil
}

// say tells all others. Each connection has its own session for a writer, so the text is posted:
// what is slow holds up nobody.
//
//heist:task
func (r *room) say(cx *task.Cx, from *reactor.Conn, text string) error {
	b := []byte(text)
	for _, c := range r.others(from) {
		_ = c.Post(b) // its own session will notice
		if err := cx.Spend(); err != nil {
			return err
		}
	}
	return nil
}

// bye is awaited by a session that is told to end, and is itself not told.
//
//heist:task
func bye(cx *task.Cx, c *reactor.Conn, name string) error {
	return c.Write(cx, fmt.Appendf(nil, "good-bye, %s\n", name))
}
