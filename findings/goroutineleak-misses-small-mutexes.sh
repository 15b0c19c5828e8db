#!/usr/bin/env bash
# runtime/pprof of Go 1.26, the profile "goroutineleak" (GOEXPERIMENT=goroutineleakprofile).
#
# Expected: of 100 goroutines that each wait for a sync.Mutex which nobody else has, and which they hold themselves, the
# profile has 100, whatever else is in the struct around the mutex.
#
# Seen: it has them if the struct has a pointer in it (a name, a map), and none or nearly none if it has not: a mutex is 8
# bytes without a pointer, which the allocator puts into a block of 16 together with its neighbour in time. As long as
# that one is in use, here a number that belongs to something else, the mutex is reachable, as the collector sees it, and
# so the goroutine may yet be woken. A local "var mu sync.Mutex" that a closure takes is of just that size. The count
# also changes later, without any goroutine that has come or gone, when the neighbours are dropped. The documentation of
# weak and of AddCleanup tells of such blocks; that of the profile does not.
#
# What to do: do not read "no leaks" as "no deadlocks" where bare mutexes are about: the profile "goroutine" has
# all that wait for a lock, and for how long.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.26
MOD
cat >main.go <<'GO'
package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"time"
)

const n = 100

type bare struct{ sync.Mutex }

type named struct {
	sync.Mutex
	name string
}

var inUse []*int64

// leak starts goroutines that wait for themselves, and puts a number into use after each of the mutexes.
func leak[L any, P interface {
	*L
	sync.Locker
}]() {
	before := waiting()
	for range n {
		l := P(new(L))
		inUse = append(inUse, new(int64))
		go func() {
			l.Lock()
			l.Lock()
		}()
	}
	for waiting() < before+n {
		time.Sleep(time.Millisecond)
	}
}

// waiting is how many goroutines wait for a mutex.
func waiting() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "[sync.Mutex.Lock")
}

func leaked() int {
	p := pprof.Lookup("goroutineleak")
	if err := p.WriteTo(io.Discard, 1); err != nil {
		panic(err)
	}
	return p.Count()
}

func main() {
	leak[named]()
	withNames := leaked()
	fmt.Println("mutexes with a name:", withNames, "of", n)
	leak[bare]()
	bares := leaked() - withNames
	fmt.Println("bare ones: less than a tenth:", bares < n/10)
	inUse = nil
	fmt.Println("when the numbers are gone:", leaked()-withNames >= n-1, "and no goroutine has changed")
}
GO
got=$(GOEXPERIMENT=goroutineleakprofile go run .)
want='mutexes with a name: 100 of 100
bare ones: less than a tenth: true
when the numbers are gone: true and no goroutine has changed'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
