#!/usr/bin/env bash
# go.opentelemetry.io/otel/exporters/prometheus v0.69.0, sdk/metric v1.47.0, prometheus/client_golang v1.25.0, Go 1.26.
#
# Expected: an exponential histogram that the exporter serves can be asked for quantiles, in whatever format; and what
# comes from a metric.Producer as deltas is added up, or refused, because Prometheus knows totals only.
#
# Seen: in the text formats, OpenMetrics 1.0 among them, an exponential histogram has one bucket, le="+Inf": count and sum are
# there, and each quantile is NaN, without an error or a warning. Its buckets exist only in the protobuf format, which
# a Prometheus asks for only if native histograms are enabled on its side. So the same program is right under one
# server and blind under another. And deltas go out as if they were totals: a counter that produced 3, 3, 3 reads
# 3, 3, 3 where it should read 3, 6, 9, and rate() of it is nothing.
#
# What to do: explicit buckets (a View, or a Histogram from a Producer) unless the scraper is known to take
# protobuf; and a Producer makes its sums cumulative.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.26.0

require (
	github.com/prometheus/client_golang v1.25.0
	go.opentelemetry.io/otel/exporters/prometheus v0.69.0
	go.opentelemetry.io/otel/sdk/metric v1.47.0
)
MOD
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// producer has ten observations, four of them below a quarter, and a counter that was advanced by three since the
// last time.
type producer struct{}

func (producer) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	return []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{
		{Name: "exponential", Data: metricdata.ExponentialHistogram[float64]{
			Temporality: metricdata.CumulativeTemporality,
			DataPoints: []metricdata.ExponentialHistogramDataPoint[float64]{{
				Count: 10, Sum: 5,
				PositiveBucket: metricdata.ExponentialBucket{Offset: -3, Counts: []uint64{4, 3, 3}},
			}},
		}},
		{Name: "explicit", Data: metricdata.Histogram[float64]{
			Temporality: metricdata.CumulativeTemporality,
			DataPoints: []metricdata.HistogramDataPoint[float64]{{
				Count: 10, Sum: 5, Bounds: []float64{0.25, 0.5}, BucketCounts: []uint64{4, 3, 3},
			}},
		}},
		{Name: "advanced", Data: metricdata.Sum[int64]{
			IsMonotonic: true, Temporality: metricdata.DeltaTemporality,
			DataPoints: []metricdata.DataPoint[int64]{{Value: 3}},
		}},
	}}}, nil
}

// scrape counts the buckets of the histograms, and returns the counter's value.
func scrape(r *prometheus.Registry, accept string) (exponential, explicit int, counter string) {
	request := httptest.NewRequest("GET", "/metrics", nil)
	request.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	promhttp.HandlerFor(r, promhttp.HandlerOpts{EnableOpenMetrics: true}).ServeHTTP(w, request)
	for line := range strings.Lines(w.Body.String()) {
		switch {
		case strings.HasPrefix(line, "exponential_bucket{"):
			exponential++
		case strings.HasPrefix(line, "explicit_bucket{"):
			explicit++
		case strings.HasPrefix(line, "advanced_total"):
			counter = strings.TrimSuffix(line[strings.LastIndex(line, " ")+1:len(line)-1], ".0")
		}
	}
	return exponential, explicit, counter
}

func main() {
	r := prometheus.NewRegistry()
	e, err := exporter.New(exporter.WithRegisterer(r), exporter.WithProducer(producer{}))
	if err != nil {
		log.Fatal(err)
	}
	_ = metric.NewMeterProvider(metric.WithReader(e))
	for _, format := range []string{"text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0"} {
		exponential, explicit, first := scrape(r, format)
		_, _, second := scrape(r, format)
		name, _, _ := strings.Cut(format, ";")
		fmt.Printf("%s: buckets: %d exponential, %d explicit; the counter: %s, then %s\n", name, exponential, explicit, first, second)
	}
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
want='text/plain: buckets: 1 exponential, 3 explicit; the counter: 3, then 3
application/openmetrics-text: buckets: 1 exponential, 3 explicit; the counter: 3, then 3'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
