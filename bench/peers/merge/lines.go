package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/heist-go/heist/internal/benchrow"
)

// lines are the benchmarks whose figures are wanted as they are: of these rows, go run
// ./bench only says how they compare with something in Go, or it does not have them. In an
// expression, who names the one that is measured, us if it is not there, and workers how
// many there are, as many as processors if it is not there.
var lines = []struct{ bench, unit, row, peer string }{
	{`ForkjoinPeer/fib/workers-(?P<workers>\d+)`, "ms", "forkjoin/fib", ""},
	{`ForkjoinPeer/fib/workers-(?P<workers>\d+)`, "ms(Join)", "forkjoin/fib-join", ""},
	{`ForkjoinPeer/tree/workers-(?P<workers>\d+)`, "µs/tree", "forkjoin/tree", ""},
	{`ParSort/ints`, "ns/elem", "par/sort", "slices.Sort"},
	{`ParSort/stable`, "ns/elem", "par/sort-stable", "slices.SortStableFunc"},
	{`Par/(?P<what>reduce|sum|scan)`, "ns/elem", "par/$what", "static split"},
	{`Blocking/(?P<who>heist|goroutine)`, "ns/op", "task/blocking", ""},
	{`Echo/(?P<conns>\d+)/(?P<who>heist|net|gnet|nbio|C_epoll|tokio|libuv)`, "ns/op", "net/echo-$conns", ""},
	{`Echo/(?P<conns>\d+)/(?P<who>heist|net|gnet|nbio|C_epoll|tokio|libuv)`, "cpu-µs/op", "net/echo-$conns-cpu", ""},
}

// readLines reads what go test -bench prints.
func readLines(in io.Reader) (entries []benchrow.Row, err error) {
	for s := bufio.NewScanner(in); s.Scan(); {
		fields := strings.Fields(s.Text())
		if strings.HasPrefix(s.Text(), "FAIL") || strings.HasPrefix(strings.TrimSpace(s.Text()), "--- FAIL") {
			return nil, fmt.Errorf("a benchmark has failed: %s", s.Text())
		}
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		figures := map[string]float64{}
		for i := 2; i+1 < len(fields); i += 2 {
			if figures[fields[i+1]], err = strconv.ParseFloat(fields[i], 64); err != nil {
				return nil, fmt.Errorf("%s: %w", fields[0], err)
			}
		}
		entries = append(entries, known(fields[0], figures)...)
	}
	return entries, nil
}

// known makes rows of the figures of a benchmark.
func known(name string, figures map[string]float64) (entries []benchrow.Row) {
	for _, l := range lines {
		re := regexp.MustCompile("^Benchmark" + l.bench + `(?:-(?P<procs>\d+))?$`)
		groups := re.FindStringSubmatchIndex(name)
		figure, ok := figures[l.unit]
		if groups == nil || !ok {
			continue
		}
		part := func(template string) string {
			return string(re.ExpandString(nil, template, name, groups))
		}
		unit, _, _ := strings.Cut(l.unit, "(")
		e := benchrow.Row{Name: part(l.row), Unit: unit, Better: "lower", Workers: 1}
		for _, n := range []string{part("$workers"), part("$procs")} {
			if n != "" {
				e.Workers, _ = strconv.Atoi(n)
				break
			}
		}
		switch who := part("$who"); who {
		case "", "heist":
			e.Ours = &figure
		default:
			e.Peer, e.PeerName = &figure, strings.ReplaceAll(who, "_", " ") // as go test writes a blank
		}
		if x, ok := figures["x"]; ok && l.peer != "" {
			theirs := figure * x
			e.Peer, e.PeerName = &theirs, l.peer
		}
		entries = append(entries, e)
	}
	return entries
}
