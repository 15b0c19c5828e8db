#!/usr/bin/env bash
# weak and runtime/pprof of Go 1.26, the profile "goroutineleak" (GOEXPERIMENT=goroutineleakprofile).
#
# Expected: the profile has no false alarms: it has goroutines which wait for what nobody can reach, so nobody can wake them.
#
# Seen: 100 subscribers that wait, in a registry that holds them by weak pointers so as not to keep those alive that have gone:
# all 100 are in the profile, and are called "leaked" in stack traces from then on. Yet the registry reaches each of them:
# Value returns all 100 after the profile as it did before, since the goroutines themselves keep what they wait for.
# The collector asks who is reachable without weak pointers, which for memory is right.
#
# What to do: no such profile of a process that finds who waits through weak pointers (or unique, or a cache that is
# made of them); hold the channel strongly, and only the rest of a subscriber weakly: then the count is 0.
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
	"time"
	"weak"
)

const n = 100

type subscriber struct {
	name string
	news chan string
}

// reach says how many subscribers the registry reaches.
func reach(registry []weak.Pointer[subscriber]) (reached int) {
	for _, w := range registry {
		if w.Value() != nil {
			reached++
		}
	}
	return reached
}

func main() {
	var registry []weak.Pointer[subscriber]
	var channels []chan string
	subscribe := func(channel func(chan string)) {
		for range n {
			s := &subscriber{"somebody", make(chan string)}
			registry = append(registry, weak.Make(s))
			channel(s.news)
			go func() { fmt.Println(s.name, <-s.news) }()
		}
		for stacks := make([]byte, 1<<20); strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "[chan receive") < len(registry); {
			time.Sleep(time.Millisecond)
		}
	}
	leaked := func() int {
		p := pprof.Lookup("goroutineleak")
		if err := p.WriteTo(io.Discard, 1); err != nil {
			panic(err)
		}
		return p.Count()
	}
	subscribe(func(c chan string) { channels = append(channels, c) })
	fmt.Println("channels held: reached", reach(registry), "leaked", leaked(), "reached", reach(registry))
	subscribe(func(chan string) {})
	registry = registry[n:]
	fmt.Println("channels not held: reached", reach(registry), "leaked", leaked(), "reached", reach(registry))
	runtime.KeepAlive(channels)
}
GO
got=$(GOEXPERIMENT=goroutineleakprofile go run .)
want='channels held: reached 100 leaked 0 reached 100
channels not held: reached 100 leaked 100 reached 100'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
