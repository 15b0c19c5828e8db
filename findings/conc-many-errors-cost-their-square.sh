#!/usr/bin/env bash
# github.com/sourcegraph/conc v0.3.0, pool.New().WithErrors(), Go 1.26.
#
# Expected: the error of 8,000 tasks that have failed is a list of 8,000, and its text, 140 kB, costs about that to make.
#
# Seen: it costs some 570 MB of garbage and half a second, and twice as many tasks cost four times that: 16,000, 2.3 GB.
# Each error is joined with the join of all before it, so the result is no list but 8,000 errors nested in each other, and
# each of them makes the text of all that it holds. The pool is quick; the line of the log
# after it takes the time, in just that run in which everything has failed. Unwrap has two errors, not
# 8,000; errors.Is goes down the same stairs.
#
# What to do: WithFirstError; or have the tasks collect their errors, and join them once (a few MB).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25

require github.com/sourcegraph/conc v0.3.0
MOD
cat >main.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/sourcegraph/conc/pool"
)

// cost returns the megabytes that are allocated to make the error's text, and its length in kilobytes.
func cost(err error) (mb, kb uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	text := err.Error()
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) >> 20, uint64(len(text)) >> 10
}

func failed(n int) (joined, pooled error) {
	p := pool.New().WithErrors().WithMaxGoroutines(8)
	var all []error
	for i := range n {
		err := fmt.Errorf("row %d: refused", i)
		all = append(all, err)
		p.Go(func() error { return err })
	}
	return errors.Join(all...), p.Wait()
}

func main() {
	joined, pooled := failed(8000)
	once, _ := cost(joined)
	mb, kb := cost(pooled)
	fmt.Println("text of", kb, "kB; joined once: below 5 MB:", once < 5, "| by the pool: more than 400 MB:", mb > 400)
	joined, pooled = failed(4000)
	half, _ := cost(pooled)
	fmt.Println("twice the errors, more than three times the cost:", mb > 3*half)
	fmt.Println("a list of", len(pooled.(interface{ Unwrap() []error }).Unwrap()), "not of", len(joined.(interface{ Unwrap() []error }).Unwrap()))
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
want='text of 139 kB; joined once: below 5 MB: true | by the pool: more than 400 MB: true
twice the errors, more than three times the cost: true
a list of 2 not of 4000'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
