package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/heist-go/heist/internal/benchrow"
)

// write writes files into a folder of the test, and returns their names.
func write(t *testing.T, files ...string) (names []string) {
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(dir, files[i])
		if err := os.WriteFile(name, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

const (
	ours = `[
		{"name": "task/spawn", "unit": "ns/op", "better": "lower", "ours": 25, "peer": 300, "peer_name": "go f()", "ratio": 12, "workers": 1, "allocs": 1, "bytes": 96},
		{"name": "task/spawn", "unit": "ns/op", "better": "lower", "ours": 20, "peer": 310, "peer_name": "go f()", "ratio": 15.5, "workers": 1, "allocs": 1, "bytes": 96},
		{"name": "forkjoin/nqueens", "unit": "x", "better": "higher", "peer_name": "sequential", "ratio": 1.5, "workers": 2},
		{"name": "task/only-ours", "unit": "ns/op", "better": "lower", "ours": 1, "workers": 1}]`
	native = `{"name": "forkjoin/nqueens", "unit": "x", "better": "higher", "peer": 1.8, "peer_name": "rayon", "workers": 2}
		{"name": "task/spawn", "unit": "ns/op", "better": "lower", "peer": 240, "peer_name": "tokio", "workers": 1}
		{"name": "task/spawn", "unit": "ns/op", "better": "lower", "peer": 250, "peer_name": "tokio", "workers": 1}
		{"name": "task/spawn", "unit": "ns/op", "better": "lower", "peer": 100, "peer_name": "tokio", "workers": 2}
		{"name": "par/sort", "unit": "ns/elem", "better": "lower", "peer": 15, "peer_name": "rayon", "workers": 2}
		{"name": "forkjoin/fib-join", "unit": "ms", "better": "lower", "peer": 8, "peer_name": "rayon", "workers": 2}`
	benchmarks = `goos: linux
BenchmarkParSort/ints-2                  	       2	        20.00 ns/elem	         4.000 x
BenchmarkForkjoinPeer/fib/workers-2-2    	      10	         1.900 ms	         4.000 ms(Join)
BenchmarkEcho/50/heist-2                 	   30000	     20000 ns/op	        10.00 cpu-µs/op
BenchmarkEcho/50/tokio-2                 	   30000	     18000 ns/op	        12.00 cpu-µs/op
BenchmarkEcho/50/C_epoll-2               	   30000	     16000 ns/op	         8.00 cpu-µs/op
BenchmarkEcho/50/gnet-2                  	   30000	     25000 ns/op	        11.00 cpu-µs/op
BenchmarkEcho/50/cloudwego-netpoll-2     	   30000	     18000 ns/op	        12.00 cpu-µs/op
PASS
`
)

func TestMerge(t *testing.T) {
	const want = `row                workers  unit       Heist  Go          gnet            nbio  C epoll        tokio          rayon          oneTBB  libuv  sequential Rust
task/spawn         1        ns/op      20     300 (15 x)                                       240 (12 x)
forkjoin/nqueens   2        x          1.5                                                                    1.8 (0.833 x)
par/sort           2        ns/elem    20     80 (4 x)                                                        15 (0.75 x)
forkjoin/fib-join  2        ms         4                                                                      8 (2 x)
net/echo-50        2        ns/op      20000              25000 (1.25 x)        16000 (0.8 x)  18000 (0.9 x)
net/echo-50-cpu    2        cpu-µs/op  10                 11 (1.1 x)            8 (0.8 x)      12 (1.2 x)

In brackets: how many times better Heist is. Go is what go run ./bench compares the row with.
Heist is behind 5 times:
forkjoin/nqueens, x, workers 2: 0.833 x rayon
par/sort, ns/elem, workers 2: 0.75 x rayon
net/echo-50, ns/op, workers 2: 0.8 x C epoll
net/echo-50, ns/op, workers 2: 0.9 x tokio
net/echo-50-cpu, cpu-µs/op, workers 2: 0.8 x C epoll
`
	names := write(t, "ours.json", ours, "ours.txt", benchmarks, "native.json", native)
	merged := filepath.Join(t.TempDir(), "merged.json")
	var out strings.Builder
	if err := command(append([]string{"-json", merged}, names...), &out, &out); err != nil {
		t.Fatal(err)
	}
	if got := trimmed(out.String()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	text, err := os.ReadFile(merged)
	if err != nil {
		t.Fatal(err)
	}
	var entries []benchrow.Row
	if err := json.Unmarshal(text, &entries); err != nil {
		t.Fatal(err)
	}
	if len(entries) != 12 {
		t.Fatalf("%d entries, want one for each peer of a row", len(entries))
	}
	e := entries[slices.IndexFunc(entries, func(e benchrow.Row) bool { return e.PeerName == "tokio" })]
	if e.PeerName != "tokio" || *e.Ours != 20 || *e.Peer != 240 || *e.Ratio != 12 || e.Bytes != 96 {
		t.Errorf("%+v", e)
	}
}

// trimmed is a text without blanks at the ends of its lines.
func trimmed(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}

// What has failed must not look like a row that is not there.
func TestMergeFailures(t *testing.T) {
	for _, c := range [][2]string{
		{"ours.json", `[{"name": "task/spawn", "error": "wrong result"}]`},
		{"ours.json", `[{"name": `},
		{"ours.txt", "--- FAIL: BenchmarkEcho/50/tokio\n"},
		{"ours.txt", "BenchmarkParSort/ints 2 many ns/elem\n"},
	} {
		var out strings.Builder
		if err := command(write(t, c[:]...), &out, &out); err == nil {
			t.Errorf("%s: %s: no error, but\n%s", c[0], c[1], out.String())
		}
	}
	if command(nil, &strings.Builder{}, &strings.Builder{}) == nil {
		t.Error("no error without files")
	}
}
