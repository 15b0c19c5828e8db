//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/heist-go/heist/examples/internal/twin"
	"github.com/heist-go/heist/task"
)

// talkGoroutine is a client as a goroutine is written by hand.
func talkGoroutine(ctx context.Context, c *client) (err error) {
	defer func() { c.Finish(err) }()
	std := c.conn.Std()
	defer context.AfterFunc(ctx, func() { _ = std.SetReadDeadline(time.Unix(1, 0)) })()
	in := bufio.NewReaderSize(std, maxLine)
	for !c.leaving {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			_ = c.conn.Post([]byte("* the server closes\n"))
			c.leaving = true
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		default:
			c.said(strings.TrimRight(string(line), "\r\n"))
		}
	}
	c.server.leave(c, nil)
	if _, err := std.Write(nil); err != nil { // when all was sent
		return err
	}
	if err := c.conn.CloseWrite(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

// TestColors runs the tests with goroutines: one from the straight-line source, and one by hand.
func TestColors(t *testing.T) {
	defer func() { form = byHand }()
	for color, f := range map[string]func(context.Context, *client) error{"Context": talkContext, "Goroutine": talkGoroutine} {
		form = func(c *client) task.Task {
			return twin.New(func(ctx context.Context) error { return f(ctx, c) })
		}
		if color != "Context" { // which nobody tells softly: it ends with its context
			t.Run(color+"/Rooms", TestRooms)
		}
		t.Run(color+"/CutOff", TestCutOff)
		t.Run(color+"/Lost", TestLost)
	}
}
