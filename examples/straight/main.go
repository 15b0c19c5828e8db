// Command straight is a small chat whose sessions are straight-line functions, which heistgen
// has compiled into tasks:
//
//	go run ./examples/straight -listen 127.0.0.1:7000
//	nc 127.0.0.1 7000
//
// What was written is in session.go, what was made of it in session_heist.go. Interrupt it, and
// the sessions say good-bye.
package main

//go:generate go run -C ../../heistgen . ../examples/straight

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// room is who is there.
type room struct {
	mu    sync.Mutex
	conns map[*reactor.Conn]string
}

func (r *room) join(name string, c *reactor.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns[c] = name
}

func (r *room) leave(c *reactor.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
}

// others are those who hear what c says.
func (r *room) others(c *reactor.Conn) (list []*reactor.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for o := range r.conns {
		if o != c {
			list = append(list, o)
		}
	}
	return list
}

// serve chats until ctx is done, and then lets the sessions end, for as long as grace.
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
	r := &room{conns: map[*reactor.Conn]string{}}
	p.Go(task.Func(func(cx *task.Cx) error {
		return reactor.Serve(cx, l, func(c *reactor.Conn) task.Task { return newSession(c, r) })
	}))
	<-ctx.Done()
	_ = l.Close()
	end, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	return p.Shutdown(end)
}

func main() {
	listen := flag.String("listen", "127.0.0.1:7000", "address to listen on")
	grace := flag.Duration("grace", 5*time.Second, "how long sessions may go on after an interrupt")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := serve(ctx, "tcp", *listen, *grace, func(addr string) { fmt.Println("straight: listening on", addr) })
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "straight:", err)
		os.Exit(1)
	}
}
