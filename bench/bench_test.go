package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSample(t *testing.T) {
	require.True(t, math.IsNaN(sample{}.median()))
	require.Equal(t, 3.0, sample{9, 1, 3}.median())
	require.Equal(t, 2.0, sample{3, 1}.median())
	require.Zero(t, sample{5}.spread())
	require.InDelta(t, 0.5, sample{4, 3, 5}.spread(), 1e-9)
}

const printed = `goos: linux
goarch: amd64
pkg: example.org/m
cpu: a processor
BenchmarkForkjoinScale/coarse-do-2-2     	       5	  40728119 ns/op	         0.9824 of-ideal
BenchmarkForkjoinScale/coarse-join-2-2   	       5	  43490766 ns/op	         0.9199 of-ideal	   61496 B/op	      61 allocs/op
BenchmarkForkjoinScale/coarse-do-2-2     	       5	  40728119 ns/op	         0.9 of-ideal
BenchmarkForkjoinScale/coarse-join-2-2   	       5	  40000000 ns/op	         1 of-ideal
PASS
`

func TestFigures(t *testing.T) {
	f, err := figures([]byte(printed), "of-ideal")
	require.NoError(t, err)
	require.Len(t, f.values, 2)
	require.Equal(t, sample{0.9199, 0.9}, f.worst(true), "of the first run and of the second")
	require.Equal(t, 61.0, f.allocs)
	require.Equal(t, 61496.0, f.size)

	f, err = figures([]byte(printed), "ns/op")
	require.NoError(t, err)
	require.InDeltaSlice(t, sample{43490766, 40728119}, f.worst(false), 1)

	_, err = figures([]byte(printed), "parsecs")
	require.ErrorContains(t, err, "no parsecs")
}

func TestRatio(t *testing.T) {
	require.Equal(t, 2.0, row{}.ratio(10, 20))
	require.Equal(t, 0.5, row{higher: true}.ratio(10, 20))
	require.False(t, math.IsInf(row{}.ratio(0, 20), 0))
}

func TestVerdict(t *testing.T) {
	r := result{row: row{target: most(25).and(ratio(8)).and(noAllocs), moonshot: most(15)}, workers: 2}
	r.us, r.better = sample{20}, sample{9}
	require.Equal(t, "met", r.judge())
	r.us = sample{14}
	require.Equal(t, "moonshot", r.judge())
	r.us, r.better, r.allocs = sample{30}, sample{7}, 1
	require.Equal(t, "missed: ratio ≥ 8, ≤ 25, allocs ≤ 0", r.judge())
	r.us = nil
	require.Contains(t, r.judge(), "missed", "no figure is no success")
	require.Equal(t, "no target", (&result{row: row{}, us: sample{1}}).judge())
	r.err = errors.New("boom")
	require.Equal(t, "failed", r.judge())

	grown := result{row: row{target: more(8)}, us: sample{48}, them: sample{41}}
	require.Equal(t, "met", grown.judge())
	grown.us = sample{50}
	require.Equal(t, "missed: ≤ 8 more", grown.judge())

	scale := result{row: row{target: perWorker(0.7)}, workers: 4, better: sample{2.7}}
	require.Equal(t, "missed: ratio ≥ 2.8", scale.judge())
	scale.workers = 2
	require.Equal(t, "met", scale.judge())
}

// TestClear: two turns that agree are enough, and two that do not agree by much, or whether the goal
// is met, are not.
func TestClear(t *testing.T) {
	of := func(better ...float64) *result {
		r := &result{row: row{target: ratio(2)}, better: better}
		for range better {
			r.us, r.them = append(r.us, 1), append(r.them, 1)
		}
		return r
	}
	require.True(t, of(3, 3.2).clear())
	require.True(t, of(1.5, 1.4).clear(), "clearly missed")
	require.False(t, of(3, 4).clear())
	require.False(t, of(1.95, 2.05).clear(), "met and missed")
	require.False(t, of(3).clear())
	require.False(t, of(3, 3, 3).clear())
}

func TestShort(t *testing.T) {
	for x, want := range map[float64]string{0.599: "0.599", 20.46: "20.5", 341: "341", 1388: "1388", 50400000: "50.4M", 17700: "17.7k", 2e9: "2G"} {
		require.Equal(t, want, short(x))
	}
}

