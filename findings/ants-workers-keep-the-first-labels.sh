#!/usr/bin/env bash
# github.com/panjf2000/ants/v2 v2.12.1 and github.com/sourcegraph/conc v0.3.0 (pool) with labels of runtime/pprof, Go 1.26.
#
# Expected: work that tenant "b" submits within pprof.Do is profiled as b's, as it is with a go statement; at worst it
# has no label.
#
# Seen: it is profiled as tenant "a"'s. A worker is a goroutine, which inherits the labels of whoever submitted when it was
# started, and keeps them for whatever it runs later: all 100 tasks of b, and those of a caller without any labels,
# are a's. Who grew the pool pays for everybody, in profiles of processor time and of goroutines, and in each service
# that is fed by them; with labels of requests the first request of the day does. That nothing is missing from
# the sum makes it hard to see.
#
# What to do: pprof.Do within the task, with the labels that the context had at the submit; or fill the pool with idle tasks
# from a goroutine without labels (and DisablePurge).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25

require (
	github.com/panjf2000/ants/v2 v2.12.1
	github.com/sourcegraph/conc v0.3.0
)
MOD
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"regexp"
	"runtime/pprof"
	"strings"
	"sync"

	"github.com/panjf2000/ants/v2"
	"github.com/sourcegraph/conc/pool"
)

var label = regexp.MustCompile(`"tenant":"(.)"`)

// whose is the tenant that the profile of goroutines has for its caller.
//
//go:noinline
func whose() string {
	var profile strings.Builder
	check(pprof.Lookup("goroutine").WriteTo(&profile, 1))
	for _, entry := range strings.Split(profile.String(), "\n\n") {
		if strings.Contains(entry, "main.whose") {
			if l := label.FindStringSubmatch(entry); l != nil {
				return l[1]
			}
			return "none"
		}
	}
	return "not found"
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// seen has one task of tenant a, then 100 of b, and 100 of nobody, one at a time, and counts whose they appear to be.
func seen(submit func(func())) map[string]int {
	counts := map[string]int{}
	run := func(tenant string) {
		var done sync.WaitGroup
		done.Add(1)
		task := func() {
			submit(func() {
				counts[tenant+" is "+whose()]++
				done.Done()
			})
		}
		if tenant == "none" {
			task()
		} else {
			pprof.Do(context.Background(), pprof.Labels("tenant", tenant), func(context.Context) { task() })
		}
		done.Wait()
	}
	run("a")
	for range 100 {
		run("b")
		run("none")
	}
	return counts
}

func main() {
	workers, err := ants.NewPool(1, ants.WithDisablePurge(true))
	check(err)
	defer workers.Release()
	fmt.Println("ants:", seen(func(f func()) { check(workers.Submit(f)) }))
	limited := pool.New().WithMaxGoroutines(1)
	fmt.Println("conc:", seen(limited.Go))
	fmt.Println("go:  ", seen(func(f func()) { go f() }))
	limited.Wait()
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
want='ants: map[a is a:1 b is a:100 none is a:100]
conc: map[a is a:1 b is a:100 none is a:100]
go:   map[a is a:1 b is b:100 none is none:100]'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
