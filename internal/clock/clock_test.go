package clock_test

import (
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
