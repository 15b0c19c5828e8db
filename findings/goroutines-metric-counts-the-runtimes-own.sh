#!/usr/bin/env bash
# runtime/metrics of Go 1.26, /sched/goroutines:goroutines, as go.opentelemetry.io/contrib/instrumentation/runtime v0.72.0 and
# github.com/prometheus/client_golang v1.25.0 export it.
#
# Expected: "count of live goroutines" is what runtime.NumGoroutine and the goroutine profile count: 1 in a program that has
# only main.
#
# Seen: on 64 processors it is 64 more than these after the first collection, for ever: the runtime's own goroutines are
# in it, among them one for the collector on each processor. So are they in the number of those that wait, where each is
# in vain looked for in a profile. OpenTelemetry's go.goroutine.count is that number; Prometheus's collector has
# both, go_goroutines without and go_sched_goroutines_goroutines with them. A threshold, or a comparison of two services,
# that was made with the one is wrong with the other, by as much as the machine has processors; a service that is
# moved to a larger machine appears to leak.
#
# What to do: NumGoroutine for what the program has started (go_goroutines; in OpenTelemetry a gauge of one's own), and of the
# metric only its changes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.26

require (
	github.com/prometheus/client_golang v1.25.0
	go.opentelemetry.io/contrib/instrumentation/runtime v0.72.0
	go.opentelemetry.io/otel/sdk/metric v1.47.0
)
MOD
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"runtime/pprof"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	instrumentation "go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func sample() int {
	s := []metrics.Sample{{Name: "/sched/goroutines:goroutines"}}
	metrics.Read(s)
	return int(s[0].Value.Uint64())
}

func openTelemetry() (count int) {
	reader := metric.NewManualReader()
	check(instrumentation.Start(instrumentation.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))))
	var all metricdata.ResourceMetrics
	check(reader.Collect(context.Background(), &all))
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "go.goroutine.count" {
				count = int(sum.DataPoints[0].Value)
			}
		}
	}
	return count
}

func collector() map[string]int {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(collectors.MetricsScheduler)))
	families, err := r.Gather()
	check(err)
	values := map[string]int{}
	for _, f := range families {
		values[f.GetName()] = int(f.GetMetric()[0].GetGauge().GetValue())
	}
	return values
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	n := runtime.GOMAXPROCS(0)
	runtime.GC()
	fmt.Println("NumGoroutine", runtime.NumGoroutine(), "profile", pprof.Lookup("goroutine").Count())
	fmt.Println("metric: at least", n, "more:", sample() >= runtime.NumGoroutine()+n)
	fmt.Println("go.goroutine.count: at least", n, "more:", openTelemetry() >= runtime.NumGoroutine()+n)
	c := collector()
	fmt.Println("go_goroutines: below", n, c["go_goroutines"] < n, "go_sched_goroutines_goroutines: above", n, c["go_sched_goroutines_goroutines"] > n)
}
GO
go mod tidy >/dev/null 2>&1
got=$(GOMAXPROCS=64 go run .)
want='NumGoroutine 1 profile 1
metric: at least 64 more: true
go.goroutine.count: at least 64 more: true
go_goroutines: below 64 true go_sched_goroutines_goroutines: above 64 true'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
