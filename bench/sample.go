package main

import (
	"math"
	"slices"
)

// sample is one figure, measured several times.
type sample []float64

// median returns the middle of the values, or NaN if there are none.
func (s sample) median() float64 {
	n := len(s)
	if n == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// spread returns how far the values are apart, as a part of the median; 0 if there is but
// one.
func (s sample) spread() float64 {
	if len(s) < 2 {
		return 0
	}
	return (slices.Max(s) - slices.Min(s)) / math.Abs(s.median())
}
