package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The whole program, with few sleeps: every sleep is measured and none is early.
func TestRun(t *testing.T) {
	for name, sleep := range map[string]func() ([]time.Duration, error){
		"tasks":           func() ([]time.Duration, error) { return tasks(5, time.Millisecond, false) },
		"busy tasks":      func() ([]time.Duration, error) { return tasks(5, time.Millisecond, true) },
		"goroutines":      func() ([]time.Duration, error) { return goroutines(5, time.Millisecond, false), nil },
		"busy goroutines": func() ([]time.Duration, error) { return goroutines(5, time.Millisecond, true), nil },
	} {
		late, err := sleep()
		if err != nil || len(late) != 5 {
			t.Fatalf("%s: %v, %v", name, late, err)
		}
		for _, l := range late {
			if l < 0 {
				t.Errorf("%s: %v early", name, -l)
			}
		}
	}

	out := filepath.Join(t.TempDir(), "lateness.svg")
	if err := run(out, 3, 100*time.Microsecond); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(out)
	if err != nil || !strings.Contains(string(svg), "goroutine, busy") {
		t.Fatalf("no legend in the plot: %v", err)
	}
	if err := run(filepath.Join(t.TempDir(), "no", "such.svg"), 1, 1); err == nil {
		t.Error("a plot was written to nowhere")
	}
}

// Long sleeps, which are short here: every line has its figures.
func TestLong(t *testing.T) {
	var b strings.Builder
	if err := long(&b, 2, time.Millisecond, 2*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "p50"); n != 4 || strings.Contains(b.String(), "p50         -") {
		t.Errorf("%d lines:\n%s", n, &b)
	}
}

func TestQuantile(t *testing.T) {
	late := []time.Duration{1, 2, 3, 4}
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 3, 0.99: 4, 1: 4} {
		if got := quantile(late, q); got != want {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
}
