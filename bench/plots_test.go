//go:build plots

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPage: the page of results, one of which has failed.
func TestPage(t *testing.T) {
	results := someResults()
	drawn, err := ratios(results)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "out.html")
	require.NoError(t, page(file, results, machine{CPU: "a processor", Command: "go run ./bench"}, []picture{*drawn}))
	html, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, want := range []string{"<svg", "a/b", "41.2 ns/op", "a processor"} {
		require.Contains(t, string(html), want)
	}
}

func TestCurves(t *testing.T) {
	const out = `goos: linux
BenchmarkNet/echo-50/heist-2   20 23704 ns/op 20.35 cpu-µs/op 56.65 p1-µs 912.5 p50-µs 5086 p99-µs 9097 p99.9-µs
BenchmarkNet/echo-50/heist-2   20 23704 ns/op 20.35 cpu-µs/op 57 p1-µs 900 p50-µs 5000 p99-µs 9000 p99.9-µs
BenchmarkNet/echo-50/net       20 20661 ns/op 18.53 cpu-µs/op 5573 p99-µs 76.22 p1-µs 839.2 p50-µs
BenchmarkOther/heist-2         20 20661 ns/op 839.2 p50-µs 9 p99-µs
`
	got := curves([]byte(out))
	require.Len(t, got, 2)
	require.Equal(t, []float64{57, 900, 5000, 9000}, ys(got["heist"]), "of the last run")
	require.Equal(t, []float64{76.22, 839.2, 5573}, ys(got["net"]), "in order")
	require.InDelta(t, 1000, got["heist"][3].X, 1e-6, "three nines")
	p, err := latencies([]result{{row: row{name: "net/echo-50"}, printed: []byte(out)}, {row: row{name: "net/echo-50-cpu"}, printed: []byte(out)}})
	require.NoError(t, err)
	require.Contains(t, string(p.SVG), "99.9 %")
	p, err = latencies([]result{{printed: []byte("BenchmarkOther/heist 20 1 ns/op\n")}})
	require.NoError(t, err)
	require.Nil(t, p)
}

func ys(c curve) (all []float64) {
	for _, at := range c {
		all = append(all, at.Y)
	}
	return all
}
