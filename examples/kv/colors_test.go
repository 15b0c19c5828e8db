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

// answerGoroutine is a connection as a goroutine is written by hand. It has its own memory for what
// it reads and answers.
func answerGoroutine(ctx context.Context, s *server, c *reactor.Conn) error {
	defer s.left(c)
	std := c.Std()
	defer context.AfterFunc(ctx, func() { _ = std.SetReadDeadline(time.Unix(1, 0)) })()
	r, buf := request{server: s}, make([]byte, 16<<10)
	var in []byte
	for {
		n, err := std.Read(buf)
		if err == io.EOF || errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		in = append(in, buf[:n]...)
		for more := true; more; more = len(in) > 0 && r.full() {
			rest, bad := r.batch(s.data.at(time.Now()), in)
			if bad != nil {
				r.fail("ERR " + bad.Error())
			}
			if _, err := std.Write(r.out); err != nil {
				return err
			}
			if bad != nil || r.quit {
				_ = c.CloseWrite()
				_ = std.SetReadDeadline(time.Now().Add(parting))
				_, _ = io.Copy(io.Discard, std)
				return nil
			}
			in = append(in[:0], rest...)
		}
	}
}

// TestGoroutine runs the tests with a goroutine that is written by hand.
func TestGoroutine(t *testing.T) {
	form.answer = func(s *server, c *reactor.Conn) task.Task {
		return twin.New(func(ctx context.Context) error { return answerGoroutine(ctx, s, c) })
	}
	defer func() { form = byHand }()
	t.Run("Commands", TestCommands)
	t.Run("Pipelining", TestPipelining)
	t.Run("SlowReader", TestSlowReader)
	t.Run("Malformed", TestMalformed)
	t.Run("Limits", TestLimits)
	t.Run("Shutdown", TestShutdown)
}