// TestRows: names are unique, and each row says what it measures, and where.
func TestRows(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rows {
		require.False(t, seen[r.name], r.name)
		seen[r.name] = true
		require.Regexp(t, `^[a-z]+/[a-z0-9-]+$`, r.name)
		require.NotEmpty(t, r.load, r.name)
		dir, _, _ := strings.Cut(r.dir, " ")
		require.DirExists(t, filepath.Join("..", dir), r.name)
		require.True(t, r.rate.bench != "" != (r.ours.bench != ""), r.name)
		for _, p := range []pick{r.ours, r.peer, r.rate} {
			for part := range strings.SplitSeq(anchored(p.on(2).bench), "/") {
				_, err := regexp.Compile(part)
				require.NoError(t, err, r.name)
			}
		}
		require.Equal(t, r.name == "net/busy-off", r.target == none, "%s: only what is slower by its nature has no target", r.name)
	}
}

// TestParse: mistakes in the command line are said, and what to do instead.
func TestParse(t *testing.T) {
	for args, want := range map[string]string{
		"-workers 3":                "-workers 3: it is one of [1 2 4 8 16]",
		"-run (":                    "-run:",
		"-count -1":                 "-time and -silence must be positive, and -count not negative",
		"extra":                     "there are only flags",
		"-cpuprofile x":             "a profile is one of a single row",
		"-cpuprofile x -run ^task/": "a profile is one of a single row",
	} {
		_, _, err := parse(strings.Fields(args), io.Discard)
		require.ErrorContains(t, err, want, args)
	}
	o, _, err := parse(strings.Fields("-cpuprofile x -run task/spawn$ -workers 4"), io.Discard)
	require.NoError(t, err)
	require.Equal(t, 4, o.workers)
	require.Len(t, o.outputs, 1)
	require.Equal(t, 4, sizeFor(7))
	require.Equal(t, 16, sizeFor(64))
}

func TestList(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, command([]string{"-list", "-run", "^timer/"}, &out, io.Discard))
	require.Contains(t, out.String(), "timer/arm-cancel")
	require.NotContains(t, out.String(), "task/")
	require.ErrorContains(t, command([]string{"-run", "nothing"}, io.Discard, io.Discard), "no row matches")
}

// someResults are two rows, one of which has failed.
func someResults() []result {
	return []result{
		{row: row{name: "a/b", ours: pick{"B", "ns/op"}, peerName: "go f()", target: ratio(2)}, workers: 2, us: sample{41.2}, them: sample{301}, better: sample{7.3, 7.4, 7.2}, allocs: 1, size: 96},
		{row: row{name: "c/d", rate: pick{"D", "x"}, target: ratio(1)}, workers: 2, err: errors.New("wrong result")},
	}
}

// TestReport: the table and the JSON of results, one of which has failed.
func TestReport(t *testing.T) {
	results := someResults()
	o := options{json: filepath.Join(t.TempDir(), "out.json")}
	var out bytes.Buffer
	err := report(o, results, machine{CPU: "a processor", Command: "go run ./bench"}, &out)
	require.ErrorContains(t, err, "1 of 2 rows have failed")
	require.Regexp(t, `a/b +41.2 ns/op +301 +go f\(\) +7.3 x +3 % +met`, out.String())
	require.Contains(t, out.String(), "c/d has failed: wrong result")
	require.Contains(t, out.String(), "a processor")

	text, err := os.ReadFile(o.json)
	require.NoError(t, err)
	var list []map[string]any
	require.NoError(t, json.Unmarshal(text, &list))
	require.Len(t, list, 2)
	require.Equal(t, 41.2, list[0]["ours"])
	require.Equal(t, 7.3, list[0]["ratio"])
	require.Equal(t, "lower", list[0]["better"])
	require.Equal(t, "wrong result", list[1]["error"])
	require.NotContains(t, list[1], "ratio", "no figure for a row that has failed")
}

