#!/usr/bin/env bash
# github.com/failsafe-go/failsafe-go v0.9.8, hedgepolicy and timeout, Go 1.26.
#
# Expected: a hedge makes a slow call safer: the second request starts after a delay, and whoever succeeds first wins; a
# failure counts when all have failed. A timeout of 20 ms round a call returns after some 20 ms.
#
# Seen: the first *outcome* wins. One replica is slow and right (60 ms), the other refuses at once: without the hedge
# the caller has its answer, with it the refusal. So hedging turns a slow success into a quick failure as soon
# as one of the servers is down, which is when one hedges. And the timeout only marks the execution: a
# function that does not look at its context is waited for (60 ms), and then its result is thrown away for
# ErrExceeded.
#
# What to do: CancelIf (or its siblings) that accepts only a result without an error; and pass the execution's
# context on to what waits.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25

require github.com/failsafe-go/failsafe-go v0.9.8
MOD
cat >main.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/hedgepolicy"
	"github.com/failsafe-go/failsafe-go/timeout"
)

const slow = 60 * time.Millisecond

// replicas is a call of which the first is slow and right, and each further one is refused at once.
func replicas() func() (string, error) {
	var calls atomic.Int64
	return func() (string, error) {
		if calls.Add(1) == 1 {
			time.Sleep(slow)
			return "right", nil
		}
		return "", errors.New("refused")
	}
}

func main() {
	fmt.Println(replicas()())
	fmt.Println(failsafe.With(hedgepolicy.NewWithDelay[string](slow / 6)).Get(replicas()))
	only := hedgepolicy.NewBuilderWithDelay[string](slow / 6).CancelIf(func(_ string, err error) bool { return err == nil }).Build()
	fmt.Println(failsafe.With(only).Get(replicas()))

	begin := time.Now()
	v, err := failsafe.With(timeout.New[string](slow / 3)).Get(replicas())
	fmt.Printf("%q %v, waited for the function: %t\n", v, err, time.Since(begin) >= slow)
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
want='right <nil>
 refused
right <nil>
"" timeout exceeded, waited for the function: true'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
