#!/usr/bin/env bash
# golang.org/x/time v0.16.0, rate.Limiter.AllowN with the times of events, Go 1.26.
#
# Expected: events that come from two machines, one of whose clocks is a second behind, are limited about as well as
# those of one: a bucket of 10, filled with 10 a second, lets some 110 of 1,000 events in 10 seconds through. What is
# late by its own clock adds nothing to the bucket.
#
# Seen: all 1,000 pass, and so they do with 200 ms; with 100 ms it is 117. A time before the limiter's last one adds no
# tokens, but if the event passes it becomes the last one: so the next event of the clock that is ahead is paid for the same span
# again. From a difference on in which two tokens come, each pair of events pays for itself, and there is no
# limit any more. Nothing errs in the other direction, and nothing says so.
#
# What to do: keep the latest time that was seen, under a lock of one's own, and never give AllowN an earlier one; or
# have a limiter for each clock.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25

require golang.org/x/time v0.16.0
MOD
cat >main.go <<'GO'
package main

import (
	"fmt"
	"time"

	"golang.org/x/time/rate"
)

// passed says how many of 1,000 events, one each 10 ms, a limiter of 10 a second lets through if every other is
// from a clock that is behind.
func passed(behind time.Duration, seen func(time.Time) time.Time) (n int) {
	l := rate.NewLimiter(10, 10)
	for i := range 1000 {
		at := time.Unix(1_000_000, 0).Add(time.Duration(i) * 10 * time.Millisecond)
		if i%2 == 1 {
			at = at.Add(-behind)
		}
		if l.AllowN(seen(at), 1) {
			n++
		}
	}
	return n
}

func main() {
	as := func(t time.Time) time.Time { return t }
	for _, behind := range []time.Duration{0, 100 * time.Millisecond, 200 * time.Millisecond, time.Second} {
		fmt.Println(behind, "behind:", passed(behind, as), "of 1000 pass")
	}
	var latest time.Time
	fmt.Println("1s behind, never backwards:", passed(time.Second, func(t time.Time) time.Time {
		if t.After(latest) {
			latest = t
		}
		return latest
	}), "of 1000 pass")
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
want='0s behind: 109 of 1000 pass
100ms behind: 117 of 1000 pass
200ms behind: 1000 of 1000 pass
1s behind: 1000 of 1000 pass
1s behind, never backwards: 109 of 1000 pass'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
