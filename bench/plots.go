//go:build plots

package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"html/template"
	"image/color"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

func init() { draws = drawPage }

// drawPage is the page of -html.
func drawPage(ctx context.Context, b *builds, o options, results []result, noise string, progress io.Writer) error {
	drawn, err := pictures(ctx, b, o, results, progress)
	if err != nil {
		return err
	}
	if err := page(o.html, results, machineOf(o, noise), drawn); err != nil {
		return fmt.Errorf("-html: %w", err)
	}
	return nil
}

// pictures draws what -html shows. Those that need measurements of their own make them.
func pictures(ctx context.Context, b *builds, o options, results []result, progress io.Writer) (all []picture, err error) {
	for _, draw := range []func() (*picture, error){
		func() (*picture, error) { return ratios(results) },
		func() (*picture, error) { return scaling(ctx, b, o, results, progress) },
		func() (*picture, error) { return latencies(results) },
		func() (*picture, error) { return lateness(ctx, b, o, results, progress) },
	} {
		p, err := draw()
		if err != nil {
			return nil, err
		}
		if p != nil {
			all = append(all, *p)
		}
	}
	return all, nil
}

// svg renders a plot.
func svg(p *plot.Plot, width, height vg.Length) (template.HTML, error) {
	c := vgsvg.New(width, height)
	p.Draw(draw.New(c))
	return rendered(c)
}

// rendered is what was drawn on a canvas.
func rendered(c *vgsvg.Canvas) (template.HTML, error) {
	var out bytes.Buffer
	if _, err := c.WriteTo(&out); err != nil {
		return "", err
	}
	return inline(out.Bytes()), nil
}

// inline makes an SVG file a part of a page.
func inline(file []byte) template.HTML {
	if i := bytes.Index(file, []byte("<svg")); i >= 0 {
		file = file[i:]
	}
	return template.HTML(file) // ours: no input of others is in it
}

var (
	good  = color.RGBA{0x2a, 0x7f, 0xb8, 0xff}
	worse = color.RGBA{0xc0, 0x39, 0x2b, 0xff}
	mark  = color.RGBA{0x22, 0x22, 0x22, 0xff}
)

// ratios draws a bar a row, on a logarithmic scale that begins at 1, and a mark for its
// target.
func ratios(results []result) (*picture, error) {
	var names []string
	p := plot.New()
	p.X.Label.Text = "times better"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.X.Min, p.X.Max = 0.5, 2
	for _, r := range slices.Backward(results) {
		x := r.better.median()
		if r.err != nil || len(r.better) == 0 {
			continue
		}
		at := float64(len(names))
		names = append(names, r.name)
		c := good
		if x < 1 {
			c = worse
		}
		bar, err := plotter.NewLine(plotter.XYs{{X: 1, Y: at}, {X: x, Y: at}})
		if err != nil {
			return nil, err
		}
		bar.Color, bar.Width = c, vg.Points(7)
		p.Add(bar)
		if want := r.target.times(r.workers); want > 0 {
			tick, err := plotter.NewLine(plotter.XYs{{X: want, Y: at - 0.4}, {X: want, Y: at + 0.4}})
			if err != nil {
				return nil, err
			}
			tick.Color, tick.Width = mark, vg.Points(1.5)
			p.Add(tick)
			p.X.Min, p.X.Max = min(p.X.Min, want/1.3), max(p.X.Max, want*1.3)
		}
		p.X.Min, p.X.Max = min(p.X.Min, x/1.3), max(p.X.Max, x*1.3)
	}
	if len(names) == 0 {
		return nil, nil
	}
	p.Add(plotter.NewGrid())
	p.NominalY(names...)
	p.Y.Min, p.Y.Max = -1, float64(len(names))
	drawn, err := svg(p, 24*vg.Centimeter, vg.Length(len(names)+4)*0.55*vg.Centimeter)
	return &picture{"How many times better", "Bars to the right of 1 are rows where Heist is better; the black mark is the target.", drawn}, err
}

// scaling measures the rows that use all workers on fewer, too.
func scaling(ctx context.Context, b *builds, o options, results []result, progress io.Writer) (*picture, error) {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = "workers", "times as fast as one"
	n := 0
	for _, r := range results {
		if r.err != nil || !strings.Contains(r.rate.bench, "workers-{n}") {
			continue
		}
		var points plotter.XYs
		for _, w := range workers {
			if w > o.workers {
				break
			}
			fmt.Fprintf(progress, "\r\x1b[Kscaling: %s on %d", r.name, w)
			sub := result{row: r.row, workers: w}
			if err := sub.measure(ctx, b, o); err != nil {
				return nil, fmt.Errorf("%s on %d workers: %w", r.name, w, err)
			}
			points = append(points, plotter.XY{X: float64(w), Y: sub.better.median()})
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, err
		}
		line.Color, dots.Color = plotutil.Color(n), plotutil.Color(n)
		line.Width, dots.Shape = vg.Points(1.5), draw.CircleGlyph{}
		p.Add(line, dots)
		p.Legend.Add(r.name, line)
		n++
	}
	fmt.Fprint(progress, "\r\x1b[K")
	if n == 0 {
		return nil, nil
	}
	ideal := plotter.NewFunction(func(x float64) float64 { return x })
	ideal.Color, ideal.Dashes = mark, []vg.Length{vg.Points(3), vg.Points(3)}
	p.Add(ideal, plotter.NewGrid())
	p.Legend.Add("ideal", ideal)
	p.Legend.Top, p.Legend.Left = true, true
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 1, float64(max(o.workers, 2)), 0, float64(max(o.workers, 2))
	var ticks plot.ConstantTicks
	for _, w := range workers {
		ticks = append(ticks, plot.Tick{Value: float64(w), Label: strconv.Itoa(w)})
	}
	p.X.Tick.Marker = ticks
	drawn, err := svg(p, 16*vg.Centimeter, 10*vg.Centimeter)
	return &picture{"Over workers", "How many times as fast as the sequential code.", drawn}, err
}

