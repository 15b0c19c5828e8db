#!/usr/bin/env bash
# golang.org/x/time v0.16.0, rate.Limiter.Wait, Go 1.26.
#
# Expected: a waiter whose context ends gives its slot back, and those behind it move up: with 100 a
# second, who is behind 30 that give up has its turn within some 10 ms.
#
# Seen: it waits for its own old slot, about 310 ms, with nobody before it, and the limiter lets nobody pass
# meanwhile. A reservation is a moment in time that is fixed when it is made; canceled, it gives back only what no
# later reservation relies on, which is nothing if somebody is behind it. The more waiters time out,
# the further the limiter falls below its rate: under overload it serves fewer than it may.
#
# What to do: bound how many wait (AllowN, or a semaphore before it) rather than how long each
# waits; or use a limiter with a queue, where a place that is given up is the next one's.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25

require golang.org/x/time v0.16.0
MOD
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

func main() {
	l := rate.NewLimiter(100, 1)
	_ = l.Wait(context.Background()) // the burst is gone
	begin := time.Now()

	ctx, giveUp := context.WithCancel(context.Background())
	var before sync.WaitGroup
	for range 30 {
		before.Go(func() { _ = l.Wait(ctx) })
	}
	time.Sleep(5 * time.Millisecond) // they are in line
	turn := make(chan time.Duration)
	go func() {
		_ = l.Wait(context.Background())
		turn <- time.Since(begin)
	}()
	time.Sleep(5 * time.Millisecond)
	giveUp()
	before.Wait()
	late := <-turn
	fmt.Println("behind 30 that have given up: waits for the slot it had at first:", late > 250*time.Millisecond)
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
want='behind 30 that have given up: waits for the slot it had at first: true'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
