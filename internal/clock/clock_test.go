package clock_test

import (
	"math"
	"testing"
	"time"

	"github.com/heist-go/heist/internal/clock"
)

func TestNow(t *testing.T) {
	before := time.Now()
	last := clock.Now()
	if last < 1 {
		t.Errorf("Now is %d at the start", last)
	}
	first := last
	for range 10_000 {
		now := clock.Now()
		if now < last {
			t.Fatalf("Now went back by %d ns", last-now)
		}
		last = now
	}
	if most := time.Since(before); last-first > int64(most) {
		t.Errorf("Now advanced by %d ns within %v", last-first, most)
	}
}

// At the ends of time nothing wraps.
func TestAtTheEnds(t *testing.T) {
	now := time.Now()
	for _, far := range []time.Duration{math.MaxInt64, math.MaxInt64 - 1, 1 << 62} {
		if at := clock.At(now.Add(far)); at < clock.Now() {
			t.Errorf("in %v it is %d", far, at)
		}
		if at := clock.At(now.Add(-far)); at > 0 {
			t.Errorf("%v ago it was %d", far, at)
		}
	}
	if at := clock.At(now.Add(math.MaxInt64).Add(math.MaxInt64)); at != math.MaxInt64 {
		t.Errorf("beyond the end it is %d", at)
	}
}

func BenchmarkNow(b *testing.B) {
	b.Run("clock", func(b *testing.B) {
		for b.Loop() {
			clock.Now()
		}
	})
	b.Run("time", func(b *testing.B) {
		for b.Loop() {
			time.Now()
		}
	})
}
