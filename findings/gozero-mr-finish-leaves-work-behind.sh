#!/usr/bin/env bash
# github.com/zeromicro/go-zero v1.10.3, core/mr, Finish and MapReduce, Go 1.26.
#
# Expected: as errgroup's Wait, Finish returns when all functions have returned, so that what they write may be read.
#
# Seen: it returns with the first error while the others still run, and nothing waits for them; they write their results
# into the caller's variables after that (a data race with whoever reads them, or uses them again for a second try).
# MapReduce does the same when a mapper cancels: mappers are still at work when it has returned.
#
# What to do: errgroup, or a WaitGroup of one's own in each function.
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
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/zeromicro/go-zero/core/mr"
)

func main() {
	var ended atomic.Int32
	again := make(chan struct{})
	err := mr.Finish(
		func() error { return errors.New("no such user") },
		func() error { <-again; ended.Add(1); return nil },
	)
	fmt.Println("Finish says", err, "with", ended.Load(), "of the others ended")
	close(again)
	for ended.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	fmt.Println("later it writes:", ended.Load())
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
want='Finish says no such user with 0 of the others ended
later it writes: 1'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
