// Command echo sends back what comes, to any number of connections.
//
//	go run ./examples/echo -listen 127.0.0.1:7000
//	nc 127.0.0.1 7000
//
// A connection is an echo: 300 bytes and no goroutine. Interrupt it, and it lets those
// that are connected finish, for a few seconds.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
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
			if err == io.EOF {
				return nil
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

// serve echoes until ctx is done, and then until the connections have ended, or grace
// has passed.
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
	p.Go(task.Func(func(cx *task.Cx) error {
		return reactor.Serve(cx, l, func(c *reactor.Conn) task.Task { return &echo{conn: c} })
	}))
	<-ctx.Done()
	_ = l.Close()
	end, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	return p.Shutdown(end)
}

func main() {
	listen := flag.String("listen", "127.0.0.1:7000", "address to listen on; a path with -unix")
	unix := flag.Bool("unix", false, "listen on a Unix socket")
	grace := flag.Duration("grace", 5*time.Second, "how long connections may go on after an interrupt")
	flag.Parse()
	network := "tcp"
	if *unix {
		network = "unix"
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := serve(ctx, network, *listen, *grace, func(addr string) { fmt.Println("echo: listening on", addr) })
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}
