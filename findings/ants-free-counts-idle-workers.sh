#!/usr/bin/env bash
# github.com/panjf2000/ants/v2 v2.12.1, Pool.Running and Pool.Free, Go 1.26.
#
# Expected: of a pool of 4 that has done its work, and does nothing, Running is 0 and Free is 4: so
# a server sheds load when Free is 0.
#
# Seen: Running is 4 and Free is 0, for as long as idle workers are kept (1 s by default, for ever with
# DisablePurge), and a non-blocking Submit succeeds meanwhile. Both count goroutines that exist,
# idle ones among them, not tasks. A server that sheds load by Free refuses work when it is idle.
#
# What to do: take Submit's ErrPoolOverload (WithNonblocking) as the answer, or count the tasks.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25

require github.com/panjf2000/ants/v2 v2.12.1
MOD
cat >main.go <<'GO'
package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/panjf2000/ants/v2"
)

func main() {
	p, err := ants.NewPool(4, ants.WithNonblocking(true))
	if err != nil {
		panic(err)
	}
	defer p.Release()
	var tasks sync.WaitGroup
	for range 4 {
		tasks.Add(1)
		if err := p.Submit(func() { time.Sleep(20 * time.Millisecond); tasks.Done() }); err != nil {
			panic(err)
		}
	}
	tasks.Wait()
	time.Sleep(100 * time.Millisecond) // nothing runs
	running, free := p.Running(), p.Free()
	tasks.Add(1)
	err = p.Submit(func() { tasks.Done() })
	tasks.Wait()
	fmt.Println("idle: running", running, "free", free, "and a submit says", err)
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
want='idle: running 4 free 0 and a submit says <nil>'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