// TestMeasure builds and runs a real benchmark; and one that finds a wrong result, which is a
// failure of its row and not a number.
func TestMeasure(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	root := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
	}
	write("go.mod", "module example.org/m\n\ngo 1.26\n")
	write("m_test.go", `package m

import "testing"

func BenchmarkGood(b *testing.B) {
	b.Run("heist-2", func(b *testing.B) { b.ReportMetric(10, "ns/op") })
	b.Run("peer", func(b *testing.B) { b.ReportMetric(30, "ns/op") })
}

var runs int

func BenchmarkShared(b *testing.B) {
	runs++
	b.ReportMetric(float64(runs), "ns/op")
	b.ReportMetric(float64(10*runs), "x")
}

func BenchmarkBroken(b *testing.B) { b.Fatal("wrong result") }
`)
	write("good/good_test.go", "package good\n\nimport \"testing\"\n\nfunc BenchmarkGood(b *testing.B) { b.ReportMetric(1, \"ns/op\") }\n")
	write("unbuilt/unbuilt_test.go", "package unbuilt\n\nimport \"testing\"\n\nfunc BenchmarkGood(b *testing.B) { boom }\n")
	b, err := newBuilds(root)
	require.NoError(t, err)
	defer b.remove()
	t.Setenv("GOWORK", "off")
	o := options{time: 1, count: 3, workers: 2}
	results, _ := measure(context.Background(), b, o, []row{
		beside("a/good", "", ".", "Good", "heist-{n}", "peer", "ns/op", "peer", ratio(2), none),
		alone("a/shared", "", ".", "Shared", "ns/op", most(1), none),
		compared("a/shared-x", "", ".", "Shared", "x", "peer", ratio(1), none),
		alone("a/broken", "", ".", "Broken", "ns/op", most(1), none),
		alone("a/missing", "", ".", "Missing", "ns/op", most(1), none),
		alone("b/good", "", "good", "Good", "ns/op", most(1), none),
		alone("c/unbuilt", "", "unbuilt", "Good", "ns/op", most(1), none),
	}, io.Discard)
	require.Len(t, results, 7)
	require.NoError(t, results[0].err)
	require.InDeltaSlice(t, []float64{3, 3, 3}, []float64(results[0].better), 1e-9)
	require.Equal(t, "met", results[0].judge())
	require.InDeltaSlice(t, []float64{1, 2, 3}, []float64(results[1].us), 1e-9, "three runs of one process")
	require.Equal(t, sample{10, 20, 30}, results[2].better)
	require.Equal(t, results[1].printed, results[2].printed, "the same ones")
	require.ErrorContains(t, results[3].err, "wrong result")
	require.Empty(t, results[3].us)
	require.ErrorContains(t, results[4].err, "report no ns/op")
	require.NoError(t, results[5].err, "built with one that does not build")
	require.ErrorContains(t, results[6].err, "build:")
}

func TestNoise(t *testing.T) {
	cpus, busy, stolen, ok := processors("cpu  100 20 30 999 7 1 2 40 0 0\ncpu0 1 2 3\ncpu5 1 2 3\ncpu6 4 5 6\nintr 1 2\n")
	require.True(t, ok)
	require.Equal(t, 3, cpus, "of the machine, however many the program may use")
	require.Equal(t, 1530*time.Millisecond, busy)
	require.Equal(t, 400*time.Millisecond, stolen)
	for _, wrong := range []string{"", "cpu", "cpu  1 2 x 4 5 6 7 8", "intr 1 2 3 4 5 6 7 8 9"} {
		_, _, _, ok = processors(wrong)
		require.False(t, ok, wrong)
	}
	require.Equal(t, 1157*time.Millisecond, stalled("some avg10=98.20 avg60=95.51 avg300=89.07 total=1157000\nfull avg10=0.00 total=9\n"))
	require.Zero(t, stalled(""))
	require.Zero(t, stalled("full avg10=0.00 avg60=0.00 avg300=0.00 total=9"))

	var begin moment
	begin.at = time.Now()
	end := moment{at: begin.at.Add(time.Second), processors: 64, busy: 64 * time.Second / 2, own: 64 * time.Second / 4, stall: time.Second / 10}
	n := end.since(begin)
	require.InDelta(t, 0.25, n.others, 1e-9)
	require.InDelta(t, 0.1, n.delayed, 1e-9)
	require.Equal(t, "other programs had 25.0 % of the processors' time, the hypervisor 0.0 %; 10 % of the time something waited for a processor", n.String())
	require.Zero(t, begin.since(begin))
}
