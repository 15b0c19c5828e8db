#!/usr/bin/env bash
# runtime/trace of Go 1.26, FlightRecorder and NewTask, read by golang.org/x/exp/trace
# v0.0.0-20261113113407-e3970619a1a4 and by go tool trace.
#
# Expected: a snapshot of a request that is in progress says which type of task it is: a stack, a label or the name of a
# goroutine that was there before the window is in it, too.
#
# Seen: a task that began before the window (some seconds, as MinAge says) has no type in the snapshot, for good: its regions and
# log messages are there, with the task's number, and no event says what the number is. "User-defined tasks" of go tool trace
# shows it in a row whose type is empty, together with all others of that kind. So of just the requests that take longest the
# recorder does not tell what they are. trace.Start has the same from its beginning on.
#
# What to do: put the type into the names of regions (StartRegion(ctx, "checkout: pay")), or trace.Log it now and then.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.26

require golang.org/x/exp v0.0.0-20261113113407-e3970619a1a4
MOD
cat >main.go <<'GO'
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	rt "runtime/trace"
	"time"

	"golang.org/x/exp/trace"
)

// snapshot is what a recorder has of one task after it has run for so long.
func snapshot(runs time.Duration) string {
	recorder := rt.NewFlightRecorder(rt.FlightRecorderConfig{MinAge: time.Second})
	if err := recorder.Start(); err != nil {
		panic(err)
	}
	defer recorder.Stop()
	ctx, task := rt.NewTask(context.Background(), "checkout")
	defer task.End()
	for end := time.Now().Add(runs); time.Now().Before(end); {
		rt.WithRegion(ctx, "pay", func() { time.Sleep(5 * time.Millisecond) })
	}
	var snapshot bytes.Buffer
	if _, err := recorder.WriteTo(&snapshot); err != nil {
		panic(err)
	}
	r, err := trace.NewReader(&snapshot)
	if err != nil {
		panic(err)
	}
	types, regions := 0, false
	for {
		e, err := r.ReadEvent()
		if err == io.EOF {
			return fmt.Sprint("types of tasks: ", types, ", regions of the task: ", regions)
		}
		if err != nil {
			panic(err)
		}
		switch e.Kind() {
		case trace.EventTaskBegin:
			types++
		case trace.EventRegionBegin:
			regions = true
		}
	}
}

func main() {
	fmt.Println("in its first moments:", snapshot(100*time.Millisecond))
	fmt.Println("after ten windows:", snapshot(10*time.Second))
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
want='in its first moments: types of tasks: 1, regions of the task: true
after ten windows: types of tasks: 0, regions of the task: true'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
