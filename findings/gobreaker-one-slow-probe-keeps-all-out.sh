#!/usr/bin/env bash
# github.com/sony/gobreaker/v2 v2.4.0 and github.com/failsafe-go/failsafe-go v0.9.8 (circuitbreaker), Go 1.26.
#
# Expected: a breaker with a timeout (delay) of 20 ms lets somebody try every 20 ms: a server that is well again is
# back in use some 20 ms later.
#
# Seen: both time the open state only. The first caller after it becomes the probe of the half-open state, and as
# long as that one call has not come back, everybody else is refused: here ten callers in 250 ms, all of
# whom the server would have answered. A connection that was left from before the outage, and that nobody answers, is
# just the kind of call that comes first; without a timeout of its own it keeps the breaker shut for good.
#
# What to do: put a timeout inside of the breaker (round the call), not outside; or let several probes in (MaxRequests,
# WithSuccessThreshold), so that a single one does not decide.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25

require (
	github.com/failsafe-go/failsafe-go v0.9.8
	github.com/sony/gobreaker/v2 v2.4.0
)
MOD
cat >main.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/sony/gobreaker/v2"
)

const open = 20 * time.Millisecond

// try has a breaker opened by a failure, sends one slow call when it is half open, and counts how many of ten quick
// calls meanwhile, and of one afterwards, the breaker lets through.
func try(through func(call func() error) error) (during, after int) {
	_ = through(func() error { return errors.New("down") })
	time.Sleep(2 * open)
	started, release, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		_ = through(func() error { close(started); <-release; return nil })
	}()
	<-started
	for range 10 {
		time.Sleep(open + open/4)
		_ = through(func() error { during++; return nil })
	}
	close(release)
	<-ended
	_ = through(func() error { after++; return nil })
	return during, after
}

func main() {
	g := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{
		Timeout:     open,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 1 },
	})
	during, after := try(func(call func() error) error {
		_, err := g.Execute(func() (int, error) { return 0, call() })
		return err
	})
	fmt.Printf("gobreaker: %d of 10 while the probe is out, %d of 1 afterwards\n", during, after)

	f := circuitbreaker.NewBuilder[any]().WithFailureThreshold(1).WithDelay(open).Build()
	during, after = try(func(call func() error) error { return failsafe.With[any](f).Run(call) })
	fmt.Printf("failsafe: %d of 10 while the probe is out, %d of 1 afterwards\n", during, after)
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
want='gobreaker: 0 of 10 while the probe is out, 1 of 1 afterwards
failsafe: 0 of 10 while the probe is out, 1 of 1 afterwards'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
