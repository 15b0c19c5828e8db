#!/usr/bin/env bash
# github.com/go-co-op/gocron/v2 v2.21.2, WithLimitedRuns, Go 1.26.
#
# Expected: a job with WithLimitedRuns(1) runs once, and is removed, no matter how long it takes.
#
# Seen: as long as the first run has not ended, the job is started at each of its intervals: here five times while the first
# one is still busy; if it takes an hour and is due each minute, that is sixty. The runs are counted when they start, but
# the count is compared only when one ends, which is when the job is removed. Runs that are shorter than the interval
# never show it. For singletons that wait (LimitModeWait) it is one run too many, whatever the limit;
# for those that are rescheduled it is exact.
#
# What to do: WithSingletonMode(LimitModeReschedule) for whatever has limited runs.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25

require github.com/go-co-op/gocron/v2 v2.21.2
MOD
cat >main.go <<'GO'
package main

import (
	"fmt"
	"time"

	"github.com/go-co-op/gocron/v2"
)

// runs says how often a job with a limit of one, whose first run takes longer than its interval, has been started:
// five times are enough.
func runs(options ...gocron.JobOption) (n int) {
	s, err := gocron.NewScheduler()
	check(err)
	started, release := make(chan bool, 100), make(chan bool)
	_, err = s.NewJob(gocron.DurationJob(50*time.Millisecond), gocron.NewTask(func() {
		started <- true
		<-release
	}), append(options, gocron.WithLimitedRuns(1))...)
	check(err)
	s.Start()
	for enough := time.After(5 * time.Second); n < 5; n++ {
		select {
		case <-started:
			continue
		case <-enough:
		}
		break
	}
	close(release)
	check(s.Shutdown())
	return n
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	fmt.Println("limit 1, before the first has ended:", runs(), "started")
	fmt.Println("as a singleton that is rescheduled:", runs(gocron.WithSingletonMode(gocron.LimitModeReschedule)))
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
want='limit 1, before the first has ended: 5 started
as a singleton that is rescheduled: 1'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