// curve is what one side of a row says about the times of its round trips.
type curve plotter.XYs

// percentileUnit is how the benchmarks name them, in microseconds.
var percentileUnit = regexp.MustCompile(`^p([0-9.]+)-µs$`)

// curves reads the percentiles out of what benchmarks print, by the last part of their names;
// of several runs the last counts.
func curves(out []byte) map[string]curve {
	found := map[string]curve{}
	in := benchfmt.NewReader(bytes.NewReader(out), "output")
	for in.Scan() {
		line, ok := in.Result().(*benchfmt.Result)
		if !ok {
			continue
		}
		var c curve
		for _, v := range line.Values {
			unit, value := v.Unit, v.Value
			if v.OrigUnit != "" {
				unit, value = v.OrigUnit, v.OrigValue
			}
			if m := percentileUnit.FindStringSubmatch(unit); m != nil {
				p, err := strconv.ParseFloat(m[1], 64)
				if err == nil && p < 100 {
					c = append(c, plotter.XY{X: 100 / (100 - p), Y: value})
				}
			}
		}
		if name := ""; len(c) > 2 {
			slices.SortFunc(c, func(a, b plotter.XY) int { return cmp.Compare(a.X, b.X) })
			_, parts := line.Name.Parts()
			for _, part := range parts { // the last but -GOMAXPROCS
				if side, ok := strings.CutPrefix(string(part), "/"); ok {
					name = side
				}
			}
			found[name] = c
		}
	}
	return found
}

// latencies draws the distribution of round trips, a plot a row: on the scale of the nines,
// where the rare slow ones are as easy to see as the rest.
func latencies(results []result) (*picture, error) {
	var plots []*plot.Plot
	for _, r := range results {
		found := curves(r.printed)
		ours, theirs := found["heist"], found["net"]
		if ours == nil || theirs == nil || strings.HasSuffix(r.name, "-cpu") {
			continue
		}
		p := plot.New()
		p.Title.Text, p.Y.Label.Text = r.name, "µs"
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, nines{}
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
		for i, side := range []struct {
			name string
			curve
		}{{"Heist", ours}, {"package net", theirs}} {
			line, err := plotter.NewLine(plotter.XYs(side.curve))
			if err != nil {
				return nil, err
			}
			line.Color, line.Width = []color.Color{good, worse}[i], vg.Points(1.5)
			p.Add(line)
			p.Legend.Add(side.name, line)
		}
		p.Add(plotter.NewGrid())
		p.Legend.Top, p.Legend.Left = true, true
		plots = append(plots, p)
	}
	if len(plots) == 0 {
		return nil, nil
	}
	const columns = 2
	rows := (len(plots) + columns - 1) / columns
	c := vgsvg.New(24*vg.Centimeter, vg.Length(rows)*8*vg.Centimeter)
	tiles := draw.Tiles{Rows: rows, Cols: columns, PadX: vg.Centimeter, PadY: vg.Centimeter / 2, PadRight: vg.Centimeter}
	for i, p := range plots {
		p.Draw(tiles.At(draw.New(c), i%columns, i/columns))
	}
	drawn, err := rendered(c)
	return &picture{"Round trips", "How long round trips over loopback take, from the quickest one in a hundred to the slowest one in ten thousand.", drawn}, err
}

// nines are the ticks of a scale on which each nine more is as far away as the one before.
type nines struct{}

func (nines) Ticks(least, most float64) (all []plot.Tick) {
	for x, label := range map[float64]string{1: "0", 2: "50 %", 10: "90 %", 100: "99 %", 1000: "99.9 %", 10000: "99.99 %"} {
		if x >= least && x <= most*1.01 {
			all = append(all, plot.Tick{Value: x, Label: label})
		}
	}
	return all
}

// lateness has the program beside this one draw how late sleeps end.
func lateness(ctx context.Context, b *builds, o options, results []result, progress io.Writer) (*picture, error) {
	if !slices.ContainsFunc(results, func(r result) bool { return r.name == "timer/accuracy" }) {
		return nil, nil
	}
	n := "2000"
	if o.quick {
		n = "200"
	}
	fmt.Fprint(progress, "\r\x1b[Klateness: some twenty seconds")
	defer fmt.Fprint(progress, "\r\x1b[K")
	file := filepath.Join(b.tmp, "lateness.svg")
	cmd := exec.CommandContext(ctx, "go", "run", ".", "-out", file, "-n", n)
	cmd.Dir = filepath.Join(b.root, "bench", "lateness")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("lateness: %w: %s", err, lastLine(out))
	}
	drawn, err := os.ReadFile(file)
	return &picture{"How late sleeps end", "Each line says which part of the sleeps of a millisecond was at most so late.", inline(drawn)}, err
}
