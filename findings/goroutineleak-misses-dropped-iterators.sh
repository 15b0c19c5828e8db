#!/usr/bin/env bash
# iter and runtime/pprof of Go 1.26, the profile "goroutineleak" (GOEXPERIMENT=goroutineleakprofile), testing/synctest.
#
# Expected: an iterator of iter.Pull that is dropped without stop, which it says must be called, is a leaked goroutine, and the
# profile of leaks is where to find it: nobody can call next or stop any more. One whose next was never called has
# not begun, and costs nothing.
#
# Seen: 100 of each are 200 goroutines for good, however often the collector runs, and the profile has none of
# them: to wait for next is no state that it looks at. Those never called are among them: Pull makes the
# goroutine. Worse, what such a goroutine holds counts as in use: 100 senders on channels which only a dropped
# sequence could receive from are not in the profile either, and they are in it without the iterators. So one forgotten
# stop hides leaks of the kind that the profile is for. testing/synctest does see a dropped iterator: the test
# fails as a deadlock.
#
# What to do: defer stop() in the line after Pull, called or not; look for "runtime.corostart" in the profile
# "goroutine"; and have a synctest round what pulls.
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
	"iter"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"
)

const n = 100

// received is a sequence of what comes from a goroutine of its own that sends.
func received() iter.Seq[int] {
	values := make(chan int)
	go func() {
		for i := 0; ; i++ {
			values <- i
		}
	}()
	return func(yield func(int) bool) {
		for v := range values {
			if !yield(v) {
				return
			}
		}
	}
}

func count(yield func(int) bool) {
	for i := 0; yield(i); i++ {
	}
}

// try has n of something dropped, of which each leaves so many senders, and says how many goroutines are there that were not
// before, and how many are leaked.
func try(what string, each int, drop func()) {
	before, leakedBefore, waiting := runtime.NumGoroutine(), leaked(), senders()+n*each
	for range n {
		drop()
	}
	for senders() < waiting {
		time.Sleep(time.Millisecond)
	}
	runtime.GC()
	runtime.GC()
	fmt.Printf("%s: %d goroutines, %d leaked\n", what, runtime.NumGoroutine()-before, leaked()-leakedBefore)
}

// senders is how many goroutines wait to send.
func senders() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "[chan send")
}

func leaked() int {
	p := pprof.Lookup("goroutineleak")
	if err := p.WriteTo(io.Discard, 1); err != nil {
		panic(err)
	}
	return p.Count()
}

func main() {
	try("senders without an iterator", 1, func() { received() })
	try("iterators after one value", 0, func() { next, _ := iter.Pull(count); next() })
	try("iterators never called", 0, func() { iter.Pull(count) })
	try("senders to iterators", 1, func() { next, _ := iter.Pull(received()); next() })
	try("stopped iterators", 0, func() { _, stop := iter.Pull(count); stop() })
}
GO
cat >main_test.go <<'GO'
package main

import (
	"iter"
	"testing"
	"testing/synctest"
)

func TestDropped(t *testing.T) {
	synctest.Test(t, func(*testing.T) { next, _ := iter.Pull(count); next() })
}
GO
got=$(
	GOEXPERIMENT=goroutineleakprofile go run .
	{ go test . 2>&1 || true; } | grep -o 'deadlock: .* remain'
)
want='senders without an iterator: 100 goroutines, 100 leaked
iterators after one value: 100 goroutines, 0 leaked
iterators never called: 100 goroutines, 0 leaked
senders to iterators: 200 goroutines, 0 leaked
stopped iterators: 0 goroutines, 0 leaked
deadlock: main bubble goroutine has exited but blocked goroutines remain'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
