#!/usr/bin/env bash
# github.com/zeromicro/go-zero v1.10.3, core/collection, TimingWheel, Go 1.26.
#
# Expected: a wheel with slots of one second fires a timer of 1.9 s after 1.9 s at the earliest, and up to a second late:
# rounding goes up, as it does in Netty's wheel and in Linux's.
#
# Seen: it fires after about 1 s. The delay is cut to whole slots, and the first of them is the one that is
# already running: a delay of n.x slots fires n-1 to n slots later, so up to two slots early, and one of 1.x slots
# at once if the wheel is about to tick. What is built on it (collection.Cache has slots of one second) inherits that:
# a lease or a quiet time of few slots can end before it has run for half of its time.
#
# What to do: add two slots to each delay, or take slots much shorter than the shortest delay.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25

require github.com/zeromicro/go-zero v1.10.3
MOD
cat >main.go <<'GO'
package main

import (
	"fmt"
	"time"

	"github.com/zeromicro/go-zero/core/collection"
)

func main() {
	fired := make(chan time.Time, 1)
	wheel, err := collection.NewTimingWheel(time.Second, 60, func(key, value any) { fired <- time.Now() })
	if err != nil {
		panic(err)
	}
	defer wheel.Stop()
	begin := time.Now()
	if err := wheel.SetTimer("lease", 1, 1900*time.Millisecond); err != nil {
		panic(err)
	}
	after := (<-fired).Sub(begin)
	fmt.Println("slots of 1s, a timer of 1.9s: fired early by more than half a second:", after < 1400*time.Millisecond)
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
want='slots of 1s, a timer of 1.9s: fired early by more than half a second: true'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
