package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/perf/benchfmt"
)

// result is a row with its figures.
type result struct {
	row
	workers      int
	plotted      bool   // the benchmarks are to print what plots need
	us, them     sample // the figures of both sides; empty if the benchmark has compared them
	better       sample // how many times better we are; empty without a counterpart
	allocs, size float64
	printed      []byte // by the benchmarks
	took         time.Duration
	err          error
}

// measure measures rows, one after the other, with a line of progress. noise says what they had to share the machine
// with, where the system tells.
func measure(ctx context.Context, b *builds, o options, chosen []row, progress io.Writer) (results []result, noise string) {
	begun := time.Now()
	say := func(n int, what string) {
		fmt.Fprintf(progress, "\r\x1b[K%4.0fs  %d of %d  %s", time.Since(begun).Seconds(), n, len(chosen), what)
	}
	say(0, "builds")
	b.prepare(ctx, chosen)
	built := time.Since(begun)
	before, known := now()
	for i, r := range chosen {
		say(i+1, r.name)
		res := result{row: r, workers: o.workers, plotted: o.html != ""}
		from := time.Now()
		res.err = res.measure(ctx, b, o)
		res.took = time.Since(from)
		results = append(results, res)
		if ctx.Err() != nil {
			break
		}
	}
	fmt.Fprintf(progress, "\r\x1b[K%4.0fs  %d rows, after %.0f s of building\n\n", time.Since(begun).Seconds(), len(results), built.Seconds())
	if after, ok := now(); ok && known {
		noise = after.since(before).String()
	}
	return results, noise
}

// measure runs the row's benchmarks as often as is asked for, ours and theirs in turns, or until
// another turn would change next to nothing.
func (r *result) measure(ctx context.Context, b *builds, o options) error {
	turns := o.turns(r.row)
	if r.peer.bench == "" { // one process for all
		all, err := r.side(ctx, b, o, r.main(), 0, turns)
		if r.rate.bench != "" {
			r.better = all
		} else {
			r.us = all
		}
		return err
	}
	for turn := range turns {
		us, err := r.side(ctx, b, o, r.ours, turn, 1)
		if err != nil {
			return err
		}
		them, err := r.side(ctx, b, o, r.peer, turn, 1)
		if err != nil {
			return fmt.Errorf("%s: %w", r.peerName, err)
		}
		r.us, r.them = append(r.us, us...), append(r.them, them...)
		r.better = append(r.better, r.ratio(us[0], them[0]))
		if o.count == 0 && r.clear() {
			break
		}
	}
	return nil
}

// clear reports whether the first two turns say enough. The median of three lies between two of
// them, so where those differ by little, and agree whether the goals are met, the third decides nothing.
func (r *result) clear() bool {
	const little = 0.1
	if len(r.better) != 2 || r.better.spread() > little {
		return false
	}
	turn := func(i int) string {
		one := *r
		one.us, one.them, one.better = r.us[i:i+1], r.them[i:i+1], r.better[i:i+1]
		return one.judge()
	}
	return turn(0) == turn(1)
}

// turns is how often a row is measured.
func (o options) turns(r row) int {
	switch {
	case o.count > 0:
		return o.count
	case r.heavy:
		return 1
	}
	return 3
}

// ratio returns how many times better we are. Nothing at all is one of the smallest
// figures, not none.
func (r row) ratio(us, them float64) float64 {
	const least = 1e-9
	us, them = max(us, least), max(them, least)
	if r.higher {
		return us / them
	}
	return them / us
}

// side runs the benchmarks of one side so many times, and returns their figures. turn
// distinguishes what is to be measured anew from what another row has measured.
func (r *result) side(ctx context.Context, b *builds, o options, p pick, turn, times int) (sample, error) {
	length := (o.time * time.Duration(max(r.long, 1))).String()
	if r.runs > 0 {
		length = fmt.Sprintf("%dx", r.runs)
	}
	ours := p != r.peer
	p = p.on(r.workers)
	more := []string{fmt.Sprintf("-test.count=%d", times)}
	if ours {
		for flag, file := range o.outputs {
			more = append(more, flag+"="+file)
		}
	}
	env := []string{"HEIST_SILENCE=" + o.silence.String()}
	if r.plotted {
		env = append(env, "HEIST_PERCENTILES=1")
	}
	out, err := b.once(ctx, turn, r.dir, anchored(p.bench), length, env, more...)
	r.printed = append(r.printed, out...)
	if err != nil {
		return nil, err
	}
	figures, err := figures(out, p.metric)
	if err != nil {
		return nil, err
	}
	if ours {
		r.allocs, r.size = figures.allocs, figures.size
	}
	return figures.worst(r.higher || r.rate.bench != ""), nil
}

// anchored makes a pattern that matches the names themselves, and not what begins with
// them.
func anchored(bench string) string {
	parts := strings.Split("Benchmark"+bench, "/")
	for i, part := range parts {
		parts[i] = "^(" + part + ")$"
	}
	return strings.Join(parts, "/")
}

// figure is what the benchmarks of one side say.
type figure struct {
	values       map[string]sample // by the benchmark's name
	allocs, size float64
}

// worst returns, of each run of all benchmarks, the value that is the least favourable for
// their side.
func (f figure) worst(higher bool) (w sample) {
	for _, values := range f.values {
		for i, v := range values {
			switch {
			case i == len(w):
				w = append(w, v)
			case v < w[i] == higher:
				w[i] = v
			}
		}
	}
	return w
}

// units are what x/perf makes of the units that it knows.
var units = map[string]struct {
	tidied string
	factor float64
}{"ns/op": {"sec/op", 1e9}}

// figures reads one metric out of what benchmarks print.
func figures(out []byte, metric string) (f figure, err error) {
	from, factor := metric, 1.0
	if u, ok := units[metric]; ok {
		from, factor = u.tidied, u.factor
	}
	f.values = map[string]sample{}
	in := benchfmt.NewReader(bytes.NewReader(out), "output")
	for in.Scan() {
		line, ok := in.Result().(*benchfmt.Result)
		if !ok {
			continue
		}
		name := string(line.Name)
		for _, v := range line.Values {
			switch {
			case v.Unit == from:
				f.values[name] = append(f.values[name], v.Value*factor)
			case v.OrigUnit == metric:
				f.values[name] = append(f.values[name], v.OrigValue)
			case v.Unit == "allocs/op":
				f.allocs = max(f.allocs, v.Value)
			case v.Unit == "B/op":
				f.size = max(f.size, v.Value)
			}
		}
	}
	if len(f.values) == 0 {
		return f, fmt.Errorf("the benchmarks report no %s", metric)
	}
	return f, nil
}
