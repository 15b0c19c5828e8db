// Command kv is a small server of the Redis protocol, on Heist's reactor.
//
//	go run . -listen 127.0.0.1:6380
//	redis-cli -p 6380 set greeting hello
//	redis-benchmark -p 6380 -t get,set -P 16 -q
//
// A connection is a state machine of a few hundred bytes (server.go); the protocol is
// parsed by github.com/tidwall/redcon.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/heist-go/heist/pool"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:6380", "address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *listen, func(addr string) { fmt.Println("kv: listening on", addr) }); err != nil {
		fmt.Fprintln(os.Stderr, "kv:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done.
func run(ctx context.Context, address string, ready func(addr string)) error {
	p, err := pool.New(pool.Config{})
	if err != nil {
		return err
	}
	defer p.Close()
	l, err := p.Listen("tcp", address)
	if err != nil {
		return err
	}
	newServer(p).start(l)
	ready(l.Addr().String())
	<-ctx.Done()
	_ = l.Close()
	end, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = p.Shutdown(end) // who is connected still is cut off then
	return nil
}
