// Command echo sends back what comes, to any number of connections.
//
//	go run ./examples/echo -listen 127.0.0.1:7000
//	nc 127.0.0.1 7000
//
// A connection is an echo: 300 bytes and no goroutine. Interrupt it, and it sends back what has
// come, takes leave of those that are idle, and ends.
package main

//go:generate go run -C ../../heistgen . ../examples/echo

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// echo is one connection. What it has read and not written yet is its whole state.
type echo struct {
	task.Frame
	conn *reactor.Conn
	out  []byte
	buf  [128]byte
}

func (e *echo) Poll(cx *task.Cx) error {
	for {
		if len(e.out) == 0 {
			n, err := e.conn.Read(cx, e.buf[:])
			if err == io.EOF || task.IsPending(err) && cx.Draining() {
				return nil // nothing is left to be sent back, and nothing will be
			}
			if err != nil {
				return err // Pending, too: Poll begins again when something has come
			}
			e.out = e.buf[:n]
		}
		if err := e.conn.Write(cx, e.out); err != nil {
			return err
		}
		e.out = nil
	}
}

// Finish is called at the end, whatever that was.
func (e *echo) Finish(error) { _ = e.conn.Close() }

// form makes the task of a connection.
var form = byHand

func byHand(c *reactor.Conn) task.Task       { return &echo{conn: c} }
func straightLine(c *reactor.Conn) task.Task { return newRespond(c) }

// serve echoes until ctx is done, and then until what has come was sent back, or grace has
// passed. The error may be that no more connections can be accepted.
func serve(ctx context.Context, network, address string, grace time.Duration, ready func(addr string)) error {
	p, err := pool.New(pool.Config{})
	if err != nil {
		return err
	}
	defer p.Close()
	l, err := p.Listen(network, address)
	if err != nil {
		return err
	}
	ready(l.Addr().String())
	server := task.Go(p, func(cx *task.Cx) (none struct{}, err error) {
		return none, reactor.Serve(cx, l, form)
	})
	if _, err := server.WaitContext(ctx); ctx.Err() == nil {
		return err // it has ended by itself
	}
	_ = l.Close()
	end, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := p.Shutdown(end); err != nil {
		return err
	}
	_, err = server.Result()
	return err
}

func main() {
	listen := flag.String("listen", "127.0.0.1:7000", "address to listen on; a path with -unix")
	unix := flag.Bool("unix", false, "listen on a Unix socket")
	grace := flag.Duration("grace", 5*time.Second, "how long connections may go on after an interrupt")
	straight := flag.Bool("straight", false, "take the straight-line form (straight.go) instead of the hand-written one")
	flag.Parse()
	if *straight {
		form = straightLine
	}
	network := "tcp"
	if *unix {
		network = "unix"
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := serve(ctx, network, *listen, *grace, func(addr string) { fmt.Println("echo: listening on", addr) })
	if err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}
