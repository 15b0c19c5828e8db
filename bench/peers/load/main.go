//go:build unix

// Command load measures a server that answers each request, in order, with bytes that are
// known: an echo, or PING of the Redis protocol.
//
//	go -C bench/peers run ./load -address 127.0.0.1:8080 -conns 50
//	go -C bench/peers run ./load -address 127.0.0.1:6379 -ping -conns 50 -depth 16
//	go -C bench/peers run ./load -address 127.0.0.1:6379 -ping -rate 20000
//
// Without -rate it is a closed loop, as redis-benchmark is; with it an open one, whose
// latencies count from when each request was due. It runs some seconds, prints the rate, the
// quantiles of the latency, its own CPU, and in an open loop how late it was itself.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/heist-go/heist/internal/load"
)

func main() {
	plan := load.Plan{Network: "tcp"}
	flag.StringVar(&plan.Address, "address", "", "`host:port` of the server")
	flag.IntVar(&plan.Conns, "conns", 50, "connections")
	flag.IntVar(&plan.Depth, "depth", 1, "requests in flight on each connection, without -rate")
	flag.Float64Var(&plan.Rate, "rate", 0, "requests a second; 0: as many as are answered")
	flag.IntVar(&plan.Threads, "threads", 1, "threads that send")
	size := flag.Int("size", 64, "bytes of a request to an echo")
	ping := flag.Bool("ping", false, "the server speaks the Redis protocol")
	most := flag.Duration("for", 3*time.Second, "about how long")
	flag.Parse()
	if plan.Address == "" || *size < 1 || *most <= 0 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "load: -address is missing, or -size or -for is not positive")
		flag.Usage()
		os.Exit(2)
	}
	plan.Request = bytes.Repeat([]byte("x"), *size)
	plan.Answer = plan.Request
	if *ping {
		plan.Request, plan.Answer = []byte("*1\r\n$4\r\nPING\r\n"), []byte("+PONG\r\n")
	}
	if err := run(plan, *most); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(plan load.Plan, most time.Duration) error {
	g, err := load.Open(plan)
	if err != nil {
		return err
	}
	defer g.Close()
	n := int(plan.Rate * most.Seconds())
	if plan.Rate == 0 {
		for n = plan.Conns * max(plan.Depth, 1); ; n *= 4 {
			r, err := g.Run(n)
			if err != nil {
				return err
			}
			if r.Took > most/20 {
				n = int(float64(n) * float64(most) / float64(r.Took))
				break
			}
		}
	}
	r, err := g.Run(max(n, 1))
	if err != nil {
		return err
	}
	us := func(ns int64) float64 { return float64(ns) / 1000 }
	q := r.Latency.Quantile
	fmt.Printf("%.0f requests/s, %d in %v, %.2f µs of CPU here for each\n", float64(r.Requests)/r.Took.Seconds(), r.Requests,
		r.Took.Round(time.Millisecond), us(int64(r.CPU))/float64(r.Requests))
	fmt.Printf("latency µs: p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  most %.1f\n", us(q(0.5)), us(q(0.9)), us(q(0.99)), us(q(0.999)), us(r.Latency.Max()))
	if plan.Rate > 0 {
		l := r.Late.Quantile
		fmt.Printf("sent late µs: p50 %.1f  p99 %.1f  most %.1f\n", us(l(0.5)), us(l(0.99)), us(r.Late.Max()))
	}
	return nil
}
