// Command kv is a small server of the Redis protocol, on Heist's reactor.
//
//	go run . -addr 127.0.0.1:6380
//	redis-cli -p 6380 set greeting hello
//	redis-benchmark -p 6380 -t get,set -P 16 -q
//
// A connection is a state machine of a few hundred bytes (server.go). The protocol is
// parsed by github.com/tidwall/redcon, within limits of our own (protocol.go); the data
// is in sharded maps (store.go). Interrupt it, and it answers what has come, and ends.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/heist-go/heist/pool"
)

// grace is how long the connections have to end by themselves.
const grace = 5 * time.Second

func main() {
	addr := flag.String("addr", "127.0.0.1:6380", "address to listen on")
	straight := flag.Bool("straight", false, "take the straight-line form (straight.go) instead of the hand-written one")
	flag.Parse()
	if *straight {
		form = straightLine
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, *addr, func(addr string) { fmt.Println("kv: listening on", addr) })
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves until ctx is done.
func run(ctx context.Context, addr string, ready func(addr string)) error {
	p, err := pool.New(pool.Config{})
	if err != nil {
		return fmt.Errorf("kv: start: %w", err)
	}
	defer p.Close()
	l, err := p.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("kv: listen: %w", err)
	}
	defer l.Close()
	a := newServer(p, l).start()
	ready(l.Addr().String())
	if err := a.WaitContext(ctx); ctx.Err() == nil {
		return fmt.Errorf("kv: accept: %w", err) // it has ended by itself
	}
	_ = l.Close()
	end, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := p.Shutdown(end); err != nil {
		return fmt.Errorf("kv: shutdown: %w", err)
	}
	if err := a.Err(); err != nil {
		return fmt.Errorf("kv: accept: %w", err)
	}
	return nil
}
