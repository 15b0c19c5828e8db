#!/usr/bin/env bash
# github.com/samber/ro v0.3.0, Race and Timeout, Go 1.26.
#
# Expected: Race of two calls takes the result of the quicker one, and Timeout ends the wait for a call when its time is up,
# as their names say, and as they do in RxJS, where calls are asynchronous by nature.
#
# Seen: a source that is made of an ordinary call (Defer with a function that blocks, Map with one) runs within
# Subscribe. So Race has run the first call to its end before it subscribes to the second, which is not called at all: the
# first in the list wins, however slow; and Timeout says "timeout after 50ms" when the call of 500 ms has returned.
# Both are right for sources that have goroutines of their own (Interval, Timer).
#
# What to do: a source of one's own that starts a goroutine, before Race and Timeout; a context with a deadline in the call.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25

require github.com/samber/ro v0.3.0
MOD
cat >main.go <<'GO'
package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/samber/ro"
)

var calls atomic.Int32

func call(takes time.Duration, result string) ro.Observable[string] {
	return ro.Defer(func() ro.Observable[string] {
		calls.Add(1)
		time.Sleep(takes)
		return ro.Just(result)
	})
}

// first returns how a source ends, and whether that took as long as the slow call.
func first(source ro.Observable[string]) (end string, slow bool) {
	begin := time.Now()
	ended := make(chan string, 8)
	source.Subscribe(ro.NewObserver(
		func(v string) { ended <- v },
		func(err error) { ended <- err.Error() },
		func() {},
	))
	end = <-ended
	return end, time.Since(begin) >= 500*time.Millisecond
}

func main() {
	end, slow := first(ro.Race(call(500*time.Millisecond, "slow"), call(10*time.Millisecond, "quick")))
	fmt.Println("race:", end, "calls", calls.Load(), "took the slow one's time", slow)
	end, slow = first(ro.Pipe1(call(500*time.Millisecond, "late"), ro.Timeout[string](50*time.Millisecond)))
	fmt.Println("timeout:", end, "took the slow one's time", slow)
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
want='race: slow calls 1 took the slow one'"'"'s time true
timeout: ro.Timeout: timeout after 50ms took the slow one'"'"'s time true'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
