#!/usr/bin/env bash
# github.com/failsafe-go/failsafe-go v0.9.8 (circuitbreaker), beside github.com/sony/gobreaker/v2 v2.4.0, Go 1.26.
#
# Expected: a breaker that is half open lets some calls in on trial, and they decide whether it closes. What was called long
# before, when it was still closed, says nothing about that.
#
# Seen: gobreaker does that; it knows in which of its states a call began. failsafe-go counts whatever ends while it is
# half open. Three slow calls from before the outage that end now (answers that were on their way, or requests that a
# replica has served) close the breaker, while the one trial call has no answer yet: everybody is let in to a server that
# nobody has heard of since it failed. Failures are counted in the same way, so the time-outs of calls that the outage itself caught
# open a breaker anew that the trial calls would have closed. The longer calls take, compared
# to the delay, the more often it is the old ones that decide.
#
# What to do: a timeout within the breaker that is shorter than its delay, so that no call outlives the open state.
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

const (
	open = time.Second
	n    = 3 // failures that open a breaker, and successes that close it
)

var down = errors.New("down")

type breaker struct {
	name  string
	call  func(func() error) error
	state func() string
}

// begin starts a call, and returns how it is ended, which takes until the breaker knows.
func (b breaker) begin() (end func(error)) {
	began, result, ended := make(chan bool), make(chan error), make(chan bool)
	go func() {
		_ = b.call(func() error { close(began); return <-result })
		close(ended)
	}()
	<-began
	return func(err error) { result <- err; <-ended }
}

// try says in which state the old calls leave the breaker while one trial call is in progress.
func (b breaker) try(old error) {
	var before []func(error)
	for range n {
		before = append(before, b.begin())
	}
	for range n {
		_ = b.call(func() error { return down })
	}
	opened := b.state()
	time.Sleep(open + open/10)
	trial := b.begin()
	during := b.state()
	for _, end := range before {
		end(old)
	}
	fmt.Printf("%s: %s, %s, and when old calls end (%v): %s\n", b.name, opened, during, old, b.state())
	trial(nil)
}

func main() {
	for _, old := range []error{nil, down} {
		f := circuitbreaker.NewBuilder[any]().WithFailureThreshold(n).WithSuccessThreshold(n).WithDelay(open).Build()
		breaker{"failsafe-go", func(call func() error) error { return failsafe.With(f).Run(call) }, func() string { return f.State().String() }}.try(old)
		g := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{
			MaxRequests: n, Timeout: open,
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= n },
		})
		breaker{"gobreaker", func(call func() error) error {
			_, err := g.Execute(func() (int, error) { return 0, call() })
			return err
		}, func() string { return g.State().String() }}.try(old)
	}
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
want='failsafe-go: open, half-open, and when old calls end (<nil>): closed
gobreaker: open, half-open, and when old calls end (<nil>): half-open
failsafe-go: open, half-open, and when old calls end (down): open
gobreaker: open, half-open, and when old calls end (down): half-open'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
