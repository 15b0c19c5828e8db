package main

import (
	"fmt"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// line is one curve of the plot: sorted.
type line struct {
	name string
	late []time.Duration
}

// draw writes the plot: lateness on a logarithmic scale, and the part of the
// sleeps that were at most so late.
func draw(file string, d time.Duration, lines []line) error {
	p := plot.New()
	p.Title.Text = fmt.Sprintf("How late a sleep of %v ends", d)
	p.X.Label.Text = "late by at most, µs"
	p.Y.Label.Text = "part of the sleeps, %"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 1, 1e4, 0, 100
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	for i, l := range lines {
		points := make(plotter.XYs, len(l.late))
		for k, late := range l.late {
			points[k].X = max(float64(late.Nanoseconds())/1e3, p.X.Min)
			points[k].Y = 100 * float64(k+1) / float64(len(l.late))
			p.X.Max = max(p.X.Max, points[k].X)
		}
		curve, err := plotter.NewLine(points)
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		curve.Color, curve.Width = plotutil.Color(i/2), vg.Points(1.5)
		curve.Dashes = plotutil.Dashes(i % 2 * 2)
		p.Add(curve)
		p.Legend.Add(l.name, curve)
	}
	if err := p.Save(16*vg.Centimeter, 10*vg.Centimeter, file); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}
