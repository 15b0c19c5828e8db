//go:build unix

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/heist-go/heist/examples/internal/twin"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// respondGoroutine is a connection as a goroutine is written by hand.
func respondGoroutine(ctx context.Context, c *reactor.Conn) error {
	std := c.Std()
	defer std.Close()
	defer context.AfterFunc(ctx, func() { _ = std.SetReadDeadline(time.Unix(1, 0)) })()
	buf := make([]byte, 128)
	for {
		n, err := std.Read(buf)
		if err == io.EOF || errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := std.Write(buf[:n]); err != nil {
			return err
		}
	}
}

// TestColors runs the tests with goroutines: one from the straight-line source, and one by hand.
func TestColors(t *testing.T) {
	defer func() { form = byHand }()
	for color, f := range map[string]func(context.Context, *reactor.Conn) error{"Context": respondContext, "Goroutine": respondGoroutine} {
		form = func(c *reactor.Conn) task.Task {
			return twin.New(func(ctx context.Context) error { return f(ctx, c) })
		}
		t.Run(color+"/Echo", TestEcho)
		t.Run(color+"/End", TestEnd)
	}
}
